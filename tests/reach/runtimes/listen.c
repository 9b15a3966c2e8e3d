/* Binds each HOST at PORT, PORT+1, ... as getaddrinfo gives it and says what became of each; ends with its input. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *outcome(const char *host, int port) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
    char bare[256], service[8];
    snprintf(bare, sizeof bare, "%s", host[0] == '[' ? host + 1 : host);
    if (host[0] == '[') bare[strlen(bare) - 1] = 0;
    snprintf(service, sizeof service, "%d", port);
    int wrong = getaddrinfo(bare[0] ? bare : NULL, service, &hints, &found);
    if (wrong) return gai_strerror(wrong);
    int made = socket(found->ai_family, found->ai_socktype, 0);
    if (made < 0) return strerror(errno);
    if (bind(made, found->ai_addr, found->ai_addrlen) || listen(made, 1)) return strerror(errno);
    return "ok";
}

int main(int count, char **words) {
    for (int i = 2; i < count; i++) puts(outcome(words[i], atoi(words[1]) + i - 2));
    fflush(stdout);
    char byte;
    return read(0, &byte, 1) > 0;
}

/* NETWORK CALL PORT HOST...: binds each HOST at PORT, PORT+1, ... as getaddrinfo gives it and says what became of each;
   datagrams are sent back. Ends with its input. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct pollfd held[64] = {{.fd = 0, .events = POLLIN}};
static int holding = 1;

static const char *outcome(int datagrams, const char *host, int port) {
    struct addrinfo hints = {.ai_socktype = datagrams ? SOCK_DGRAM : SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
    char bare[256], service[8];
    snprintf(bare, sizeof bare, "%s", host[0] == '[' ? host + 1 : host);
    if (host[0] == '[') bare[strlen(bare) - 1] = 0;
    snprintf(service, sizeof service, "%d", port);
    int wrong = getaddrinfo(bare[0] ? bare : NULL, service, &hints, &found);
    if (wrong) return gai_strerror(wrong);
    int made = socket(found->ai_family, found->ai_socktype, 0);
    if (made < 0) return strerror(errno);
    if (bind(made, found->ai_addr, found->ai_addrlen)) return strerror(errno);
    if (datagrams) held[holding++] = (struct pollfd){.fd = made, .events = POLLIN};
    else if (listen(made, 64)) return strerror(errno);
    return "ok";
}

static void echo(int from) {
    char buffer[64];
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    ssize_t size = recvfrom(from, buffer, sizeof buffer, 0, (struct sockaddr *)&peer, &length);
    if (size >= 0) sendto(from, buffer, size, 0, (struct sockaddr *)&peer, length);
}

int main(int count, char **words) {
    int datagrams = !strcmp(words[1], "udp");
    for (int i = 4; i < count; i++) puts(outcome(datagrams, words[i], atoi(words[3]) + i - 4));
    fflush(stdout);
    while (poll(held, holding, -1) > 0 && !held[0].revents)
        for (int i = 1; i < holding; i++)
            if (held[i].revents) echo(held[i].fd);
    return 0;
}

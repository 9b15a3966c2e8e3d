/* An OTLP/HTTP receiver that keeps nothing: HOST PORT, as getaddrinfo takes them; an empty HOST is the wildcard. */
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static void serve(FILE *stream) {
    char line[8192];
    long length = 0;
    while (fgets(line, sizeof line, stream)) {
        if (!strncasecmp(line, "content-length:", 15)) length = atol(line + 15);
        if (line[0] != '\r') continue;
        while (length > 0 && fgetc(stream) != EOF) length--;
        dprintf(fileno(stream), "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n");
    }
}

int main(int count, char **words) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
    int on = 1, wrong = getaddrinfo(words[1][0] ? words[1] : NULL, words[2], &hints, &found);
    if (wrong) return fputs(gai_strerror(wrong), stderr), 1;
    int listening = socket(found->ai_family, found->ai_socktype, 0);
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (listening < 0 || bind(listening, found->ai_addr, found->ai_addrlen) || listen(listening, 16))
        return perror("bind"), 1;
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int connection = accept(listening, NULL, NULL);
        if (connection >= 0 && fork() == 0) {
            serve(fdopen(connection, "r"));
            return 0;
        }
        close(connection);
    }
}

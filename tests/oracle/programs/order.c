/* Prints, for each name on standard input, the addresses in the order of the C library that it is linked with. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

int main(void) {
    char name[256];
    while (fgets(name, sizeof name, stdin)) {
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL, *each;
        name[strcspn(name, "\n")] = 0;
        if (getaddrinfo(name, NULL, &hints, &found))
            return 1;
        for (each = found; each; each = each->ai_next) {
            char text[INET6_ADDRSTRLEN];
            void *address = each->ai_family == AF_INET ? (void *)&((struct sockaddr_in *)each->ai_addr)->sin_addr
                                                       : (void *)&((struct sockaddr_in6 *)each->ai_addr)->sin6_addr;
            printf("%s ", inet_ntop(each->ai_family, address, text, sizeof text));
        }
        puts("");
        freeaddrinfo(found);
    }
    return 0;
}

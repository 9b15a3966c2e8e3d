/* Dials NAME:PORT as the example of getaddrinfo(3) does: one address after the other. */
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int count, char **arguments) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL, *each;
    char *colon = count == 2 ? strrchr(arguments[1], ':') : NULL;
    if (!colon)
        return 2;
    *colon = 0;
    if (getaddrinfo(arguments[1], colon + 1, &hints, &found))
        return 1;
    for (each = found; each; each = each->ai_next) {
        int made = socket(each->ai_family, each->ai_socktype, each->ai_protocol);
        if (made < 0)
            continue;
        if (!connect(made, each->ai_addr, each->ai_addrlen))
            return send(made, "GET / HTTP/1.0\r\n\r\n", 18, 0) != 18;
        close(made);
    }
    return 1;
}

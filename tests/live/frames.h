/* The frames on a TCP connection on loopback. A frame is its length in four octets, big-endian, one octet for its kind, and the
 * payload. The length counts the kind and the payload.
 *
 * client  T  a token of the context, empty if the mechanism has no token to send
 * server  C  the context is established; the payload is the last token, or empty
 *         N  the server needs another token; the payload is the server's token
 *         R  the client is refused; the payload is a token with the reason, or empty
 *
 * then    W  a sealed message; the server answers with the same message, which it seals itself
 *         P  a message that is signed but not sealed; the server answers with the same message, which it signs itself
 *         M  a message after its length in four octets, and the MIC of the message; the server answers with its own MIC
 *         L  SASL: a message in the security layer, as one or more wrapped messages, each after its length in four octets; the
 *            server answers with the same message in the same form
 * server  E  an error; the payload is the reason, as text */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct frame {
    char kind;
    size_t length;
    unsigned char *bytes;
};

static int connect_to(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connection < 0 || connect(connection, (struct sockaddr *)&to, sizeof to) < 0) {
        perror("connect");
        exit(1);
    }
    return connection;
}

static void send_frame(int connection, char kind, const void *bytes, size_t length)
{
    unsigned char *frame = malloc(length + 5);
    uint32_t size = htonl(length + 1);
    memcpy(frame, &size, 4);
    frame[4] = kind;
    if (length)
        memcpy(frame + 5, bytes, length);
    if (write(connection, frame, length + 5) != (ssize_t)length + 5) {
        perror("write");
        exit(1);
    }
    free(frame);
}

static void read_all(int connection, void *bytes, size_t length)
{
    if (length && recv(connection, bytes, length, MSG_WAITALL) != (ssize_t)length) {
        fprintf(stderr, "the server closed the connection\n");
        exit(1);
    }
}

static struct frame receive_frame(int connection)
{
    uint32_t size;
    struct frame frame;
    read_all(connection, &size, 4);
    frame.length = ntohl(size) - 1;
    frame.bytes = malloc(frame.length + 1);
    read_all(connection, &frame.kind, 1);
    read_all(connection, frame.bytes, frame.length);
    frame.bytes[frame.length] = 0;
    return frame;
}

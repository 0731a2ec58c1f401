/* Frames on a TCP connection to the loopback: four bytes of length, big-endian, of what follows; a byte that says what it
 * is; the rest.
 *
 * client  T  token of the context, empty where the mechanism has none to send
 * server  C  the context is established; the token that ends it, or nothing
 *         N  another token is needed; this server's
 *         R  refused; the token that says so to the client, or nothing
 *
 * then    W  a message, sealed: the server answers with the same message, sealed by itself
 *         P  a message, signed and plain: the same
 *         M  four bytes of length, a message, its MIC: the server answers with a MIC of its own
 *         L  SASL: a message in the security layer, which is four bytes of length and a wrapped message, or several; the
 *            server answers with the same message in one
 * server  E  refused; why, as text */
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

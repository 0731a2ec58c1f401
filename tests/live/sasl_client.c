/* Signs in to a SASL server on loopback by the library of Cyrus, and exchanges messages with it in the frames of frames.h.
 *
 *   sasl_client [-m GSSAPI|GSS-SPNEGO] [-l MIN,MAX] [-s SIZE]... PORT SERVICE HOST
 *
 * -l  the strength of the security layer: 0,0 means none, 1,1 signed, 56,256 sealed; the default is 56,256
 * -s  the size of a message; the default is a few sizes */
#include "frames.h"
#include <sasl/sasl.h>

static int connection;
static sasl_conn_t *session;

static void check(int result, const char *call)
{
    if (result == SASL_OK || result == SASL_CONTINUE)
        return;
    fprintf(stderr, "%s: %s\n", call, session ? sasl_errdetail(session) : sasl_errstring(result, NULL, NULL));
    exit(1);
}

/* Signs in and returns the number of round trips. */
static int sign_in(const char *mechanism)
{
    const char *token = NULL, *chosen;
    unsigned length = 0;
    int trips = 0, result = sasl_client_start(session, mechanism, NULL, &token, &length, &chosen);
    struct frame answer;
    check(result, "sasl_client_start");
    do {
        send_frame(connection, 'T', token, length);
        answer = receive_frame(connection);
        trips++;
        if (answer.kind == 'R') {
            fprintf(stderr, "the server refuses\n");
            exit(1);
        }
        if (result == SASL_CONTINUE) {
            result = sasl_client_step(session, (char *)answer.bytes, answer.length, NULL, &token, &length);
            check(result, "sasl_client_step");
        }
    } while (answer.kind == 'N');
    if (result != SASL_OK) {
        fprintf(stderr, "the server has finished before the client\n");
        exit(1);
    }
    return trips;
}

static int exchange(size_t size)
{
    char *message = malloc(size + 1);
    const char *token, *back;
    unsigned length, back_length;
    struct frame answer;
    size_t i;
    for (i = 0; i < size; i++)
        message[i] = i * 7 + size;
    check(sasl_encode(session, message, size, &token, &length), "sasl_encode");
    send_frame(connection, 'L', token, length);
    answer = receive_frame(connection);
    if (answer.kind != 'L') {
        printf("FAIL message of %zu bytes: %s\n", size, (char *)answer.bytes);
        return 1;
    }
    check(sasl_decode(session, (char *)answer.bytes, answer.length, &back, &back_length), "sasl_decode");
    if (back_length == size && !memcmp(back, message, size))
        return 0;
    printf("FAIL message of %zu bytes: the server's answer has another message\n", size);
    return 1;
}

int main(int argc, char **argv)
{
    static size_t sizes[16] = {1, 15, 16, 17, 255, 4096, 65535};
    sasl_security_properties_t layer = {.min_ssf = 56, .max_ssf = 256, .maxbufsize = 65536};
    const sasl_ssf_t *strength;
    const char *mechanism = "GSSAPI";
    size_t count = 7, given = 0, i;
    int option, trips, failures = 0;
    while ((option = getopt(argc, argv, "m:l:s:")) != -1) {
        switch (option) {
        case 'm': mechanism = optarg; break;
        case 'l': sscanf(optarg, "%u,%u", &layer.min_ssf, &layer.max_ssf); break;
        case 's': sizes[given++ % 16] = strtoul(optarg, NULL, 0); break;
        default: return 2;
        }
    }
    if (optind + 3 != argc)
        return 2;
    count = given ? given : layer.max_ssf ? count : 0;
    check(sasl_client_init(NULL), "sasl_client_init");
    check(sasl_client_new(argv[optind + 1], argv[optind + 2], NULL, NULL, NULL, 0, &session), "sasl_client_new");
    check(sasl_setprop(session, SASL_SEC_PROPS, &layer), "sasl_setprop");
    connection = connect_to(atoi(argv[optind]));
    trips = sign_in(mechanism);
    check(sasl_getprop(session, SASL_SSF, (const void **)&strength), "sasl_getprop");
    for (i = 0; i < count; i++)
        failures += exchange(sizes[i]);
    printf("%s: %d round trips, strength %u, %zu messages, %d failed\n", failures ? "FAIL" : "ok", trips, *strength, count,
           failures);
    return failures != 0;
}

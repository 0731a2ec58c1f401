/* Establishes a GSS context with a server on the loopback and exchanges messages with it, in the frames of frames.h.
 *
 *   gss_client [-m MECH-OID] [-o MECH-OIDS] [-f FLAGS] [-b BINDINGS-HEX] [-e ETYPES] [-s SIZES] [-k KINDS]
 *              PORT SERVICE@HOST | PRINCIPAL
 *
 * -o  the mechanisms that SPNEGO offers, in this order (MIT's library only); if the first mechanism is not Kerberos, there is a
 *     second round trip
 * -e  the encryption types that the session key and subkey may have
 * -s  the sizes of the messages
 * -k  the protection of each message: W sealed, P signed but not sealed, M with a MIC; the default is all three
 * FLAGS is a number (GSS_C_* bits). The items of a list are separated by commas. The program prints every error, and a summary at the
 * end. The program builds with MIT's library and with Heimdal's. */
#include "frames.h"
#include "gss_values.h"

static int connection, failures, done;
static gss_ctx_id_t context = GSS_C_NO_CONTEXT;
static OM_uint32 flags;

static void expect(int good, const char *what, size_t size, const char *text)
{
    done++;
    failures += !good;
    if (!good)
        printf("FAIL %s of %zu bytes: %s\n", what, size, text);
}

/* Calls `take` with each part of a list. */
static size_t each(char *list, size_t most, void (*take)(const char *, size_t))
{
    size_t count = 0;
    char *part;
    for (part = strtok(list, ","); part && count < most; part = strtok(NULL, ","))
        take(part, count++);
    return count;
}

static int32_t etypes[8];
static size_t sizes[16] = {0, 1, 15, 16, 17, 255, 4096, 65535, 65536}, size_count = 9;

static void allow(const char *text, size_t i) { etypes[i] = atoi(text); }
static void measure(const char *text, size_t i) { sizes[i] = strtoul(text, NULL, 0); }

#ifdef MIT
static gss_OID_desc offered[8];

static void offer(const char *text, size_t i) { offered[i] = *oid(text); }
#endif

static gss_cred_id_t credential(char *mechs, char *types)
{
    OM_uint32 major, minor;
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    if (!mechs && !types)
        return cred;
    major = gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, GSS_C_NO_OID_SET, GSS_C_INITIATE, &cred, NULL, NULL);
    check(major, minor, "gss_acquire_cred");
#ifdef MIT
    if (mechs) {
        gss_OID_set_desc set = {each(mechs, 8, offer), offered};
        major = gss_set_neg_mechs(&minor, cred, &set);
        check(major, minor, "gss_set_neg_mechs");
    }
#endif
    if (types) {
        major = gss_krb5_set_allowable_enctypes(&minor, cred, each(types, 8, allow), etypes);
        check(major, minor, "gss_krb5_set_allowable_enctypes");
    }
    return cred;
}

/* Establishes the context and returns the number of round trips. */
static int establish(gss_cred_id_t cred, gss_name_t target, gss_OID mech, OM_uint32 wanted, gss_channel_bindings_t bound)
{
    OM_uint32 major, minor;
    gss_buffer_desc in = {0, NULL}, out;
    int trips = 0;
    char state = 'N';
    do {
        struct frame answer;
        major = gss_init_sec_context(&minor, cred, &context, target, mech, wanted, 0, bound, &in, NULL, &out, NULL, NULL);
        check(major, minor, "gss_init_sec_context");
        if (state == 'C' && !out.length)
            break;
        send_frame(connection, 'T', out.value, out.length);
        answer = receive_frame(connection);
        trips++;
        state = answer.kind;
        in.value = answer.bytes;
        in.length = answer.length;
        if (state == 'R' && !(major & GSS_S_CONTINUE_NEEDED)) {
            fprintf(stderr, "the server refuses\n");
            exit(1);
        }
    } while (major & GSS_S_CONTINUE_NEEDED);
    if (state != 'C') {
        fprintf(stderr, "the server's state is %c\n", state);
        exit(1);
    }
    return trips;
}

/* Sends `token` three times. The server must refuse the token with a changed last octet, and accept the unchanged token. If the
 * context detects replays, the server must refuse the unchanged token the second time. Returns the answer to the unchanged token.
 * */
static struct frame thrice(char kind, gss_buffer_t token, const char *what, size_t size)
{
    unsigned char *last = (unsigned char *)token->value + token->length - 1;
    struct frame answer, good;
    *last ^= 1;
    send_frame(connection, kind, token->value, token->length);
    answer = receive_frame(connection);
    expect(answer.kind == 'E', what, size, "accepted although it was changed");
    *last ^= 1;
    send_frame(connection, kind, token->value, token->length);
    good = receive_frame(connection);
    expect(good.kind == kind, what, size, (char *)good.bytes);
    if (flags & (GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG)) {
        send_frame(connection, kind, token->value, token->length);
        answer = receive_frame(connection);
        expect(answer.kind == 'E', what, size, "accepted a second time");
    }
    return good;
}

static void wrap(gss_buffer_t message, int sealed)
{
    const char *what = sealed ? "sealed message" : "signed message";
    OM_uint32 major, minor;
    gss_buffer_desc token, theirs, back;
    struct frame answer;
    int conf = 0;
    major = gss_wrap(&minor, context, sealed, GSS_C_QOP_DEFAULT, message, &conf, &token);
    check(major, minor, "gss_wrap");
    answer = thrice(sealed ? 'W' : 'P', &token, what, message->length);
    if (answer.kind == 'E')
        return;
    theirs.value = answer.bytes;
    theirs.length = answer.length;
    major = gss_unwrap(&minor, context, &theirs, &back, &conf, NULL);
    if (major != GSS_S_COMPLETE) {
        complain(major, minor, "gss_unwrap");
        expect(0, what, message->length, "the client refuses the server's answer");
        return;
    }
    expect(back.length == message->length && !memcmp(back.value, message->value, back.length), what, message->length,
           "the server's answer has another message");
    expect(!conf == !sealed, what, message->length, "the server's answer is sealed, or not sealed, unlike the request");
}

static void mic(gss_buffer_t message)
{
    OM_uint32 major, minor;
    gss_buffer_desc signature, token;
    struct frame answer;
    uint32_t length = htonl(message->length);
    major = gss_get_mic(&minor, context, GSS_C_QOP_DEFAULT, message, &signature);
    check(major, minor, "gss_get_mic");
    token.length = 4 + message->length + signature.length;
    token.value = malloc(token.length);
    memcpy(token.value, &length, 4);
    memcpy((char *)token.value + 4, message->value, message->length);
    memcpy((char *)token.value + 4 + message->length, signature.value, signature.length);
    answer = thrice('M', &token, "MIC", message->length);
    if (answer.kind == 'E')
        return;
    signature.value = answer.bytes;
    signature.length = answer.length;
    major = gss_verify_mic(&minor, context, message, &signature, NULL);
    if (major != GSS_S_COMPLETE)
        complain(major, minor, "gss_verify_mic");
    expect(major == GSS_S_COMPLETE, "MIC", message->length, "the client refuses the server's answer");
}

static void exchange(size_t size, const char *kinds)
{
    gss_buffer_desc message = {size, malloc(size + 1)};
    size_t i;
    for (i = 0; i < size; i++)
        ((unsigned char *)message.value)[i] = i * 7 + size;
    if (strchr(kinds, 'W'))
        wrap(&message, 1);
    if (strchr(kinds, 'P'))
        wrap(&message, 0);
    if (strchr(kinds, 'M'))
        mic(&message);
}

int main(int argc, char **argv)
{
    OM_uint32 minor, wanted = GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG;
    gss_OID mech = oid("1.3.6.1.5.5.2");
    char *mechs = NULL, *types = NULL;
    struct gss_channel_bindings_struct bindings = {0}, *bound = GSS_C_NO_CHANNEL_BINDINGS;
    size_t i;
    const char *kinds = "WPM";
    int option, trips;
    while ((option = getopt(argc, argv, "m:o:f:b:e:s:k:")) != -1) {
        switch (option) {
        case 'm': mech = oid(optarg); break;
        case 'o': mechs = optarg; break;
        case 'f': wanted = strtoul(optarg, NULL, 0); break;
        case 'b': bindings.application_data = from_hex(optarg); bound = &bindings; break;
        case 'e': types = optarg; break;
        case 's': size_count = each(optarg, 16, measure); break;
        case 'k': kinds = optarg; break;
        default: return 2;
        }
    }
    if (optind + 2 != argc)
        return 2;
    connection = connect_to(atoi(argv[optind]));
    trips = establish(credential(mechs, types), import(argv[optind + 1]), mech, wanted, bound);
    gss_inquire_context(&minor, context, NULL, NULL, NULL, NULL, &flags, NULL, NULL);
    for (i = 0; i < size_count; i++)
        exchange(sizes[i], kinds);
    printf("%s: %d round trips, flags 0x%x, %d checks, %d failed\n", failures ? "FAIL" : "ok", trips, flags, done, failures);
    return failures != 0;
}

/* Establishes a security context with itself, as initiator and as acceptor. The program prints as JSON the key, the flags, the first
 * sequence numbers, and the per-message tokens of either side. The other side verifies each token.
 *
 *   gss_messages FLAGS SERVICE@HOST LENGTH...
 *
 * FLAGS is a number (GSS_C_* bits). Octet i of each message is i mod 251. For every LENGTH the program makes a MIC, and Wrap tokens with
 * and without confidentiality. If ROTATED is set, the program also makes tokens of MIT's gss_wrap_iov without a trailer, which are
 * rotated. Heimdal's tokens are always rotated. For lengths of 1000 and more, the program makes only the confidential Wrap token.
 * The program builds with MIT's library and with Heimdal's. */
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_krb5.h>
#ifdef MIT
#include <gssapi/gssapi_ext.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gss_OID_desc krb5 = {9, "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"};
static const char *sides[2] = {"initiator", "acceptor"};
static gss_ctx_id_t contexts[2] = {GSS_C_NO_CONTEXT, GSS_C_NO_CONTEXT};
static unsigned made[2];

static void check(OM_uint32 major, OM_uint32 minor, const char *call)
{
    OM_uint32 ignored, more = 0;
    gss_buffer_desc text;
    if (major == GSS_S_COMPLETE || major == GSS_S_CONTINUE_NEEDED)
        return;
    gss_display_status(&ignored, major, GSS_C_GSS_CODE, GSS_C_NO_OID, &more, &text);
    fprintf(stderr, "%s: %.*s", call, (int)text.length, (char *)text.value);
    more = 0;
    gss_display_status(&ignored, minor, GSS_C_MECH_CODE, &krb5, &more, &text);
    fprintf(stderr, " (%.*s)\n", (int)text.length, (char *)text.value);
    exit(1);
}

static void hex(const void *bytes, size_t length)
{
    size_t i;
    for (i = 0; i < length; i++)
        printf("%02x", ((const unsigned char *)bytes)[i]);
}

static OM_uint32 establish(OM_uint32 flags, const char *service)
{
    OM_uint32 minor, opened = GSS_S_CONTINUE_NEEDED, accepted = GSS_S_CONTINUE_NEEDED, granted = 0;
    gss_buffer_desc name = {strlen(service), (void *)service}, there = {0, NULL}, back = {0, NULL};
    gss_name_t target;
    check(gss_import_name(&minor, &name, GSS_C_NT_HOSTBASED_SERVICE, &target), minor, "gss_import_name");
    while (opened == GSS_S_CONTINUE_NEEDED || accepted == GSS_S_CONTINUE_NEEDED) {
        there.length = 0;
        if (opened == GSS_S_CONTINUE_NEEDED) {
            opened = gss_init_sec_context(&minor, GSS_C_NO_CREDENTIAL, &contexts[0], target, &krb5, flags, 0,
                                          GSS_C_NO_CHANNEL_BINDINGS, &back, NULL, &there, NULL, NULL);
            check(opened, minor, "gss_init_sec_context");
        }
        back.length = 0;
        if (there.length) {
            accepted = gss_accept_sec_context(&minor, &contexts[1], GSS_C_NO_CREDENTIAL, &there,
                                              GSS_C_NO_CHANNEL_BINDINGS, NULL, NULL, &back, &granted, NULL, NULL);
            check(accepted, minor, "gss_accept_sec_context");
        }
    }
    return granted;
}

static void print(int from, const char *kind, int confidential, const char *call, size_t length, gss_buffer_t token)
{
    printf("%s\n   {\"from\": \"%s\", \"kind\": \"%s\", \"confidential\": %s, \"call\": \"%s\", \"length\": %zu, \"token\": \"",
           made[0] + made[1] ? "," : "", sides[from], kind, confidential ? "true" : "false", call, length);
    hex(token->value, token->length);
    printf("\"}");
    made[from]++;
}

static void mic(int from, gss_buffer_t message)
{
    OM_uint32 minor;
    gss_buffer_desc token = {0, NULL};
    check(gss_get_mic(&minor, contexts[from], 0, message, &token), minor, "gss_get_mic");
    check(gss_verify_mic(&minor, contexts[!from], message, &token, NULL), minor, "gss_verify_mic");
    print(from, "mic", 0, "gss_get_mic", message->length, &token);
}

static void unwrap(int to, gss_buffer_t message, int confidential, gss_buffer_t token)
{
    OM_uint32 minor;
    int state;
    /* MIT's library rotates and decrypts the token in place, so the program works on a copy. */
    gss_buffer_desc copy = {token->length, malloc(token->length)}, out = {0, NULL};
    memcpy(copy.value, token->value, token->length);
    check(gss_unwrap(&minor, contexts[to], &copy, &out, &state, NULL), minor, "gss_unwrap");
    if (out.length != message->length || memcmp(out.value, message->value, out.length) || !state != !confidential) {
        fprintf(stderr, "gss_unwrap returns another message\n");
        exit(1);
    }
    free(copy.value);
}

static void wrap(int from, gss_buffer_t message, int confidential)
{
    OM_uint32 minor;
    gss_buffer_desc token = {0, NULL};
    check(gss_wrap(&minor, contexts[from], confidential, 0, message, NULL, &token), minor, "gss_wrap");
    unwrap(!from, message, confidential, &token);
    print(from, "wrap", confidential, "gss_wrap", message->length, &token);
}

#ifdef MIT
static void wrap_rotated(int from, gss_buffer_t message, int confidential)
{
    OM_uint32 minor;
    gss_iov_buffer_desc iov[2] = {{GSS_IOV_BUFFER_TYPE_HEADER | GSS_IOV_BUFFER_FLAG_ALLOCATE, {0, NULL}},
                                  {GSS_IOV_BUFFER_TYPE_DATA, {message->length, malloc(message->length + 1)}}};
    gss_buffer_desc token;
    memcpy(iov[1].buffer.value, message->value, message->length);
    check(gss_wrap_iov(&minor, contexts[from], confidential, 0, NULL, iov, 2), minor, "gss_wrap_iov");
    token.length = iov[0].buffer.length + iov[1].buffer.length;
    token.value = malloc(token.length);
    memcpy(token.value, iov[0].buffer.value, iov[0].buffer.length);
    memcpy((char *)token.value + iov[0].buffer.length, iov[1].buffer.value, iov[1].buffer.length);
    unwrap(!from, message, confidential, &token);
    print(from, "wrap", confidential, "gss_wrap_iov", message->length, &token);
}
#endif

static gss_krb5_lucid_context_v1_t *export(int side)
{
    OM_uint32 minor;
    void *exported = NULL;
    check(gss_krb5_export_lucid_sec_context(&minor, &contexts[side], 1, &exported), minor,
          "gss_krb5_export_lucid_sec_context");
    return exported;
}

int main(int argc, char **argv)
{
    OM_uint32 granted, protocol;
    gss_krb5_lucid_context_v1_t *lucid[2];
    gss_krb5_lucid_key_t *key;
    unsigned char octets[65536];
    int side, i, speakers = 2;
    if (argc < 4)
        return 2;
    for (i = 0; i < (int)sizeof octets; i++)
        octets[i] = i % 251;
    granted = establish(strtoul(argv[1], NULL, 0), argv[2]);
#ifndef MIT
    /* Without an AP-REP, Heimdal's initiator and acceptor expect different first sequence numbers of the acceptor (GSS_S_GAP_TOKEN). */
    if (!(granted & GSS_C_MUTUAL_FLAG))
        speakers = 1;
#endif
    printf("{\n  \"flags\": %u,\n  \"tokens\": [", granted);
    for (i = 3; i < argc; i++) {
        gss_buffer_desc message = {strtoul(argv[i], NULL, 0), octets};
        for (side = 0; side < speakers; side++) {
            wrap(side, &message, 1);
            if (message.length >= 1000)
                continue;
            wrap(side, &message, 0);
            mic(side, &message);
#ifdef MIT
            if (getenv("ROTATED") && message.length > 0) {
                wrap_rotated(side, &message, 1);
                wrap_rotated(side, &message, 0);
            }
#endif
        }
    }
    lucid[0] = export(0);
    lucid[1] = export(1);
    protocol = lucid[0]->protocol;
    key = protocol == 0 ? &lucid[0]->rfc1964_kd.ctx_key
        : lucid[0]->cfx_kd.have_acceptor_subkey ? &lucid[0]->cfx_kd.acceptor_subkey : &lucid[0]->cfx_kd.ctx_key;
    printf("\n  ],\n  \"etype\": %u,\n  \"key\": \"", key->type);
    hex(key->data, key->length);
    printf("\",\n  \"acceptor_subkey\": %s,\n  \"first\": {\"initiator\": %u, \"acceptor\": %u}\n }",
           protocol == 1 && lucid[0]->cfx_kd.have_acceptor_subkey ? "true" : "false",
           (unsigned)lucid[0]->send_seq - made[0], (unsigned)lucid[1]->send_seq - made[1]);
    return 0;
}

/* Accepts every token of a file by the library of MIT krb5, once for each line on standard input. Answers each line with the
 * nanoseconds of one token. The keytab is copied to memory, and there is no replay cache.
 *
 *   mit KEYTAB TOKENS */
#include <gssapi/gssapi_ext.h>
#include <krb5.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void fail(const char *what)
{
    fprintf(stderr, "mit: %s\n", what);
    exit(1);
}

static void copy_keytab(const char *path)
{
    krb5_context context;
    krb5_keytab from, to;
    krb5_keytab_entry entry;
    krb5_kt_cursor cursor;
    if (krb5_init_context(&context) || krb5_kt_resolve(context, path, &from) ||
        krb5_kt_resolve(context, "MEMORY:peers", &to) || krb5_kt_start_seq_get(context, from, &cursor))
        fail("the keytab cannot be read");
    while (!krb5_kt_next_entry(context, from, &entry, &cursor))
        if (krb5_kt_add_entry(context, to, &entry))
            fail("the keytab cannot be copied");
}

static gss_cred_id_t acceptor(void)
{
    gss_key_value_element_desc elements[] = {{"keytab", "MEMORY:peers"}, {"rcache", "none:"}};
    gss_key_value_set_desc store = {2, elements};
    gss_cred_id_t cred;
    OM_uint32 minor;
    if (gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, GSS_C_NO_OID_SET, GSS_C_ACCEPT, &store, &cred,
                              NULL, NULL))
        fail("no credentials");
    return cred;
}

static void accept_token(gss_cred_id_t cred, gss_buffer_t token)
{
    gss_ctx_id_t context = GSS_C_NO_CONTEXT;
    gss_name_t client;
    gss_buffer_desc reply = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    if (gss_accept_sec_context(&minor, &context, cred, token, GSS_C_NO_CHANNEL_BINDINGS, &client, NULL, &reply, NULL, NULL,
                               NULL) != GSS_S_COMPLETE)
        fail("a token is refused");
    gss_release_buffer(&minor, &reply);
    gss_release_name(&minor, &client);
    gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
}

int main(int argc, char **argv)
{
    static gss_buffer_desc tokens[1 << 16];
    size_t count = 0, i;
    char line[16];
    uint32_t length;
    FILE *file;
    gss_cred_id_t cred;
    if (argc != 3 || !(file = fopen(argv[2], "rb")))
        fail("KEYTAB TOKENS");
    while (count < 1 << 16 && fread(&length, 4, 1, file) == 1) {
        tokens[count].length = length;
        tokens[count].value = malloc(length);
        if (fread(tokens[count].value, 1, length, file) != length)
            fail("the tokens end early");
        count++;
    }
    copy_keytab(argv[1]);
    cred = acceptor();
    while (fgets(line, sizeof line, stdin)) {
        struct timespec start, end;
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (i = 0; i < count; i++)
            accept_token(cred, &tokens[i]);
        clock_gettime(CLOCK_MONOTONIC, &end);
        printf("%.1f\n", ((end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec)) / count);
        fflush(stdout);
    }
    return 0;
}

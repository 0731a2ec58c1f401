/* Prints, in hexadecimal, a bare AP-REQ made with krb5_mk_req_extended: no GSS framing, no GSS checksum.
 *
 *   mk_req [-d DATA] [-u SERVER-CCACHE] PRINCIPAL
 *
 * -d adds a keyed checksum over DATA to the authenticator. -u makes the request user-to-user: the ticket is encrypted with the
 * session key of the TGT in SERVER-CCACHE. */
#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static krb5_context ctx;

static void check(krb5_error_code code, const char *call)
{
    if (!code)
        return;
    fprintf(stderr, "%s: %s\n", call, krb5_get_error_message(ctx, code));
    exit(1);
}

static krb5_data ticket_granting_ticket(const char *name)
{
    krb5_ccache cache;
    krb5_creds want, *got;
    memset(&want, 0, sizeof want);
    check(krb5_cc_resolve(ctx, name, &cache), "krb5_cc_resolve");
    check(krb5_cc_get_principal(ctx, cache, &want.client), "krb5_cc_get_principal");
    check(krb5_build_principal(ctx, &want.server, want.client->realm.length, want.client->realm.data, "krbtgt",
                               want.client->realm.data, NULL), "krb5_build_principal");
    check(krb5_get_credentials(ctx, KRB5_GC_CACHED, cache, &want, &got), "krb5_get_credentials");
    return got->ticket;
}

int main(int argc, char **argv)
{
    krb5_ccache cache;
    krb5_creds want, *got;
    krb5_auth_context auth = NULL;
    krb5_data data = {0, 0, NULL}, out;
    krb5_flags options = 0, get = 0;
    unsigned i;
    int option;
    memset(&want, 0, sizeof want);
    check(krb5_init_context(&ctx), "krb5_init_context");
    while ((option = getopt(argc, argv, "d:u:")) != -1) {
        switch (option) {
        case 'd':
            data.data = optarg;
            data.length = strlen(optarg);
            break;
        case 'u':
            want.second_ticket = ticket_granting_ticket(optarg);
            options |= AP_OPTS_USE_SESSION_KEY;
            get |= KRB5_GC_USER_USER;
            break;
        default: return 2;
        }
    }
    if (optind + 1 != argc)
        return 2;
    check(krb5_cc_default(ctx, &cache), "krb5_cc_default");
    check(krb5_cc_get_principal(ctx, cache, &want.client), "krb5_cc_get_principal");
    check(krb5_parse_name(ctx, argv[optind], &want.server), "krb5_parse_name");
    check(krb5_get_credentials(ctx, get, cache, &want, &got), "krb5_get_credentials");
    check(krb5_mk_req_extended(ctx, &auth, options, data.length ? &data : NULL, got, &out), "krb5_mk_req_extended");
    for (i = 0; i < out.length; i++)
        printf("%02x", (unsigned char)out.data[i]);
    printf("\n");
    return 0;
}

/* Prints, in hexadecimal, the first token of a GSS initiator.
 *
 *   gss_init [-m MECH-OID] [-f FLAGS] [-b BINDINGS-HEX] [-n INITIATOR -p PASSWORD] SERVICE@HOST | PRINCIPAL
 *
 * MECH-OID is in dotted form. FLAGS is a number (GSS_C_* bits). BINDINGS-HEX is the application data of the
 * channel bindings. With -p, the initiator's credentials are acquired for that mechanism with a password
 * (MIT's library only).
 * The program builds with MIT's library and with Heimdal's. */
#include "gss_values.h"
#include <unistd.h>

static gss_cred_id_t acquire(const char *user, const char *password, gss_OID mech)
{
    OM_uint32 major, minor;
    gss_name_t name;
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    gss_buffer_desc who = {strlen(user), (void *)user};
    major = gss_import_name(&minor, &who, GSS_C_NT_USER_NAME, &name);
    check(major, minor, "gss_import_name");
#ifdef MIT
    gss_buffer_desc secret = {strlen(password), (void *)password};
    gss_OID_set_desc mechs = {1, mech};
    major = gss_acquire_cred_with_password(&minor, name, &secret, GSS_C_INDEFINITE, &mechs, GSS_C_INITIATE,
                                           &cred, NULL, NULL);
    check(major, minor, "gss_acquire_cred_with_password");
#endif
    return cred;
}

int main(int argc, char **argv)
{
    OM_uint32 major, minor, flags = GSS_C_MUTUAL_FLAG;
    gss_OID mech = oid("1.3.6.1.5.5.2");
    const char *user = NULL, *password = NULL;
    struct gss_channel_bindings_struct bindings = {0}, *bound = GSS_C_NO_CHANNEL_BINDINGS;
    gss_ctx_id_t context = GSS_C_NO_CONTEXT;
    gss_buffer_desc token = {0, NULL};
    size_t i;
    int option;
    while ((option = getopt(argc, argv, "m:f:b:n:p:")) != -1) {
        switch (option) {
        case 'm': mech = oid(optarg); break;
        case 'f': flags = strtoul(optarg, NULL, 0); break;
        case 'b': bindings.application_data = from_hex(optarg); bound = &bindings; break;
        case 'n': user = optarg; break;
        case 'p': password = optarg; break;
        default: return 2;
        }
    }
    if (optind + 1 != argc)
        return 2;
    major = gss_init_sec_context(&minor, password ? acquire(user, password, mech) : GSS_C_NO_CREDENTIAL, &context,
                                 import(argv[optind]), mech, flags, 0, bound, GSS_C_NO_BUFFER, NULL, &token, NULL, NULL);
    check(major, minor, "gss_init_sec_context");
    for (i = 0; i < token.length; i++)
        printf("%02x", ((unsigned char *)token.value)[i]);
    printf("\n");
    return 0;
}

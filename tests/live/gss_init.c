/* Prints, in hexadecimal, the first token of a GSS initiator.
 *
 *   gss_init [-m MECH-OID] [-f FLAGS] [-b BINDINGS-HEX] [-n INITIATOR -p PASSWORD] SERVICE@HOST | PRINCIPAL
 *
 * MECH-OID is written with dots; FLAGS is a number (GSS_C_* bits); BINDINGS-HEX is the application data of the
 * channel bindings. With -p, the initiator's credentials are acquired for that mechanism with a password
 * (MIT's library only).
 * Built against MIT and against Heimdal. */
#include <gssapi/gssapi.h>
#ifdef MIT
#include <gssapi/gssapi_ext.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void check(OM_uint32 major, OM_uint32 minor, const char *call)
{
    OM_uint32 ignored, more = 0;
    gss_buffer_desc text;
    if (!GSS_ERROR(major))
        return;
    gss_display_status(&ignored, major, GSS_C_GSS_CODE, GSS_C_NO_OID, &more, &text);
    fprintf(stderr, "%s: %.*s", call, (int)text.length, (char *)text.value);
    more = 0;
    gss_display_status(&ignored, minor, GSS_C_MECH_CODE, GSS_C_NO_OID, &more, &text);
    fprintf(stderr, " (%.*s)\n", (int)text.length, (char *)text.value);
    exit(1);
}

static gss_OID oid(const char *dots)
{
    gss_OID made = calloc(1, sizeof *made);
    unsigned char *bytes = made->elements = malloc(64);
    unsigned long arc[32];
    size_t arcs = 0, i;
    char *end = (char *)dots;
    while (arcs < 32 && *end) {
        arc[arcs++] = strtoul(end, &end, 10);
        end += *end == '.';
    }
    bytes[made->length++] = arc[0] * 40 + arc[1];
    for (i = 2; i < arcs; i++) {
        int shift = 28;
        while (shift > 0 && arc[i] >> shift == 0)
            shift -= 7;
        for (; shift >= 0; shift -= 7)
            bytes[made->length++] = ((arc[i] >> shift) & 0x7f) | (shift ? 0x80 : 0);
    }
    return made;
}

static gss_buffer_desc from_hex(const char *hex)
{
    gss_buffer_desc out = {strlen(hex) / 2, malloc(strlen(hex) / 2 + 1)};
    size_t i;
    for (i = 0; i < out.length; i++)
        sscanf(hex + 2 * i, "%2hhx", (unsigned char *)out.value + i);
    return out;
}

static gss_name_t import(const char *text)
{
    OM_uint32 major, minor;
    gss_name_t name;
    gss_buffer_desc buffer = {strlen(text), (void *)text};
    gss_OID kind = strchr(text, '/') ? GSS_C_NO_OID : GSS_C_NT_HOSTBASED_SERVICE;
    major = gss_import_name(&minor, &buffer, kind, &name);
    check(major, minor, "gss_import_name");
    return name;
}

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

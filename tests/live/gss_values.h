/* Reads GSS values from the command line, and prints errors as text, with MIT's library and with Heimdal's. */
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_krb5.h>
#ifdef MIT
#include <gssapi/gssapi_ext.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Prints an error. The caller decides whether the program stops. */
static void complain(OM_uint32 major, OM_uint32 minor, const char *call)
{
    OM_uint32 ignored, more = 0;
    gss_buffer_desc text;
    gss_display_status(&ignored, major, GSS_C_GSS_CODE, GSS_C_NO_OID, &more, &text);
    fprintf(stderr, "%s: 0x%x %.*s", call, major, (int)text.length, (char *)text.value);
    more = 0;
    gss_display_status(&ignored, minor, GSS_C_MECH_CODE, GSS_C_NO_OID, &more, &text);
    fprintf(stderr, " (%.*s)\n", (int)text.length, (char *)text.value);
}

static void check(OM_uint32 major, OM_uint32 minor, const char *call)
{
    if (!GSS_ERROR(major))
        return;
    complain(major, minor, call);
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


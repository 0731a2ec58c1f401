/* A GSS mechanism module that only NegoEx can negotiate. MIT's SPNEGO writes the NegoEx messages (MS-NEGOEX). The mechanism adds a few
 * constant octets and makes only its first token. */
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <stdlib.h>
#include <string.h>

static OM_uint32 give(OM_uint32 *minor, gss_buffer_t out, const char *text)
{
    *minor = 0;
    out->length = strlen(text);
    out->value = strdup(text);
    return GSS_S_COMPLETE;
}

OM_uint32 gss_init_sec_context(OM_uint32 *minor, gss_cred_id_t cred, gss_ctx_id_t *context, gss_name_t target,
                               gss_OID mech, OM_uint32 flags, OM_uint32 time, gss_channel_bindings_t bindings,
                               gss_buffer_t input, gss_OID *actual, gss_buffer_t output, OM_uint32 *ret_flags,
                               OM_uint32 *ret_time)
{
    *context = (gss_ctx_id_t)"context";
    give(minor, output, "first token");
    return GSS_S_CONTINUE_NEEDED;
}

OM_uint32 gss_delete_sec_context(OM_uint32 *minor, gss_ctx_id_t *context, gss_buffer_t token)
{
    *context = GSS_C_NO_CONTEXT;
    return GSS_S_COMPLETE;
}

OM_uint32 gss_acquire_cred(OM_uint32 *minor, gss_name_t name, OM_uint32 time, gss_OID_set mechs, gss_cred_usage_t usage,
                           gss_cred_id_t *cred, gss_OID_set *actual, OM_uint32 *ret_time)
{
    *cred = (gss_cred_id_t)"credential";
    return GSS_S_COMPLETE;
}

OM_uint32 gss_release_cred(OM_uint32 *minor, gss_cred_id_t *cred)
{
    *cred = GSS_C_NO_CREDENTIAL;
    return GSS_S_COMPLETE;
}

OM_uint32 gss_import_name(OM_uint32 *minor, gss_buffer_t text, gss_OID kind, gss_name_t *name)
{
    *name = (gss_name_t)"name";
    return GSS_S_COMPLETE;
}

OM_uint32 gss_release_name(OM_uint32 *minor, gss_name_t *name)
{
    *name = GSS_C_NO_NAME;
    return GSS_S_COMPLETE;
}

OM_uint32 gss_inquire_attrs_for_mech(OM_uint32 *minor, gss_const_OID mech, gss_OID_set *attrs, gss_OID_set *known)
{
    gss_create_empty_oid_set(minor, attrs);
    return gss_add_oid_set_member(minor, (gss_OID)GSS_C_MA_NEGOEX_AND_SPNEGO, attrs);
}

OM_uint32 gssspi_query_meta_data(OM_uint32 *minor, gss_const_OID mech, gss_cred_id_t cred, gss_ctx_id_t *context,
                                 const gss_name_t target, OM_uint32 flags, gss_buffer_t out)
{
    return give(minor, out, "meta data");
}

OM_uint32 gssspi_exchange_meta_data(OM_uint32 *minor, gss_const_OID mech, gss_cred_id_t cred, gss_ctx_id_t *context,
                                    const gss_name_t target, OM_uint32 flags, gss_const_buffer_t in)
{
    return GSS_S_COMPLETE;
}

OM_uint32 gssspi_query_mechanism_info(OM_uint32 *minor, gss_const_OID mech, unsigned char scheme[16])
{
    memcpy(scheme, "negoex test mech", 16);
    return GSS_S_COMPLETE;
}

OM_uint32 gss_inquire_sec_context_by_oid(OM_uint32 *minor, const gss_ctx_id_t context, const gss_OID wanted,
                                         gss_buffer_set_t *out)
{
    return GSS_S_UNAVAILABLE;
}

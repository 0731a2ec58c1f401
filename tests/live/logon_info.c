/* A database module of MIT's KDC: MIT's own module, which also puts LOGON_INFO (MS-PAC section 2.5) into tickets, as FreeIPA's module
 * does. MIT's own database has no SIDs. The folder LOGON_INFO has one file for each user. The file has the user's name, and contains
 * the octets of LOGON_INFO. */
#include <dlfcn.h>
#include <kdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DB2 "/usr/lib/x86_64-linux-gnu/krb5/plugins/kdb/db2.so"
#define LOGON_INFO 1

kdb_vftabl kdb_function_table;

static krb5_error_code add(krb5_context context, krb5_pac to, char *octets, size_t size)
{
    krb5_data data = {KV5M_DATA, (unsigned int)size, octets};
    return krb5_pac_add_buffer(context, to, LOGON_INFO, &data);
}

static krb5_error_code issue(krb5_context context, unsigned int flags, krb5_db_entry *client, krb5_keyblock *replaced,
                             krb5_db_entry *server, krb5_db_entry *krbtgt, krb5_timestamp at, krb5_pac old, krb5_pac new,
                             krb5_data ***indicators)
{
    char path[512], octets[8192], *name;
    krb5_data copied;
    if (old != NULL) { /* the request has a TGT */
        if (krb5_pac_get_buffer(context, old, LOGON_INFO, &copied) != 0)
            return 0;
        krb5_error_code added = add(context, new, copied.data, copied.length);
        krb5_free_data_contents(context, &copied);
        return added;
    }
    if (client == NULL || krb5_unparse_name_flags(context, client->princ, KRB5_PRINCIPAL_UNPARSE_NO_REALM, &name) != 0)
        return 0;
    snprintf(path, sizeof path, "%s/%s", getenv("LOGON_INFO"), name);
    krb5_free_unparsed_name(context, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return 0;
    size_t size = fread(octets, 1, sizeof octets, file);
    fclose(file);
    return add(context, new, octets, size);
}

__attribute__((constructor)) static void begin(void)
{
    void *module = dlopen(DB2, RTLD_NOW);
    kdb_vftabl *own = module ? dlsym(module, "kdb_function_table") : NULL;
    if (own == NULL) {
        fprintf(stderr, "%s: %s\n", DB2, dlerror());
        exit(1);
    }
    kdb_function_table = *own;
    kdb_function_table.issue_pac = issue;
}

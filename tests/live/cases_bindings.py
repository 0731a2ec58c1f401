"""Records cases of the Samba realm: channel bindings at each level."""

from clients import DCE_STYLE, KRB5, MUTUAL
from samba_ad import AUTOLOGON as SPN
from samba_ad import SSO_ACCOUNT

KEYS = "sso"
OURS = b"tls-server-end-point:" + bytes(range(32))
OTHER = b"tls-server-end-point:" + bytes(range(100, 132))
UNIQUE = b"tls-unique:" + bytes(range(12))


def record(world, out):
    out.krbtgt["CONTOSO.TEST"] = world.contoso.krbtgt_keys()
    out.keyset(KEYS, world.contoso.keys(SSO_ACCOUNT))
    flags = ["ChannelBindings"]
    alice, aware = world.alice().kvno(SPN), world.alice(client_aware_channel_bindings="true").kvno(SPN)

    def accept(id, comment, client, level, bindings=None, server=(OURS,), **options):
        out.accept(f"samba-bindings-{id}", comment, flags + ["BindingsAdvertised"] * (client is aware),
                   client.token(bindings=bindings, **options), KEYS, policy(level, server))

    def reject(id, comment, client, level, code, bindings=None, server=(OURS,), **options):
        out.reject(f"samba-bindings-{id}", comment, flags + ["BindingsAdvertised"] * (client is aware),
                   client.token(bindings=bindings, **options), KEYS, code, policy(level, server))

    for level in (None, "if-present", "if-advertised", "require"):
        accept(f"match-{level or 'default'}", "The client bound the server's channel.", alice, level, OURS)
        reject(f"other-{level or 'default'}", "The client bound another channel: a relay.", alice, level,
               "channel-binding", OTHER)
    accept("match-heimdal", "Heimdal's client bound the server's channel.", alice, "require", OURS, library="heimdal")
    reject("other-heimdal", "Heimdal's client bound another channel.", alice, "require", "channel-binding", OTHER,
           library="heimdal")
    accept("second", "The second of the server's two bindings.", alice, "require", UNIQUE, (OURS, UNIQUE))
    reject("neither", "Neither of the server's two bindings.", alice, "require", "channel-binding", OTHER, (OURS, UNIQUE))
    accept("empty-data", "Bindings with empty application data are bindings.", alice, "require", b"", (b"",))
    reject("empty-data-other", "Bindings with empty application data are not the server's.", alice, "if-present",
           "channel-binding", b"")
    accept("server-has-none", "The client bound a channel of which the server knows nothing.", alice, None, OURS, ())
    accept("absent-if-present", "The client bound none.", alice, "if-present")
    accept("absent-if-advertised", "The client bound none, and does not say that it could.", alice, "if-advertised")
    reject("absent-require", "The client bound none.", alice, "require", "channel-binding-missing")
    reject("absent-require-krb5", "The client bound none, without SPNEGO.", alice, "require", "channel-binding-missing",
           mech=KRB5)
    reject("absent-require-dce", "The client bound none, in DCE style.", alice, "require", "channel-binding-missing",
           mech=KRB5, flags=MUTUAL | DCE_STYLE)
    reject("absent-require-heimdal", "Heimdal's client bound none.", alice, "require", "channel-binding-missing",
           library="heimdal")
    accept("advertised-match", "The client says that it binds, and did.", aware, "if-advertised", OURS)
    accept("advertised-absent-if-present", "The client says that it binds, and did not; the level lets it.", aware,
           "if-present")
    reject("advertised-absent", "The client says that it binds, and did not: stripped.", aware, "if-advertised",
           "channel-binding-missing")
    reject("advertised-absent-require", "The same where bindings are required.", aware, "require",
           "channel-binding-missing")
    out.reject("samba-bindings-no-gss-checksum", "No GSS checksum, hence no bindings, where they are required.",
               flags + ["NoGssChecksum"], alice.ap_req(SPN), KEYS, "channel-binding-missing", policy("require", (OURS,)))
    out.reject("samba-bindings-keyed-checksum", "A checksum that is not the GSS one, where bindings are required.",
               flags + ["NoGssChecksum"], alice.ap_req(SPN, "-d", "application data"), KEYS, "channel-binding-missing",
               policy("require", (OURS,)))


def policy(level, server):
    given = {"channel_bindings": [data.hex() for data in server]} if server else {}
    return given | ({"cb_level": level} if level else {})

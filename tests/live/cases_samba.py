"""Samba AD, the Seamless SSO account: encryption types, framing, names, bindings, rollover."""

from clients import AUTOLOGON, DCE_STYLE, DELEGATE, KRB5, MS_KRB5, MUTUAL
from samba_ad import AADG, SSO_ACCOUNT
from samba_ad import AUTOLOGON as SPN

NAMES = {17: "aes128", 18: "aes256", 23: "rc4"}
KVNO_E = {17: "aes128-cts-hmac-sha1-96", 18: "aes256-cts-hmac-sha1-96", 23: "arcfour-hmac"}
# msDS-SupportedEncryptionTypes that yields the ticket type, given the session type; 0x20 allows AES session keys.
BITS = {(18, 18): 16, (18, 17): 28, (18, 23): 28, (17, 17): 8, (17, 18): 0x28, (17, 23): 12,
        (23, 23): 4, (23, 18): 0x24, (23, 17): 0x24}
TLS_BINDINGS = b"tls-server-end-point:" + bytes(range(32))


def record(world, out):
    ad = world.contoso
    out.krbtgt["CONTOSO.TEST"] = ad.krbtgt_keys()
    out.keyset("sso-kvno2", ad.keys(SSO_ACCOUNT))
    etypes(world, out)
    framing(world, out)


def etypes(world, out):
    for (ticket, session), bits in BITS.items():
        world.contoso.etypes(SSO_ACCOUNT, bits)
        client = world.alice().kvno(SPN, "-e", KVNO_E[session])
        rc4 = 23 in (ticket, session)
        pair = f"{NAMES[ticket]}-{NAMES[session]}"
        seen = out.accept(f"samba-{pair}-mit-spnego", f"Ticket under {NAMES[ticket]}, session key {NAMES[session]}.",
                          ["EncTypes", "Spnego"] + ["Rc4"] * rc4, client.token(), world.clients.mit, "sso-kvno2",
                          {"allow_rc4": True} if rc4 else None)
        assert (seen["ticket"]["etype"], seen["ticket"]["session_etype"]) == (ticket, session), seen["ticket"]
        if rc4:
            out.reject(f"samba-{pair}-mit-spnego-rc4-refused", f"The same kind of ticket where RC4 is not allowed.",
                       ["EncTypes", "Rc4"], client.token(), world.clients.mit, "sso-kvno2", "rc4-refused",
                       open_with="sso-kvno2")
    world.contoso.etypes(SSO_ACCOUNT, 16)


def framing(world, out):
    alice, mit, heimdal = world.alice(), world.clients.mit, world.clients.heimdal
    out.accept("samba-aes256-mit-krb5", "Kerberos without SPNEGO.", ["RawKrb5"], alice.token(mech=KRB5), mit, "sso-kvno2")
    out.accept("samba-aes256-mit-ms-krb5", "Kerberos without SPNEGO, under Microsoft's OID.", ["RawKrb5", "MsKrb5"],
               alice.token(mech=MS_KRB5), mit, "sso-kvno2")
    out.accept("samba-aes256-mit-dce", "DCE style: a bare AP-REQ.", ["DceStyle", "BareApReq"],
               alice.token(mech=KRB5, flags=MUTUAL | DCE_STYLE), mit, "sso-kvno2")
    out.accept("samba-aes256-mit-spnego-no-mutual", "No answer asked for.", ["Spnego", "NoMutual"],
               alice.token(flags=0), mit, "sso-kvno2")
    out.accept("samba-aes256-heimdal-spnego", "Heimdal's initiator.", ["Spnego", "Heimdal"],
               alice.token(library="heimdal"), heimdal, "sso-kvno2")
    out.accept("samba-aes256-heimdal-krb5", "Heimdal's initiator without SPNEGO.", ["RawKrb5", "Heimdal"],
               alice.token(mech=KRB5, library="heimdal"), heimdal, "sso-kvno2")

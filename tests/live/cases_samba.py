"""Records cases of the Samba realm with the Seamless SSO account: encryption types, framing, kinds of ticket, policy."""

from clients import AADG, DCE_STYLE, DELEGATE, KRB5, MS_KRB5, MUTUAL
from samba_ad import AADG as AADG_SPN
from samba_ad import AUTOLOGON as SPN
from samba_ad import SSO_ACCOUNT

NAMES = {17: "aes128", 18: "aes256", 23: "rc4"}
KVNO_E = {17: "aes128-cts-hmac-sha1-96", 18: "aes256-cts-hmac-sha1-96", 23: "arcfour-hmac"}
# The msDS-SupportedEncryptionTypes for each ticket type and session key type. The bit 0x20 allows AES session keys.
BITS = {(18, 18): 16, (18, 17): 28, (18, 23): 28, (17, 17): 8, (17, 18): 0x28, (17, 23): 12,
        (23, 23): 4, (23, 18): 0x24, (23, 17): 0x24}
KEYS, OTHER = "sso", "other-account"


def record(world, out):
    out.krbtgt["CONTOSO.TEST"] = world.contoso.krbtgt_keys()
    out.keyset(KEYS, world.contoso.keys(SSO_ACCOUNT))
    world.contoso.computer("STRANGER$", "Stranger.Pass.1")
    out.keyset(OTHER, world.contoso.keys("STRANGER$"))
    etypes(world, out)
    framing(world, out)
    tickets(world, out)
    services(world, out)
    delegation(world, out)


def etypes(world, out):
    for (ticket, session), bits in BITS.items():
        world.contoso.etypes(SSO_ACCOUNT, bits)
        client = world.alice().kvno(SPN, "-e", KVNO_E[session])
        rc4 = 23 in (ticket, session)
        id = f"samba-{NAMES[ticket]}-{NAMES[session]}-mit-spnego"
        seen = out.accept(id, f"Ticket under {NAMES[ticket]}, session key {NAMES[session]}.",
                          ["EncTypes", "Spnego"] + ["Rc4"] * rc4, client.token(), KEYS,
                          {"allow_rc4": True} if rc4 else None)
        assert (seen["ticket"]["etype"], seen["ticket"]["session_etype"]) == (ticket, session), seen["ticket"]
        out.reject(f"{id}-other-key", "Another account's key of the same type and version.", ["EncTypes", "WrongKey"],
                   client.token(), OTHER, "integrity", {"allow_rc4": True} if rc4 else None)
        if rc4:
            out.reject(f"{id}-rc4-refused", "RC4 in the ticket, its session key or both, where RC4 is not allowed.",
                       ["EncTypes", "Rc4"], client.token(), KEYS, "rc4-refused")
    world.contoso.etypes(SSO_ACCOUNT, 16)


def framing(world, out):
    alice = world.alice().kvno(SPN)
    shapes = (
        ("mit-krb5", "Kerberos without SPNEGO", ["RawKrb5"], dict(mech=KRB5)),
        ("mit-ms-krb5", "Kerberos without SPNEGO, under Microsoft's OID", ["RawKrb5", "MsKrb5"], dict(mech=MS_KRB5)),
        ("mit-dce", "DCE style: a bare AP-REQ with the GSS checksum", ["DceStyle", "BareApReq"],
         dict(mech=KRB5, flags=MUTUAL | DCE_STYLE)),
        ("mit-dce-spnego", "DCE style inside SPNEGO", ["DceStyle", "BareApReq", "Spnego"], dict(flags=MUTUAL | DCE_STYLE)),
        ("mit-spnego-no-mutual", "No AP-REP asked for", ["Spnego", "NoMutual"], dict(flags=0)),
        ("mit-krb5-no-mutual", "No AP-REP asked for, without SPNEGO", ["RawKrb5", "NoMutual"], dict(mech=KRB5, flags=0)),
        ("heimdal-spnego", "Heimdal's initiator", ["Spnego", "Heimdal"], dict(library="heimdal")),
        ("heimdal-krb5", "Heimdal's initiator without SPNEGO", ["RawKrb5", "Heimdal"], dict(mech=KRB5, library="heimdal")),
        ("heimdal-dce", "Heimdal's initiator in DCE style", ["DceStyle", "BareApReq", "Heimdal"],
         dict(mech=KRB5, flags=MUTUAL | DCE_STYLE, library="heimdal")))
    for id, comment, flags, how in shapes:
        shape(out, id, comment, flags, lambda: alice.token(**how))
    shape(out, "impacket-spnego", "Microsoft's OID offered, the standard one in the token; sequence number 0, no subkey",
          ["Spnego", "MsKrb5", "DceStyle"], lambda: alice.impacket("alice", SPN))
    shape(out, "mk-req", "An AP-REQ alone, its authenticator without checksum, subkey or sequence number",
          ["BareApReq", "NoGssChecksum"], lambda: alice.ap_req(SPN))
    shape(out, "mk-req-data", "An AP-REQ alone, with a keyed checksum over application data",
          ["BareApReq", "NoGssChecksum"], lambda: alice.ap_req(SPN, "-d", "application data"))


def shape(out, id, comment, flags, token):
    out.accept(f"samba-{id}", f"{comment}.", flags, token(), KEYS)
    out.reject(f"samba-{id}-other-key", f"{comment}; another account's key.", flags + ["WrongKey"], token(), OTHER, "integrity")
    out.reject(f"samba-{id}-clock", f"{comment}; the clocks are 301 seconds apart.", flags + ["Clock"], token(), KEYS,
               "clock-skew", at=301)


def tickets(world, out):
    out.accept("samba-as-direct", "A service ticket straight from the AS: INITIAL, no start time.", ["AsDirect"],
               world.alice("-S", SPN).token(), KEYS)
    out.accept("samba-renewed", "On a renewed TGT.", ["Renewed"], world.alice("-r", "7d").renew().token(), KEYS)
    out.accept("samba-not-forwardable", "Neither forwardable nor renewable.", ["Spnego"],
               world.alice("-F", "-l", "1h").token(), KEYS)
    no_pac = world.alice("--no-request-pac")
    out.accept("samba-no-pac", "No PAC: only a name.", ["NoPac"], no_pac.token(), KEYS)
    out.accept("samba-no-pac-ignored", "No PAC, and none asked for.", ["NoPac"], no_pac.token(), KEYS, {"pac": "ignore"})
    out.reject("samba-no-pac-required", "No PAC where one is required.", ["NoPac"], no_pac.token(), KEYS, "pac-missing",
               {"pac": "require"})
    out.reject("samba-no-pac-seamless", "No PAC under the Seamless SSO profile.", ["NoPac", "Profile"], no_pac.token(),
               KEYS, "pac-missing", {"profile": "seamless"})


def services(world, out):
    alice = world.alice()
    out.accept("samba-second-spn", "The account's second SPN.", ["SecondSpn"], alice.token(AADG), KEYS)
    for name, target in (("autologon", None), ("aadg", AADG)):
        out.accept(f"samba-seamless-{name}", "An everyday ticket under the Seamless SSO profile.", ["Profile"],
                   alice.token(target) if target else alice.token(), KEYS, {"profile": "seamless"})
    out.accept("samba-service-allowed", "The second of two allowed services.", ["Service"], alice.token(AADG), KEYS,
               {"services": [SPN, AADG_SPN]})
    out.reject("samba-service-refused-autologon", "Only the other SPN is allowed.", ["Service"], alice.token(), KEYS,
               "service-refused", {"services": [AADG_SPN]})
    out.reject("samba-service-refused-aadg", "Only the other SPN is allowed.", ["Service"], alice.token(AADG), KEYS,
               "service-refused", {"services": [SPN]})
    world.contoso.set(SSO_ACCOUNT, "servicePrincipalName", SPN, AADG_SPN, "HOST/azureadssoacc.contoso.test")
    out.accept("samba-host-spn", "A third SPN of the account, of another service class.", ["Service"],
               alice.token("HOST/azureadssoacc.contoso.test@CONTOSO.TEST"), KEYS)
    out.reject("samba-host-spn-seamless", "The same under the Seamless SSO profile, which allows two SPNs.",
               ["Service", "Profile"], alice.token("HOST/azureadssoacc.contoso.test@CONTOSO.TEST"), KEYS,
               "service-refused", {"profile": "seamless"})
    world.contoso.set(SSO_ACCOUNT, "servicePrincipalName", SPN, AADG_SPN)


def delegation(world, out):
    alice = world.alice()
    out.accept("samba-delegated-mit", "With a forwarded TGT.", ["Delegated"], alice.token(flags=MUTUAL | DELEGATE), KEYS)
    out.accept("samba-delegated-heimdal", "With a forwarded TGT, from Heimdal.", ["Delegated", "Heimdal"],
               alice.token(flags=MUTUAL | DELEGATE, library="heimdal"), KEYS)
    web = constrained_delegation(world)
    out.accept("samba-s4u2proxy", "A web server acts for the user by constrained delegation.", ["S4u"], web.token(), KEYS)
    out.reject("samba-s4u2proxy-seamless", "The same under the Seamless SSO profile, which wants the user in person.",
               ["S4u", "Profile"], web.token(), KEYS, "delegation", {"profile": "seamless"})


def constrained_delegation(world):
    """Returns a cache with a ticket for alice. A service got this ticket by S4U2Self and S4U2Proxy, without any action of alice."""
    ad, normal, trusted_to_auth = world.contoso, 0x1000, 0x1000000
    ad.computer("WEBSVC$", "Web.Pass.1", ["HTTP/web.contoso.test"])
    ad.set("WEBSVC$", "userAccountControl", normal | trusted_to_auth)
    ad.set("WEBSVC$", "msDS-AllowedToDelegateTo", SPN)
    web = world.user("WEBSVC$", "Web.Pass.1")
    cache = web.home / "for-alice"
    return web.kvno(SPN, "-k", ad.keytab("WEBSVC$"), "-U", "alice", "-P", "--out-cache", cache).use_cache(cache)

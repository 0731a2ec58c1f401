"""Records requests that are no Kerberos requests for this server: NTLM, IAKERB, NegoEx, user-to-user, other schemes, anonymous."""

import base64
import os
import socket

import spnego

from clients import DELEGATE, IAKERB, MUTUAL, Token, pip_version
from samba_ad import AUTOLOGON as SPN
from samba_ad import SSO_ACCOUNT
from web import chromium, curl, from_chromium, from_curl, scheme

KEYS, PASSWORD = "sso", "Some.Pass.1"
NTLM = "1.3.6.1.4.1.311.2.2.10"
MECH_D = "/etc/gss/mech.d"
LOGIN = ["-n", "alice@CONTOSO.TEST", "-p", "Alice.Pass.1"]
# The user's domain has no KDC, so SPNEGO cannot offer Kerberos.
NTLM_LOGIN = ["-n", "alice@NWTRADERS.TEST", "-p", "Alice.Pass.1"]


def record(world, out):
    out.krbtgt["CONTOSO.TEST"] = world.contoso.krbtgt_keys()
    out.keyset(KEYS, world.contoso.keys(SSO_ACCOUNT))
    ntlm(world, out)
    mechanisms(world, out)
    user_to_user(world, out)
    schemes(world, out)
    anonymous(world, out)
    too_large(world, out)


def ntlm(world, out):
    users = world.work.root / "ntlm.users"
    users.write_text("CONTOSO:alice:Alice.Pass.1\n")
    os.environ["NTLM_USER_FILE"] = str(users)
    socket.gethostname = lambda: "ws1"  # pyspnego writes the computer's name into its messages.
    plugin = with_modules(world.nobody(), f"{MECH_D}/mech.ntlmssp.conf")
    out.reject("ntlm-gss-raw", "gss-ntlmssp: NEGOTIATE_MESSAGE alone.", ["Ntlm"],
               plugin.token(mech=NTLM, options=NTLM_LOGIN), KEYS, "ntlm")
    out.reject("ntlm-gss-spnego", "gss-ntlmssp in MIT's SPNEGO: NTLM is all that is offered.", ["Ntlm", "Spnego"],
               plugin.token(options=NTLM_LOGIN), KEYS, "ntlm")
    made_by = f"pyspnego {pip_version('pyspnego')}"
    for protocol, text in (("ntlm", "alone"), ("negotiate", "in SPNEGO")):
        first, third = ntlm_exchange(protocol)
        out.reject(f"ntlm-pyspnego-{protocol}-1", f"NEGOTIATE_MESSAGE {text}.", ["Ntlm"], Token(first, made_by), KEYS, "ntlm")
        out.reject(f"ntlm-pyspnego-{protocol}-3", f"AUTHENTICATE_MESSAGE {text}, after a challenge.", ["Ntlm"],
                   Token(third, made_by), KEYS, "ntlm")
    header = world.web.headers(lambda: curl(plugin, "--negotiate", "-u", ":"))[0]
    out.reject("ntlm-curl-negotiate", "curl without a ticket, under the Negotiate scheme.", ["Ntlm", "Header"],
               from_curl(world, [header])[0], KEYS, "ntlm")
    both = with_modules(world.alice(), f"{MECH_D}/mech.ntlmssp.conf")
    out.accept("ntlm-second-choice", "Kerberos first, NTLM also offered: Kerberos it is.", ["Ntlm", "Spnego"], both.token(), KEYS)


def ntlm_exchange(protocol):
    """Returns the first and the third message of a real NTLM exchange."""
    options = spnego.NegotiateOptions.use_negotiate if protocol == "negotiate" else spnego.NegotiateOptions.use_ntlm
    client = spnego.client("CONTOSO\\alice", "Alice.Pass.1", hostname="autologon.microsoftazuread-sso.com", service="HTTP",
                           protocol=protocol, options=options)
    server = spnego.server(hostname="autologon.microsoftazuread-sso.com", service="HTTP", protocol=protocol, options=options)
    first = client.step()
    return first, client.step(server.step(first))


def mechanisms(world, out):
    nobody = world.nobody()
    out.reject("iakerb", "IAKERB: an AS-REQ for the KDC, through the server.", ["Iakerb"],
               nobody.token(mech=IAKERB, options=LOGIN), KEYS, "iakerb")
    eap = with_modules(world.nobody(), f"{MECH_D}/moonshot-gss-eap.conf")
    out.reject("eap-spnego", "SPNEGO that offers GSS-EAP only.", ["NoKerberos", "Spnego"],
               eap.token(options=["-n", "alice@contoso.test", "-p", "Alice.Pass.1"]), KEYS, "no-kerberos")
    negoex = with_modules(world.nobody(), world.negoex_module())
    out.reject("negoex-spnego", "NegoEx is all that is offered.", ["NegoEx", "Spnego"], negoex.token(), KEYS, "negoex")
    both = with_modules(world.alice(), world.negoex_module())
    out.accept("negoex-second-choice", "Kerberos first, NegoEx also offered.", ["NegoEx", "Spnego"], both.token(), KEYS)


def with_modules(session, conf):
    session.env["GSS_MECH_CONFIG"] = str(conf)
    return session


def user_to_user(world, out):
    server = world.user(SSO_ACCOUNT, world.sso_password)
    ticket = ["-u", server.env["KRB5CCNAME"]]
    out.reject("user-to-user-samba", "Under the session key of the account's own TGT.", ["UserToUser", "BareApReq"],
               world.alice().ap_req(SPN, *ticket), KEYS, "user-to-user")
    bob = world.mit_user("bob")
    out.keyset("mit", world.mit.service(18))
    out.reject("user-to-user-mit", "From an MIT realm, to a user.", ["UserToUser", "BareApReq"],
               world.mit_user("alice").ap_req("bob@MIT.TEST", "-u", bob.env["KRB5CCNAME"]), "mit", "user-to-user")


def schemes(world, out):
    nobody, web, login = world.nobody(), world.web, ["-u", "alice:Alice.Pass.1"]
    digest = scheme('Digest realm="CONTOSO.TEST", nonce="bm9uY2U=", qop="auth", algorithm=MD5')
    for name, options, challenges in (
            ("basic", ["--basic", *login], None), ("bearer", ["--oauth2-bearer", "not.a.token"], None),
            ("digest", ["--digest", *login], digest), ("ntlm", ["--ntlm", *login], ntlm_challenge),
            ("aws", ["--aws-sigv4", "aws:amz:eu-west-1:test", *login], None)):
        headers = web.headers(lambda: curl(nobody, *options), challenges)
        assert headers, name
        for i, token in enumerate(from_curl(world, headers), 1):
            out.reject(f"scheme-{name}-curl-{i}", f"curl with {options[0]}, request {i}.", ["OtherScheme", "Header"],
                       token, KEYS, "not-negotiate")
    for name, challenges in (("basic", scheme('Basic realm="CONTOSO"')), ("digest", digest)):
        headers = web.headers(lambda: chromium(web, world.nobody(), user="alice:Alice.Pass.1@"), challenges)
        out.reject(f"scheme-{name}-chromium", f"Chromium answers a {name} challenge.", ["OtherScheme", "Header"],
                   from_chromium(world, headers)[0], KEYS, "not-negotiate")


def ntlm_challenge(header):
    """Answers a NEGOTIATE_MESSAGE with a CHALLENGE_MESSAGE of pyspnego."""
    if not header:
        return ["NTLM"]
    message = base64.b64decode(header.partition(" ")[2])
    if message[8] != 1:
        return []
    server = spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
    return ["NTLM " + base64.b64encode(server.step(message)).decode()]


def anonymous(world, out):
    nobody = world.mit_session(realm_lines=[f"pkinit_anchors = FILE:{world.mit.home}/kdc.pem"])
    out.reject("anonymous-pkinit", "Signed in as nobody, by anonymous PKINIT.", ["Anonymous"],
               nobody.kinit("@MIT.TEST", "", "-n").token(), "mit", "name-refused",
               {"client_realms": ["WELLKNOWN:ANONYMOUS"]})
    out.reject("anonymous-pkinit-realm", "The same, where only the realm's own users are wanted.", ["Anonymous"],
               nobody.token(), "mit", "name-refused")


def too_large(world, out):
    world.contoso.user("of4000", PASSWORD)
    world.contoso.many_groups("huge", 4000, "of4000")
    token = world.user("of4000", PASSWORD).token(flags=MUTUAL | DELEGATE)
    assert len(token.value) > 64 * 1024, len(token.value)
    out.reject("groups-4000-delegated", "Four thousand groups, and a forwarded TGT with them once more: beyond 64 KiB.",
               ["TooLarge", "Delegated"], token, KEYS, "too-large")

"""Shows the server tickets that SeamlessPass forges under right and wrong keys. It contains impacket's ticketer, which gives each
ticket the key version 2."""

import re

from public_clients import token_of
from replayed import AadInternals
from samba_ad import SSO_ACCOUNT

OTHER_DOMAIN = "S-1-5-21-1111111111-2222222222-3333333333"
SENTENCE = "Failed to authenticate to the cloud using the kerberos ticket"
AES256, RC4 = 18, 23
REFUSED = "81004"  # IdentityInTicketIsNotAuthenticated


def check(cloud, report):
    alice, key, in_realm = cloud.world.contoso.sid_of("alice"), key_of(cloud), ("-domain", "contoso.test")
    said = forge(cloud, alice, "-adssoacc-aes", key, *in_realm)
    report.check("access_token" in token_of(said), "a ticket forged with the account's key and nothing wrong: accepted", "200", said)
    other = key[:-2] + f"{int(key[-2:], 16) ^ 1:02x}"
    for what, sid, options, code in (("another key", alice, ["-adssoacc-aes", other, *in_realm], REFUSED),
                                     ("the realm dummy.lab, its default", alice, ["-adssoacc-aes", key], REFUSED),
                                     ("the account's RC4 key", alice, ["-adssoacc-ntlm", key_of(cloud, RC4), *in_realm], "81010"),
                                     ("a SID of another domain", f"{OTHER_DOMAIN}-1104", ["-adssoacc-aes", key, *in_realm], "81011")):
        label, said = f"a ticket forged with {what}", forge(cloud, sid, *options)
        report.check(SENTENCE in said, f"{cloud.label('seamlesspass', 'SeamlessPass')}, {label}: refused", SENTENCE, said)
        # SeamlessPass does not show the fault.
        found = fault(cloud, spnego(said))
        report.check(found == (403, code), f"{label}: 403 and AADSTS{code}", found)


def before_rollover(cloud, real):
    """Returns tokens under the account's present key: of a real ticket, and of a forged ticket. Nothing but the KDC tells them apart."""
    alice, key = cloud.world.contoso.sid_of("alice"), key_of(cloud)
    return {"real": real, "forged": spnego(forge(cloud, alice, "-adssoacc-aes", key, "-domain", "contoso.test"))}


def after_rollover(cloud, tokens, report):
    """Shows these tokens to a server that has the new key only."""
    for what, token in tokens.items():
        found = fault(cloud, token)
        report.check(found == (403, REFUSED), f"a {what} ticket under the key before the rollover: 403 and AADSTS{REFUSED}", found)


def key_of(cloud, etype=AES256):
    return next(key["key"] for key in cloud.world.contoso.keys(SSO_ACCOUNT) if key["etype"] == etype)


def forge(cloud, sid, *options):
    return cloud.clients.seamlesspass("contoso.test", *options, "-user-sid", sid, "-username", "alice", "-debug")


def spnego(said):
    found = re.search(r"SPNEGO token: (\S+)", said)
    return found.group(1) if found else "%%%"


def fault(cloud, token):
    answer = AadInternals(cloud.wire).ask("contoso.test", token)
    return answer.status, answer.code()

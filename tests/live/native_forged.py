"""Tests the server with tickets that SeamlessPass forges with right and wrong keys. SeamlessPass contains impacket's
ticketer, which gives each ticket the key version 2."""

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
    said = forged(cloud)
    accepted = "access_token" in token_of(said)
    report.check(accepted, "a ticket forged with the account's key and nothing wrong: accepted", "200", said)
    count = cloud.health()[0]["administrator_sign_ins"]
    report.check(count == 1, "a ticket forged with the groups that ticketer takes: counted as an administrator's", count)
    other, rc4 = key[:-2] + f"{int(key[-2:], 16) ^ 1:02x}", key_of(cloud, RC4)
    for what, sid, options, code, sign in (
            ("another key", alice, ["-adssoacc-aes", other, *in_realm], REFUSED, "wrong_key"),
            ("the realm dummy.lab, its default", alice, ["-adssoacc-aes", key], REFUSED, "foreign_realm"),
            ("a SID of another domain", f"{OTHER_DOMAIN}-1104", ["-adssoacc-aes", key, *in_realm], "81011", "foreign_realm"),
            ("the account's RC4 key", alice, ["-adssoacc-ntlm", rc4, *in_realm], "81010", None)):
        label, said = f"a ticket forged with {what}", forge(cloud, sid, *options)
        report.check(SENTENCE in said, f"{cloud.label('seamlesspass', 'SeamlessPass')}, {label}: refused", SENTENCE, said)
        refused(cloud, report, label, spnego(said), code, sign)


def before_rollover(cloud, real):
    """Returns two tokens under the account's current key: one with a real ticket, and one with a forged ticket."""
    return {"a real ticket": real, "a forged ticket": spnego(forged(cloud))}


def after_rollover(cloud, tokens, report):
    """Sends tickets to a server that has the new key only. The last ticket is forged with the new key, and names the old
    version."""
    for what, token in tokens.items():
        refused(cloud, report, f"{what} under the key before the rollover", token, REFUSED, "unknown_kvno")
    what = "a ticket forged with the new key, under the version 2 of ticketer"
    refused(cloud, report, what, spnego(forged(cloud)), REFUSED, "forged_kvno")


def refused(cloud, report, label, token, code, sign):
    """Sends a token again, because SeamlessPass does not show the server's SOAP fault. Checks the fault, and the
    warning that the ticket causes in the health report and in the log."""
    before = cloud.health()[0]
    answer = AadInternals(cloud.wire).ask("contoso.test", token)
    found = answer.status, answer.code()
    report.check(found == (403, code), f"{label}: 403 and AADSTS{code}", found, f"{found} {answer.body}")
    if sign:
        counts, warnings = cloud.health()
        name = sign.replace("_", "-")
        good = counts[sign] > before[sign] and name in warnings and cloud.server.says([f'warning="{name}"'])
        report.check(good, f"{label}: raises the alarm {name}", f"{counts[sign]} so far, {sorted(warnings)}")


def key_of(cloud, etype=AES256):
    return next(key["key"] for key in cloud.world.contoso.keys(SSO_ACCOUNT) if key["etype"] == etype)


def forged(cloud):
    """Forges a ticket of alice with the account's key. Only the groups distinguish this ticket from a real ticket."""
    return forge(cloud, cloud.world.contoso.sid_of("alice"), "-adssoacc-aes", key_of(cloud), "-domain", "contoso.test")


def forge(cloud, sid, *options):
    return cloud.clients.seamlesspass("contoso.test", *options, "-user-sid", sid, "-username", "alice", "-debug")


def spnego(said):
    found = re.search(r"SPNEGO token: (\S+)", said)
    return found.group(1) if found else "%%%"

"""Shows the server tickets that SeamlessPass forges (it contains impacket's ticketer), under right and wrong keys. Each ticket has the
key version 2."""

import base64
import re

from replayed import AadInternals
from samba_ad import SSO_ACCOUNT

OTHER_DOMAIN = "S-1-5-21-1111111111-2222222222-3333333333"
SENTENCE = "Failed to authenticate to the cloud using the kerberos ticket"


def check(cloud, report):
    directory, label = cloud.world.contoso, cloud.label("seamlesspass", "SeamlessPass")
    key = next(key["key"] for key in directory.keys(SSO_ACCOUNT) if key["etype"] == 18)
    other = key[:-2] + f"{int(key[-2:], 16) ^ 1:02x}"
    alice, realm = directory.sid_of("alice"), ("-domain", "contoso.test")
    for what, sid, options, code in (("another key", alice, ["-adssoacc-aes", other, *realm], "81004"),
                                     ("the realm dummy.lab, which is its own default", alice, ["-adssoacc-aes", key], "81004"),
                                     ("a SID of another domain", f"{OTHER_DOMAIN}-1104", ["-adssoacc-aes", key, *realm], "81011")):
        said = cloud.clients.seamlesspass("contoso.test", *options, "-user-sid", sid, "-username", "alice", "-debug")
        report.check(SENTENCE in said, f"{label}, a ticket forged with {what}: {SENTENCE}", "" if SENTENCE in said else said[:300])
        found = code_of(cloud, said)
        report.check(found == (403, code), f"a ticket forged with {what}: 403 and AADSTS{code}", found)


def old(cloud, forged_before, real_before, report):
    """Shows tickets of the key before the last rollover. The server has the new key only."""
    for what, token in (("forged", forged_before), ("real", real_before)):
        answer = AadInternals(cloud.wire).ask("contoso.test", token)
        report.check((answer.status, answer.code()) == (403, "81004"), f"a {what} ticket under the old key: 403 and AADSTS81004", (answer.status, answer.code()))


def forged_now(cloud):
    """Returns the token of a ticket that SeamlessPass forges with the account's present key. Nothing else tells it from a real one."""
    key = next(key["key"] for key in cloud.world.contoso.keys(SSO_ACCOUNT) if key["etype"] == 18)
    return spnego(cloud.clients.seamlesspass("contoso.test", "-adssoacc-aes", key, "-domain", "contoso.test", "-username", "alice", "-debug",
                                             "-user-sid", cloud.world.contoso.sid_of("alice")))


def spnego(said):
    found = re.search(r"SPNEGO token: (\S+)", said)
    return found.group(1) if found else base64.b64encode(said.encode()).decode()


def code_of(cloud, said):
    """Sends the same token again, because SeamlessPass does not show the fault."""
    answer = AadInternals(cloud.wire).ask("contoso.test", spnego(said))
    return answer.status, answer.code()

"""Validates fresh tokens of real clients with the library's examples, and lets the clients verify the examples'
replies."""

import sys
import time

import cases_transited
import conversation
import delegation
import mutual
import replies
from clients import KRB5
from crate import example, validate
from mit_realm import SPN
from report import Report
from samba_ad import SSO_ACCOUNT
from web import CURL_NEGOTIATE, chromium, curl, from_chromium, from_curl
from work import Work
from world import World


class Tokens:
    """Runs the example `validate` on fresh tokens, with the key in a keytab. The example must accept the first use of a
    token. The example must refuse a replay, a token at a wrong time, and a token for another key."""

    def __init__(self, report, home, keytab, other_keytab, other_code):
        self.report, self.home, self.keytab = report, home, keytab
        self.other_keytab, self.other_code = other_keytab, other_code

    def check(self, label, token, name, realm):
        path = self.home / f"{label}.token"
        header = isinstance(token.value, str)
        path.write_bytes(token.value.encode() if header else token.value)
        options = ["--header"] if header else []
        first, again = validate(self.keytab, options, path, path)
        client = first.get("client") or {}
        self.expect(label, "accepted", first["accepted"] and (client["name"], client["realm"]) == (name, realm), first)
        self.expect(label, "again: replay", again.get("code") == "replay", again)
        late, = validate(self.keytab, [*options, "--at", str(int(time.time()) + 3600)], path)
        self.expect(label, "an hour later: clock-skew", late.get("code") == "clock-skew", late)
        other, = validate(self.other_keytab, options, path)
        self.expect(label, f"another key: {self.other_code}", other.get("code") == self.other_code, other)

    def expect(self, label, what, good, answer):
        self.report.check(good, f"{label}, {what}", "" if good else answer)


def tokens(world, report):
    ad, home = world.contoso, world.work.dir("tokens")
    ad.computer("STRANGER$", "Stranger.Pass.1")
    alice, web = world.alice(), world.web
    samba = Tokens(report, home, ad.keytab(SSO_ACCOUNT), ad.keytab("STRANGER$"), "integrity")
    for label, token in (("samba-spnego", alice.token()), ("samba-krb5", alice.token(mech=KRB5)),
                         ("samba-heimdal", alice.token(library="heimdal")),
                         ("curl", from_curl(world, web.headers(lambda: curl(alice, *CURL_NEGOTIATE)))[0]),
                         ("chromium", from_chromium(world, web.headers(lambda: chromium(web, alice)))[0])):
        samba.check(label, token, "alice", "CONTOSO.TEST")
    world.mit.service(20)
    mit = Tokens(report, home, world.mit.keytab(SPN), ad.keytab(SSO_ACCOUNT), "no-key")
    mit.check("mit-aes256-sha2", world.mit_user("alice").token(), "alice", "MIT.TEST")


def ways(world, report):
    """Checks a ticket whose authentication path has two realms. The KDC did not check this path."""
    way = cases_transited.WAYS["above"][0]
    path, keytab = world.work.dir("ways") / "token", world.mit.keytab(SPN)
    world.mit.user(cases_transited.USERS[way[0]], cases_transited.PASSWORD, way[0])
    with cases_transited.trusts(world.mit, way):
        path.write_bytes(cases_transited.fresh(world, way, "mit").value)
    world.mit.start()
    for options, code in (([], "transited"), (["--trust-transit", way[1]], "transited"),
                          (["--trust-transit", ",".join(way[1:-1])], None), (["--trust-transit", "any"], None)):
        answer, = validate(keytab, ["--forest", f"{way[-1]},{way[0]}", *options], path)
        report.check(answer.get("code") == code, f"from {' to '.join(way)}, {' '.join(options)}: {code or 'accepted'}",
                     answer.get("message") or answer.get("client"))


def main():
    with Work() as work:
        world = World(work)
        world.add_mit()
        world.add_web()
        clients = conversation.Conversations(work, [example("acceptor"), "--allow-rc4"])
        report = clients.report
        tokens(world, report)
        ways(world, report)
        conversation.converse(world, clients)
        replies.check(world, clients)
        mutual.check(world, report)
        return report.failures + delegation.check(world)


sys.exit(1 if main() else 0)

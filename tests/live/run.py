"""Mints fresh tokens and asks the example `validate` about each: accepted once, refused for replay, clock and key."""

import json
import subprocess
import sys
import time

from clients import KRB5
from mit_realm import SPN
from samba_ad import SSO_ACCOUNT
from web import chromium, curl, from_chromium, from_curl
from work import Work
from world import World


class Check:
    def __init__(self, home, keytab, other_keytab, other_code):
        self.home, self.keytab, self.other_keytab, self.other_code = home, keytab, other_keytab, other_code
        self.failures = 0

    def token(self, label, token, name, realm):
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
        self.failures += not good
        print(f"{'ok  ' if good else 'FAIL'} {label}: {what}" + ("" if good else f"; got {json.dumps(answer)}"), flush=True)


def main():
    with Work() as work:
        world = World(work)
        world.add_mit()
        world.add_web()
        ad, home = world.contoso, work.dir("tokens")
        ad.computer("STRANGER$", "Stranger.Pass.1")
        alice, web = world.alice(), world.web
        samba = Check(home, ad.keytab(SSO_ACCOUNT), ad.keytab("STRANGER$"), "integrity")
        for label, token in (("samba-spnego", alice.token()), ("samba-krb5", alice.token(mech=KRB5)),
                             ("samba-heimdal", alice.token(library="heimdal")),
                             ("curl", from_curl(world, web.headers(lambda: curl(alice, "--negotiate", "-u", ":")))[0]),
                             ("chromium", from_chromium(world, web.headers(lambda: chromium(web, alice)))[0])):
            samba.token(label, token, "alice", "CONTOSO.TEST")
        world.mit.service(20)
        mit = Check(home, world.mit.keytab(SPN), ad.keytab(SSO_ACCOUNT), "no-key")
        mit.token("mit-aes256-sha2", world.mit_user("alice").token(), "alice", "MIT.TEST")
    return samba.failures + mit.failures


sys.exit(1 if main() else 0)

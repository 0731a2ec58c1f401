"""Tests password hash synchronisation: `seamless-agent sync` reads the database of a Samba directory, and users then
sign in with their passwords of this directory. Samba's own tool and impacket's secretsdump are sources, too.

  seamless_hashes.py --long     200 new passwords, and 100 batches in which the source or the server is killed"""

import json
import os
import random
import subprocess
import sys
import time

from impacket.ntlm import compute_nthash

import seamless_hashes_daemon
import seamless_hashes_fallback
from crate import of_sign_in_system
from report import Report
from samba_ad import SSO_ACCOUNT
from seamless_server import Server, tenant, wait
from work import Work, run
from world import World

PASSWORD, WRONG = "First.Pass.1", "WRONG.Pass.1"
SAME = "The name or the password is not right."
SOON = 1.8  # seconds
LONG_AGO = 116444736000000000 + 10**7  # a FILETIME: the first second of 1970


def check(world, port, report, changes=5, batches=6):
    ad = world.contoso
    people(ad)
    key = world.work.root / "hash.key"
    key.write_bytes(os.urandom(32))
    key.chmod(0o600)
    folder = world.work.dir("hash-state")
    way = {"method": "hash", "key": str(key)}
    of_contoso = {**tenant(ad, ad.keytab(SSO_ACCOUNT)), "password": way}
    del of_contoso["kdc"]
    agents = {"listen": f"127.0.0.1:{port + 1}", "nodes": [f"https://127.0.0.1:{port + 1}"]}
    more = {"agents": agents, "state": {"directory": str(folder)}, "metrics": f"127.0.0.1:{port + 2}"}
    with Server(world.work, port, [of_contoso], **more) as server:
        hashes = Hashes(world, server, report)
        hashes.nothing_yet()
        hashes.enrol()
        hashes.first()
        with hashes.running():
            hashes.states()
            hashes.new_passwords(changes)
            hashes.names()
        hashes.script()
        hashes.one_folder()
        seamless_hashes_daemon.check(hashes, changes)
        hashes.dump()
        hashes.others()
    killed(world, port, [of_contoso], more, hashes, report, batches)
    seamless_hashes_fallback.check(world, port + 3, report)


def people(ad):
    for name in ("anna", "otto", "emil", "emil2", "ines", "ruth", "vera"):
        ad.user(name, PASSWORD)
    ad.group("Hashed", "global", ["anna"])


class Hashes:
    def __init__(self, world, server, report):
        self.world, self.server, self.report, self.ad = world, server, report, world.contoso
        self.folder = world.work.dir("sync")
        self.database = self.ad.home / "private/sam.ldb"

    def agent(self, *arguments, text=None):
        return run([of_sign_in_system("seamless-agent"), *arguments, "--dir", self.folder], text=text)

    def sync(self, *arguments, text=None):
        return self.agent("sync", *arguments, "--source", "dc1", "--iterations", "1000", text=text)

    def samba(self, *more):
        return self.sync("samba", "--database", self.database, *more)

    def sign_in(self, name, password):
        return self.server.password(name if "@" in name else f"{name}@contoso.test", password)

    def is_in(self, name, password):
        return bool(self.sign_in(name, password).session())

    def says(self, label, name, password, text):
        answer = self.sign_in(name, password)
        self.report.check(text in answer.error() and not answer.session(), f"hashes, {label}", answer.error() or answer.status)

    def nothing_yet(self):
        answer = self.sign_in("anna", PASSWORD)
        self.report.check(answer.status == 503, "hashes: before the first message, nobody signs in", answer.error())

    def enrol(self):
        made = run([of_sign_in_system("seamless"), "agents", "--config", self.server.home / "seamless.json", "token", "--tenant",
                    "contoso.test", "--role", "phs"]).strip()
        said = self.agent("enrol", "--server", f"https://127.0.0.1:{self.server.port + 1}", "--token", made.splitlines()[-1])
        self.report.check("enrolled" in said, "hashes: the source enrols with the role phs", said.strip())

    def first(self):
        self.samba("--all")
        self.report.check(self.is_in("anna", PASSWORD), "hashes: after the first run, a user signs in by password", "anna")
        self.says("wrong password", "anna", WRONG, SAME)
        self.says("unknown user", "nobody-here", PASSWORD, SAME)
        self.says("an account of every domain", "administrator", "Adm1n.Pass!", SAME)
        good = self.server.says(["signed in by password, checked with a verifier", "anna@CONTOSO.TEST"])
        self.report.check(good, "hashes: the log says that a verifier decided", "anna@CONTOSO.TEST")

    def running(self):
        return Running(self)

    def until(self, name, password, expected=True):
        """Waits until the password is accepted, or refused if `expected` is false. Returns the time in seconds."""
        began = time.monotonic()
        wait(lambda: self.is_in(name, password) == expected, 30)
        return time.monotonic() - began

    def states(self):
        for label, name, attribute, value, text in (
                ("disabled", "otto", "userAccountControl", 0x202, "This account is switched off."),
                ("account expired", "emil", "accountExpires", LONG_AGO, "This account has expired."),
                ("must change", "ines", "pwdLastSet", 0, "Your password has expired.")):
            self.ad.set(name, attribute, value)
            wait(lambda name=name, text=text: text in self.sign_in(name, PASSWORD).error(), 30)
            self.says(f"{label}: the right password", name, PASSWORD, text)
            self.says(f"{label}: a wrong password tells nothing", name, WRONG, SAME)
        self.ad.set("otto", "userAccountControl", 0x200)
        seconds = self.until("otto", PASSWORD)
        self.report.check(self.is_in("otto", PASSWORD), "hashes: an account that is enabled again signs in", f"{seconds:.1f} s")

    def new_passwords(self, count):
        """Checks that the old password is refused as soon as the new password is accepted, because the new record
        replaces the old one. The test first tries a new password after `SOON` seconds. The server delays the answer to
        a wrong password, and checks only one password of a name at a time, so an earlier try would delay the next
        one."""
        soon, old = 0, PASSWORD
        for number in range(count):
            new = f"Next.Pass.{number}"
            self.ad.set_password("ruth", new)
            time.sleep(SOON)
            at_once = self.is_in("ruth", new)
            soon += at_once
            both = (at_once or wait(lambda new=new: self.is_in("ruth", new), 30)) and not self.is_in("ruth", old)
            self.report.check(both, f"hashes: new password {number + 1} signs in, and the old one does not", f"after {SOON} s: {at_once}")
            old = new
        print(f"hashes: {soon} of {count} new passwords signed in at the first try, {SOON} s after the change")

    def names(self):
        self.ad.set("vera", "userPrincipalName", "vera.new@contoso.test")
        self.until("vera.new@contoso.test", PASSWORD)
        self.report.check(self.is_in("vera.new@contoso.test", PASSWORD), "hashes: a new principal name signs in", "vera.new")
        self.ad.tool("user", "delete", "vera")
        self.until("vera.new@contoso.test", PASSWORD, expected=False)
        self.says("deleted account", "vera.new", PASSWORD, SAME)

    def script(self):
        """Runs the script of syncpasswords with one object, in the form in which Samba writes it."""
        self.ad.set_password("anna", "Script.Pass.1")
        ldif = run(["ldbsearch", "-H", self.database, "(sAMAccountName=anna)", "-s", "sub", "*", "unicodePwd", "uSNChanged",
                    "msDS-User-Account-Control-Computed", "msDS-UserPasswordExpiryTimeComputed"])
        said = self.sync("object", text=ldif.split("\n\n")[0] + "\n")
        done = said.startswith("DONE-EXIT:") and self.is_in("anna", "Script.Pass.1")
        self.report.check(done, "hashes: the script of syncpasswords sends an object", said.strip())

    def one_folder(self):
        """Runs two commands in one folder when the renewal of the certificate is due. One command must renew the
        certificate, and the other command must use the new certificate."""
        identity = self.folder / "identity.json"
        due = json.loads(identity.read_text())
        identity.write_text(json.dumps({**due, "renew_at": due["renew_at"] - 365 * 24 * 3600 * 1000}))
        command = [of_sign_in_system("seamless-agent"), "sync", "samba", "--database", self.database, "--source", "dc1", "--iterations",
                   "1000", "--dir", self.folder]
        both = [subprocess.Popen([str(part) for part in command], stderr=subprocess.PIPE) for _ in range(2)]
        said = [process.communicate()[1].decode() for process in both]
        generation = json.loads(identity.read_text())["generation"]
        good = [process.returncode for process in both] == [0, 0] and generation == due["generation"] + 1
        self.report.check(good, "hashes: two commands in one folder renew one certificate once", f"{generation} {said if not good else ''}")
        self.samba()
        state = self.operate("list", "--tenant", "contoso.test")
        self.report.check("locked" not in state, "hashes: the source is not taken for a copy", " ".join(state.split()))

    def operate(self, *words):
        return run([of_sign_in_system("seamless"), "agents", "--config", self.server.home / "seamless.json", *words])

    def dump(self):
        """Sends lines as impacket's secretsdump prints them, under another source name. A whole dump makes the server
        remove all accounts that the dump does not name."""
        of = ["lines", "--domain-sid", self.ad.sid, "--source", "dump", "--iterations", "1000"]
        line = "CONTOSO.TEST\\dumped{0}:{0}:aad3b435b51404eeaad3b435b51404ee:{1}::: (status=Enabled)\n"
        both = [line.format(rid, nt_hash("Dumped.Pass.1")) for rid in (4711, 4712)]
        self.agent("sync", *of, text="".join(both))
        names = ("dumped4711", "dumped4712")
        self.report.check([self.is_in(name, "Dumped.Pass.1") for name in names] == [True, True], "hashes: lines of secretsdump sign in",
                          "dumped")
        time.sleep(1)  # the agent numbers the changes of a dump by the time in seconds
        cut = subprocess.run([of_sign_in_system("seamless-agent"), "sync", *of, "--complete", "--dir", self.folder], input=both[0], text=True,
                             capture_output=True)
        self.report.check(cut.returncode != 0 and self.is_in(names[1], "Dumped.Pass.1"), "hashes: a dump without its end removes nobody",
                          cut.stderr.strip()[-120:])
        self.agent("sync", *of, "--complete", text=both[0] + "[*] Cleaning up... \n")
        left = [self.is_in(name, "Dumped.Pass.1") for name in names]
        self.report.check(left == [True, False], "hashes: a whole dump removes the accounts that it does not have", left)
        self.samba("--all", "--complete")
        gone, back = not self.is_in(names[0], "Dumped.Pass.1"), self.is_in("emil2", PASSWORD)
        self.report.check(gone and back, "hashes: a complete run of the database replaces the dump", (gone, back))

    def others(self):
        """Checks that a second source of the domain is refused until the operator revokes the first source."""
        own, self.folder = self.folder, self.world.work.dir("sync-of-another")
        self.enrol()
        self.ad.set_password("emil2", "Other.Pass.1")
        self.samba()
        self.report.check(self.is_in("emil2", PASSWORD), "hashes: a second source changes nobody", "emil2 has the old password")
        first = json.loads((own / "identity.json").read_text())["agent"]
        self.operate("revoke", first)
        self.samba("--all")
        self.report.check(self.is_in("emil2", "Other.Pass.1"), "hashes: the source is revoked, and another one takes over", "emil2")


class Running:
    """Runs a source that looks for changes once a second."""

    def __init__(self, hashes):
        self.hashes = hashes

    def __enter__(self):
        h = self.hashes
        command = [of_sign_in_system("seamless-agent"), "sync", "samba", "--database", h.database, "--every", "1", "--source", "dc1",
                   "--iterations", "1000", "--dir", h.folder]
        log = open(h.folder / "sync.log", "a")
        self.process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()


def nt_hash(password):
    return compute_nthash(password).hex()


def killed(world, port, tenants, more, hashes, report, batches):
    """Sends new passwords while the source or the server is killed. At the end, each user must be able to sign in with
    the new password."""
    ad, chosen = world.contoso, random.Random(7)
    names = [f"user{number}" for number in range(batches)]
    for name in names:
        ad.user(name, PASSWORD)
    server = Server(world.work, port, tenants, **more)
    hashes.server = server
    try:
        for number, name in enumerate(names):
            with Running(hashes) as source:
                ad.set_password(name, f"Kept.Pass.{number}")
                time.sleep(chosen.uniform(0.0, 1.5))
                if chosen.random() < 0.5:
                    source.kill()
                else:
                    server.process.kill()
                    server.process.wait()
                    server = Server(world.work, port, tenants, **more)
                    hashes.server = server
        hashes.samba()
        lost = [name for number, name in enumerate(names) if not hashes.is_in(name, f"Kept.Pass.{number}")]
        report.check(not lost, f"hashes: no record of {batches} is lost while the source or the server is killed", lost or "none")
    finally:
        world.work.stop(server.process)


def main(arguments):
    with Work() as work:
        world, report = World(work), Report()
        many = {"changes": 200, "batches": 100} if "--long" in arguments else {}
        check(world, 21900, report, **many)
        return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Tests the example `hello` of kerberos-sso-server with a real directory. A user signs in, and the server knows a group of the user.
The keytab changes during a rollover under load. For each fault, the log must tell the administrator the remedy."""

import os
import subprocess
import sys
from collections import Counter

from crate import example
from report import Report
from samba_ad import SSO_ACCOUNT
from seamless_rollover import NEW_PASSWORD, SALT, Load
from seamless_server import derived_keytab, replace, wait
from web import CURL_NEGOTIATE, HOST
from work import Work, run
from world import World

PORT = 21490
SECONDS = 40  # the server reads its keytab every ten seconds


class Hello:
    """A process of the example `hello`, and its log."""

    def __init__(self, world, keytab, principal=SSO_ACCOUNT):
        self.world, self.log_file = world, world.work.dir("hello") / "log"
        self.command = [example("hello"), keytab, principal, world.contoso.sid, f"127.0.0.1:{PORT}"]

    def __enter__(self):
        self.log_file.unlink(missing_ok=True)
        self.process = self.world.work.start(self.command, self.log_file, PORT, {"NO_COLOR": "1"})
        return self

    def __exit__(self, *_):
        self.world.work.stop(self.process)

    def fails_to_start(self):
        """Returns the error text of a server that fails to start."""
        done = subprocess.run([str(part) for part in self.command], capture_output=True, text=True, timeout=20)
        return done.stderr if done.returncode else ""

    def says(self, *words):
        """Waits for a line of the log with all these words, and returns whether such a line came."""
        return wait(lambda: any(all(word in line for word in words) for line in self.log().splitlines()), SECONDS)

    def log(self):
        return self.log_file.read_text()


def get(client, path="/"):
    """Returns the status and the body that curl receives with the client's tickets."""
    to = f"{HOST}:80:127.0.0.1:{PORT}"
    said = run(["curl", "-s", "--max-time", 20, "-w", "%{http_code}", "--connect-to", to, *CURL_NEGOTIATE,
                f"http://{HOST}{path}"], client.env)
    return said[-3:], said[:-3].strip()


def check(world, report):
    ad, keytab = world.contoso, world.work.root / "hello.keytab"
    keytab.write_bytes(ad.keytab(SSO_ACCOUNT).read_bytes())
    starts(world, keytab, report)
    os.chmod(keytab, 0o600)
    with Hello(world, keytab) as server:
        people(world, server, report)
        rollover(world, server, keytab, report)


def starts(world, keytab, report):
    os.chmod(keytab, 0o644)
    said = Hello(world, keytab).fails_to_start()
    report.check("chmod it to 600 or 640" in said, "keytab server: open to everybody", said.strip())
    os.chmod(keytab, 0o600)
    said = Hello(world, keytab, "HTTP/www.example.com").fails_to_start()
    report.check("no entry for HTTP/www.example.com; its entries are for" in said and SSO_ACCOUNT in said,
                 "keytab server: another principal", said.strip())
    said = Hello(world, keytab.with_name("missing")).fails_to_start()
    report.check("check that the file exists" in said, "keytab server: no file", said.strip())


def people(world, server, report):
    alice, admin = world.alice(), world.user("administrator", "Adm1n.Pass!")
    wait(lambda: get(alice)[0] == "200")  # the server refuses authenticators of the second in which it started
    said = get(alice)
    report.check(said == ("200", "Hello alice"), "keytab server: curl with a ticket", said)
    said = get(alice, "/admin")
    report.check(said[0] == "403" and server.says("not-member", "alice", "-512"), "keytab server: not in the group", said)
    said = get(admin, "/admin")
    report.check(said == ("200", "Hello Administrator") or said == ("200", "Hello administrator"),
                 "keytab server: in the group", said)
    said = get(world.nobody())
    report.check(said[0] == "401" and server.says("challenged", HOST, "setspn"), "keytab server: a client without ticket",
                 "the log names the host and what to check")


def rollover(world, server, keytab, report):
    ad, home = world.contoso, world.work.root
    before = max(key["kvno"] for key in ad.keys(SSO_ACCOUNT))
    load = Load(world, PORT, "/", "0.2")
    load.until(before)
    put(keytab, derived_keytab(home / "hello-derived.keytab", ad, NEW_PASSWORD, before + 1, SALT).read_bytes())
    report.check(server.says("uses the keys", f"{before + 1} {SSO_ACCOUNT}"), "keytab server: the new keytab alone",
                 "its keys serve without a restart")
    load.until(before)
    ad.tool("user", "setpassword", SSO_ACCOUNT, f"--newpassword={NEW_PASSWORD}")
    load.until(before + 1)
    said = load.stop()
    lost = [line for line in said if not line.endswith(" signed-in")]
    report.check(not lost, "keytab server: no sign-in is lost", lost[:3] if lost else f"{len(said)} signed in")
    versions = Counter(line.split()[0] for line in said)
    report.check(set(versions) == {str(before), str(before + 1)}, "keytab server: tickets of both keys",
                 ", ".join(f"{count} of version {kvno}" for kvno, count in sorted(versions.items())))
    put(keytab, b"\x05\x02 no keytab")
    complained = server.says("the keys stay as they are", "no whole entry")
    said = get(world.alice())
    report.check(complained and said[0] == "200", "keytab server: a broken keytab changes nothing", said)


def put(keytab, content):
    replace(keytab, content)
    os.chmod(keytab, 0o600)


def main():
    with Work() as work:
        world, report = World(work), Report()
        check(world, report)
        return report.failures


sys.exit(1 if main() else 0)

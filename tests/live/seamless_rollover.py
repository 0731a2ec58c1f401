"""Changes the account's key while clients sign in continuously, in the order of Entra's rollover. The server first gets the new key,
which is derived from the new password. Then the directory gets the new password. Every sign-in must succeed, and the sign-ins
must use tickets of both keys."""

import subprocess
import sys
from collections import Counter

from clients import HERE
from samba_ad import AUTOLOGON, SSO_ACCOUNT
from seamless_server import Server, derived_keytab, header, joined, replace, tenant, wait
from work import run

PHASE = 100  # the number of sign-ins between two steps
NEW_PASSWORD = "Sso.Key.Rolled.2026!"
SALT = "CONTOSO.TESThostazureadssoacc.contoso.test"  # the salt of a computer account (MS-KILE section 3.1.1.2)


def check(world, port, report):
    ad, keytab = world.contoso, world.work.root / "rollover.keytab"
    keytab.write_bytes(ad.keytab(SSO_ACCOUNT).read_bytes())
    before = max(key["kvno"] for key in ad.keys(SSO_ACCOUNT))
    with Server(world.work, port, [tenant(ad, keytab)]) as server:
        load = Load(world, port)
        load.until(before)
        new = derived_keytab(world.work.root / "derived.keytab", ad, NEW_PASSWORD, before + 1, SALT)
        replace(keytab, joined(ad.keytab(SSO_ACCOUNT), new))
        report.check(server.says(["keytab changed"]), "rollover: both keys dropped in", "they serve without a restart")
        load.until(before)
        # The test sets the password with samba-tool and not with Samba's Python bindings. With two directories in one process,
        # the bindings compute the salt from the realm that was loaded last.
        ad.tool("user", "setpassword", SSO_ACCOUNT, f"--newpassword={NEW_PASSWORD}")
        load.until(before + 1)
        said = load.stop()
        lost = [line for line in said if not line.endswith(" signed-in")]
        report.check(not lost, "rollover: no sign-in is lost", lost[:3] if lost else f"{len(said)} signed in")
        versions = Counter(line.split()[0] for line in said)
        report.check(set(versions) == {str(before), str(before + 1)}, "rollover: tickets of both keys",
                     ", ".join(f"{count} of version {kvno}" for kvno, count in sorted(versions.items())))
        replace(keytab, b"\x05\x02 no keytab")
        complained = server.says(["the keys stay as they are"])
        good = server.autologon(header(world.alice().token())).status == 200
        report.check(complained and good, "rollover: a broken keytab changes nothing", "the log says it")
    known = {key["key"] for key in ad.keys(SSO_ACCOUNT) if key["etype"] == 18}
    derived = run(["klist", "-keK", new])
    report.check(any(key in derived for key in known), "rollover: the derived key is the directory's", f"version {before + 1}")


class Load:
    def __init__(self, world, port, *path):
        home = world.work.dir(f"load{port}")
        self.stop_file, self.said = home / "stop", home / "said"
        self.stop_file.unlink(missing_ok=True)
        tgt, old = world.alice(), world.alice().kvno(AUTOLOGON)
        command = [sys.executable, HERE / "seamless_load.py", str(port), old.cache, tgt.cache, self.stop_file, *path]
        with open(self.said, "wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=tgt.env)
        world.work.processes.append(self.process)

    def until(self, version, more=PHASE):
        """Waits until `more` further sign-ins with tickets of this version have ended, with or without success."""
        target = self.count(version) + more
        wait(lambda: self.count(version) >= target or self.process.poll() is not None, 60)

    def count(self, version):
        return sum(line.startswith(f"{version} ") for line in self.lines())

    def stop(self):
        self.stop_file.touch()
        self.process.wait(30)
        return self.lines()

    def lines(self):
        return self.said.read_text().splitlines()

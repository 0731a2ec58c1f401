"""Tests `seamless-admin` on a real directory with LDAP over TLS. After `enable`, a browser signs in with no other tool.
After a kill at each step, the next run of `enable` or `rollover` succeeds. No sign-in fails during a rollover, and the
passwords are in no file and in no arguments.

  seamless_admin.py [--long] [PART...]     PART: fresh, rollover, retired, aes, killed, unit, memory, refused, status,
                                           rights, disable, lag, forests; default all. `--long` kills at each step."""

import re
import sys

import ldb
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack

import seamless_admin_forests
import seamless_admin_memory
import seamless_admin_refused
import seamless_admin_status
from admin_forest import STAFF_PASSWORD, Forest
from admin_tool import places
from clients import Clients
from report import Report
from samba_ad import ADMIN_PASSWORD, SSO_ACCOUNT
from seamless_browser import ALICE
from seamless_rollover import Load
from seamless_server import header
from web import PATH, policies
from webdriver import Chromium
from work import Work, attempt, wait

PORT = 21560
RC4, AES = 4, 24  # msDS-SupportedEncryptionTypes
# The numbers of the steps after which the short form of the test kills the tool. For `enable`: the journal is written, the
# account is created, the tickets are accepted, the end. For `rollover`: the journal is written, the keytab is written, the
# password is set, the end.
SHORT = (5, 6, 8, 11)
LATER = (0, 0.002, 0.006, 0.02)
DENIES_CHILDREN = "(D;;DC;;;WD)"  # denies DELETE_CHILD to everyone, for this object only (MS-DTYP section 2.5.1)
DENIES_DELETION = "(D;;SDDT;;;WD)"  # denies DELETE and DELETE_TREE to everyone
TICKETS_END = 36_600  # ten hours, the clock skew and some minutes
# The seconds between two sign-ins of a thread. With these pauses, one user stays below the limit of the replay cache.
# FEW is the number of sign-ins after each run.
PAUSE, LONG_PAUSE, FEW = "0.1", "0.5", 20


def check(work, clients, report, port, wanted=(), long=False):
    cases = Cases(Forest(work, clients, report, port), report, long)
    parts = {"fresh": cases.fresh, "rollover": cases.rollover, "retired": cases.retired, "aes": cases.from_rc4_to_aes,
             "killed": cases.killed, "unit": cases.in_a_unit,
             "memory": lambda: seamless_admin_memory.check(cases.forest, report),
             "refused": lambda: seamless_admin_refused.check(cases.forest, report),
             "status": lambda: seamless_admin_status.check(cases.forest, report),
             "rights": lambda: seamless_admin_refused.delegated(cases.forest, report),
             "disable": cases.disable,
             "lag": lambda: seamless_admin_refused.lag(cases.forest, report),
             "forests": lambda: seamless_admin_forests.check(cases.forest, report)}
    for part in wanted or parts:
        if part != "fresh" and not cases.forest.tool.keytab.exists():
            cases.forest.tool.enable()
        parts[part]()
    cases.searched()


class Cases:
    def __init__(self, forest, report, long):
        self.forest, self.report, self.long = forest, report, long
        self.tool, self.dc = forest.tool, forest.dc

    def fresh(self):
        """Checks the steps from an empty forest to the first sign-in, with no other tool."""
        before = self.dc.dump()
        dry = self.tool.enable("--dry-run")
        self.report.check(dry.code == 0 and self.dc.dump() == before and not any(self.tool.home.iterdir()),
                          "enable --dry-run: changes nothing", f"{sum(line.startswith('would') for line in dry.lines)} steps")
        done = self.tool.enable()
        mode = self.tool.keytab.stat().st_mode & 0o777 if self.tool.keytab.exists() else 0
        self.report.check(done.code == 0 and mode == 0o600 and not self.tool.journal.exists(), "enable: a fresh forest",
                          f"{len(done.steps)} steps, keytab {mode:o}" if done.code == 0 else done.last())
        before, keytab = self.dc.dump(), self.tool.keytab.read_bytes()
        again = self.tool.enable()
        same = self.dc.dump() == before and self.tool.keytab.read_bytes() == keytab
        self.report.check(again.code == 0 and again.says("already") and same, "enable again: changes nothing", again.lines[-1:])
        code, shown = self.tool.at_terminal("status")
        self.report.check(code == 0 and "Password of" in shown and self.tool.password not in shown,
                          "the tool asks for the password on the terminal, and does not show it", shown.splitlines()[-1:])
        with self.forest.server() as server, policies(HttpsUpgradesEnabled=False, PasswordManagerEnabled=False):
            with Chromium(self.forest.work, self.forest.alice(), server.port) as browser:
                browser.open(ALICE)
                how = browser.until("document.querySelector('.badge')?.innerText")
                self.report.check(how == "Kerberos", "a browser signs in with the tool's configuration", how or browser.heading())

    def rollover(self):
        """Checks a rollover while clients sign in all the time, with tickets of the old and of the new key."""
        with self.forest.server_with_operators() as server:
            before, load = self.forest.kvno(), Load(self.forest, server.port, PATH, LONG_PAUSE if self.long else PAUSE)
            load.until(before, FEW)
            done = self.tool.rollover("--node", server.node)
            load.until(before + 1, FEW)
            self.report.check(done.code == 0 and self.forest.kvno() == before + 1, "rollover: the directory has the next version",
                              f"{before} to {self.forest.kvno()}, {len(done.steps)} steps" if done.code == 0 else done.last())
            for stop, later in self.stops(done):
                now = self.forest.kvno()
                killed = self.tool.rollover("--node", server.node, stop_after=stop, later=later)
                again = self.tool.rollover("--node", server.node)
                kvno = self.forest.kvno()
                load.until(kvno, FEW)
                # The next run finishes the rollover, or makes another rollover if the killed run had finished. If the
                # run was killed during the change of the password, the next run may set the same password again.
                good = again.code == 0 and not self.tool.journal.exists() and kvno in (now + 1, now + 2)
                self.report.check(good and kvno in self.tool.versions() and self.forest.keytab_opens(self.tool.keytab),
                                  f"rollover, killed {at(stop, later)} ({said(killed)}): the next run ends it",
                                  f"from {now} to {kvno}" if good else f"from {now} to {kvno}; {again.last()}")
            lines = load.stop()
            warned = [warning["code"] for warning in server.health()["warnings"]]
            self.report.check(self.long or not warned, "rollover under load: the server warns of nothing", warned)
            lost = [line for line in lines if not line.endswith(" signed-in")]
            self.report.check(lines and not lost, "rollover under load: no sign-in is lost",
                              [*lost[:3], *refusals(server)] if lost else f"{len(lines)} signed in")

    def retired(self):
        """Checks that `prune` removes the old key after the end of its tickets, and that the server then forgets the
        key."""
        tool, old = self.tool, self.forest.kvno()
        with self.forest.server_with_operators() as server:
            done = tool.rollover("--node", server.node)
            early = tool.prune()
            self.report.check(done.code == early.code == 0 and tool.versions() >= {old, old + 1}, "prune before the end: the keys stay",
                              early.last())
            ended = tool.prune(later=TICKETS_END)
            self.report.check(ended.code == 0 and tool.versions() == {old + 1} and not tool.retirement.exists(),
                              "prune after the end of the tickets: the current key stays alone", ended.last())
            self.report.check(wait(lambda: ends_of(server, old)), "the server then uses the old key for ten more hours only",
                              ends_of(server, old))
            answer = server.autologon(header(self.forest.alice().token()))
            self.report.check(answer.status == 200, "a new ticket signs in after prune", answer.status)
        again = tool.prune()
        self.report.check(again.code == 0 and again.says("no key retires"), "prune again: nothing to do", again.last())

    def from_rc4_to_aes(self):
        """Checks the move from RC4 to AES while clients sign in, first with RC4 tickets and then with AES tickets."""
        self.dc.etypes(SSO_ACCOUNT, RC4)
        self.tool.keytab.write_bytes(self.dc.keytab(SSO_ACCOUNT).read_bytes())
        with self.forest.server_with_operators("--allow-rc4") as server:
            before, load = self.forest.kvno(), Load(self.forest, server.port, PATH, PAUSE)
            load.until(before, FEW)
            counted = self.tool.status("--node", server.node)
            self.report.check(counted.says("rc4-clients"), "status: the server counts clients with RC4",
                              [line for line in counted.lines if line.startswith(("fault", "warning"))])
            done = self.tool.rollover("--node", server.node, "--etypes", "aes")
            load.until(before + 1, FEW)
            lines = load.stop()
            lost = [line for line in lines if not line.endswith(" signed-in")]
            types = self.forest.in_directory("msDS-SupportedEncryptionTypes")
            self.report.check(done.code == 0 and types == AES, "rollover from RC4 to AES", f"types {types}; {done.last()}")
            self.report.check(lines and not lost, "rollover from RC4 to AES under load: no sign-in is lost",
                              [*lost[:3], *refusals(server)] if lost else f"{len(lines)} signed in")
        with self.forest.server() as server:
            answer = server.autologon(header(self.forest.alice().token()))
            self.report.check(answer.status == 200, "a server without RC4 takes the new tickets", answer.status)

    def in_a_unit(self):
        """Checks an account in an organizational unit, which is protected from deletion."""
        self.forest.remove(self.tool)
        unit = f"OU=Services,{self.dc.base}"
        self.dc.tool("ou", "create", unit)
        self.dc.tool("dsacl", "set", f"--objectdn={unit}", f"--sddl=(A;;CC;;;{self.dc.sid_of('clerk')})")
        clerk = self.forest.tool_in("admin-clerk-unit", user="clerk", password=STAFF_PASSWORD)
        seamless_admin_refused.Refused(self.forest, self.report).refused(
            "enable --ou by a creator who may not protect", ["access control list", unit], "enable", "--ou", unit, tool=clerk)
        before = self.entries(unit)
        done = self.tool.enable("--ou", unit)
        self.report.check(done.code == 0 and self.dc.dn(SSO_ACCOUNT).endswith(unit), "enable --ou: the account is in the unit",
                          self.dc.dn(SSO_ACCOUNT) if done.code == 0 else done.last())
        added, lost = self.entries(unit) - before, before - self.entries(unit)
        self.report.check((added, lost) == ({DENIES_CHILDREN}, set()), "the unit has one entry more", [added, lost])
        status, said = attempt(["ldbdel", "-H", f"ldaps://{self.dc.address}", f"--simple-bind-dn=administrator@{self.dc.realm.lower()}",
                                f"--password={ADMIN_PASSWORD}", "--option=tls verify peer=no_check", self.dc.dn(SSO_ACCOUNT)])
        self.report.check(status != 0 and "access" in said.lower(), "an administrator cannot delete the account by mistake", said[-200:])
        well = self.tool.status()
        self.report.check(well.code == 0, "status of the protected account: no finding",
                          [line for line in well.lines if line.startswith(("fault", "warning"))])
        self.protected_later(unit, before)
        gone = self.tool.run("disable", "--yes")
        self.report.check(gone.code == 0 and self.forest.in_directory("userAccountControl") is None,
                          "disable removes the protection and the account", gone.last())
        self.report.check(self.entries(unit) == before | {DENIES_CHILDREN} and gone.says("entry of its container stays"),
                          "disable leaves the unit's entry, and says so", [step for step in gone.steps if "protection" in step])
        self.tool.enable()

    def protected_later(self, unit, before):
        """Checks that `enable --ou` protects an account that exists, as it protects a new one."""
        account = self.dc.dn(SSO_ACCOUNT)
        of_account, keytab = self.entries(account), self.tool.keytab.read_bytes()
        for dn, entry in ((account, DENIES_DELETION), (unit, DENIES_CHILDREN)):
            self.drop(dn, entry)
        bare = self.entries(unit) == before and self.entries(account) == of_account - {DENIES_DELETION}
        again = self.tool.enable("--ou", unit)
        same = (self.entries(account), self.entries(unit)) == (of_account, before | {DENIES_CHILDREN})
        self.report.check(bare and again.code == 0 and same and self.tool.keytab.read_bytes() == keytab,
                          "enable --ou of an account that exists: protected, with the same key", again.last())
        elsewhere = f"CN=Computers,{self.dc.base}"
        seamless_admin_refused.Refused(self.forest, self.report).refused(
            "enable --ou of an account that is elsewhere", [account, elsewhere, "--ou"], "enable", "--ou", elsewhere)

    def drop(self, dn, entry):
        """Removes an entry from the access control list of an object."""
        name, domain = "nTSecurityDescriptor", security.dom_sid(self.dc.sid)
        found = self.dc.db.search(dn, scope=ldb.SCOPE_BASE, attrs=[name])[0]
        text = ndr_unpack(security.descriptor, found[name][0]).as_sddl(domain).replace(entry, "", 1)
        message = ldb.Message(ldb.Dn(self.dc.db, dn))
        message[name] = ldb.MessageElement([ndr_pack(security.descriptor.from_sddl(text, domain))], ldb.FLAG_MOD_REPLACE, name)
        self.dc.db.modify(message)

    def entries(self, dn):
        """Returns the entries of an object's access control list."""
        return set(re.findall(r"\([^)]*\)", self.dc.tool("dsacl", "get", f"--objectdn={dn}")))

    def killed(self):
        """Checks `enable` after a kill at a step, in a directory without the account."""
        tool = self.forest.tool_in("admin-killed")
        self.forest.remove(self.tool)
        whole = tool.enable()
        for stop, later in self.stops(whole):
            self.forest.remove(tool)
            killed = tool.enable(stop_after=stop, later=later)
            again = tool.enable()
            good = again.code == 0 and not tool.journal.exists() and self.forest.keytab_opens(tool.keytab)
            third = tool.enable()
            self.report.check(good and third.says("already"), f"enable, killed {at(stop, later)} ({said(killed)}): the next run ends it",
                              f"version {self.forest.kvno()}" if good else again.last())
        self.forest.remove(tool)
        self.tool.enable()

    def stops(self, whole):
        """Returns the steps after which a run is killed, each with a delay in seconds. A kill with a delay hits the
        work of the next step."""
        last = len(whole.steps)
        if not self.long:
            return [(stop, 0) for stop in SHORT if stop <= last]
        return [(stop, later) for stop in range(1, last + 1) for later in LATER]

    def disable(self):
        tool, before = self.tool, self.dc.dump()
        asked = tool.run("disable")
        self.report.check(asked.code != 0 and self.dc.dump() == before, "disable without --yes: changes nothing", asked.last())
        kept = tool.run("disable", "--yes", "--keep")
        off = self.forest.in_directory("userAccountControl") & 2
        self.report.check(kept.code == 0 and off, "disable --keep: the account stays, disabled", kept.last())
        gone = tool.run("disable", "--yes")
        left = [tool.keytab.exists(), self.forest.in_directory("userAccountControl")]
        self.report.check(gone.code == 0 and left == [False, None], "disable: no account, no keytab", gone.lines[-1:])
        again = tool.enable()
        self.report.check(again.code == 0 and self.forest.keytab_opens(tool.keytab), "enable after disable", again.last())

    def searched(self):
        """Looks for the passwords of the administrators and of the account in every file, and in the arguments and
        environments of the tool's processes."""
        seen, root = self.tool.seen, self.forest.work.root
        found = places(root, seen.of_administrators) + places(root, seen.of_account, but={*root.rglob("*.journal")})
        both = seen.of_administrators | seen.of_account
        self.report.check(seen.of_account and not found, "no file has a password", found or f"{len(both)} passwords looked for")
        shown = b"\0".join(seen.shown)
        self.report.check(shown and not any(password.encode() in shown for password in both),
                          "no argument and no environment has a password", f"{len(shown)} octets")


def refusals(server):
    """Returns the last lines of the log about a ticket that was refused."""
    return [line for line in server.log().splitlines() if 'code="' in line and "accepted" not in line][-3:]


def ends_of(server, kvno):
    """Returns the times at which the server stops using the keys of a version. Returns an empty list while one of these
    keys has no such time."""
    keys = [key["retires"] for tenant in server.health()["tenants"] for key in tenant["keys"] if key["kvno"] == kvno]
    return keys if all(keys) else []


def at(stop, later):
    return f"{later * 1000:.0f} ms after step {stop}" if later else f"after step {stop}"


def said(killed):
    return killed.steps[-1].split(":")[0] if killed.steps else "nothing"


def main(arguments):
    long, wanted = "--long" in arguments, [part for part in arguments if part != "--long"]
    with Work() as work:
        report = Report()
        check(work, Clients(work), report, PORT, wanted, long)
        return report.failures


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)

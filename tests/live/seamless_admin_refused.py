"""Checks that `seamless-admin` refuses before it changes anything: after a refusal, the whole directory and the tool's
files are unchanged. Each refusal names the cause, and says what to do."""

import ldb

from admin_forest import STAFF_PASSWORD
from admin_tool import AdminTool
from authority import Authority
from samba_ad import AADG, AUTOLOGON, SSO_ACCOUNT
from samba_tls import SITE
from seamless_admin_status import faults
from seamless_server import wrong_time
from work import wait

HOUR = 3600
DISABLED = 2
# The GUIDs of the right to reset a password and of the attribute msDS-SupportedEncryptionTypes (MS-ADTS section
# 5.1.3.2.1, MS-ADA2)
RESET_PASSWORD = "00299570-246d-11d0-a768-00aa006e0529"
SUPPORTED_ENCRYPTION_TYPES = "20119867-1d04-4ab7-9371-cfc3d5df0afd"


def check(forest, report):
    refused = Refused(forest, report)
    refused.without_account()
    refused.with_account()
    refused.by_the_network()
    refused.by_its_password()
    refused.by_the_clock()
    refused.while_open()


def delegated(forest, report):
    """Checks that a person with only the rights from the administrator's guide can roll the account's key over, and can
    do nothing else."""
    tool = forest.tool_in("admin-delegated", user="roller", password=STAFF_PASSWORD)
    forest.dc.user("roller", STAFF_PASSWORD)
    tool.keytab.write_bytes(forest.tool.keytab.read_bytes())
    refused = Refused(forest, report)
    give(forest, f"(OA;;CR;{RESET_PASSWORD};;{{}})")
    done = tool.rollover("--no-node")
    report.check(done.code == 0 and forest.keytab_opens(tool.keytab), "rollover with the one right of the guide", done.last())
    forest.dc.etypes(SSO_ACCOUNT, 4)
    refused.refused("rollover --etypes aes without the second right", ["msDS-SupportedEncryptionTypes"], "rollover", "--no-node",
                    "--etypes", "aes", tool=tool)
    give(forest, f"(OA;;WP;{SUPPORTED_ENCRYPTION_TYPES};;{{}})")
    done = tool.rollover("--no-node", "--etypes", "aes")
    types = forest.in_directory("msDS-SupportedEncryptionTypes")
    report.check(done.code == 0 and types == 24, "rollover from RC4 to AES with the two rights of the guide",
                 f"types {types}, {done.last()}")
    seen = tool.status()
    report.check(seen.code == 1 and seen.says("foreign-writer", forest.dc.sid_of("roller")),
                 "status by the delegated person names the person", seen.last())
    refused.refused("disable by the delegated person", ["right"], "disable", "--yes", tool=tool)
    forest.tool.keytab.write_bytes(tool.keytab.read_bytes())
    forest.dc.db.delete(forest.dc.dn("roller"))


def give(forest, entry):
    """Gives a right on the account with the command that the guide has."""
    forest.dc.tool("dsacl", "set", f"--objectdn={forest.dc.dn(SSO_ACCOUNT)}", f"--sddl={entry.format(forest.dc.sid_of('roller'))}")


class Refused:
    def __init__(self, forest, report):
        self.forest, self.report, self.dc, self.tool = forest, report, forest.dc, forest.tool

    def refused(self, label, words, command, *options, tool=None, **how):
        """Runs a command of the tool. Checks that the tool refuses with these words, and that the command changes
        nothing."""
        tool = tool or self.tool
        before, files = self.dump(), self.files(tool)
        done = tool.run(command, *options, **how)
        changed = sorted({*before} ^ {*self.dump()}) or sorted(self.files(tool).keys() ^ files.keys())
        same = not changed and self.files(tool) == files
        good = done.code not in (0, -9) and done.says(*words) and done.says("what to do") and same
        self.report.check(good, f"refused: {label}", done.last() if same else f"CHANGED {str(changed)[:300]}; {done.last()}")
        return done

    def dump(self):
        """Returns everything in the directory, at each domain controller."""
        second = self.forest.second
        return [*self.dc.dump(), *([f"{second.name} {line}" for line in second.dump()] if second else [])]

    @staticmethod
    def files(tool):
        return {path.name: path.read_bytes() for path in tool.home.iterdir() if path.suffix != ".lock"}

    def without_account(self):
        """Checks the refusals of `enable` in a directory without the account."""
        forest, dc = self.forest, self.dc
        forest.remove(self.tool)
        dc.computer("OTHER$", "Other.Pass.1", [AADG])
        self.refused("enable, another account has a service name", ["CN=OTHER", AADG], "enable")
        dc.db.delete(dc.dn("OTHER$"))
        dc.user("AZUREADSSOACC", "Other.Pass.1")
        self.refused("enable, a user has the account's name", ["CN=AZUREADSSOACC,CN=Users", "no computer"], "enable")
        dc.db.delete(dc.dn("AZUREADSSOACC"))
        for user in ("clerk", "helpdesk"):
            tool = forest.tool_in(f"admin-{user}", user=user, password=STAFF_PASSWORD)
            self.refused(f"enable by {user}, without the right", ["create computers"], "enable", tool=tool)
        self.refused("enable, no such organizational unit", ["no such object"], "enable", "--ou", f"OU=None,{dc.base}")
        down_level = forest.tool_in("admin-down-level", user="CONTOSO\\administrator")
        self.refused("enable, the name of another domain", ["contoso.test", "fabrikam.test"], "enable", "--forest", "fabrikam.test",
                     tool=down_level)
        self.refused("rollover without an account", ["no account", "enable"], "rollover", "--no-node")
        self.tool.enable()

    def with_account(self):
        """Checks the refusals of `rollover` with the account that `enable` made."""
        dc = self.dc
        dc.computer("OTHER$", "Other.Pass.1")
        # The directory refuses a service name that another account already has. Two domain controllers that have not
        # replicated yet may accept the same name. To get this state, the test writes to the database, which refuses no
        # name.
        dc.set_unchecked("OTHER$", "servicePrincipalName", AUTOLOGON)
        self.refused("rollover, another account has a service name", ["CN=OTHER", AUTOLOGON], "rollover", "--no-node")
        dc.db.delete(dc.dn("OTHER$"))
        for user in ("clerk", "helpdesk"):
            tool = self.forest.tool_in(f"admin-{user}", user=user, password=STAFF_PASSWORD)
            tool.keytab.write_bytes(self.tool.keytab.read_bytes())
            self.refused(f"rollover by {user}, without the right", ["reset the password"], "rollover", "--no-node", tool=tool)
        dc.set(SSO_ACCOUNT, "userAccountControl", 4096 | DISABLED)
        self.refused("rollover, the account is disabled", ["is disabled"], "rollover", "--no-node")
        dc.set(SSO_ACCOUNT, "userAccountControl", 4096)
        dc.etypes(SSO_ACCOUNT, 4)
        self.refused("rollover, RC4 account without --etypes", ["--etypes aes"], "rollover", "--no-node")
        dc.etypes(SSO_ACCOUNT, 24)
        self.refused("rollover, a node that does not answer", ["127.0.0.1:9"], "rollover", "--node", "http://127.0.0.1:9")

    def by_the_network(self):
        dc, home = self.dc, self.forest.work.dir("another-authority")
        other = AdminTool(dc, self.forest.work.dir("admin-other-ca"))
        other.trusted = Authority(home).trusted
        self.refused("another certificate authority", ["certificate", "--ca"], "enable", tool=other)
        self.forest.names.add(dc.address, "alias.contoso.test")
        self.refused("a name that the certificate does not have", ["certificate", "--dc"], "enable", at="alias.contoso.test")
        for at in (f"ldap://{dc.name}", f"{dc.name}:389", f"{dc.name}:3268"):
            done = self.tool.run("enable", at=at)
            self.report.check(done.code != 0 and done.says("without TLS", "636"), f"refused: {at}", done.last())
        self.refused("nobody listens", ["cannot be reached", "636"], "enable", at=f"{dc.address}:637")

    def by_its_password(self):
        dc, tool = self.dc, self.forest.tool_in("admin-operator", user="operator", password="Wrong.Pass.1")
        dc.user("operator", "Right.Pass.1")
        dc.join("Domain Admins", "operator")
        self.refused("a wrong password", ["password of the administrator is wrong", "52e"], "enable", tool=tool)
        tool.password = "Right.Pass.1"
        self.refused("an unknown administrator", ["52"], "enable", tool=self.forest.tool_in("admin-nobody", user="nobody"))
        for label, attribute, value, back, words in (
                ("an administrator who must change the password", "pwdLastSet", 0, -1, ["change", "password"]),
                ("a disabled administrator", "userAccountControl", 514, 512, ["disabled"]),
                ("an administrator whose account has expired", "accountExpires", 1, 0, ["expired"])):
            dc.set("operator", attribute, value)
            self.refused(label, words, "enable", tool=tool)
            dc.set("operator", attribute, back)
        # A password expires only if it is old, so the test sets an old date in the database. Samba treats a maximum age
        # of one day as no limit.
        dc.tool("domain", "passwordsettings", "set", "--max-pwd-age=2")
        dc.set_unchecked("operator", "pwdLastSet", 130_000_000_000_000_000)
        self.refused("an administrator whose password has expired", ["password has expired"], "enable", tool=tool)
        dc.tool("domain", "passwordsettings", "set", "--max-pwd-age=0")
        dc.db.delete(dc.dn("operator"))

    def by_the_clock(self):
        dc = self.dc
        dc.stop()
        fake = wrong_time(HOUR)
        # Samba's database modules compute the time that LDAP clients get. Without LDB_MODULES_DISABLE_DEEPBIND, these
        # modules call the C library directly, and not the preloaded library.
        dc.start({**fake, "LD_PRELOAD": f"libnss_wrapper.so:{fake['LD_PRELOAD']}", "LDB_MODULES_DISABLE_DEEPBIND": "1"})
        self.refused("rollover, the domain controller's clock is an hour wrong", ["clock", "NTP"], "rollover", "--no-node")
        self.refused("enable, the domain controller's clock is an hour wrong", ["clock", "NTP"], "enable")
        found = faults(self.tool.status("--json"))
        self.report.check("clock" in found, "status: the domain controller's clock is an hour wrong", found)
        dc.stop()
        dc.start()

    def while_open(self):
        """Checks the refusals while a rollover is open: after a kill, and during another run."""
        killed = self.tool.rollover("--no-node", stop_after=self.journalled())
        self.report.check(killed.code == -9 and self.tool.journal.exists(), "a rollover is open", killed.steps[-1:])
        self.refused("enable while a rollover is open", ["rollover", "open"], "enable")
        ended = self.tool.rollover("--no-node")
        self.report.check(ended.code == 0, "the open rollover ends", ended.last())
        with self.forest.server_with_operators() as server:
            # The node reads another keytab than the tool writes, so the node never gets the new key. The first run
            # therefore waits for the node.
            elsewhere = self.forest.tool_in("admin-elsewhere")
            elsewhere.keytab.write_bytes(self.tool.keytab.read_bytes())
            kvno, first = self.forest.kvno(), elsewhere.begin("rollover", "--node", server.node, "--node-wait", "20")
            wait(lambda: elsewhere.journal.exists(), 30)
            self.refused("rollover while another run is at work", ["another run"], "rollover", "--no-node", tool=elsewhere)
            code, errors = first.wait(60), first.stderr.read()
            self.report.check(code not in (0, -9) and "node" in errors and self.forest.kvno() == kvno,
                              "a node that does not load the new key: the password stays", errors.split("\n")[0][:200])

    def journalled(self):
        """Returns the number of the step at which a rollover writes its journal."""
        steps = self.tool.rollover("--no-node").steps
        return next(number for number, step in enumerate(steps, 1) if "journal is written" in step)


def lag(forest, report):
    """Checks the refusals while a second domain controller lags. This domain controller is real, and replicates."""
    refused, first = Refused(forest, report), forest.dc
    second = forest.second = first.second("dc2", "127.0.7.2")
    second.start()
    there = wait(lambda: forest.in_directory("msDS-KeyVersionNumber", second) == forest.kvno(), 60)
    done = forest.tool.rollover("--no-node")
    report.check(there and done.code == 0 and done.says("dc2.contoso.test"), "rollover with two domain controllers: both have the new key",
                 [step for step in done.steps if "dc2" in step] if done.code == 0 else done.last())
    refused.refused("rollover at another domain controller than the PDC emulator", ["dc1.contoso.test", "--not-pdc"], "rollover",
                    "--no-node", at=second.name)
    role_moves(forest, report, second)
    second.lag(True)
    first.tool("user", "setpassword", SSO_ACCOUNT, "--newpassword=Set.By.Hand.2026!")
    refused.refused("rollover, the second domain controller lags", ["dc2.contoso.test", "replicat"], "rollover", "--no-node")
    found = faults(forest.tool.status("--json"))
    report.check("dc2.contoso.test" in found.get("replication-lag", ""), "status: a domain controller that lags", found)
    refused.refused("rollover at the domain controller that lags", ["dc1.contoso.test", "replicat"], "rollover", "--no-node",
                    "--not-pdc", at=second.name)
    second.catch_up()
    done = forest.tool.rollover("--no-node")
    report.check(done.code == 0, "rollover after the domain controller caught up", done.last())
    second.lag(True)
    waits = forest.tool.rollover("--no-node", "--replication-wait", "5")
    report.check(waits.code != 0 and waits.says("dc2.contoso.test", "still"), "rollover, the domain controller begins to lag: named",
                 waits.last())
    second.catch_up()
    done = forest.tool.rollover("--no-node")
    report.check(done.code == 0 and not forest.tool.journal.exists(), "the next run ends it after the replication", done.last())
    account_that_lags(forest, refused, second)


def role_moves(forest, report, second):
    """Checks `rollover` at the former and at the new PDC emulator after the role has moved, and then gives the role
    back."""
    there = settings(second)
    give_role(forest.dc, there)
    moved = wait(lambda: role_owner(second) == there.lower(), 60)
    Refused(forest, report).refused("rollover at the former PDC emulator", ["dc2.contoso.test"], "rollover", "--no-node")
    # In this test, the first domain controller does not replicate from the second one, so this run must not change the
    # password.
    done = forest.tool.rollover("--no-node", "--dry-run", at=second.name)
    report.check(moved and done.code == 0 and done.says("would: set the account's password"),
                 "rollover at the new PDC emulator: not refused", done.last())
    give_role(forest.dc, settings(forest.dc))
    back = wait(lambda: role_owner(second) != there.lower(), 60)
    report.check(back, "the role is back", role_owner(second))


def settings(dc):
    """Returns the DN of the NTDS settings of a domain controller. The directory names the owner of a role by this
    DN."""
    return f"CN=NTDS Settings,CN={dc.host.upper()},{SITE},{dc.base}"


def role_owner(dc):
    return str(dc.db.search(dc.base, scope=ldb.SCOPE_BASE, attrs=["fSMORoleOwner"])[0]["fSMORoleOwner"][0]).lower()


def give_role(dc, owner):
    """Makes a domain controller the PDC emulator, in the database of `dc`."""
    message = ldb.Message(ldb.Dn(dc.db, dc.base))
    message["fSMORoleOwner"] = ldb.MessageElement([owner], ldb.FLAG_MOD_REPLACE, "fSMORoleOwner")
    dc.db.modify(message)


def account_that_lags(forest, refused, second):
    """Checks `enable` while one domain controller has the account and the other one does not have it yet."""
    forest.remove(forest.tool)
    second.catch_up()
    second.lag(True)
    new = forest.tool.enable()
    refused.report.check(new.code == 0, "enable at one domain controller, which the other one lags behind", new.last())
    elsewhere = forest.tool_in("admin-other-dc")
    refused.refused("enable at the domain controller that lags", ["replicat"], "enable", "--not-pdc", tool=elsewhere,
                            at=second.name)
    second.catch_up()
    again = elsewhere.run("enable", "--not-pdc", at=second.name)
    refused.report.check(again.code != 0, "enable again, after the replication, without the keytab", again.last())
    second.stop()
    found = faults(forest.tool.status("--json"))
    refused.report.check("dc2.contoso.test" in found.get("controller-silent", ""),
                         "status: a domain controller that does not answer", found)

"""Checks that `seamless-admin status` has no finding for an account without faults, and names each fault that the test
makes."""

import json

import ldb
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack

from samba_ad import AADG, AUTOLOGON, SSO_ACCOUNT
from seamless_rollover import SALT
from seamless_server import derived_keytab

OLD = 130_000_000_000_000_000  # 2012, in units of 100 nanoseconds since 1601
NORMAL, DISABLED = 0x1000, 0x2
FOR_DELEGATION, NO_PREAUTHENTICATION, TO_AUTHENTICATE = 0x8_0000, 0x40_0000, 0x100_0000
RESET_PASSWORD = "00299570-246d-11d0-a768-00aa006e0529"
SPN_ATTRIBUTE = "f3a64788-5306-11d1-a9c5-0000f80367c1"
ACCOUNT, OTHER = SSO_ACCOUNT, "WEBSERVER$"


def check(forest, report):
    Status(forest, report).check()


def faults(done):
    """Returns the findings of `status` by code, without those of the severity `information`, such as the default groups
    that may write."""
    found = {}
    for finding in done.json()["findings"]:
        if finding["severity"] != "information":
            found[finding["code"]] = found.get(finding["code"], "") + json.dumps(finding)
    return found


class Status:
    def __init__(self, forest, report):
        self.forest, self.report, self.dc, self.tool = forest, report, forest.dc, forest.tool

    def check(self):
        self.dc.computer(OTHER, "Web.Pass.1")
        clean = self.tool.status("--json")
        self.report.check(clean.code == 0 and not faults(clean), "status of a well-kept account: no finding", faults(clean))
        self.flags()
        self.types()
        self.names()
        self.delegation()
        self.writers()
        self.keys()
        self.files()
        self.nodes()
        again = self.tool.status()
        self.report.check(again.code == 0, "status after the faults are mended: no finding", again.last())
        self.all_at_once()
        self.dc.db.delete(self.dc.dn(OTHER))

    def named(self, label, code, *words, only=True, options=()):
        """Checks that `status` names a fault by its code and by words, and that it names no other fault."""
        done = self.tool.status("--json", *options)
        found = faults(done)
        good = done.code == 1 and code in found and all(word.lower() in found[code].lower() for word in words)
        more = sorted(set(found) - {code})
        self.report.check(good and not (only and more), f"status: {label}", f"{code}{f', also {more}' if more else ''}" if good else found)

    def set(self, attribute, *values):
        self.dc.set(ACCOUNT, attribute, *values)

    def flags(self):
        for label, flag, code in (("unconstrained delegation", FOR_DELEGATION, "unconstrained-delegation"),
                                  ("protocol transition", TO_AUTHENTICATE, "protocol-transition"),
                                  ("no pre-authentication", NO_PREAUTHENTICATION, "no-preauthentication"),
                                  ("disabled", DISABLED, "disabled")):
            self.set("userAccountControl", NORMAL | flag)
            self.named(label, code, only=flag != DISABLED)
        self.set("userAccountControl", NORMAL)
        self.dc.join("Domain Admins", ACCOUNT)
        self.named("in a privileged group", "privileged-group", "Domain Admins")
        self.dc.db.add_remove_group_members("Domain Admins", [ACCOUNT], add_members_operation=False)

    def types(self):
        for label, bits, code in (("RC4 beside AES", 28, "rc4-allowed"), ("RC4 only", 4, "no-aes"),
                                  ("DES beside AES", 27, "des-allowed"), ("no encryption types", None, "etypes-unset")):
            self.dc.etypes(ACCOUNT, bits)
            self.named(label, code, only=False)
        self.dc.etypes(ACCOUNT, 24)

    def names(self):
        self.set("servicePrincipalName", AUTOLOGON)
        self.named("a service name is missing", "spn-missing", AADG, only=False)
        self.set("servicePrincipalName", AUTOLOGON, AADG)
        self.dc.set_unchecked(OTHER, "servicePrincipalName", AADG)
        self.named("a service name is duplicate", "spn-duplicate", AADG, "WEBSERVER", only=False)
        self.dc.set(OTHER, "servicePrincipalName")

    def delegation(self):
        self.set("msDS-AllowedToDelegateTo", "cifs/dc1.contoso.test")
        self.named("constrained delegation of the account", "constrained-delegation", "cifs/dc1")
        self.set("msDS-AllowedToDelegateTo")
        self.dc.set(OTHER, "msDS-AllowedToDelegateTo", AUTOLOGON)
        self.named("another account may delegate to it", "delegation-to", "WEBSERVER")
        self.dc.set(OTHER, "msDS-AllowedToDelegateTo")
        self.may_act(ACCOUNT, OTHER)
        self.named("resource-based delegation to it", "resource-delegation", self.dc.sid_of(OTHER))
        self.may_act(ACCOUNT, None)
        self.may_act(OTHER, ACCOUNT)
        self.named("resource-based delegation of the account to another", "resource-delegation-of", "WEBSERVER")
        self.may_act(OTHER, None)

    def may_act(self, at, who):
        """Lets `who` act for users at the account `at` (msDS-AllowedToActOnBehalfOfOtherIdentity)."""
        message = ldb.Message(ldb.Dn(self.dc.db, self.dc.dn(at)))
        values = [ndr_pack(security.descriptor.from_sddl(f"O:BAD:(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;{self.dc.sid_of(who)})",
                                                         security.dom_sid(self.dc.sid)))] if who else []
        attribute = "msDS-AllowedToActOnBehalfOfOtherIdentity"
        message[attribute] = ldb.MessageElement(values, ldb.FLAG_MOD_REPLACE, attribute)
        self.dc.db.modify(message)

    def writers(self):
        help_desk = self.dc.sid_of("helpdesk")
        for label, entry, words in (("may reset the password", f"(OA;;CR;{RESET_PASSWORD};;{help_desk})", ["reset"]),
                                    ("may write everything", f"(A;;GA;;;{help_desk})", []),
                                    ("may write each attribute", f"(A;;WP;;;{help_desk})", []),
                                    ("may write the service names", f"(OA;;WP;{SPN_ATTRIBUTE};;{help_desk})", ["servicePrincipalName"]),
                                    ("may write a validated name", f"(OA;;SW;{SPN_ATTRIBUTE};;{help_desk})", ["servicePrincipalName"]),
                                    ("may change the rights", f"(A;;WD;;;{help_desk})", []),
                                    ("may take the ownership", f"(A;;WO;;;{help_desk})", []),
                                    ("everyone may write", "(A;;WP;;;WD)", ["S-1-1-0"])):
            with_entry = self.with_entry(entry)
            self.named(f"a foreign writer {label}", "foreign-writer", "S-1-1-0" if "WD)" in entry[-4:] else help_desk, *words)
            self.write(with_entry)
        before = self.descriptor()
        self.write(before, owner=help_desk)
        self.named("a foreign owner", "foreign-owner", help_desk)
        self.write(before)

    def descriptor(self):
        found = self.dc.db.search(self.dc.dn(ACCOUNT), scope=ldb.SCOPE_BASE, attrs=["nTSecurityDescriptor"])
        return ndr_unpack(security.descriptor, found[0]["nTSecurityDescriptor"][0]).as_sddl(security.dom_sid(self.dc.sid))

    def with_entry(self, entry):
        """Adds an entry to the account's DACL, and returns the security descriptor that the account had before."""
        before = self.descriptor()
        at = before.index("(", before.index("D:"))
        self.write(before[:at] + entry + before[at:])
        return before

    def write(self, text, owner=None):
        descriptor = security.descriptor.from_sddl(text, security.dom_sid(self.dc.sid))
        if owner:
            descriptor.owner_sid = security.dom_sid(owner)
        message = ldb.Message(ldb.Dn(self.dc.db, self.dc.dn(ACCOUNT)))
        message["nTSecurityDescriptor"] = ldb.MessageElement([ndr_pack(descriptor)], ldb.FLAG_MOD_REPLACE, "nTSecurityDescriptor")
        self.dc.db.modify(message)

    def keys(self):
        set_last = self.forest.in_directory("pwdLastSet")
        self.dc.set_unchecked(ACCOUNT, "pwdLastSet", OLD)
        self.named("a key that is too old", "key-is-old")
        self.dc.set_unchecked(ACCOUNT, "pwdLastSet", set_last)
        self.dc.tool("user", "setpassword", ACCOUNT, "--newpassword=Set.By.Hand.2026!")
        self.named("the keytab has another version", "keytab-version")
        self.tool.rollover("--no-node")

    def files(self):
        right = self.tool.keytab.read_bytes()
        derived_keytab(self.tool.keytab, self.dc, "Another.Password.2026!", self.forest.kvno(), SALT)
        self.named("the keytab has another key of the right version", "keytab-key")
        self.tool.keytab.write_bytes(b"no keytab")
        self.named("the keytab is no keytab", "keytab-broken")
        self.tool.keytab.write_bytes(right)
        killed = self.tool.rollover("--no-node", stop_after=5)
        self.named(f"a rollover was stopped ({killed.steps[-1].split(':')[0]})", "journal-open")
        self.tool.rollover("--no-node")

    def nodes(self):
        self.named("a node that does not answer", "node-silent", "127.0.0.1:9", options=["--node", "http://127.0.0.1:9"])
        with self.forest.server_with_operators() as server:
            well = self.tool.status("--node", server.node)
            self.report.check(well.code == 0, "status with a node: no finding", well.last())
            elsewhere = self.forest.tool_in("admin-other-keytab")
            elsewhere.keytab.write_bytes(self.tool.keytab.read_bytes())
            elsewhere.rollover("--no-node")
            self.named("a node without the current key", "node-key", server.node, only=False, options=["--node", server.node])
            self.tool.keytab.write_bytes(elsewhere.keytab.read_bytes())

    def all_at_once(self):
        """Makes an account with many faults at the same time."""
        dc, help_desk = self.dc, self.dc.sid_of("helpdesk")
        self.set("userAccountControl", NORMAL | FOR_DELEGATION | NO_PREAUTHENTICATION)
        dc.etypes(ACCOUNT, 28)
        self.set("servicePrincipalName", AUTOLOGON)
        dc.set_unchecked(OTHER, "servicePrincipalName", AADG)
        dc.set(OTHER, "msDS-AllowedToDelegateTo", AUTOLOGON)
        self.may_act(ACCOUNT, OTHER)
        before = self.with_entry(f"(A;;GA;;;{help_desk})")
        set_last = self.forest.in_directory("pwdLastSet")
        dc.set_unchecked(ACCOUNT, "pwdLastSet", OLD)
        wanted = {"unconstrained-delegation", "no-preauthentication", "rc4-allowed", "spn-missing", "spn-duplicate", "delegation-to",
                  "resource-delegation", "foreign-writer", "key-is-old"}
        found = set(faults(self.tool.status("--json")))
        self.report.check(found >= wanted, "status of a badly kept account: every fault is named",
                          f"{len(found)} findings" if found >= wanted else f"missing {sorted(wanted - found)}")
        self.write(before)
        self.may_act(ACCOUNT, None)
        self.set("userAccountControl", NORMAL)
        dc.etypes(ACCOUNT, 24)
        dc.set(OTHER, "servicePrincipalName")
        dc.set(OTHER, "msDS-AllowedToDelegateTo")
        self.set("servicePrincipalName", AUTOLOGON, AADG)
        dc.set_unchecked(ACCOUNT, "pwdLastSet", set_last)

"""Checks `seamless-admin` with a second forest in the same configuration of the server, and with a forest of two domains."""

import json

import ldb

from admin_forest import ALICE, CONTOSO, PASSWORD
from admin_tool import AdminTool
from samba_tls import SambaTls
from seamless_admin_refused import Refused
from seamless_server import header
from trust import WITHIN_FOREST, trust

FABRIKAM, CHILD = "FABRIKAM.TEST", "CHILD.CONTOSO.TEST"
SUFFIX = "contoso-corp.example"


def check(forest, report):
    Forests(forest, report).check()


class Forests:
    def __init__(self, forest, report):
        self.forest, self.report = forest, report
        self.fabrikam = self.domain(FABRIKAM, "fdc", "127.0.8.1", "frank")
        self.child = self.domain(CHILD, "cdc", "127.0.9.1", "carol")

    def domain(self, realm, host, address, user):
        dc = SambaTls(self.forest.work, self.forest.names, self.forest.authority, realm, host, address)
        dc.user(user, PASSWORD)
        return dc

    def check(self):
        forest, tool = self.forest, self.forest.tool
        self.joined()
        for dc in (self.fabrikam, self.child):
            dc.start()
        self.foreign_administrators()
        forest.remove(tool)
        first = tool.enable()
        second = AdminTool(self.fabrikam, tool.home)
        second.keytab = tool.home / "fabrikam.keytab"
        done = second.enable()
        self.report.check(first.code == 0 and done.code == 0, "enable in two forests, with one configuration",
                          done.last() if first.code == 0 else first.last())
        contoso, fabrikam = tool.tenants()
        self.report.check(SUFFIX in contoso.get("domains", []), "enable: the alternate suffix of user names", contoso.get("domains"))
        self.report.check(fabrikam["domain_sids"] == [self.fabrikam.sid] and fabrikam["keytab"] == "fabrikam.keytab",
                          "enable: the second tenant", json.dumps(fabrikam))
        # The tool reads the forest's domains from their cross-references. Samba has no cross-reference to a domain
        # whose data it does not have. If the test adds such a cross-reference, Samba's KDC finds no service. So the
        # test adds the domain to the configuration.
        contoso["forest_domains"] = {CHILD: self.child.sid}
        config = json.loads(tool.config.read_text())
        tool.config.write_text(json.dumps({**config, "tenants": [contoso, fabrikam]}))
        with forest.server() as server:
            for label, user, realm, sso, at in (("a user of CONTOSO", ALICE, CONTOSO, CONTOSO, CONTOSO),
                                                ("a user of its child domain", "carol", CHILD, CONTOSO, CONTOSO),
                                                ("a user of FABRIKAM", "frank", FABRIKAM, FABRIKAM, FABRIKAM)):
                answer = server.autologon(header(self.client(user, realm, sso).token()), at.lower())
                self.report.check(answer.status == 200, f"{label} signs in by ticket", answer.status)
            wrong = server.autologon(header(self.client("frank", FABRIKAM, FABRIKAM).token()), CONTOSO.lower())
            self.report.check(wrong.status == 403, "a ticket of FABRIKAM at CONTOSO: refused", wrong.status)
        for name, one in (("CONTOSO", tool), ("FABRIKAM", second)):
            rolled = one.rollover("--no-node")
            self.report.check(rolled.code == 0, f"rollover in {name}", rolled.last())

    def foreign_administrators(self):
        """Checks that an administrator of a trusted domain is refused, in each form of the name."""
        refused = Refused(self.forest, self.report)
        for user in ("administrator@child.contoso.test", "CHILD\\administrator", "administrator@fabrikam.test"):
            tool = self.forest.tool_in("admin-foreign", user=user)
            refused.refused(f"enable by {user}", ["--as", "domain of --forest"], "enable", tool=tool)
            refused.refused(f"rollover by {user}", ["--as", "domain of --forest"], "rollover", "--no-node", tool=tool)

    def client(self, user, realm, sso_realm):
        kdcs = {CONTOSO: self.forest.dc.kdc, CHILD: self.child.kdc, FABRIKAM: self.fabrikam.kdc}
        return self.forest.clients.session(realm, kdcs, sso_realm=sso_realm).kinit(user, PASSWORD)

    def joined(self):
        """Lets CONTOSO trust the child domain as a domain of its own forest, and gives the forest an alternate suffix
        of user names."""
        parent = self.forest.dc
        trust(parent, self.child, WITHIN_FOREST)
        partitions = f"CN=Partitions,CN=Configuration,{parent.base}"
        suffix = ldb.Message(ldb.Dn(parent.db, partitions))
        suffix["uPNSuffixes"] = ldb.MessageElement([SUFFIX], ldb.FLAG_MOD_REPLACE, "uPNSuffixes")
        parent.db.modify(suffix)

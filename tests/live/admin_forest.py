"""A forest for the tests of `seamless-admin`: a directory with LDAP over TLS, its users, and their clients."""

import json

import requests

from admin_tool import AdminTool
from authority import Authority
from samba_ad import AUTOLOGON, SSO_ACCOUNT
from samba_tls import Names, SambaTls
from seamless_server import LIMITS, Server
from work import run

CONTOSO = "CONTOSO.TEST"
ALICE, PASSWORD = "alice", "Alice.Pass.1"
# The password of the administrators who run the tool. No other part of the test uses this password. If a file contains
# the password, the tool wrote it there.
STAFF_PASSWORD = "Staff.Pass.2026!"


class Forest:
    """`clients` makes the Kerberos clients of the users. The domain controller has its own address, so it can use the
    standard ports."""

    def __init__(self, work, clients, report, port):
        self.work, self.clients, self.report, self.port = work, clients, report, port
        self.authority, self.names = Authority(work.dir("admin-authority")), Names(work.dir("admin-names"))
        self.dc = SambaTls(work, self.names, self.authority, CONTOSO, "dc1", "127.0.7.1")
        self.dc.user(ALICE, PASSWORD, givenname="Alice", surname="Anderson")
        for name in ("clerk", "helpdesk"):
            self.dc.user(name, STAFF_PASSWORD)
        self.dc.start()
        self.second = None
        self.tool = AdminTool(self.dc, work.dir("admin"))

    def tool_in(self, name, **who):
        """Returns the tool with a folder of its own."""
        return AdminTool(self.dc, self.work.dir(name), **who)

    def alice(self):
        return self.clients.session(CONTOSO, {CONTOSO: self.dc.kdc}).kinit(ALICE, PASSWORD)

    def nobody(self):
        return self.clients.session(CONTOSO, {CONTOSO: self.dc.kdc})

    def server(self, *options):
        """Starts the server with the configuration that the tool wrote."""
        return Server(self.work, self.port, config=self.tool.config, env=self.names.env, options=options)

    def server_with_operators(self, *options):
        """Starts the server with a listener for operators and with the limits of a test. The rest of the configuration
        is what the tool wrote."""
        config = json.loads(self.tool.config.read_text())
        address = f"127.0.0.1:{self.port + 1}"
        self.tool.config.write_text(json.dumps({**config, "metrics": address, "limits": LIMITS}))
        server = self.server(*options)
        server.node = f"http://{address}"
        server.health = lambda: requests.get(f"{server.node}/healthz", timeout=5).json()
        return server

    def kvno(self):
        """Returns the version of the key under which the KDC encrypts a new ticket."""
        return self.in_directory("msDS-KeyVersionNumber")

    def in_directory(self, attribute, dc=None):
        db = (dc or self.dc).db
        found = db.search((dc or self.dc).base, expression=f"(sAMAccountName={SSO_ACCOUNT})", attrs=[attribute])
        return int(str(found[0][attribute][0])) if found and attribute in found[0] else None

    def keytab_opens(self, keytab):
        """Returns whether MIT's library decrypts a fresh ticket of the KDC with the keytab."""
        return "keytab entry valid" in run(["kvno", "-k", keytab, AUTOLOGON], self.alice().env)

    def remove(self, tool):
        """Removes the account and the tool's files."""
        self.dc.db.delete(self.dc.dn(SSO_ACCOUNT))
        self.forget(tool)

    @staticmethod
    def forget(tool):
        for path in tool.home.iterdir():
            path.unlink()

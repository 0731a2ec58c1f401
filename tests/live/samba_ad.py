"""Runs a Samba AD DC with the KDC only: one process, on high ports of loopback."""

import ldb
from samba import dsdb
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB

from keys import keytab_keys
from work import run

AUTOLOGON = "HTTP/autologon.microsoftazuread-sso.com"
AADG = "HTTP/aadg.windows.net.nsatc.net"
SSO_ACCOUNT = "AZUREADSSOACC$"
ADMIN_PASSWORD = "Adm1n.Pass!"


class SambaAd:
    address, services, processes = "127.0.0.1", "kdc", "single"

    def __init__(self, work, realm, port, host=None):
        self.work, self.realm, self.port = work, realm, port
        self.netbios = realm.split(".")[0]
        self.host = host or f"{self.netbios.lower()}-dc"
        self.home = work.root / f"{self.netbios.lower()}{f'-{host}' if host else ''}"
        self.conf = self.home / "etc/smb.conf"
        self.process = None
        self._provision()
        self._open()
        self._settings()

    def _settings(self):
        """Lets the users of the test have the passwords that the test chooses."""
        for setting in ("complexity=off", "min-pwd-age=0", "history-length=0", "max-pwd-age=0"):
            self.tool("domain", "passwordsettings", "set", f"--{setting}")

    def _open(self):
        """Opens the file of the directory's database directly, while the domain controller runs."""
        lp = LoadParm()
        lp.load(str(self.conf))
        self.db = SamDB(url=str(self.home / "private/sam.ldb"), session_info=system_session(), lp=lp)
        self.base = str(self.db.domain_dn())
        self.sid = str(self.db.get_domain_sid())

    def _provision(self):
        run(["samba-tool", "domain", "provision", f"--realm={self.realm}", f"--domain={self.netbios}",
             "--server-role=dc", "--dns-backend=NONE", f"--adminpass={ADMIN_PASSWORD}", f"--host-ip={self.address}",
             f"--host-name={self.host}", f"--targetdir={self.home}", *self._options()])
        for name in ("run", "ncalrpc"):
            (self.home / name).mkdir(exist_ok=True)

    def _options(self):
        """Returns the settings of smb.conf, as options of samba-tool."""
        settings = {"bind interfaces only": "yes", "server services": self.services, "krb5 port": self.port,
                    "kpasswd port": self.port + 1, "disable netbios": "yes", "log file": f"{self.home}/log.%m",
                    "pid directory": f"{self.home}/run", "ncalrpc dir": f"{self.home}/ncalrpc",
                    "ntp signd socket directory": f"{self.home}/ntp", **self._network()}
        return [f"--option={name}={value}" for name, value in settings.items()]

    def _network(self):
        return {"interfaces": "lo", "tls enabled": "no"}

    def start(self, env=None):
        self.process = self.work.start(["samba", "-F", "-M", self.processes, "-s", self.conf, "--no-process-group",
                                        "--debug-stdout", "-d", "1"], self.home / "samba.out", self.port, env, self.address)

    def tool(self, *args):
        return run(["samba-tool", *args, "-s", self.conf, "-H", self.home / "private/sam.ldb"])

    def user(self, name, password, **attributes):
        self.db.newuser(name, password, **attributes)

    def computer(self, name, password, spns=()):
        self.db.newcomputer(name.rstrip("$"), service_principal_name_list=list(spns))
        self.set_password(name, password)

    def group(self, name, scope, members=()):
        kinds = {"global": dsdb.GTYPE_SECURITY_GLOBAL_GROUP, "universal": dsdb.GTYPE_SECURITY_UNIVERSAL_GROUP,
                 "domain-local": dsdb.GTYPE_SECURITY_DOMAIN_LOCAL_GROUP}
        self.db.newgroup(name, grouptype=kinds[scope])
        self.join(name, *members)

    def many_groups(self, prefix, count, member):
        """Adds global groups with plain LDAP operations, which take only seconds for a thousand groups."""
        dn = self.dn(member)
        self.db.transaction_start()
        for i in range(count):
            self.db.add({"dn": f"CN={prefix}{i:04},CN=Users,{self.base}", "objectClass": "group",
                         "sAMAccountName": f"{prefix}{i:04}", "member": dn})
        self.db.transaction_commit()

    def join(self, group, *members):
        if members:
            self.db.add_remove_group_members(group, list(members), add_members_operation=True)

    def dn(self, account):
        return str(self.db.search(self.base, expression=f"(sAMAccountName={account})", attrs=[])[0].dn)

    def sid_of(self, account):
        found = self.db.search(self.base, expression=f"(sAMAccountName={account})", attrs=["objectSid"])[0]
        return str(ndr_unpack(security.dom_sid, found["objectSid"][0]))

    def set(self, account, attribute, *values):
        """Replaces an attribute, or removes it if there are no values."""
        message = ldb.Message(ldb.Dn(self.db, self.dn(account)))
        change = ldb.FLAG_MOD_REPLACE if values else ldb.FLAG_MOD_DELETE
        message[attribute] = ldb.MessageElement([str(v) for v in values], change, attribute)
        self.db.modify(message)

    def set_unchecked(self, account, attribute, value):
        """Writes an attribute into the database without Samba's checks. A test can thus make states that otherwise
        arise only from replication lag or after a long time."""
        below = ldb.Ldb(f"tdb://{self.home}/private/sam.ldb.d/{self.base.upper()}.ldb", flags=ldb.FLG_DONT_CREATE_DB)
        message = ldb.Message(ldb.Dn(below, self.dn(account)))
        message[attribute] = ldb.MessageElement([str(value)], ldb.FLAG_MOD_REPLACE, attribute)
        below.modify(message)

    def set_password(self, account, password):
        self.db.setpassword(f"(sAMAccountName={account})", password)

    def etypes(self, account, bits):
        """Sets msDS-SupportedEncryptionTypes: 4 is RC4, 8 AES128, 16 AES256, 32 AES session keys. None removes the attribute."""
        self.set(account, "msDS-SupportedEncryptionTypes", *([] if bits is None else [bits]))

    def keys(self, account):
        """Returns the keys of the account's current password, as the KDC exports them."""
        return keytab_keys(self.keytab(account), account, self.realm)

    def keytab(self, account):
        path = self.home / f"{account}.keytab"
        path.unlink(missing_ok=True)
        run(["samba-tool", "domain", "exportkeytab", path, f"--principal={account}", "-s", self.conf])
        return path

    def krbtgt_keys(self):
        return [{k: key[k] for k in ("etype", "kvno", "key")} for key in self.keys("krbtgt")]

    def sso_account(self, password):
        self.computer(SSO_ACCOUNT, password, [AUTOLOGON, AADG])
        self.etypes(SSO_ACCOUNT, 16)

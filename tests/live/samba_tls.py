"""Runs Samba domain controllers with LDAP over TLS. Samba's LDAP has fixed ports. So each domain controller has its own
loopback address, with the standard ports: 88, 389, 636, 3268 and 3269. The names of the domain controllers are in a
file that nss_wrapper reads in place of /etc/hosts. The second domain controller of a domain joins the domain, and
replicates with the first one."""

import contextlib
import re
from pathlib import Path

import ldb

from samba_ad import ADMIN_PASSWORD, SambaAd
from work import run, wait

EPM, LDAPS, CATALOGUE = 135, 636, 3269
IS_CATALOGUE, DISABLE_INBOUND = 1, 2
REPLICATION = "E3514235-4B06-11D1-AB04-00C04FC2DCD2"  # the service of MS-DRSR
SITE = "CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration"


class Names:
    """The names of the domain controllers, for the programs that are started with `env`."""

    def __init__(self, home):
        self.hosts, self.krb5 = home / "hosts", home / "krb5.conf"
        self.lines, self.kdcs = [], {}
        self.env = {"LD_PRELOAD": "libnss_wrapper.so", "NSS_WRAPPER_HOSTS": str(self.hosts), "KRB5_CONFIG": str(self.krb5)}

    def add(self, address, *names):
        self.lines.append(f"{address} {' '.join(names)}\n")
        self.hosts.write_text("".join(self.lines))

    def kdc(self, realm, address):
        self.kdcs.setdefault(realm, address)
        realms = "".join(f"  {realm} = {{\n    kdc = {address}\n  }}\n" for realm, address in self.kdcs.items())
        self.krb5.write_text("[libdefaults]\n  dns_lookup_realm = false\n  dns_lookup_kdc = false\n  rdns = false\n"
                             f"  dns_canonicalize_hostname = false\n[realms]\n{realms}")


class SambaTls(SambaAd):
    """The first domain controller of a domain. `authority` issues its certificate."""

    services = "kdc,ldap,cldap,rpc,drepl"
    # Each domain controller needs several processes. With one process each, two replicating domain controllers wait for
    # each other's KDC without end.
    processes = "standard"

    def __init__(self, work, names, authority, realm, host, address):
        self.names, self.address = names, address
        self.name = f"{host}.{realm.lower()}"
        self.certificate, self.key = authority.issue(self.name, self.name, f"DNS:{self.name}", f"IP:{address}")
        self.authority = authority
        names.add(address, self.name, host)
        super().__init__(work, realm, 88, host)
        self.kdc = f"{address}:{self.port}"
        names.add(address, f"{self._guid()}._msdcs.{realm.lower()}")
        self._replicates()

    def _network(self):
        return {"interfaces": f"{self.address}/8", "kpasswd port": "464", "tls enabled": "yes", "tls certfile": self.certificate,
                "tls keyfile": self.key, "tls cafile": self.authority.trusted, "dreplsrv:periodic_startup_interval": "1",
                "dreplsrv:notify_interval": "1"}

    def _guid(self):
        """Returns the GUID of the NTDS settings of the domain controller. The replication partners find the domain
        controller by this GUID."""
        found = self.db.search(self._settings_dn(), scope=ldb.SCOPE_BASE, attrs=["objectGUID"])
        return self.db.schema_format_value("objectGUID", found[0]["objectGUID"][0]).decode()

    def _settings_dn(self):
        return f"CN=NTDS Settings,CN={self.host.upper()},{SITE},{self.db.get_root_basedn()}"

    def _replicates(self):
        """Adds the SPN for which a replication partner asks for a ticket. In other installations, Samba's DNS updates
        add the SPN."""
        message = ldb.Message(ldb.Dn(self.db, self.dn(f"{self.host.upper()}$")))
        spn = f"{REPLICATION}/{self._guid()}/{self.realm.lower()}"
        message["servicePrincipalName"] = ldb.MessageElement([spn], ldb.FLAG_MOD_ADD, "servicePrincipalName")
        with contextlib.suppress(ldb.LdbError):  # a domain controller that joined has the SPN
            self.db.modify(message)

    def start(self, env=None):
        self.names.kdc(self.realm, self.address)
        super().start({**self.names.env, **(env or {})})
        if not wait(lambda: self._listens("tcp", EPM, 88, LDAPS, CATALOGUE) and self._listens("udp", 88, 389)):
            raise RuntimeError(f"{self.name}: {(self.home / 'samba.out').read_text(errors='replace')[-2000:]}")

    def _listens(self, kind, *ports):
        """Returns whether the domain controller listens on all these ports. The services of the domain controller start
        one after another."""
        address = "".join(f"{int(octet):02X}" for octet in reversed(self.address.split(".")))
        listening = Path(f"/proc/net/{kind}").read_text()
        return all(f" {address}:{port:04X} 00000000:0000" in listening for port in ports)

    def stop(self):
        self.work.stop(self.process)

    def second(self, host, address):
        """Starts a further domain controller of this domain, and returns it."""
        return SecondDc(self, host, address)

    def dump(self):
        """Returns everything that an administrator can read in the directory, as LDIF. Leaves out the attributes that a
        bind or a replication changes."""
        found = run(["ldbsearch", "-H", self.home / "private/sam.ldb", "-b", self.base, "(objectClass=*)", "*",
                     "nTSecurityDescriptor", "unicodePwd", "msDS-KeyVersionNumber"])
        found += run(["ldbsearch", "-H", self.home / "private/sam.ldb", "-b", f"CN=Configuration,{self.base}", NOT_OF_SCHEMA, "*"])
        # LDIF folds long lines (RFC 2849).
        return [line for line in found.replace("\n ", "").splitlines() if not MOVES.match(line)]


NOT_OF_SCHEMA = "(!(|(objectClass=attributeSchema)(objectClass=classSchema)))"
# Matches the attributes that change without a command of an administrator. A bind changes the times of sign-ins and the
# numbers of right and wrong passwords (`logonCount`, `badPwdCount`). The domain controller changes the numbers that it
# gives to new objects (`rID...`) and to changes (`uSNChanged`).
MOVES = re.compile("(lastLogon|lastLogonTimestamp|logonCount|badPwdCount|badPasswordTime|lockoutTime|uSNChanged|whenChanged|"
                   "rIDNextRID|rIDAllocationPool|rIDPreviousAllocationPool|rIDAvailablePool|repl|reps|msDS-Repl|dSCorePropagationData|#)")


class SecondDc(SambaTls):
    def __init__(self, first, host, address):
        self.first = first
        super().__init__(first.work, first.names, first.authority, first.realm, host, address)

    def _provision(self):
        run(["samba-tool", "domain", "join", self.realm.lower(), "DC", f"--server={self.first.name}", "--dns-backend=NONE",
             f"--targetdir={self.home}", f"--option=netbios name={self.host}",
             "-U", f"{self.netbios}\\administrator%{ADMIN_PASSWORD}", *self._options()], self.names.env)
        for name in ("run", "ncalrpc"):
            (self.home / name).mkdir(exist_ok=True)

    def _settings(self):
        """Does nothing, because the first domain controller has made the settings of the domain."""

    def lag(self, lags):
        """Stops or starts the replication to this domain controller (NTDSDSA_OPT_DISABLE_INBOUND_REPL, MS-ADTS section
        6.1.1.2.2.1.2.1.1)."""
        message = ldb.Message(ldb.Dn(self.db, self._settings_dn()))
        message["options"] = ldb.MessageElement([str(IS_CATALOGUE | (DISABLE_INBOUND if lags else 0))], ldb.FLAG_MOD_REPLACE, "options")
        self.db.modify(message)

    def catch_up(self):
        """Replicates the domain now."""
        self.lag(False)
        run(["samba-tool", "drs", "replicate", self.name, self.first.name, self.base, "-U",
             f"{self.netbios}\\administrator%{ADMIN_PASSWORD}"], self.names.env)

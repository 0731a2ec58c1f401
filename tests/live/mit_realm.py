"""Runs MIT's KDC: one process serves all realms, on a high port of loopback."""

from keys import keytab_keys
from work import run

ENCTYPES = {16: "des3-cbc-sha1", 17: "aes128-cts-hmac-sha1-96", 18: "aes256-cts-hmac-sha1-96",
            19: "aes128-cts-hmac-sha256-128", 20: "aes256-cts-hmac-sha384-192", 23: "arcfour-hmac",
            25: "camellia128-cts-cmac", 26: "camellia256-cts-cmac"}
SPN = "HTTP/autologon.microsoftazuread-sso.com"


def capaths(ways):
    """Returns the [capaths] section of krb5.conf, with the realms between each pair of realms."""
    lines = ["[capaths]"]
    for start in sorted({start for start, _ in ways}):
        lines.append(f"  {start} = {{")
        for (_, end), between in sorted(way for way in ways.items() if way[0][0] == start):
            lines += [f"    {end} = {realm}" for realm in between or ["."]]
        lines.append("  }")
    return "\n".join(lines) + "\n"


class MitRealms:
    """The realms of one KDC process. The first realm has the service. `capaths` are the paths between realms in the
    KDC's configuration. `folder` has the databases."""

    def __init__(self, work, realms, port, folder="mit"):
        self.work, self.realms, self.realm, self.port = work, realms, realms[0], port
        self.home, self.process = work.dir(folder), None
        self.env = {"KRB5_CONFIG": str(self.home / "krb5.conf"), "KRB5_KDC_PROFILE": str(self.home / "kdc.conf")}
        self._certificate()
        self._kdc_conf()
        self._krb5_conf("")
        for realm in realms:
            run(["kdb5_util", "-r", realm, "create", "-s", "-P", "master.pass"], self.env)
            self.kadmin("modprinc -maxlife 40d -maxrenewlife 40d krbtgt/" + realm, realm)

    def _kdc_conf(self):
        listen = f"127.0.0.1:{self.port}"
        lines = ["[kdcdefaults]", f"  kdc_listen = {listen}", f"  kdc_tcp_listen = {listen}", "[realms]"]
        for realm in self.realms:
            lines += [f"  {realm} = {{", f"    database_name = {self.home}/{realm}",
                      f"    key_stash_file = {self.home}/{realm}.stash",
                      "    max_life = 40d", "    max_renewable_life = 40d", "    reject_bad_transit = false",
                      "    master_key_type = aes256-cts-hmac-sha1-96",
                      "    supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal",
                      f"    pkinit_identity = FILE:{self.home}/kdc.pem,{self.home}/kdc.key",
                      f"    pkinit_anchors = FILE:{self.home}/kdc.pem", "  }"]
        (self.home / "kdc.conf").write_text("\n".join(lines) + "\n")

    def _krb5_conf(self, capaths):
        (self.home / "krb5.conf").write_text("\n".join([
            "[libdefaults]", f"  default_realm = {self.realm}", "  allow_weak_crypto = true", "  dns_lookup_kdc = false",
            "[realms]", *(f"  {r} = {{\n    kdc = 127.0.0.1:{self.port}\n  }}" for r in self.realms), capaths]) + "\n")

    def _certificate(self):
        """Makes the KDC's certificate for anonymous PKINIT, in which the client has no certificate."""
        run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=kdc",
             "-keyout", self.home / "kdc.key", "-out", self.home / "kdc.pem",
             "-addext", "extendedKeyUsage=1.3.6.1.5.2.3.5",
             "-addext", "subjectAltName=otherName:1.3.6.1.5.2.2;SEQUENCE:princ",
             "-config", self._openssl_conf()])

    def _openssl_conf(self):
        path = self.home / "openssl.cnf"
        path.write_text(f"""[req]
distinguished_name = dn
[dn]
[princ]
realm = EXP:0,GeneralString:{self.realm}
name = EXP:1,SEQUENCE:name
[name]
type = EXP:0,INTEGER:2
parts = EXP:1,SEQUENCE:parts
[parts]
first = GeneralString:krbtgt
second = GeneralString:{self.realm}
""")
        return path

    def start(self, capaths=""):
        """Starts the KDC, or restarts it with other paths between realms."""
        if self.process:
            self.work.stop(self.process)
        self._krb5_conf(capaths)
        realms = [option for realm in self.realms for option in ("-r", realm)]
        self.process = self.work.start(["krb5kdc", "-n", *realms], self.home / "kdc.out", self.port, self.env)

    def kadmin(self, query, realm=None):
        out = run(["kadmin.local", "-r", realm or self.realm, "-q", query], self.env)
        assert "unable to" not in out, out
        return out

    def user(self, name, password, realm=None):
        self.kadmin(f'addprinc -maxlife 40d -maxrenewlife 40d -pw {password} "{name}"', realm)

    def service(self, etype, kvno=None, spn=SPN, session=(), options=""):
        """Creates the service again with one key, and returns its keys."""
        run(["kadmin.local", "-r", self.realm, "-q", f"delprinc -force {spn}"], self.env, check=False)
        self.kadmin(f"addprinc -maxlife 40d -randkey {options} -e {ENCTYPES[etype]}:normal {spn}")
        if session:
            self.kadmin(f'setstr {spn} session_enctypes "{" ".join(ENCTYPES[e] for e in session)}"')
        if kvno is not None:
            self.kadmin(f"modprinc -kvno {kvno} {spn}")
        return self.keys(spn)

    def keys(self, principal):
        return keytab_keys(self.keytab(principal), principal, self.realm)

    def keytab(self, principal):
        path = self.home / "export.keytab"
        path.unlink(missing_ok=True)
        self.kadmin(f"ktadd -norandkey -k {path} {principal}")
        return path

    def krbtgt_keys(self):
        return [{k: key[k] for k in ("etype", "kvno", "key")} for key in self.keys(f"krbtgt/{self.realm}")]

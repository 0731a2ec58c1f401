"""Runs real Kerberos clients, each with its own krb5.conf and credential cache."""

import importlib.metadata
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from work import run

HERE = Path(__file__).parent
SPNEGO = "1.3.6.1.5.5.2"
KRB5 = "1.2.840.113554.1.2.2"
MS_KRB5 = "1.2.840.48018.1.2.2"
IAKERB = "1.3.6.1.5.2.5"

DELEGATE, MUTUAL, DCE_STYLE = 1, 2, 0x1000
AUTOLOGON = "HTTP@autologon.microsoftazuread-sso.com"
AADG = "HTTP@aadg.windows.net.nsatc.net"


@dataclass
class Token:
    """A client's token in octets, or the text of a header value."""
    value: bytes | str
    made_by: str


class Clients:
    """The client programs, built with MIT's library and with Heimdal's library, and the versions of the two
    libraries."""

    def __init__(self, work):
        self.work, self.bin, self.sessions = work, work.dir("bin"), 0
        heimdal = "/usr/lib/x86_64-linux-gnu/heimdal"
        run(["gcc", "-Wall", "-DMIT", "-o", self.bin / "mit", HERE / "gss_init.c", "-lgssapi_krb5"])
        run(["gcc", "-Wall", "-I/usr/include/heimdal", f"-L{heimdal}", f"-Wl,-rpath,{heimdal}",
             "-o", self.bin / "heimdal", HERE / "gss_init.c", "-lgssapi"])
        run(["gcc", "-Wall", "-o", self.bin / "mk_req", HERE / "mk_req.c", "-lkrb5"])
        mit = f"MIT krb5 {version('libgssapi-krb5-2')}"
        self.made_by = {"mit": f"{mit} gss_init_sec_context", "mk_req": f"{mit} krb5_mk_req_extended",
                        "heimdal": f"Heimdal {version('libgssapi3-heimdal')} gss_init_sec_context",
                        "impacket": f"impacket {pip_version('impacket')} getKerberosType1",
                        "curl": f"curl {version('curl')} with {mit}",
                        "chromium": f"Chromium {version('chromium')} with {mit}"}

    def session(self, realm, kdcs, **libdefaults):
        """Returns a client in `realm` with a new credential cache. `kdcs` are the ports, or the addresses with ports, of the KDCs."""
        self.sessions += 1
        return Session(self, self.work.dir(f"client{self.sessions}"), realm, kdcs, **libdefaults)


class Session:
    def __init__(self, clients, home, realm, kdcs, sso_realm=None, sections="", realm_lines=(), **libdefaults):
        self.clients, self.home, self.realm = clients, home, realm
        settings = {"default_realm": realm, "dns_lookup_realm": "false", "dns_lookup_kdc": "false",
                    "dns_canonicalize_hostname": "false", "rdns": "false", "udp_preference_limit": 1,
                    "forwardable": "true", "allow_weak_crypto": "true", "kdc_timesync": 0, **libdefaults}
        lines = ["[libdefaults]", *(f"  {k} = {v}" for k, v in settings.items()), "[realms]"]
        for name, kdc in kdcs.items():
            lines += [f"  {name} = {{", f"    kdc = {kdc}" if ":" in str(kdc) else f"    kdc = 127.0.0.1:{kdc}", *(f"    {line}" for line in realm_lines), "  }"]
        sso_realm = sso_realm or realm
        lines += ["[domain_realm]", f"  .microsoftazuread-sso.com = {sso_realm}", f"  .nsatc.net = {sso_realm}", sections]
        (home / "krb5.conf").write_text("\n".join(lines) + "\n")
        self.cache = home / "cc"
        self.env = {"KRB5_CONFIG": str(home / "krb5.conf"), "KRB5CCNAME": f"FILE:{self.cache}",
                    "GSS_MECH_CONFIG": "/dev/null", "HOME": str(home)}

    def kinit(self, user, password, *options):
        run(["kinit", *options, user], self.env, password + "\n")
        return self

    def kvno(self, spn, *options):
        run(["kvno", *options, spn], self.env)
        return self

    def has_ticket(self, service=AUTOLOGON):
        """Returns whether the credential cache has a ticket for the service."""
        return service.replace("@", "/") in run(["klist"], self.env, check=False)

    def use_kdc(self, port):
        """Makes the client ask the KDC at `port` from now on."""
        config = self.home / "krb5.conf"
        config.write_text(re.sub(r"kdc = 127\.0\.0\.1:\d+", f"kdc = 127.0.0.1:{port}", config.read_text()))

    def renew(self):
        run(["kinit", "-R"], self.env)
        return self

    def use_cache(self, path):
        self.cache, self.env["KRB5CCNAME"] = path, f"FILE:{path}"
        return self

    def token(self, target=AUTOLOGON, mech=SPNEGO, flags=MUTUAL, bindings=None, library="mit", clock=0, options=()):
        """Returns the first GSS token for `target`. `clock` is the error of the client's clock in seconds."""
        command = [self.clients.bin / library, "-m", mech, "-f", flags, *options]
        if bindings is not None:
            command += ["-b", bindings.hex()]
        return self._made(library, wrong_clock(clock) + command + [target])

    def ap_req(self, principal, *options):
        """Returns a bare AP-REQ, as protocols without GSS send it."""
        return self._made("mk_req", [self.clients.bin / "mk_req", *options, principal])

    def impacket(self, user, principal, clock=0):
        """Returns impacket's token for the service ticket in the cache."""
        return self._made("impacket", wrong_clock(clock) + [sys.executable, HERE / "impacket_init.py", self.cache,
                                                            user, self.realm, principal])

    def _made(self, by, command):
        return Token(bytes.fromhex(run(command, self.env)), self.clients.made_by[by])


def wrong_clock(seconds):
    if not seconds:
        return []
    return ["faketime", "-f", time.strftime("@%Y-%m-%d %H:%M:%S", time.localtime(time.time() + seconds))]


def version(package):
    return run(["dpkg-query", "-W", "-f", "${Version}", package])


def pip_version(package):
    return importlib.metadata.version(package)

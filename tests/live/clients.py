"""Real Kerberos clients, each with its own krb5.conf and credential cache."""

import base64
import time
from pathlib import Path

from work import run

HERE = Path(__file__).parent
SPNEGO = "1.3.6.1.5.5.2"
KRB5 = "1.2.840.113554.1.2.2"
MS_KRB5 = "1.2.840.48018.1.2.2"
IAKERB = "1.3.6.1.5.2.5"
NTLM = "1.3.6.1.4.1.311.2.2.10"

DELEGATE, MUTUAL, REPLAY, SEQUENCE, CONFIDENTIAL, INTEGRITY, DCE_STYLE = 1, 2, 4, 8, 16, 32, 0x1000
AUTOLOGON = "HTTP@autologon.microsoftazuread-sso.com"


class Clients:
    """Builds the GSS initiator against both libraries and names their versions."""

    def __init__(self, work):
        self.work = work
        self.bin = work.dir("bin")
        lib = "/usr/lib/x86_64-linux-gnu"
        run(["gcc", "-Wall", "-DMIT", "-o", self.bin / "mit", HERE / "gss_init.c", "-lgssapi_krb5", "-lkrb5"])
        run(["gcc", "-Wall", "-I/usr/include/heimdal", f"-L{lib}/heimdal", f"-Wl,-rpath,{lib}/heimdal",
             "-o", self.bin / "heimdal", HERE / "gss_init.c", "-lgssapi"])
        self.mit = f"MIT krb5 {version('libgssapi-krb5-2')} gss_init_sec_context"
        self.heimdal = f"Heimdal {version('libgssapi3-heimdal')} gss_init_sec_context"
        self.caches = 0

    def session(self, realm, kdcs, **libdefaults):
        """A new, empty credential cache of a client in `realm` that knows the KDC ports `kdcs`."""
        self.caches += 1
        home = self.work.dir(f"client{self.caches}")
        return Session(self, home, realm, kdcs, libdefaults)


class Session:
    def __init__(self, clients, home, realm, kdcs, libdefaults):
        self.clients, self.home, self.realm = clients, home, realm
        capaths = libdefaults.pop("capaths", "")
        sso_realm = libdefaults.pop("sso_realm", next(iter(kdcs)))
        realm_options = libdefaults.pop("realm_options", "")
        settings = {"default_realm": realm, "dns_lookup_realm": "false", "dns_lookup_kdc": "false",
                    "dns_canonicalize_hostname": "false", "rdns": "false", "udp_preference_limit": 1,
                    "forwardable": "true", "allow_weak_crypto": "true", "kdc_timesync": 0, **libdefaults}
        lines = ["[libdefaults]", *(f"  {k} = {v}" for k, v in settings.items()), "[realms]"]
        lines += [f"  {r} = {{\n    kdc = 127.0.0.1:{port}\n{realm_options}  }}" for r, port in kdcs.items()]
        lines += ["[domain_realm]", f"  .microsoftazuread-sso.com = {sso_realm}", f"  .nsatc.net = {sso_realm}", capaths]
        (home / "krb5.conf").write_text("\n".join(lines) + "\n")
        self.env = {"KRB5_CONFIG": str(home / "krb5.conf"), "KRB5CCNAME": f"FILE:{home}/cc",
                    "GSS_MECH_CONFIG": "/dev/null", "HOME": str(home)}

    def kinit(self, user, password, *options):
        run(["kinit", *options, user], self.env, password + "\n")
        return self

    def kvno(self, spn, *options):
        run(["kvno", *options, spn], self.env)
        return self

    def token(self, target=AUTOLOGON, mech=SPNEGO, flags=MUTUAL, bindings=None, library="mit", clock=None, options=()):
        """The first GSS token for `target`; `clock`, in seconds, sets the client's own clock wrong by so much."""
        command = [self.clients.bin / library, "-m", mech, "-f", flags, *options]
        if bindings is not None:
            command += ["-b", bindings.hex()]
        return bytes.fromhex(run(wrong_clock(clock) + command + [target], self.env))


def wrong_clock(seconds):
    return ["faketime", "-f", time.strftime("@%Y-%m-%d %H:%M:%S", time.localtime(time.time() + seconds))] if seconds else []


def version(package):
    return run(["dpkg-query", "-W", "-f", "${Version}", package])


def b64(token):
    return base64.b64encode(token).decode()

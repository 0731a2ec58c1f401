"""Real clients establish contexts with a server and exchange messages with it, in the frames of frames.h:

  conversation.py [SERVER...]

SERVER is a command that takes what gss_acceptor.py takes, which it is if nothing is said: PORT KEYTAB [--bindings HEX]
[--sasl MECHANISM]. It is run once for each key and set of options."""

import os
import subprocess
import sys

from clients import AUTOLOGON, DCE_STYLE, DELEGATE, HERE, KRB5, MUTUAL
from mit_realm import ENCTYPES, SPN
from samba_ad import AUTOLOGON as SSO_SPN
from samba_ad import SSO_ACCOUNT
from work import Work, run
from world import World

REPLAY, SEQUENCE = 4, 8
ALL = MUTUAL | REPLAY | SEQUENCE
NTLM = "1.3.6.1.4.1.311.2.2.10"
OURS, OTHER = "tls-server-end-point:ours".encode().hex(), "tls-server-end-point:other".encode().hex()
FIRST_PORT, TIMEOUT = 24001, 120
NO_MECHANISMS = {"GSS_MECH_CONFIG": "/dev/null"}


class Conversations:
    def __init__(self, work, server):
        self.work, self.server, self.port, self.failures = work, server, FIRST_PORT, 0
        self.bin = work.dir("conversations")
        heimdal = "/usr/lib/x86_64-linux-gnu/heimdal"
        run(["gcc", "-Wall", "-DMIT", "-o", self.bin / "mit", HERE / "gss_client.c", "-lgssapi_krb5"])
        run(["gcc", "-Wall", "-I/usr/include/heimdal", f"-L{heimdal}", f"-Wl,-rpath,{heimdal}",
             "-o", self.bin / "heimdal", HERE / "gss_client.c", "-lgssapi"])
        run(["gcc", "-Wall", "-o", self.bin / "sasl", HERE / "sasl_client.c", "-lsasl2"])

    def serve(self, session, keytab, *options):
        """Starts the server on the next port with a copy of the keytab."""
        self.session, self.port = session, self.port + 1
        copy = self.bin / f"{self.port}.keytab"
        copy.write_bytes(keytab.read_bytes())
        self.work.start([*self.server, self.port, copy, *options], self.bin / f"{self.port}.log", self.port,
                        {**session.env, **NO_MECHANISMS})

    def gss(self, label, *options, library="mit", good=True, env=None):
        self._talk(f"{library}-{label}", [self.bin / library, *options, self.port, AUTOLOGON], good, env)

    def pyspnego(self, label, *options, good=True):
        self._talk(f"pyspnego-{label}", [sys.executable, HERE / "pyspnego_client.py", *options, self.port, AUTOLOGON], good)

    def sasl(self, label, *options):
        self._talk(f"sasl-{label}", [self.bin / "sasl", *options, self.port, *AUTOLOGON.split("@")], True)

    def _talk(self, label, command, good, env=None):
        done = subprocess.run([str(part) for part in command], env={**os.environ, **self.session.env, **(env or {})},
                              capture_output=True, text=True, timeout=TIMEOUT)
        as_expected = (done.returncode == 0) == good
        self.failures += not as_expected
        said = " ".join((done.stdout + done.stderr).split())
        print(f"{'ok  ' if as_expected else 'FAIL'} {label}{'' if good else ', refused'}: {said[-300:]}", flush=True)


def framings(to, ntlm_users):
    for library in ("mit", "heimdal"):
        to.gss("spnego", library=library)
        to.gss("krb5", "-m", KRB5, library=library)
        to.gss("delegation", "-f", ALL | DELEGATE, library=library)
        to.gss("no-replay-detection", "-f", MUTUAL, library=library)
    for mech, label in ((("-m", KRB5), "krb5"), ((), "spnego")):
        to.gss(f"{label}-no-mutual", *mech, "-f", REPLAY | SEQUENCE)
        # Without an AP-REP, Heimdal has the server's sequence numbers begin with zero, MIT with the client's own.
        to.gss(f"{label}-no-mutual", *mech, "-f", REPLAY, library="heimdal")
        to.gss(f"{label}-dce", *mech, "-f", ALL | DCE_STYLE)
        # What Heimdal seals in DCE style MIT's server does not open.
        to.gss(f"{label}-dce", *mech, "-f", ALL | DCE_STYLE, "-k", "PM", library="heimdal")
    ntlm = {"GSS_MECH_CONFIG": "/etc/gss/mech.d/mech.ntlmssp.conf", "NTLM_USER_FILE": str(ntlm_users)}
    to.gss("ntlm-first", "-o", f"{NTLM},{KRB5}", env=ntlm)
    to.pyspnego("negotiate")
    to.pyspnego("kerberos", "--protocol", "kerberos")
    to.pyspnego("kerberos-dce", "--protocol", "kerberos", "--flags", ALL | DCE_STYLE)
    to.pyspnego("negotiate-dce", "--flags", ALL | DCE_STYLE)
    to.pyspnego("ntlm-first", "--ntlm-first", "--user", "alice@MIT.TEST", "--password", "Some.Pass.1")


def bindings(to):
    for library in ("mit", "heimdal"):
        to.gss("bindings", "-b", OURS, library=library)
        to.gss("bindings-other", "-b", OTHER, library=library, good=False)
    to.pyspnego("bindings", "--bindings", OURS)
    to.pyspnego("bindings-other", "--bindings", OTHER, good=False)


def etypes(to, etype):
    for library in ("mit", "heimdal"):
        to.gss(f"etype-{etype}", library=library)
        to.gss(f"etype-{etype}-dce", "-m", KRB5, "-f", ALL | DCE_STYLE, "-k", "WPM" if library == "mit" else "PM",
               library=library)
    to.gss(f"etype-{etype}-only", "-e", etype)


def layers(to, mechanism):
    for label, strength in (("sealed", "56,256"), ("signed", "1,1"), ("none", "0,0")):
        to.sasl(f"{mechanism.lower()}-{label}", "-m", mechanism, "-l", strength)


def converse(world, server):
    to, mit = Conversations(world.work, server), world.mit
    users = world.work.root / "ntlm.users"
    users.write_text("MIT:alice:Some.Pass.1\n")
    mit.service(18, options="+ok_as_delegate")
    alice, keytab = world.mit_user("alice").kvno(SPN), mit.keytab(SPN)
    to.serve(alice, keytab)
    framings(to, users)
    to.serve(alice, keytab, "--bindings", OURS)
    bindings(to)
    for mechanism in ("GSSAPI", "GSS-SPNEGO"):
        to.serve(alice, keytab, "--sasl", mechanism)
        layers(to, mechanism)
    for etype in (17, 19, 20):
        mit.service(etype, session=[etype])
        to.serve(world.mit_user("alice").kvno(SPN, "-e", ENCTYPES[etype]), mit.keytab(SPN))
        etypes(to, etype)
    world.contoso.etypes(SSO_ACCOUNT, 28)
    to.serve(world.alice().kvno(SSO_SPN, "-e", ENCTYPES[23]), world.contoso.keytab(SSO_ACCOUNT))
    etypes(to, 23)
    return to.failures


def main(server):
    with Work() as work:
        world = World(work)
        world.add_mit()
        return converse(world, server or [sys.executable, HERE / "gss_acceptor.py"])


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)

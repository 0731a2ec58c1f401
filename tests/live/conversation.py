"""Runs real clients that establish contexts with a server and exchange messages with it, in the frames of frames.h:

  conversation.py [SERVER...]

SERVER is a command with the options of gss_acceptor.py: PORT KEYTAB [--bindings HEX] [--sasl MECHANISM]. The default is
gss_acceptor.py itself. The command is started once for each key and set of options."""

import sys
import time

from spnego._spnego import unpack_token

from clients import AUTOLOGON, DCE_STYLE, DELEGATE, HERE, KRB5, MS_KRB5, MUTUAL, wrong_clock
from mit_realm import ENCTYPES, SPN
from relay import Relay
from report import Report
from samba_ad import AUTOLOGON as SSO_SPN
from samba_ad import SSO_ACCOUNT
from work import Work, attempt, run
from world import World

REPLAY, SEQUENCE = 4, 8
ALL = MUTUAL | REPLAY | SEQUENCE
NTLM = "1.3.6.1.4.1.311.2.2.10"
OURS, OTHER = "tls-server-end-point:ours".encode().hex(), "tls-server-end-point:other".encode().hex()
FRAMINGS = {"spnego": (), "krb5": ("-m", KRB5)}
RC4_ONLY, RC4_AND_AES = 4, 28
FIRST_PORT = 24001
REFERENCE = [sys.executable, HERE / "gss_acceptor.py"]
NO_MECHANISMS = {"GSS_MECH_CONFIG": "/dev/null"}


class Conversations:
    def __init__(self, work, server):
        self.work, self.server, self.port, self.report = work, server or REFERENCE, FIRST_PORT, Report()
        # MIT's server cannot decrypt a message that Heimdal sealed in DCE style.
        self.heimdal_dce = "WPM" if server else "PM"
        self.bin = work.dir("conversations")
        heimdal = "/usr/lib/x86_64-linux-gnu/heimdal"
        run(["gcc", "-Wall", "-DMIT", "-o", self.bin / "mit", HERE / "gss_client.c", "-lgssapi_krb5"])
        run(["gcc", "-Wall", "-I/usr/include/heimdal", f"-L{heimdal}", f"-Wl,-rpath,{heimdal}",
             "-o", self.bin / "heimdal", HERE / "gss_client.c", "-lgssapi"])
        run(["gcc", "-Wall", "-o", self.bin / "sasl", HERE / "sasl_client.c", "-lsasl2"])

    def serve(self, session, keytab, *options):
        """Starts the server on the next port with a copy of the keytab. Returns the path of the server's log."""
        self.session, self.port = session, self.port + 1
        copy = self.bin / f"{self.port}.keytab"
        copy.write_bytes(keytab.read_bytes())
        log = self.bin / f"{self.port}.log"
        self.work.start([*self.server, self.port, copy, *options], log, self.port, {**session.env, **NO_MECHANISMS})
        time.sleep(1)  # the server refuses authenticators of the second in which it started
        return log

    def gss(self, label, *options, library="mit", port=None, **expected):
        self._talk(f"{library}-{label}", self.gss_client(library, *options, port=port), **expected)

    def gss_client(self, library, *options, port=None):
        return [self.bin / library, *options, port or self.port, AUTOLOGON]

    def pyspnego(self, label, *options, port=None, **expected):
        command = [sys.executable, HERE / "pyspnego_client.py", *options, port or self.port, AUTOLOGON]
        self._talk(f"pyspnego-{label}", command, **expected)

    def sasl(self, label, *options):
        self._talk(f"sasl-{label}", [self.bin / "sasl", *options, self.port, *AUTOLOGON.split("@")])

    def _talk(self, label, command, good=True, says="", clock=0, env=None):
        """Runs a client and checks its exit status. `says` is a text that the client must print. `clock` is the error of the client's clock
        in seconds."""
        status, said = attempt(wrong_clock(clock) + command, {**self.session.env, **(env or {})})
        as_expected = (status == 0) == good and says in said
        self.report.check(as_expected, label if good else f"{label}, refused", said[-300:])


def variants(to):
    """Tests options that do not depend on the encryption type of the key."""
    for library in ("mit", "heimdal"):
        to.gss("delegation", "-f", ALL | DELEGATE, library=library)
        to.gss("no-replay-detection", "-f", MUTUAL, library=library)
    for label, mech in FRAMINGS.items():
        to.gss(f"{label}-no-mutual", *mech, "-f", REPLAY | SEQUENCE)
        # Without an AP-REP, the server's sequence numbers begin with zero in Heimdal. In MIT krb5, the server's numbers
        # begin with the client's number.
        to.gss(f"{label}-no-mutual", *mech, "-f", REPLAY, library="heimdal")


def framings(to, etype, name, user, password):
    """Tests with and without SPNEGO, in DCE style, with Microsoft's OID of Kerberos, and with a forced second round trip."""
    for label, mech in FRAMINGS.items():
        for library in ("mit", "heimdal"):
            to.gss(f"{label}-{etype}", *mech, library=library)
        to.gss(f"{label}-dce-{etype}", *mech, "-f", ALL | DCE_STYLE)
        to.gss(f"{label}-dce-{etype}", *mech, "-f", ALL | DCE_STYLE, "-k", to.heimdal_dce, library="heimdal")
    to.gss(f"only-{etype}", "-e", etype)
    users = to.bin / "ntlm.users"
    users.write_text(f"{name}:{user}:{password}\n")
    ntlm = {"GSS_MECH_CONFIG": "/etc/gss/mech.d/mech.ntlmssp.conf", "NTLM_USER_FILE": str(users)}
    to.gss(f"ntlm-first-{etype}", "-o", f"{NTLM},{KRB5}", env=ntlm)
    to.pyspnego(f"negotiate-{etype}")
    to.pyspnego(f"kerberos-{etype}", "--protocol", "kerberos")
    to.pyspnego(f"ms-krb5-first-{etype}", "--offer", f"{MS_KRB5},{KRB5},{NTLM}")
    to.pyspnego(f"kerberos-dce-{etype}", "--protocol", "kerberos", "--flags", ALL | DCE_STYLE)
    to.pyspnego(f"negotiate-dce-{etype}", "--flags", ALL | DCE_STYLE)
    to.pyspnego(f"ntlm-first-{etype}", "--ntlm-first", "--user", f"{user}@{name}.TEST", "--password", password)


def mechanisms(to):
    """Tests the two OIDs of Kerberos. Windows offers Microsoft's OID first. The server must answer with the first OID of the offer."""
    offers = {"ms-krb5-first": [MS_KRB5, KRB5, NTLM], "ms-krb5-only": [MS_KRB5], "ms-krb5-second": [KRB5, MS_KRB5],
              "krb5-only": [KRB5]}
    for label, offered in offers.items():
        with Relay(to.port) as relay:
            to.pyspnego(label, "--offer", ",".join(offered), port=relay.port)
        answered_by_first(to, f"pyspnego-{label}", relay, offered)
    for library in ("mit", "heimdal"):  # these libraries always offer only one OID
        with Relay(to.port) as relay:
            to.gss("krb5-only", port=relay.port, library=library)
        answered_by_first(to, f"{library}-krb5-only", relay, [KRB5])


def answered_by_first(to, label, relay, expected):
    request, reply = relay.frame("T", "C")
    offered, chosen = unpack_token(request).mech_types, unpack_token(reply).supported_mech
    good = offered == expected and chosen == offered[0]
    to.report.check(good, f"{label}, supportedMech", f"{chosen} of {', '.join(offered)}")


def bindings(to):
    for library in ("mit", "heimdal"):
        to.gss("bindings", "-b", OURS, library=library)
        to.gss("bindings-other", "-b", OTHER, library=library, good=False)
    to.pyspnego("bindings", "--bindings", OURS)
    to.pyspnego("bindings-other", "--bindings", OTHER, good=False)


def all_of(to, log, etype):
    """Checks that the server of this project logs the encryption type `etype` for every session key."""
    said = [line for line in log.read_text().splitlines() if line.startswith("accepted")]
    good = all(f"({etype})" in line for line in said)
    to.report.check(good, f"session keys of type {etype}", f"{len(said)} of them" if good else said)


def layers(to, mechanism):
    for label, strength in (("sealed", "56,256"), ("signed", "1,1"), ("none", "0,0")):
        to.sasl(f"{mechanism.lower()}-{label}", "-m", mechanism, "-l", strength)


def converse(world, to):
    mit = world.mit
    for etype in (17, 19, 20, 18):
        mit.service(etype, session=[etype], options="+ok_as_delegate")
        alice, keytab = world.mit_user("alice").kvno(SPN, "-e", ENCTYPES[etype]), mit.keytab(SPN)
        log = to.serve(alice, keytab)
        framings(to, etype, "MIT", "alice", "Some.Pass.1")
        all_of(to, log, etype)
    variants(to)
    mechanisms(to)
    to.serve(alice, keytab, "--bindings", OURS)
    bindings(to)
    for mechanism in ("GSSAPI", "GSS-SPNEGO"):
        to.serve(alice, keytab, "--sasl", mechanism)
        layers(to, mechanism)
    world.contoso.etypes(SSO_ACCOUNT, RC4_ONLY)
    log = to.serve(world.alice().kvno(SSO_SPN), world.contoso.keytab(SSO_ACCOUNT))
    framings(to, 23, "CONTOSO", "alice", "Alice.Pass.1")
    all_of(to, log, 23)
    world.contoso.etypes(SSO_ACCOUNT, RC4_AND_AES)


def main(server):
    with Work() as work:
        world = World(work)
        world.add_mit()
        to = Conversations(work, server)
        converse(world, to)
        return to.report.failures


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)

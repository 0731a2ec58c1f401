"""Tests mutual authentication and channel bindings over HTTP, with a web server that sends the replies of the example `validate`.

RFC 4559 section 5 does not say what a client must do with the reply in a 200. requests-kerberos verifies the reply. curl 7.88 reads
`WWW-Authenticate` in a 401 only. From a 401, curl gives the reply to MIT's library, which verifies it. So the test sends curl the
reply in a 200 and in a 401. Chromium on Linux does not ask for mutual authentication, and accepts a 200 with any header."""

import base64
import sys

from clients import HERE
from crate import validate
from mit_realm import ENCTYPES, SPN
from samba_ad import AUTOLOGON, SSO_ACCOUNT
from web import CURL_NEGOTIATE, HOST, HTTP_PORT, HTTPS_PORT, PATH, curl_command
from work import attempt, run

UNTRUE = "Decrypt integrity check failed"


def check(world, report):
    for etype in (17, 18, 19, 20):
        world.mit.service(etype, session=[etype])
        client = world.mit_user("alice").kvno(SPN, "-e", ENCTYPES[etype])
        by_etype(world, report, client, Server(world, world.mit.keytab(SPN)), etype)
        if etype == 18:
            bindings(world, report, client, world.mit.keytab(SPN))
    world.contoso.etypes(SSO_ACCOUNT, 4)
    client = world.alice().kvno(AUTOLOGON, "-e", ENCTYPES[23])
    by_etype(world, report, client, Server(world, world.contoso.keytab(SSO_ACCOUNT), "--allow-rc4"), 23)


class Server:
    def __init__(self, world, keytab, *options):
        self.web, self.options, self.header = world.web, options, world.work.root / "mutual.header"
        self.keytab = world.work.root / "mutual.keytab"
        self.keytab.write_bytes(keytab.read_bytes())
        self.verdict = {}

    def serve(self, status=200, change=lambda reply: reply):
        """Makes the web server answer an accepted token with `status` and with the reply that `change` returns."""
        def answer(header):
            if not header:
                return 401, ["Negotiate"]
            self.header.write_text(header)
            self.verdict, = validate(self.keytab, ["--header", *self.options], self.header)
            reply = base64.b64decode(self.verdict["reply"] or "")
            if not self.verdict["accepted"]:
                return 401, [negotiate(reply)]
            return status, [negotiate(change(reply))]
        self.web.answer = answer


def by_etype(world, report, client, server, etype):
    requests, curl = f"requests-mutual-{etype}", f"curl-mutual-{etype}"
    server.serve()
    status, said = with_requests(world, client)
    ticket = server.verdict.get("ticket", {})
    report.check((status, said) == (0, "200") and ticket.get("etype") == ticket.get("session_etype") == etype, requests, said)
    status, said = with_curl(client)
    report.check(status == 0 and "200 OK" in said and server.verdict["mutual"], curl, "200")
    server.serve(change=last_octet_changed)
    status, said = with_requests(world, client)
    report.check(status == 1 and "did not prove itself" in said, f"{requests}, one octet changed, refused", said)
    server.serve(401)
    status, said = with_curl(client)
    report.check(status == 0 and "gss_init_sec_context() failed" not in said, f"{curl}, in a 401", "verified")
    server.serve(401, last_octet_changed)
    status, said = with_curl(client)
    report.check(UNTRUE in said, f"{curl}, in a 401, one octet changed, refused", UNTRUE if UNTRUE in said else said)


def bindings(world, report, client, keytab):
    """Checks channel bindings. The client hashes the certificate of the connection, and `validate` hashes the certificate in the file."""
    own, other = world.web.certificate, other_certificate(world)
    for label, certificates, expected in (("own", [own], "matched"), ("rollover", [other, own], "matched"),
                                          ("another", [other], "channel-binding")):
        options = [word for certificate in certificates for word in ("--certificate", certificate)]
        server = Server(world, keytab, *options, "--cb-level", "require")
        server.serve()
        with_requests(world, client, tls=True)
        said = server.verdict.get("channel_bindings") or server.verdict.get("code")
        report.check(said == expected, f"requests-bindings-{label}-certificate", said)
    with_curl(client, tls=True)
    said = server.verdict.get("code")
    report.check(said == "channel-binding-missing", "curl-bindings, which it does not send, refused", said)


def other_certificate(world):
    path = world.work.root / "other.pem"
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha384", "-nodes", "-days", "30",
         "-subj", f"/CN={HOST}", "-keyout", world.work.root / "other.key", "-out", path])
    return path


def with_requests(world, client, tls=False):
    url = f"https://127.0.0.1:{HTTPS_PORT}{PATH}" if tls else f"http://127.0.0.1:{HTTP_PORT}{PATH}"
    return attempt([sys.executable, HERE / "requests_client.py", url, HOST, world.web.certificate], client.env)


def with_curl(client, tls=False):
    return attempt(curl_command("-v", *CURL_NEGOTIATE, tls=tls), client.env)


def negotiate(reply):
    return f"Negotiate {base64.b64encode(reply).decode()}"


def last_octet_changed(reply):
    return reply[:-1] + bytes([reply[-1] ^ 1])

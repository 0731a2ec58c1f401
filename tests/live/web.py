"""Runs a web server on loopback that challenges clients and keeps their Authorization headers, and runs the web clients."""

import base64
import contextlib
import hashlib
import http.server
import json
import ssl
import threading
from pathlib import Path

from clients import Token
from work import run

HOST = "autologon.microsoftazuread-sso.com"
HTTP_PORT, HTTPS_PORT = 21080, 21443
PATH = "/contoso.test/winauth/sso"
TRUST_PATH = "/contoso.test/winauth/trust/2005/windowstransport"
CURL_NEGOTIATE = ("--negotiate", "-u", ":")
POLICY = Path("/etc/chromium/policies/managed/kerberos-sso-live.json")


class Web:
    """A web server. The function `answer` maps an Authorization header to the status and the challenges of the response."""

    def __init__(self, work):
        self.seen, self.answer = [], negotiate
        self.certificate = cert = work.root / "web.pem"
        key = work.root / "web.key"
        run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN={HOST}",
             "-addext", f"subjectAltName=DNS:{HOST},IP:127.0.0.1", "-keyout", key, "-out", cert])
        der = run(["openssl", "x509", "-in", cert, "-noout", "-pubkey"])
        self.spki = base64.b64encode(hashlib.sha256(base64.b64decode("".join(der.splitlines()[1:-1]))).digest()).decode()
        self.servers = [http.server.ThreadingHTTPServer(("127.0.0.1", port), self._handler()) for port in (HTTP_PORT, HTTPS_PORT)]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.servers[1].socket = context.wrap_socket(self.servers[1].socket, server_side=True)
        for server in self.servers:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def headers(self, send, answer=None):
        """Returns the Authorization headers that a client sends during `send`."""
        self.seen, self.answer = [], answer or negotiate
        send()
        return [header for header in self.seen if header]

    def _handler(web):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                header = self.headers.get("Authorization")
                web.seen.append(header)
                status, challenges = web.answer(header)
                self.send_response(status)
                for challenge in challenges:
                    self.send_header("WWW-Authenticate", challenge)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            do_POST = do_GET

            def log_message(self, *_):
                pass

        return Handler


def scheme(challenge):
    """Returns a function that challenges with one scheme and accepts any Authorization header."""
    return lambda header: (200, []) if header else (401, [challenge])


negotiate = scheme("Negotiate")


def url(tls=False, path=PATH, user=""):
    return f"{'https' if tls else 'http'}://{user}{HOST}{path}"


def curl(session, *options, tls=False, path=PATH):
    run(curl_command(*options, tls=tls, path=path), session.env)


def curl_command(*options, tls=False, path=PATH):
    to = f"{HOST}:{443 if tls else 80}:127.0.0.1:{HTTPS_PORT if tls else HTTP_PORT}"
    return ["curl", "-s", "-k", "--max-time", 20, "--connect-to", to, *options, url(tls, path)]


def chromium(web, session, tls=False, user="", policy=None):
    """Opens one page in headless Chromium."""
    profile = seen_negotiate(session.home / "profile")
    with policies(**(policy or {})):
        run(["timeout", "60", "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
             f"--user-data-dir={profile}", f"--ignore-certificate-errors-spki-list={web.spki}",
             f"--host-resolver-rules=MAP {HOST}:80 127.0.0.1:{HTTP_PORT},MAP {HOST}:443 127.0.0.1:{HTTPS_PORT}",
             "--dump-dom", url(tls, user=user)], session.env)


def seen_negotiate(profile):
    """Makes a profile in which Chromium has seen a Negotiate challenge. Without such a challenge, Chromium never loads GSSAPI."""
    profile.mkdir(exist_ok=True)
    (profile / "Local State").write_text(json.dumps({"net": {"received_http_auth_negotiate_headers": True}}))
    return profile


@contextlib.contextmanager
def policies(**more):
    """Sets Chromium's policies while the `with` block runs."""
    POLICY.parent.mkdir(parents=True, exist_ok=True)
    POLICY.write_text(json.dumps({"AuthServerAllowlist": HOST, "DisableAuthNegotiateCnameLookup": True,
                                  "BasicAuthOverHttpEnabled": True, **more}))
    try:
        yield
    finally:
        POLICY.unlink()


def from_curl(world, headers):
    return [Token(header, world.clients.made_by["curl"]) for header in headers]


def from_chromium(world, headers):
    return [Token(header, world.clients.made_by["chromium"]) for header in headers]

"""Tests that no client of the sign-in server keeps other clients out, with 3,000 sockets of one address and with 400
guesses at once. Also tests the headers of proxies, the metrics for Prometheus, a server that is stopped during a
request, and a server that ends TLS itself."""

import concurrent.futures
import contextlib
import hashlib
import http.client
import re
import resource
import signal
import socket
import ssl
import time

from seamless_server import Answer, Server, header, tenant, wait
from web import HOST, PATH
from work import run

SOCKETS, GUESSES, CHECKED = 3_000, 400, 10
OTHER, PROXY, CLIENT = "127.0.0.2", "127.0.0.3", "198.51.100.7"
ALICE, WRONG = ("alice@contoso.test", "Alice.Pass.1"), "Wrong.Pass.1"


def check(world, server, port, report):
    with Front(world, server.keytab, port) as front:
        sockets(world, front, report)
        guesses(front, report)
        proxies(front, report)
        figures(front, report)
        stop(front, report)
    with Tls(world, server.keytab, port) as server:
        tls(world, server, report)


class Front(Server):
    """A server that trusts one proxy and shows its metrics on another port."""

    def __init__(self, world, keytab, port):
        self.figures_port = port + 1
        super().__init__(world.work, port, [tenant(world.contoso, keytab)], metrics=f"127.0.0.1:{self.figures_port}",
                         proxies=[PROXY])

    def from_address(self, address, method, path, headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=(address, 0))
        with contextlib.closing(connection):
            connection.request(method, path, headers={"Host": HOST, **headers})
            response = connection.getresponse()
            response.read()
            return response

    def figure(self, name):
        """Returns the value of a metric, or 0 if the server shows no such metric. `name` includes the metric's
        labels."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.figures_port, timeout=30)) as connection:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found.group(1)) if found else 0


def sockets(world, front, report):
    """Opens 3,000 sockets of one address, and signs in from another address while they are open."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 2 * SOCKETS), most))
    with contextlib.ExitStack() as held:
        for _ in range(SOCKETS):
            held.enter_context(socket.create_connection(("127.0.0.1", front.port), 30, (OTHER, 0)))
        started = time.monotonic()
        answer = front.autologon(header(world.alice().token()))
        seconds = time.monotonic() - started
        open_now = front.figure("seamless_open_connections")
        report.check(answer.status == 200 and seconds < 5, f"{SOCKETS} sockets of {OTHER}: 127.0.0.1 signs in",
                     f"{answer.status} after {seconds:.2f} s")
        report.check(0 < open_now <= 257, f"{SOCKETS} sockets of {OTHER}: the server holds the address's share", open_now)


def guesses(front, report):
    """Sends many wrong passwords of one name at once. The server checks the passwords of one name one after another.
    After a wrong password, the next check waits for the fixed time of the answer. So the server checks few of these
    passwords, and refuses the others."""
    with concurrent.futures.ThreadPoolExecutor(GUESSES // 4) as pool:
        answers = list(pool.map(lambda _: front.password("dave@contoso.test", WRONG).status, range(GUESSES)))
    checked = sum(front.figure(f'seamless_sign_ins_total{{method="password",code="{code}"}}')
                  for code in ("wrong-password", "unknown-user"))
    report.check(set(answers) <= {403, 429, 503} and 0 < checked <= CHECKED, f"{GUESSES} guesses at once: few are checked",
                 f"{checked:.0f} checked")
    answer = front.password(*ALICE)
    report.check(answer.status == 303, f"{GUESSES} guesses at once: another user signs in", answer.status)


def proxies(front, report):
    """Checks that the server reads forwarded headers only from the trusted proxy, and refuses requests for a foreign
    host."""
    forwarded = {"X-Forwarded-For": CLIENT, "X-Forwarded-Host": "evil.example", "X-Request-Id": "live-1"}
    answer = front.from_address(PROXY, "GET", "/", forwarded)
    report.check(answer.status == 421 and answer.headers["X-Request-Id"] == "live-1",
                 "trusted proxy: its headers count", answer.status)
    answer = front.from_address(OTHER, "GET", "/", forwarded)
    report.check(answer.status == 200 and answer.headers["X-Request-Id"] != "live-1",
                 "other address: the same headers do not count", answer.status)
    answer = front.from_address(OTHER, "GET", "/explain", {"X-Forwarded-For": "127.0.0.1"})
    report.check(answer.status == 403, "other address with X-Forwarded-For: no explanation", answer.status)
    answer = front.from_address(OTHER, "GET", "/", {"Host": "evil.example"})
    report.check(answer.status == 421, "host of another site: refused (DNS rebinding)", answer.status)


def figures(front, report):
    for name in ('seamless_sign_ins_total{method="ticket",code="accepted"}',
                 'seamless_sign_ins_total{method="password",code="accepted"}',
                 'seamless_stage_seconds_count{stage="verify"}', 'seamless_stage_seconds_count{stage="directory"}',
                 'seamless_store_operations_total{operation="put",outcome="done"}',
                 'seamless_key_age_seconds{key="keytab:contoso.test"}', 'seamless_connections_total{fate="gave-way"}'):
        report.check(front.figure(name) > 0, f"figure {name}", front.figure(name))
    report.check(front.ask("GET", "/readyz").body == "ready\n", "the server is ready", "ready")
    report.check(front.ask("GET", "/metrics").status == 404, "no figures on the public listener", 404)


def stop(front, report):
    """Stops the server while it answers a wrong password. The answer comes at a fixed time after the request."""
    front.log_file.write_text("")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(front.password, "erin@contoso.test", WRONG)
        began = front.says(["no sign-in by password"])
        front.process.send_signal(signal.SIGTERM)
        status = answer.result().status
    code = front.process.wait(30)
    report.check(began and (status, code) == (403, 0), "SIGTERM: the running request ends, then the process", (status, code))
    refused = wait(lambda: socket.socket().connect_ex(("127.0.0.1", front.port)) != 0)
    report.check(refused, "SIGTERM: no connection is accepted", "refused")


class Tls(Server):
    """A server that ends TLS itself, and requires that tickets are bound to its certificate."""

    def __init__(self, world, keytab, port):
        self.folder = world.work.dir("tls")
        self.renew()
        super().__init__(world.work, port, [tenant(world.contoso, keytab)], address=f"https://{HOST}",
                         tls={**self.files(), "channel_bindings": "require"})

    def files(self):
        return {name: str(self.folder / f"{name}.pem") for name in ("certificate", "key")}

    def renew(self):
        """Makes a new certificate, and returns its hash, which a client uses for channel bindings."""
        new = {name: f"{path}.new" for name, path in self.files().items()}
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-sha256",
             "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", new["key"], "-out", new["certificate"]])
        for name, path in self.files().items():
            (self.folder / f"{name}.pem.new").rename(path)
        der = ssl.PEM_cert_to_DER_cert((self.folder / "certificate.pem").read_text())
        self.bindings = b"tls-server-end-point:" + hashlib.sha256(der).digest()

    def send(self, method, path, body, headers):
        trusted = ssl.create_default_context(cafile=self.files()["certificate"])
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=trusted)
        with contextlib.closing(connection):
            connection.sock = trusted.wrap_socket(socket.create_connection(("127.0.0.1", self.port)), server_hostname=HOST)
            connection.request(method, path, body, {"Host": HOST, **headers})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode())


def tls(world, server, report):
    alice = world.alice()

    def sign_in(bindings):
        return server.ask("GET", PATH, headers={"Authorization": header(alice.token(bindings=bindings))})

    answer = sign_in(server.bindings)
    cookie = answer.headers["Set-Cookie"] or ""
    report.check(answer.status == 200 and cookie.startswith("__Host-") and "; Secure" in cookie,
                 "TLS: a ticket that is bound to the certificate", cookie.split("=")[0])
    for label, bindings, code in (("no", None, "channel-binding-missing"),
                                  ("another", b"tls-server-end-point:" + bytes(32), "channel-binding")):
        answer = sign_in(bindings)
        report.check(answer.status == 403 and server.says([f'code="{code}"']), f"TLS: a ticket bound to {label} certificate", code)
    answer = server.password(*ALICE)
    report.check(answer.status == 303, "TLS: a password, which needs no bindings of the browser", answer.status)
    old = server.bindings
    server.renew()
    renewed = server.says(["certificate changed"])
    statuses = [sign_in(bindings).status for bindings in (server.bindings, old)]
    report.check(renewed and statuses == [200, 403], "TLS: the new certificate serves without a restart", statuses)

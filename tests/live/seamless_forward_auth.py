"""Tests an application behind a real nginx and a real Traefik, which ask the sign-in server about each request. The
proxies have the configurations in `forward_auth.rs`."""

import contextlib
import http.server
import re
import sys
import threading
from pathlib import Path

from requests import get

from crate import PROJECT
from samba_ad import SSO_ACCOUNT
from seamless_server import Server, tenant
from user_agent import UserAgent
from web import HOST
from work import wait

TRAEFIK = Path(sys.executable).parent / "traefik"
SOURCE = PROJECT / "examples/seamless/server/forward_auth.rs"
WANTED = "/reports?x=1&y=a%20b"
FORGED = {"Remote-User": "administrator@contoso.test", "Remote-Groups": "S-1-5-21-1-2-3-512"}


def check(world, port, report):
    of_contoso = tenant(world.contoso, world.contoso.keytab(SSO_ACCOUNT))
    with Server(world.work, port, [of_contoso], address=f"http://{HOST}", proxies=["127.0.0.1"]) as server:
        with application() as behind:
            with nginx(world.work, port + 1, server.port, behind):
                requests(world, UserAgent(port + 1), report, "nginx")
            if not TRAEFIK.exists():
                print("skipped: Traefik is not installed")
                return
            with traefik(world.work, port + 2, server.port, behind):
                requests(world, UserAgent(port + 2), report, "Traefik")


def requests(world, agent, report, proxy):
    url = f"http://{HOST}{WANTED}"
    first = agent.http.get(url, headers=FORGED, allow_redirects=False)
    there = first.headers.get("Location", "")
    is_page = there == f"http://{HOST}/contoso.test/forward-auth/sign-in?request=%2Freports%3Fx%3D1%26y%3Da%2520b"
    report.check(first.status_code == 302 and is_page and "WWW-Authenticate" not in first.headers,
                 f"{proxy}: a request without a session leads to the sign-in page, without a challenge", there or first.status_code)
    page = agent.by_ticket(agent.go(url), world.alice())
    said = dict(line.split(": ", 1) for line in page.text.splitlines())
    report.check(agent.trail[-1] == url and said.get("path") == WANTED, f"{proxy}: after the sign-in, the wanted page", agent.trail[-1])
    report.check(said.get("Remote-User") == "alice@contoso.test", f"{proxy}: the application reads the user", said.get("Remote-User"))
    again = agent.http.get(url, headers=FORGED)
    is_alice = "Remote-User: alice@contoso.test" in again.text and "administrator" not in again.text and "-512" not in again.text
    report.check(is_alice, f"{proxy}: forged headers do not reach the application", again.text.splitlines()[:3])
    agent.http.post(f"http://{HOST}/sign-out", headers={"Origin": f"http://{HOST}"}, allow_redirects=False)
    after = agent.http.get(url, allow_redirects=False)
    report.check(after.status_code == 302, f"{proxy}: after the sign-out, the sign-in page", after.status_code)


@contextlib.contextmanager
def application():
    """Runs an application that shows the path of each request and the headers about the user. Yields the port of the
    application."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            about = [f"{name}: {value}" for name, value in self.headers.items() if name.startswith("Remote-")]
            body = "\n".join([f"path: {self.path}", *about]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@contextlib.contextmanager
def nginx(work, port, sign_in, behind):
    """Runs nginx with the documented configuration."""
    home = work.dir(f"nginx{port}")
    documented = configuration("nginx", sign_in, behind)
    temporary = "".join(f"{kind}_temp_path {home}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    config = home / "nginx.conf"
    config.write_text(f"daemon off; pid {home}/pid; error_log stderr; events {{}} http {{ access_log off; {temporary} "
                      f"server {{ listen 127.0.0.1:{port};\n{documented} }} }}")
    process = work.start(["nginx", "-e", "stderr", "-p", home, "-c", config], home / "log", port)
    try:
        yield
    finally:
        work.stop(process)


@contextlib.contextmanager
def traefik(work, port, sign_in, behind):
    """Runs Traefik with the documented configuration."""
    home = work.dir(f"traefik{port}")
    dynamic, static = home / "dynamic.yaml", home / "traefik.yaml"
    dynamic.write_text(configuration("yaml", sign_in, behind))
    static.write_text(f"global: {{ checkNewVersion: false, sendAnonymousUsage: false }}\n"
                      f'entryPoints: {{ web: {{ address: "127.0.0.1:{port}" }} }}\n'
                      f"providers: {{ file: {{ filename: {dynamic}, watch: false }} }}\n")
    process = work.start([TRAEFIK, f"--configFile={static}"], home / "log", port)
    try:
        # Traefik listens before it has read the routes.
        wait(lambda: get(f"http://127.0.0.1:{port}/", allow_redirects=False).status_code != 404, 30)
        yield
    finally:
        work.stop(process)


def configuration(kind, sign_in, behind):
    """Returns the documented configuration, with the ports of this test."""
    found = re.search(f"//! ```{kind}\n(.*?)//! ```\n", SOURCE.read_text(), re.DOTALL).group(1)
    documented = re.sub("^//! ?", "", found, flags=re.MULTILINE)
    return documented.replace("127.0.0.1:8080", f"127.0.0.1:{sign_in}").replace("127.0.0.1:3000", f"127.0.0.1:{behind}")

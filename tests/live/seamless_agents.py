"""Tests pass-through authentication: the password form goes through two agents to Samba's directory. One agent connects
through a proxy that demands a password."""

import base64
import contextlib
import select
import socket
import threading
import time

from agents_site import Site
from samba_ad import SSO_ACCOUNT
from seamless_password import DISABLED_ACCOUNT, LONG_AGO
from seamless_server import Server, code_of_bob, tenant, wait
from work import attempt

PASSWORD = "Agent.Pass.1"
SAME = "The name or the password is not right."
PROXY_USER = "agent:proxy%20pass"


def check(world, port, report):
    accounts(world.contoso)
    keytab = world.work.root / "agents.keytab"
    keytab.write_bytes(world.contoso.keytab(SSO_ACCOUNT).read_bytes())
    config = tenant(world.contoso, keytab, password={"method": "pass-through"}, proof=code_of_bob(world.contoso))
    del config["kdc"]
    agents = {"listen": f"127.0.0.1:{port + 1}", "nodes": [f"https://127.0.0.1:{port + 1}"], "concurrency": 4}
    with Server(world.work, port, [config], agents=agents) as server, proxy(port + 2) as asked:
        site = Proxied(world.work, server, world.contoso.realm, f"127.0.0.1:{world.contoso.port}")
        report.check(server.password("alice", "Alice.Pass.1").status == 503, "pass-through without an agent", "503")
        enrolment(site, report)
        words(site, report)
        report.check(asked, "the second agent connects through a proxy with a password", f"{len(asked)} connections")
        killed(site, report)
        revoked(site, report)
        nowhere(site, report)


def accounts(ad):
    for name in ("agent-expired", "agent-disabled", "agent-ended"):
        ad.user(name, PASSWORD)
    ad.set("agent-expired", "pwdLastSet", 0)
    ad.set("agent-disabled", "userAccountControl", DISABLED_ACCOUNT)
    ad.set("agent-ended", "accountExpires", LONG_AGO)


class Proxied(Site):
    """The second agent of this site connects through the proxy."""

    def options(self, number):
        return ["--proxy", f"http://{PROXY_USER}@127.0.0.1:{self.server.port + 2}"] if number == 2 else []


def enrolment(site, report):
    for number in (1, 2):
        token = site.token()
        status, said = site.enrol(number, token)
        report.check(status == 0, f"agent {number} enrols", said)
        status, said = site.enrol(number + 2, token)
        report.check(status != 0, f"the token of agent {number} a second time, refused", said)
        site.start(number)
    active = wait(lambda: list(site.states().values()) == ["active", "active"], 20)
    report.check(active, "both agents are active", site.states())
    status, said = attempt(site.agent(1, "status"))
    report.check(status == 0 and site.realm in said, "seamless-agent status", said)


def words(site, report):
    """Checks each form of a user name, and each reason of the directory to refuse a password."""
    for name in ("alice", "alice@contoso.test", "ALICE@CONTOSO.TEST", "CONTOSO\\alice"):
        answer = site.server.password(name, "Alice.Pass.1")
        report.check(answer.status == 303 and answer.session(), f"pass-through, {name}", answer.error() or "signed in")
    answer = site.server.password("bob", "Some.Pass.1")
    page = site.server.ask("GET", "/", headers={"Cookie": answer.session()})
    report.check("One more step" in page.body, "pass-through, then the second proof", answer.status)
    for label, name, password, page, number in (
            ("wrong password", "alice", "WRONG.Pass.1", SAME, 50126),
            ("unknown user", "nobody-there", PASSWORD, SAME, 50034),
            ("must change", "agent-expired", PASSWORD, "Your password has expired.", 50055),
            ("disabled", "agent-disabled", PASSWORD, "This account is switched off.", 50057),
            ("expired account", "agent-ended", PASSWORD, "This account has expired.", 50057)):
        answer = site.server.password(name, password)
        good = answer.status == 403 and page in answer.error() and site.server.says([name, f"entra={number}"])
        report.check(good, f"pass-through, {label}: {number}", answer.error() or answer.status)


def killed(site, report):
    """Kills an agent each second while users sign in. The other agent takes over the jobs of the killed agent."""
    stop, wrong = threading.Event(), []

    def users(number):
        while not stop.is_set():
            right = number % 2 == 0
            began = time.time()
            answer = site.server.password("alice", "Alice.Pass.1") if right else site.server.password(
                f"nobody{number}-{time.time_ns()}", "WRONG.Pass.1")
            if answer.status != (303 if right else 403) or time.time() - began > 10:
                wrong.append((right, answer.status, answer.error(), round(time.time() - began, 1)))
            done.append(right)

    done = []
    threads = [threading.Thread(target=users, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for count in range(10):
        number = 1 + count % 2
        site.kill(number)
        site.start(number)
        # The test kills the next agent only after this agent takes jobs again. One of the two agents thus always takes
        # jobs.
        wait(lambda: site.taking() >= count + 3, 10)
        time.sleep(1)
    stop.set()
    for thread in threads:
        thread.join()
    report.check(not wrong, f"{len(done)} sign-ins while agents are killed: each gets the right answer", wrong[:3])


def revoked(site, report):
    first, second = site.states()
    status, said = site.operate("revoke", first)
    answer = site.server.password("alice", "Alice.Pass.1")
    report.check(status == 0 and answer.status == 303, "one agent is revoked, and the other one goes on", said)
    site.operate("revoke", second)
    answer = site.server.password("alice", "Alice.Pass.1")
    report.check(answer.status == 503 and "cannot be reached" in answer.error(), "both are revoked: 503", answer.error())
    report.check(site.server.says(["entra=80001"]), "no agent: 80001 in the log", "")
    report.check(set(site.states().values()) == {"revoked"}, "the list shows both as revoked", site.states())


def nowhere(site, report):
    """Looks for the password in all files of the server and the agents."""
    forms = [b"Alice.Pass.1", base64.b64encode(b"Alice.Pass.1"), "Alice.Pass.1".encode("utf-16-le")]
    found = [str(path) for path in site.server.home.rglob("*") if path.is_file()
             and any(form in path.read_bytes() for form in forms)]
    report.check(not found, "the password is in no file of the server and of the agents", found)


@contextlib.contextmanager
def proxy(port):
    """Runs a proxy that demands a name and a password. Yields the list of the hosts to which the proxy was asked to connect."""
    asked, listener = [], socket.create_server(("127.0.0.1", port))
    wanted = base64.b64encode(b"agent:proxy pass")

    def serve(client):
        with client, contextlib.suppress(OSError):
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += client.recv(1)
            host = head.split()[1].decode()
            if b"Proxy-Authorization: Basic " + wanted not in head:
                client.sendall(b"HTTP/1.1 407 Authenticate\r\n\r\n")
                return
            asked.append(host)
            with socket.create_connection(host.rsplit(":", 1)) as server:
                client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                ends = {client: server, server: client}
                while True:
                    for ready in select.select(list(ends), [], [])[0]:
                        octets = ready.recv(65536)
                        if not octets:
                            return
                        ends[ready].sendall(octets)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with listener:
        yield asked

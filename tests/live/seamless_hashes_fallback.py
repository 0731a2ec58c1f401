"""Tests who decides on a password while the agents and the directory are stopped and started. If an agent answers, the
agent decides. Otherwise the server's verifiers of the passwords decide. With the method `hash`, the server never asks
the directory."""

import base64
import hashlib
import json
import os
import secrets
import signal

from agents_site import Site
from crate import of_sign_in_system
from samba_ad import SSO_ACCOUNT
from seamless_server import Server, tenant, wait
from web import HOST
from work import run

OLD, NEW, WRONG = "First.Pass.1", "Next.Pass.1", "WRONG.Pass.1"
SECRET = secrets.token_hex(16)
CLIENT = {"id": "mail", "name": "Mail", "secret_sha256": hashlib.sha256(SECRET.encode()).hexdigest(), "grants": ["password"],
          "scopes": ["openid"]}
BY_AGENT, BY_HASH = ["pwd"], ["pwd", "phs"]
DECIDED = "signed in by password, checked with a verifier"
SILENT = "the directory cannot be asked, so the verifiers decide"


def check(world, port, report):
    for name in ("fay", "fred", "finn"):
        world.contoso.user(name, OLD)
    for method in ("pass-through", "hash"):
        site = HashSite(world, port, method)
        with site.server:
            site.begin()
            (agents_and_directory if method == "pass-through" else directory_only)(site, report)
            for number in list(site.processes):
                site.kill(number)


class HashSite(Site):
    """A server whose tenant uses verifiers, the source of the verifiers, and two agents."""

    def __init__(self, world, port, method):
        self.ad, key = world.contoso, world.work.root / f"fallback-{method}.key"
        key.write_bytes(os.urandom(32))
        key.chmod(0o600)
        way = {"method": "hash", "key": str(key)} if method == "hash" else {"method": method, "fallback": {"key": str(key)}}
        config = {**tenant(world.contoso, world.contoso.keytab(SSO_ACCOUNT), clients=[CLIENT]), "password": way}
        del config["kdc"]
        agents = {"listen": f"127.0.0.1:{port + 1}", "nodes": [f"https://127.0.0.1:{port + 1}"], "concurrency": 4}
        server = Server(world.work, port, [config], agents=agents, address=f"http://{HOST}")
        super().__init__(world.work, server, self.ad.realm, f"127.0.0.1:{self.ad.port}")
        self.method, self.source = method, world.work.dir(f"fallback-{method}")

    def folder(self, number):
        return self.server.home / f"{self.method}{number}"

    def begin(self):
        _, token = self.operate("token", "--tenant", "contoso.test", "--role", "phs")
        run([of_sign_in_system("seamless-agent"), "enrol", "--server", self.listen, "--token", token.split()[-1], "--dir", self.source])
        self.synchronise()
        if self.method == "pass-through":
            for number in (1, 2):
                self.enrol(number, self.token())
            self.start_agents()

    def synchronise(self):
        run([of_sign_in_system("seamless-agent"), "sync", "samba", "--database", self.ad.home / "private/sam.ldb", "--source", "dc1",
             "--iterations", "1000", "--dir", self.source])

    def start_agents(self):
        before = self.log_file.read_text().count("the agent takes jobs") if self.log_file.exists() else 0
        for number in (1, 2):
            self.start(number)
        wait(lambda: self.log_file.read_text().count("the agent takes jobs") >= before + 2, 30)

    def kill_directory(self):
        os.killpg(self.ad.process.pid, signal.SIGKILL)
        self.ad.process.wait()

    def amr(self, name, password):
        """Signs in by the password grant, and returns `amr` of the ID token, or None."""
        basic = base64.b64encode(f"mail:{SECRET}".encode()).decode()
        answer = self.server.ask("POST", "/contoso.test/oauth2/token", {"grant_type": "password", "username": name, "password": password,
                                                                        "scope": "openid"}, {"Authorization": f"Basic {basic}"})
        token = json.loads(answer.body).get("id_token") if answer.status == 200 else None
        return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==")).get("amr") if token else None

    def decided(self, name, password):
        """Signs in on the page. Returns what checked the password, as the log says: the verifier ("hash") or the
        directory. Returns the error on the page if the sign-in fails."""
        before = len(self.server.log())
        answer = self.server.password(name, password)
        if not answer.session():
            return answer.error() or answer.status
        wait(lambda: "signed in by password" in self.server.log()[before:], 5)
        return "hash" if DECIDED in self.server.log()[before:] else "directory"


def agents_and_directory(site, report):
    def who(label, expected, amr):
        decided, shown = site.decided("fay@contoso.test", OLD), site.amr("fay@contoso.test", OLD)
        report.check((decided, shown) == (expected, amr), f"fallback, {label}: the {expected} decides, and amr is {amr}", (decided, shown))

    who("agents and directory live", "directory", BY_AGENT)
    # The directory now has a new password, and the server still has the verifier of the old password.
    site.ad.set_password("fred", NEW)
    refused = site.decided("fred@contoso.test", OLD)
    report.check(refused not in ("hash", "directory"), "fallback: a refusal of the directory is not followed by the verifier", refused)
    report.check(site.decided("fred@contoso.test", NEW) == "directory", "fallback: the directory knows the new password", "fred")
    for number in (1, 2):
        site.kill(number)
    who("all agents killed", "hash", BY_HASH)
    report.check(site.server.says([SILENT]), "fallback: the log says that the directory cannot be asked", SILENT)
    refused = site.decided("finn@contoso.test", WRONG)
    report.check(refused not in ("hash", "directory"), "fallback: a wrong password is refused by the verifier, too", refused)
    site.start_agents()
    who("the agents are back", "directory", BY_AGENT)
    site.kill_directory()
    who("the directory killed, and the agents live", "hash", BY_HASH)
    for number in (1, 2):
        site.kill(number)
    who("both killed", "hash", BY_HASH)
    site.ad.start()
    site.start_agents()
    who("both are back", "directory", BY_AGENT)
    refused = site.decided("fred@contoso.test", OLD)
    report.check(refused not in ("hash", "directory"), "fallback: the old password is still refused", refused)


def directory_only(site, report):
    name = "fay@contoso.test"
    for label in ("lives", "is dead", "is back"):
        if label == "is dead":
            site.kill_directory()
        elif label == "is back":
            site.ad.start()
        decided, shown = site.decided(name, OLD), site.amr(name, OLD)
        report.check((decided, shown) == ("hash", BY_HASH), f"hash alone: the directory {label}, and the verifier decides", (decided, shown))
        refused = site.decided("finn@contoso.test", WRONG)
        report.check("not right" in str(refused), f"hash alone: the directory {label}, and a wrong password is refused", refused)

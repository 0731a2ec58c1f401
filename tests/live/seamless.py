"""Tests the example sign-in server with real browsers, real clients, a real directory and malformed requests. The test checks
the statements of docs/seamless.md.

  seamless.py [PART...]     PART: browser, firefox, pages, password, clients, forests, rollover, timings,
                            steps, origins, judges, forward-auth, redirects, requests,
                            strangers, mail, limits, native, agents, agents-nodes, agents-mit,
                            agents-codes, agents-clients, hashes, rubbish or admin; default all

If SEAMLESS_PICTURES names a folder, the test writes pictures of all states of the pages to this folder."""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

import seamless_admin
import seamless_agents
import seamless_agents_clients
import seamless_agents_codes
import seamless_agents_mit
import seamless_agents_nodes
import seamless_browser
import seamless_clients
import seamless_firefox
import seamless_forests
import seamless_forward_auth
import seamless_judges
import seamless_hashes
import seamless_limits
import seamless_mail
import seamless_native
import seamless_pages
import seamless_password
import seamless_redirects
import seamless_requests
import seamless_rollover
import seamless_origins
import seamless_rubbish
import seamless_steps
import seamless_strangers
import seamless_timings
from report import Report
from samba_ad import SSO_ACCOUNT
from seamless_server import Server, code_of_bob, tenant
from work import Work
from world import World

PORT = 21480


def people(ad):
    ad.set("alice", "displayName", "Alice Anderson")
    ad.group("Staff", "global", ["alice"])
    ad.group("CorpUniversal", "universal", ["Staff"])
    ad.group("Resources", "domain-local", ["CorpUniversal"])
    ad.user("bob", "Some.Pass.1", givenname="Bob", surname="Ñandú")


@contextmanager
def one_tenant(world):
    """Runs a server with one tenant during the `with` block. The server has the account's keytab, and bob must enter a
    one-time code."""
    keytab = world.work.root / "sso.keytab"
    keytab.write_bytes(world.contoso.keytab(SSO_ACCOUNT).read_bytes())
    with Server(world.work, PORT, [tenant(world.contoso, keytab, proof=code_of_bob(world.contoso))]) as server:
        server.keytab, server.directory = keytab, world.contoso
        yield server


def main(wanted):
    with Work() as work:
        world, report = World(work), Report()
        people(world.contoso)
        pictures = Path(os.environ.get("SEAMLESS_PICTURES") or work.dir("pictures"))
        pictures.mkdir(parents=True, exist_ok=True)
        parts = {"browser": lambda server: seamless_browser.check(world, server, report, pictures),
                 "firefox": lambda server: seamless_firefox.check(world, server, report, pictures),
                 "pages": lambda server: seamless_pages.check(world, server, report, pictures),
                 "password": lambda server: seamless_password.check(world, server, report),
                 "clients": lambda server: seamless_clients.check(world, server, report),
                 "forests": lambda server: seamless_forests.check(world, PORT + 2, report),
                 "rollover": lambda server: seamless_rollover.check(world, PORT + 3, report),
                 "timings": lambda server: seamless_timings.check(world, PORT + 4, report),
                 "steps": lambda server: seamless_steps.check(world, PORT + 20, report),
                 "origins": lambda server: seamless_origins.check(world, PORT + 50, report),
                 "judges": lambda server: seamless_judges.check(world, PORT + 30, report),
                 "forward-auth": lambda server: seamless_forward_auth.check(world, PORT + 50, report),
                 "redirects": lambda server: seamless_redirects.check(world, PORT + 40, report),
                 "requests": lambda server: seamless_requests.check(world, PORT + 40, report),
                 "strangers": lambda server: seamless_strangers.check(world, PORT + 40, report),
                 "mail": lambda server: seamless_mail.check(world, PORT + 60, report, pictures),
                 "limits": lambda server: seamless_limits.check(world, server, PORT + 8, report),
                 "native": lambda _: seamless_native.check(report),
                 "agents": lambda server: seamless_agents.check(world, PORT + 64, report),
                 "agents-nodes": lambda _: seamless_agents_nodes.check(world, PORT + 150, report),
                 "agents-mit": lambda _: seamless_agents_mit.check(world, PORT + 154, report),
                 "agents-codes": lambda _: seamless_agents_codes.check(world, PORT + 160, report),
                 "agents-clients": lambda _: seamless_agents_clients.check(world, PORT + 170, report),
                 "hashes": lambda _: seamless_hashes.check(world, PORT + 72, report),
                 "rubbish": lambda server: seamless_rubbish.check(world, server, report),
                 "admin": lambda server: seamless_admin.check(work, world.clients, report, PORT + 80)}
        for part in wanted or parts:
            with one_tenant(world) as server:
                parts[part](server)
        return report.failures


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)

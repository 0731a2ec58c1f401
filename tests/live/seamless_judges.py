"""Lets relying parties that others wrote judge the server's OpenID Connect, each from the discovery document to a verified ID
token, new tokens and sign-out: Authlib, openid-client with jose, MSAL, and mod_auth_openidc. Each must also refuse changed
answers."""

from contextlib import contextmanager

from judges import ISSUER, SCOPE, Authlib, ModAuthOpenidc, Msal, OpenidClient
from samba_ad import SSO_ACCOUNT
from seamless_server import Server, tenant
from user_agent import UserAgent, asked, changed, query
from web import HOST, policies
from webdriver import Chromium
from work import run

PASSWORD = "Alice.Pass.1"


def check(world, port, report):
    in_http(world, port, report)
    in_tls(world, port, report)


def in_http(world, port, report):
    """The applications use the server as their HTTP proxy, because its name HOST exists only in the tests."""
    authlib, apache = Authlib(world.work, port + 1, port), ModAuthOpenidc(world.work, port + 2, port)
    posted = ModAuthOpenidc(world.work, port + 3, port, "form_post")
    with server(world, port, [authlib, apache, posted], f"http://{HOST}") as running:
        with authlib.run():
            Judge(world, running, report, authlib).all()
        with apache.run():
            Judge(world, running, report, apache).all()
            in_chromium(world, running, report, apache)
        with posted.run():
            in_chromium(world, running, report, posted)


def in_chromium(world, running, report, application):
    """Opens the protected page, with a ticket and with a password. Chromium obeys the pages' Content-Security-Policy, also for the
    redirects after a form."""
    label = f"{application.version}, {application.mode}, in Chromium"
    with policies(HttpsUpgradesEnabled=False, PasswordManagerEnabled=False):
        for how, session in (("ticket", world.alice()), ("password", world.nobody())):
            with Chromium(world.work, session, running.port) as browser:
                browser.go(f"{application.url}/")
                if how == "password":
                    browser.until("document.querySelector('#password')?.checkVisibility({ visibilityProperty: true })")
                    name = browser.script("return document.querySelector('#name') !== null")
                    (browser.type("#name", "alice@contoso.test") if name else browser).type("#password", PASSWORD)
                    browser.click("form[action*='password'] button")
                there = browser.until(f"location.href === '{application.url}/' && document.body.innerText") or browser.heading()
                report.check(there == "Welcome, Alice Anderson", f"{label}: signed in by {how}", there)


@contextmanager
def server(world, port, applications, address, **more):
    keytab = world.contoso.keytab(SSO_ACCOUNT)
    clients = [application.registration() for application in applications]
    with Server(world.work, port, [tenant(world.contoso, keytab, clients=clients)], address=address, **more) as running:
        yield running


def in_tls(world, port, report):
    """The server ends TLS itself, with a certificate of the test's own authority. MSAL talks to no issuer without TLS."""
    address = f"https://localhost:{port}"
    issuer = f"{address}/contoso.test"
    certificate, key, authority = certificates(world.work.dir("tls"))
    node, msal = OpenidClient(world.work, port + 4, issuer, authority), Msal(world.work, port + 5, issuer, authority)
    with server(world, port, [node, msal], address, tls={"certificate": str(certificate), "key": str(key)}) as running:
        with node.run():
            judge = Judge(world, running, report, node, issuer, authority)
            judge.all()
            judge.tokens_end()
        with msal.run():
            Judge(world, running, report, msal, issuer, authority).all()
        with Msal(world.work, port + 5, issuer, authority, "authority").run() as by_authority:
            said = asked(UserAgent(port, authority).go(by_authority.login()))
            report.check("Unable to get authority configuration" in said.get("refused", ""),
                         f"{by_authority.version}: asks below /v2.0/, where this server has nothing", said.get("refused", said))


class Judge:
    """The checks of one application."""

    def __init__(self, world, server, report, application, issuer=ISSUER, authority=None):
        self.world, self.server, self.report, self.application = world, server, report, application
        self.issuer, self.authority = issuer, authority
        self.sid = world.contoso.sid_of("alice")

    def all(self):
        try:
            agent = self.by_ticket()
            self.refreshed(agent)
            self.signed_out(agent)
            self.by_password()
            self.changed_answers()
        except RuntimeError as error:
            self.expect(False, "goes on", error)

    def agent(self):
        return UserAgent(self.server.port, self.authority)

    def expect(self, good, what, said):
        self.report.check(good, f"{self.application.version}: {what}", said)

    def by_ticket(self):
        """Signs in with a ticket, and compares the claims of the verified ID token with the directory."""
        agent = self.agent()
        page = agent.go(self.application.login())
        asked_for = query(next((url for url in agent.trail if "/oauth2/authorize" in url), ""))
        good = {"client_id", "code_challenge", "nonce",
                "state"} <= asked_for.keys() and asked_for.get("code_challenge_method") == "S256"
        self.expect(good, "asks with PKCE, state and nonce", ", ".join(sorted(asked_for)))
        page = agent.by_ticket(page, self.world.alice())
        answer = query(next((url for url in agent.trail if "/callback" in url), ""))
        self.expect(answer.get("iss") == self.issuer and "code" in answer, "gets a code of the issuer",
                    answer.get("iss", asked(page)))
        said = self.application.who(agent)
        claims = said.get("claims") or {}
        self.expect(said.get("signed_in"), "verifies the ID token", claims.get("sub", said))
        known = {"iss": self.issuer, "aud": self.application.name, "tid": "contoso.test", "upn": "alice@contoso.test",
                 "name": "Alice Anderson", "oid": self.sid, "amr": ["wia"]}
        wrong = {name: claims.get(name) for name, value in known.items()
                 if claims.get(name) != value and claims.get(name) != [value]}
        self.expect(not wrong, "the claims are the directory's", wrong or ", ".join(sorted(claims)))
        if "userinfo" in said:
            self.expect(said["userinfo"].get("sub") == claims.get("sub"), "userinfo is of the same subject",
                        said["userinfo"].get("sub"))
        return agent

    def refreshed(self, agent):
        said = self.application.refresh(agent)
        self.expect(said.get("new"), "gets new tokens", said if not said.get("new") else "new")

    def signed_out(self, agent):
        """Signs out at the server. The server then has no session for the browser."""
        page = self.application.log_out(agent)
        said = asked(page)
        self.expect(said.get("signed_out"), "signs out, and comes back", said)
        page = agent.go(self.application.login(), lambda url: changed(url, "/oauth2/authorize", prompt="none"))
        errors = [query(url).get("error") for url in agent.trail if "/callback" in url]
        self.expect(errors == ["login_required"], "after the sign-out: login_required", errors or asked(page))

    def by_password(self):
        agent = self.agent()
        page = agent.go(self.application.login(), lambda url: changed(url, "/oauth2/authorize", login_hint="alice@contoso.test"))
        page = agent.by_password(page, PASSWORD)
        claims = self.application.who(agent).get("claims") or {}
        self.expect(claims.get("amr") == ["pwd"], "signs in with a password", claims.get("amr", asked(page)))

    def changed_answers(self):
        """Changes what passes through the browser. The judge must refuse the answer, or the server must refuse the judge."""
        changes = [("another nonce", "/oauth2/authorize", {"nonce": "of-another-sign-in"}),
                   ("another code challenge", "/oauth2/authorize", {"code_challenge": "E" * 43}),
                   ("another state", "/callback", {"state": "of-another-sign-in"}),
                   ("another code", "/callback", {"code": "of-another-sign-in"})]
        if self.application.compares_issuer:
            changes += [("another iss", "/callback", {"iss": "https://evil.example"}), ("no iss", "/callback", {"iss": None})]
        for what, path, fields in changes:
            agent = self.agent()
            change = lambda url: changed(url, path, **fields)
            page = agent.by_ticket(agent.go(self.application.login(), change), self.world.alice(), change)
            said = asked(page)
            good = "/callback" in agent.trail[-1] and not self.application.who(agent).get("signed_in")
            self.expect(good, f"refuses {what}", said.get("refused") or said["says"][:100])

    def tokens_end(self):
        """Revokes a token, and uses a code twice. The tokens of the sign-in then end."""
        for what, path, before, after in (("a revoked token", "/revoke", {"revoked": True}, None),
                                          ("a code a second time", "/again", None, "invalid_grant")):
            agent = self.agent()
            agent.by_ticket(agent.go(self.application.login()), self.world.alice())
            active = asked(agent.go(f"{self.application.url}/introspect")).get("active")
            said = asked(agent.go(f"{self.application.url}{path}"))
            good = active and (said == before if before else said.get("error") == after)
            self.expect(good, f"{what}: {before or after}", said)
            said = self.application.refresh(agent)
            self.expect(said.get("error") == "invalid_grant", f"{what}: no new tokens", said)
            said = asked(agent.go(f"{self.application.url}/introspect"))
            self.expect(said.get("active") is False, f"{what}: the access token is not active", said)


def certificates(home):
    """Makes an authority, and a certificate of this authority for localhost."""
    authority, authority_key = home / "authority.pem", home / "authority.key"
    certificate, key, request, names = home / "server.pem", home / "server.key", home / "server.csr", home / "names"
    new_key = ["-newkey", "rsa:2048", "-nodes"]
    run(["openssl", "req", "-x509", *new_key, "-days", "30", "-subj", "/CN=authority of the test", "-keyout", authority_key, "-out",
         authority])
    run(["openssl", "req", *new_key, "-subj", "/CN=localhost", "-keyout", key, "-out", request])
    names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    run(["openssl", "x509", "-req", "-in", request, "-CA", authority, "-CAkey", authority_key, "-CAcreateserial", "-days", "30",
         "-extfile", names, "-out", certificate])
    return certificate, key, authority

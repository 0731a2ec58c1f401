"""Tests the server's OpenID Connect with relying parties from other authors, the judges: Authlib, openid-client with
jose, MSAL, and mod_auth_openidc. Each judge reads the discovery document, verifies the ID token, gets new tokens and
signs out. Each judge must also refuse changed answers."""

from authority import Authority
from judges import Authlib, ModAuthOpenidc, Msal, OpenidClient, SigningOpenidClient
from samba_ad import SSO_ACCOUNT
from seamless_server import GUID, Server, tenant
from user_agent import UserAgent, asked, changed, query
from web import HOST, policies
from webdriver import Chromium

PASSWORD = "Alice.Pass.1"


def check(world, port, report):
    """Runs the judges, one after another. The server ends TLS itself, because MSAL accepts no issuer without TLS."""
    authority, issuer = Authority(world.work.dir("tls")), f"https://{HOST}:{port}/contoso.test"
    of_issuer = world.work, port + 1, issuer, authority
    authlib, node, msal, apache = Authlib(*of_issuer), OpenidClient(*of_issuer), Msal(*of_issuer), ModAuthOpenidc(*of_issuer)
    posted, by_authority = ModAuthOpenidc(*of_issuer, "form_post"), Msal(*of_issuer, "authority")
    signing = SigningOpenidClient(*of_issuer)
    clients = [one.registration() for one in (authlib, node, msal, apache, posted, by_authority, signing)]
    of_contoso = tenant(world.contoso, world.contoso.keytab(SSO_ACCOUNT), clients=clients, guid=GUID)
    with Server(world.work, port, [of_contoso], address=f"https://{HOST}:{port}", tls=authority.of_server()):
        for application in (authlib, node, signing, msal, apache):
            with application.run():
                judge = Judge(world, report, application)
                judge.all()
                if application in (node, signing):
                    judge.tokens_end()
                if application is apache:
                    in_chromium(world, report, application)
        with posted.run():
            in_chromium(world, report, posted)
            signed_out_by_frame(world, report, posted)
        with by_authority.run():
            judge = Judge(world, report, by_authority)
            judge.refreshed(judge.by_ticket())


def in_chromium(world, report, application):
    """Opens the protected page, with a ticket and with a password. Chromium obeys the pages' Content-Security-Policy, also for the
    redirects after a form."""
    label = f"{application.version}, {application.mode}, in Chromium"
    with policies(HttpsUpgradesEnabled=False, PasswordManagerEnabled=False):
        for how, session in (("ticket", world.alice()), ("password", world.nobody())):
            with Chromium(world.work, session, None, authority=application.authority) as browser:
                browser.go(application.url)
                if how == "password":
                    browser.until("document.querySelector('#password')?.checkVisibility({ visibilityProperty: true })")
                    name = browser.script("return document.querySelector('#name') !== null")
                    (browser.type("#name", "alice@contoso.test") if name else browser).type("#password", PASSWORD)
                    browser.click("form[action*='password'] button")
                there = browser.until(f"location.href === '{application.url}/' && document.body.innerText") or browser.heading()
                report.check(there == "Hello, Alice Anderson", f"{label}: signed in by {how}", there)


def signed_out_by_frame(world, report, application):
    """Signs out at the server's own page in Chromium. A frame of the page then tells the application to end its
    session. Chromium sends no cookie of the application with the frame, so the application finds the session by the
    `sid` in the frame's address."""
    label = f"{application.version}, front channel, in Chromium"
    server = application.issuer.rsplit("/", 1)[0]
    with policies(HttpsUpgradesEnabled=False, PasswordManagerEnabled=False):
        with Chromium(world.work, world.alice(), None, authority=application.authority) as browser:
            browser.go(application.url)
            browser.until(f"location.href === '{application.url}/' && document.body.innerText")
            browser.go(f"{server}/")
            browser.click("form[action='/sign-out'] button")
            there = browser.until("location.pathname === '/' && document.querySelector('#ticket') !== null")
            report.check(there, f"{label}: the page of the frames leads on", browser.heading())
            browser.go(application.url)
            heading = browser.until("document.querySelector('h1')?.innerText") or browser.heading()
            report.check("Hello" not in heading, f"{label}: the session of the application has ended", heading)


class Judge:
    """The checks of one application."""

    def __init__(self, world, report, application):
        self.world, self.report, self.application = world, report, application

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
        return UserAgent(authority=self.application.authority)

    def expect(self, good, what, said):
        self.report.check(good, f"{self.application.version}: {what}", said)

    def by_ticket(self):
        """Signs in with a ticket, and compares the claims of the verified ID token with the directory."""
        agent = self.agent()
        page = agent.go(self.application.login())
        asked_for = query(next((url for url in agent.trail if "/authorize?" in url), ""))
        good = {"client_id", "code_challenge", "nonce",
                "state"} <= asked_for.keys() and asked_for.get("code_challenge_method") == "S256"
        self.expect(good, "asks with PKCE, state and nonce", ", ".join(sorted(asked_for)))
        page = agent.by_ticket(page, self.world.alice())
        answer = query(next((url for url in agent.trail if "/callback" in url), ""))
        self.expect(answer.get("iss") == self.application.issuer and "code" in answer, "gets a code of the issuer",
                    answer.get("iss", asked(page)))
        said = self.application.who(agent)
        claims = said.get("claims") or {}
        self.expect(said.get("signed_in"), "verifies the ID token", claims.get("sub", said))
        known = {"iss": self.application.issuer, "aud": self.application.name, "tid": GUID, "upn": "alice@contoso.test",
                 "name": "Alice Anderson", "oid": self.world.contoso.sid_of("alice"), "amr": ["wia"]}
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
        """Signs out at the server, and checks that the server then has no session for the browser."""
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
        """Changes the messages that pass through the browser. Either the judge must refuse the answer, or the server
        must refuse the judge's request."""
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
        """Revokes a token, and, in another sign-in, uses a code twice. Each time, the tokens of the sign-in must
        end."""
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

"""Checks the ten steps of a sign-in through an application, in Chromium and in Firefox. Taps between the browser and the server, and
between the browser and the KDC, note what passes."""

from contextlib import contextmanager

from judges import Authlib
from marionette import Firefox
from samba_ad import AUTOLOGON, SSO_ACCOUNT
from seamless_password import one_time_code
from seamless_server import BOB_SECRET, Server, tenant, wait
from tap import HttpTap, KdcTap
from web import HOST, policies
from webdriver import Chromium

TENANT = "/contoso.test"
SSO = f"{TENANT}/winauth/sso"


def check(world, port, report):
    application = Authlib(world.work, port + 1, port)
    anywhere = Authlib(world.work, port + 2, port, name="of-any-tenant", authorization=f"http://{HOST}/common/oauth2/authorize")
    clients = [one.registration() for one in (application, anywhere)]
    of_contoso = tenant(world.contoso, world.contoso.keytab(SSO_ACCOUNT), clients=clients, proof={"bob": BOB_SECRET})
    with Server(world.work, port, [of_contoso], address=f"http://{HOST}") as server, application.run(), anywhere.run():
        with policies(HttpsUpgradesEnabled=False, PasswordManagerEnabled=False):
            for browser in (Chromium, Firefox):
                steps = Steps(world, server, report, browser)
                steps.ten(anywhere, "typed name")
                steps.ten(application, "login_hint", login_hint="alice@contoso.test")
                steps.ten(anywhere, "domain_hint", domain_hint="contoso.test")
            steps.more_proof(application)


class Steps:
    def __init__(self, world, server, report, browser):
        self.world, self.server, self.report, self.kind = world, server, report, browser
        self.label = ""

    def step(self, number, what, good, said):
        self.report.check(good, f"{self.label}, step {number}: {what}", said)
        return good

    @contextmanager
    def browser(self, session):
        """Opens a browser whose requests pass the taps."""
        with HttpTap(self.server.port) as self.http, KdcTap(self.world.contoso.port) as self.kdc:
            session.use_kdc(self.kdc.port)
            with self.kind(self.world.work, session, self.http.port) as browser:
                yield browser

    def ten(self, application, how, **hints):
        self.label = f"{self.kind.name}, {how}"
        session = self.world.alice()
        with self.browser(session) as browser:
            self.begins(browser, application, hints)
            self.has_a_ticket(browser, session)
            self.is_in(browser, application)

    def begins(self, browser, application, hints):
        """Checks the steps 1 to 3, until the browser shows the sign-in page of the tenant."""
        there = browser.go(application.url).heading()
        self.step(1, "the user opens an application", '"signed_in":false' in there, there)
        browser.go(application.login(**hints))
        asked = self.http.find("/", lambda exchange: "/oauth2/authorize?" in exchange.path)
        self.step(2, "the application redirects to the sign-in page", asked and asked.status in (200, 303),
                  asked and asked.path[:60])
        typed = not hints and browser.until("document.querySelector('#name:not([readonly])') && true")
        if typed:
            browser.type("#name", "alice@contoso.test").click("form button")
        good = bool(typed) != bool(hints)
        self.step(3, "the user types a name" if not hints else "a hint came, so the user types nothing", good, hints or typed)

    def has_a_ticket(self, browser, session):
        """Checks the steps 4 to 8, from the challenge to the ticket that the server opens."""
        sent = lambda exchange: (exchange.headers.get("Authorization") or "").startswith("Negotiate ")
        with_ticket, first = wait(lambda: self.http.find(SSO, sent)), self.http.find(SSO)
        quiet = first and first.headers.get("Sec-Fetch-Mode") != "navigate" and not sent(first)
        self.step(4, "script asks the autologon endpoint, which answers 401",
                  quiet and first.status == 401 and first.answered["WWW-Authenticate"] == "Negotiate", first and first.status)
        service = AUTOLOGON.split("/")[1]
        self.step(5, "the browser asks the directory for a ticket for the account", self.kdc.asks_for(service), AUTOLOGON)
        self.step(6, "the directory gives the ticket", self.kdc.gives() and session.has_ticket(), AUTOLOGON)
        self.step(7, "the browser sends the ticket", with_ticket is not None,
                  with_ticket and f"{len(with_ticket.headers['Authorization'])} octets")
        opened = with_ticket and with_ticket.status == 200 and self.server.says(["signed in by Kerberos", "alice@CONTOSO.TEST"])
        self.step(8, "the server decrypts the ticket", opened, with_ticket and with_ticket.status)

    def is_in(self, browser, application):
        """Checks the steps 9 and 10, which need no click of the user."""
        there = browser.until(f"location.href === '{application.url}/' && document.body.innerText") or browser.heading()
        answered = self.http.find("/", lambda exchange: "/callback?" in (exchange.answered.get("Location") or ""))
        self.step(9, "the server returns a code, and the application gets its tokens", answered and '"claims"' in there,
                  answered and answered.answered["Location"].split("?")[0])
        self.step(10, "the user is in", "Alice Anderson" in there and '"wia"' in there, there[:60])

    def more_proof(self, application):
        """Checks the other end of step 9: the server asks for a one-time code before it returns a code."""
        self.label = f"{self.kind.name}, more proof"
        with self.browser(self.world.user("bob", "Some.Pass.1")) as browser:
            browser.go(application.login(login_hint="bob@contoso.test"))
            asked = browser.until("document.querySelector('#code') && document.querySelector('h1').innerText")
            self.step(9, "the server asks for more proof", asked, asked or browser.heading())
            browser.type("#code", one_time_code(BOB_SECRET, self.server)).click("form button")
            there = browser.until(f"location.href === '{application.url}/' && document.body.innerText") or browser.heading()
            self.step(10, "the user is in", '"otp"' in there and '"mfa"' in there, there[:60])

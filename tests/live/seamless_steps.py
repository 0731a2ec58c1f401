"""Checks the ten steps of a sign-in through an application, in Chromium and in Firefox. The messages are recorded by
taps between the browser and the server, and between the browser and the KDC."""

from contextlib import contextmanager

from authority import Authority
from judges import Authlib, SampleApp
from marionette import Firefox
from samba_ad import AUTOLOGON, SSO_ACCOUNT
from seamless_password import one_time_code
from seamless_server import BOB_SECRET, Server, code_of_bob, tenant, wait
from tap import HttpTap, KdcTap
from web import HOST, policies
from webdriver import Chromium

SSO = "/contoso.test/winauth/sso"


def check(world, port, report):
    """Runs the checks with two applications: the sample application, and an application that sends its users to the
    endpoint that asks for their name."""
    authority, address = Authority(world.work.dir("tls")), f"https://{HOST}:{port}"
    of_issuer = f"{address}/contoso.test", authority
    sample = SampleApp(world.work, port + 1, *of_issuer)
    anywhere = Authlib(world.work, port + 2, *of_issuer, "of-any-tenant", f"{address}/common/oauth2/authorize")
    clients = [one.registration() for one in (sample, anywhere)]
    of_contoso = tenant(world.contoso, world.contoso.keytab(SSO_ACCOUNT), clients=clients, proof=code_of_bob(world.contoso))
    with (Server(world.work, port + 3, [of_contoso], address=address, tls=authority.of_server()) as server,
          HttpTap(port, server.port, authority) as http, sample.run(), anywhere.run(),
          policies(HttpsUpgradesEnabled=False, PasswordManagerEnabled=False)):
        for browser in (Chromium, Firefox):
            steps = Steps(world, server, http, report, browser)
            steps.ten(anywhere, "typed name")
            steps.ten(sample, "login_hint", login_hint="alice@contoso.test")
            steps.ten(anywhere, "domain_hint", domain_hint="contoso.test")
        steps.more_proof(sample)


class Steps:
    def __init__(self, world, server, http, report, browser):
        self.world, self.server, self.http, self.report, self.kind = world, server, http, report, browser
        self.label = ""

    def step(self, number, what, good, said):
        self.report.check(good, f"{self.label}, step {number}: {what}", said)

    @contextmanager
    def browser(self, session, application):
        """Opens a browser whose requests pass the taps."""
        self.http.seen.clear()
        with KdcTap(self.world.contoso.port) as self.kdc:
            session.use_kdc(self.kdc.port)
            with self.kind(self.world.work, session, None, authority=application.authority) as browser:
                yield browser

    def ten(self, application, how, **hints):
        self.label = f"{self.kind.name}, {how}"
        session = self.world.alice()
        with self.browser(session, application) as browser:
            self.begins(browser, application, hints)
            self.has_a_ticket(session)
            self.is_in(browser, application)
            if isinstance(application, SampleApp):
                self.calls_the_api_and_signs_out(browser, application)

    def begins(self, browser, application, hints):
        """Checks the steps 1 to 3, until the browser shows the sign-in page of the tenant."""
        there = browser.go(application.url).script("return document.body.innerText")
        self.step(1, "the user opens an application", "Alice" not in there, " ".join(there.split())[:60])
        browser.go(application.login(**hints))
        asked = self.http.find("/", lambda exchange: "/oauth2/authorize?" in exchange.path)
        self.step(2, "the application redirects to the sign-in page", asked and asked.status in (200, 303), asked and asked.path[:60])
        typed = not hints and browser.until("document.querySelector('#name:not([readonly])') && true")
        if typed:
            browser.type("#name", "alice@contoso.test").click("form button")
        good = bool(typed) != bool(hints)
        self.step(3, "the user types a name" if not hints else "a hint came, so the user types nothing", good, hints or typed)

    def has_a_ticket(self, session):
        """Checks the steps 4 to 8, from the challenge to the ticket that the server decrypts."""
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
        """Checks the steps 9 and 10, in which the user clicks nothing."""
        there = self.signed_in(browser, application)
        answered = self.http.find("/", lambda exchange: "/callback?" in (exchange.answered.get("Location") or ""))
        tokens = self.http.find("/contoso.test/oauth2/token")
        self.step(9, "the server returns a code, and the application gets its tokens", answered and tokens and tokens.status == 200,
                  answered and answered.answered["Location"].split("?")[0])
        self.step(10, "the user is in", "Alice Anderson" in there and ("Kerberos" in there or "wia" in there), there[:60])

    def calls_the_api_and_signs_out(self, browser, application):
        said = browser.script("return document.querySelector('section .how').innerText")
        self.report.check("accepted" in said, f"{self.label}, then: the API accepts the access token", said)
        browser.click("form[action='/logout'] button")
        there = browser.until(f"location.href === '{application.url}/' && document.querySelector('a[href=\"/login\"]') && 'out'")
        self.report.check(there, f"{self.label}, then: the user is signed out, and is back at the application", there or browser.heading())
        asked = self.http.find("/contoso.test/oauth2/end_session")
        self.report.check(asked, f"{self.label}, then: the server ended the session", asked and asked.status)
        self.report.check(self.server.says(["told a client of a sign-out", application.name]),
                          f"{self.label}, then: the application takes the logout token", application.name)

    def signed_in(self, browser, application):
        """Returns the text of the application's page for a user who is signed in."""
        there = browser.until(f"location.href === '{application.url}/' && document.body.innerText") or browser.heading()
        return " ".join(there.split())

    def more_proof(self, application):
        """Checks the other outcome of step 9: the server asks for a one-time code before it returns an authorization
        code."""
        self.label = f"{self.kind.name}, more proof"
        with self.browser(self.world.user("bob", "Some.Pass.1"), application) as browser:
            browser.go(application.login(login_hint="bob@contoso.test"))
            asked = browser.until("document.querySelector('#code') && document.querySelector('h1').innerText")
            self.step(9, "the server asks for more proof", asked, asked or browser.heading())
            browser.type("#code", one_time_code(BOB_SECRET, self.server)).click("form button")
            there = self.signed_in(browser, application)
            self.step(10, "the user is in", "Bob" in there and "One-time code" in there, there[:60])

"""Tests pages whose origin is not the host that takes tickets, in Chromium and in Firefox, with and without third-party cookies.
The browsers send tickets only to the host that takes tickets."""

from authority import Authority
from marionette import Firefox
from samba_ad import SSO_ACCOUNT
from seamless_server import Server, tenant
from web import HOST, policies
from webdriver import Chromium

PAGES = "127.0.0.1"
BLOCKED = {"network.cookie.cookieBehavior": 1}


def check(world, port, report):
    authority = Authority(world.work.dir("tls"))
    pages, tickets = f"https://{PAGES}:{port}", f"https://{HOST}:{port}"
    of_contoso = tenant(world.contoso, world.contoso.keytab(SSO_ACCOUNT))
    with Server(world.work, port, [of_contoso], address=pages, autologon=tickets, tls=authority.of_server()) as server:
        for blocked in (False, True):
            for kind in (Chromium, Firefox):
                how = f"{kind.name}, pages of another origin, third-party cookies {'blocked' if blocked else 'allowed'}"
                with policies(HttpsUpgradesEnabled=False, PasswordManagerEnabled=False, BlockThirdPartyCookies=blocked):
                    Case(world, server, report, kind, authority, how, blocked).all(pages, tickets)


class Case:
    def __init__(self, world, server, report, kind, authority, label, blocked):
        self.world, self.server, self.report, self.label = world, server, report, label
        more = {"preferences": BLOCKED} if blocked and kind is Firefox else {}
        self.open = lambda session: kind(world.work, session, None, authority=authority, **more)

    def all(self, pages, tickets):
        session = self.world.alice()
        with self.open(session) as browser:
            browser.go(f"{pages}/?login_hint=alice@contoso.test")
            there = browser.until("document.querySelector('h1').innerText.startsWith('Hello') && document.querySelector('h1').innerText")
            self.report.check(there == "Hello, Alice Anderson", f"{self.label}: signed in by ticket", there or browser.heading())
            here = browser.script("return location.origin")
            self.report.check(here == pages, f"{self.label}: the page's origin has the session", here)
            browser.go(f"{tickets}/")
            heading = browser.heading()
            self.report.check("Hello" not in heading, f"{self.label}: the host that takes tickets has none", heading)
        with self.open(self.world.nobody()) as browser:
            browser.go(f"{pages}/?login_hint=alice@contoso.test")
            form = browser.until("document.querySelector('#password')?.checkVisibility({ visibilityProperty: true })")
            self.report.check(form, f"{self.label}: the form without a ticket", form or browser.heading())

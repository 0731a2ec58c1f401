"""Tests the sign-in page with headless Chromium. The browser signs in by ticket without a password. The test also
checks the password form without a ticket, with a token of NTLM, and with a ticket under another key. The two further
cases are a wrong clock, and a KDC that does not answer.

If the browser's ticket or clock is wrong, the password form works. If the server's key or clock is wrong, the password
form fails, because the server checks a password with a ticket for its own account. An attacker with a faked KDC
therefore cannot make the server accept a password. If the server's key or clock is wrong, the page sends the user to
the administrator, and the log has the remedy."""

import socket
from contextlib import contextmanager

import ldb
from samba.dcerpc import security
from samba.ndr import ndr_unpack

from samba_ad import AUTOLOGON as SPN
from samba_ad import SSO_ACCOUNT
from seamless_password import one_time_code
from seamless_server import BOB_SECRET, Server, header, replace, tenant
from webdriver import Chromium
from web import policies
from work import run

PASSWORD = "Alice.Pass.1"
ALICE = "/?login_hint=alice@contoso.test"
HOUR = 3600
NOT_THE_USERS = "directory did not let this server check the password"


def check(world, server, report, pictures):
    with policies(HttpsUpgradesEnabled=False, PasswordManagerEnabled=False):
        cases = Cases(world, server, report, pictures)
        cases.by_ticket()
        cases.with_code()
        cases.without_directory()
        cases.without_ticket()
        cases.with_ntlm()
        cases.ticket_of_a_former_key()
        cases.browser_with_another_clock()
        cases.kdc_that_does_not_answer()
        cases.server_with_another_key()
        cases.server_with_another_clock()


class Cases:
    kind = Chromium

    def __init__(self, world, server, report, pictures):
        self.world, self.server, self.report, self.pictures = world, server, report, pictures

    @contextmanager
    def browser(self, session, label, server=None, **how):
        """Opens a browser. At the end, a picture of the browser's page is written, even if a check failed."""
        with self.kind(self.world.work, session, (server or self.server).port, **how) as browser:
            browser.label = self.label(label)
            yield browser
            self.picture(browser, "last")

    def label(self, case):
        return case

    def picture(self, browser, state):
        browser.until("!document.getAnimations().some((one) => one.animationName === 'appear' && one.playState === 'running')")
        name = browser.label.replace(" ", "-").replace("'", "")
        browser.screenshot(self.pictures / f"{name}-{state}.png")

    def by_ticket(self):
        with self.browser(self.world.alice(), "by ticket") as browser:
            browser.open("/")
            self.picture(browser, "name")
            browser.type("#name", "alice@contoso.test").click("form.step button")
            self.signed_in(browser, "Kerberos")
            self.picture(browser, "signed-in")
            self.is_whom_the_directory_says(browser)
            # After a sign-out, the page uses the browser's ticket only after the user has pressed a button. Otherwise
            # the page would sign the user in again at once.
            for hint in ("login_hint=alice@contoso.test", "domain_hint=contoso.test", "login_hint=CONTOSO%5Calice"):
                browser.click("form[action='/sign-out'] button")
                out = browser.until("document.querySelector('#name') && document.querySelector('h1').innerText")
                self.report.check(out == "Sign in", f"{browser.label}: signed out", out)
                browser.open(f"/?{hint}").until("document.querySelector('#ticket')?.checkVisibility()")
                browser.click("#ticket")
                self.signed_in(browser, "Kerberos", hint)
            self.explained(browser)

    def explained(self, browser):
        """Checks that /explain explains a real ticket, and that the user can still sign in with this ticket."""
        token = header(self.world.alice().token())
        browser.open("/explain").type("textarea", token).click("form[action='/explain'] button")
        said = browser.until("document.querySelector('.verdict')?.innerText") or browser.heading()
        self.report.check("Accepted: alice@CONTOSO.TEST" in said, "explain: a ticket", said)
        self.picture(browser, "explained")
        self.report.check(self.server.autologon(token).status == 200, "explain: the ticket is not used up", "it signs in")

    def with_code(self):
        with self.browser(self.world.user("bob", "Some.Pass.1"), "one-time code") as browser:
            browser.open("/?login_hint=bob@contoso.test")
            asked = browser.until("document.querySelector('#code') && document.querySelector('h1').innerText")
            self.report.check(asked == "One more step", "one-time code: asked for", asked)
            self.picture(browser, "asked")
            browser.type("#code", one_time_code(BOB_SECRET, self.server)).click("form[action='/proof'] button")
            self.signed_in(browser, "Kerberos")

    def without_directory(self):
        """Checks the built-in test realm, which needs no directory."""
        with Server(self.world.work, self.server.port + 1) as server:
            with self.browser(self.world.nobody(), "test realm", server) as browser:
                browser.open("/")
                self.picture(browser, "name")
                browser.click("form[action='/test-ticket'] button")
                self.signed_in(browser, "Test ticket")

    def without_ticket(self):
        with self.browser(self.world.nobody(), "no ticket") as browser:
            self.form_in_time(browser)
            self.by_password(browser, "Not.Her.Password", "is not right")
            self.by_password(browser)
            self.picture(browser, "signed-in")
            browser.size(390, 760)

    def with_ntlm(self):
        """Checks the password form after a token of NTLM. The NTLM mechanism of GSSAPI makes the token. Windows sends
        such a token if it finds no KDC."""
        session = self.world.nobody()
        users = session.home / "ntlm.users"
        users.write_text(f"CONTOSO:alice:{PASSWORD}\n")
        ntlm = {"GSS_MECH_CONFIG": "/etc/gss/mech.d/mech.ntlmssp.conf", "NTLM_USER_FILE": str(users)}
        with self.browser(session, "NTLM", env=ntlm) as browser:
            self.form_in_time(browser)
            self.logged(browser, "code=\"ntlm\"")
            self.by_password(browser)

    def ticket_of_a_former_key(self):
        """Checks a ticket that is older than the last change of the account's password. The server's keytab does not
        contain the old key."""
        session = self.world.alice().kvno(SPN)
        self.world.sso_password = "Sso.Key.Two.2026!"
        self.world.contoso.set_password(SSO_ACCOUNT, self.world.sso_password)
        with self.another_server(self.world.contoso.keytab(SSO_ACCOUNT)) as server:
            with self.browser(session, "former key", server) as browser:
                self.form_in_time(browser)
                self.logged(browser, "no key has that version", "remedy", server=server)
                self.by_password(browser)
        replace(self.server.keytab, self.world.contoso.keytab(SSO_ACCOUNT).read_bytes())
        self.report.check(self.server.says(["keytab changed"]), "the server takes the new keytab", "without a restart")

    def browser_with_another_clock(self):
        """Checks a browser whose clock is wrong. MIT's library stores the clock difference to the KDC in the credential
        cache. When the clock then changes, the stored difference is wrong."""
        session = self.world.clients.session("CONTOSO.TEST", {"CONTOSO.TEST": self.world.contoso.port}, kdc_timesync=1)
        behind = ["faketime", "-f", f"-{HOUR}s"]
        run([*behind, "kinit", "alice"], session.env, PASSWORD + "\n")
        run([*behind, "kvno", SPN], session.env)
        with self.browser(session, "browser's clock") as browser:
            self.form_in_time(browser)
            self.logged(browser, "code=\"clock-skew\"")
            self.by_password(browser)

    def kdc_that_does_not_answer(self):
        """Checks a KDC that does not answer. Chromium on Linux waits for the KDC on the thread that also sends forms.
        Chromium therefore sends the form only after the KDC closes the connection or the Kerberos library gives up."""
        session = self.world.alice()
        silent = socket.create_server(("127.0.0.1", 0))
        session.use_kdc(silent.getsockname()[1])
        with self.browser(session, "silent KDC") as browser:
            self.form_in_time(browser)
            silent.close()
            self.by_password(browser)

    def server_with_another_key(self):
        """Checks a server whose keytab does not have the key of the account's password, but the key of another
        password. Then the test replaces this keytab by the right one."""
        ad, stranger = self.world.contoso, "STRANGERSACCT$"
        ad.computer(stranger, "Stranger.Pass.1")
        keytab = ad.keytab(stranger)
        # The two names must have the same length, so that the lengths of the keytab's records stay correct.
        assert len(stranger) == len(SSO_ACCOUNT)
        keytab.write_bytes(keytab.read_bytes().replace(stranger.encode(), SSO_ACCOUNT.encode()))
        with self.another_server(keytab) as server:
            with self.browser(self.world.alice(), "server's key", server) as browser:
                self.form_in_time(browser)
                self.logged(browser, "no sign-in by Kerberos", "remedy", server=server)
                self.by_password(browser, PASSWORD, NOT_THE_USERS)
                self.picture(browser, "not-the-users-fault")
                self.logged(browser, "the KDC's own ticket is refused", "remedy", server=server)
                replace(server.keytab, ad.keytab(SSO_ACCOUNT).read_bytes())
                server.says(["keytab changed"])
                self.by_password(browser)

    def server_with_another_clock(self):
        with self.another_server(self.world.contoso.keytab(SSO_ACCOUNT), clock=HOUR) as server:
            with self.browser(self.world.alice(), "server's clock", server) as browser:
                self.form_in_time(browser)
                self.logged(browser, "code=\"clock-skew\"", server=server)
                self.by_password(browser, PASSWORD, NOT_THE_USERS)
                self.logged(browser, "clock", "no sign-in by password", server=server)

    def another_server(self, keytab, **how):
        copy = self.world.work.root / "another.keytab"
        copy.write_bytes(keytab.read_bytes())
        server = Server(self.world.work, self.server.port + 1, [tenant(self.world.contoso, copy)], **how)
        server.keytab = copy
        return server

    def form_in_time(self, browser):
        browser.open(ALICE)
        form = browser.until("window.shown && window.shown.form && window.shown.form - window.shown.page")
        said = f"{form:.0f} ms after the attempt began" if form is not None else browser.heading()
        self.report.check(form is not None and form < 1000, f"{browser.label}: password form within a second", said)
        self.picture(browser, "form")

    def by_password(self, browser, password=PASSWORD, refused=None):
        """Sends the password form, and checks that the user is signed in, or that the page shows the text `refused`."""
        browser.type("#password", password).click("form[action$='/password'] button")
        if refused is None:
            return self.signed_in(browser, "Password")
        said = browser.until("document.querySelector('[role=alert]')?.innerText")
        return self.report.check(refused in (said or ""), f"{browser.label}: password refused", said)

    def signed_in(self, browser, how, by=""):
        there = browser.until("document.querySelector('.badge')?.innerText")
        said = f"{how}, {browser.heading()}" if there else browser.heading()
        self.report.check(there == how, f"{browser.label}{by and ', '}{by}: signed in", said)

    def logged(self, browser, *words, server=None):
        found = (server or self.server).says(words)
        self.report.check(found, f"{browser.label}: the log says it", " … ".join(words))

    def is_whom_the_directory_says(self, browser):
        facts, shown = browser.facts(), dict(line.split(": ", 1) for line in self.world.contoso.tool(
            "user", "show", "alice", "--attributes=objectSid,userPrincipalName,displayName").splitlines() if ": " in line)
        for term, fact, attribute in (("name", "name", "displayName"), ("UPN", "UPN", "userPrincipalName"),
                                      ("SID", "SID", "objectSid")):
            self.report.check(facts[fact] == shown[attribute], f"{browser.label}: the {term} is the directory's", facts[fact])
        of_domain = sorted(sid for sid in facts["groups"] if sid.startswith("S-1-5-21-"))
        known = sorted(sid for sid in token_groups(self.world.contoso, "alice") if sid.startswith("S-1-5-21-"))
        self.report.check(of_domain == known, f"{browser.label}: the groups are the directory's", f"{len(known)} of the domain")


def token_groups(ad, account):
    """Returns all groups of a user, including nested groups, as the directory computes them (MS-ADTS section 3.1.1.4.5.19)."""
    found = ad.db.search(ad.dn(account), scope=ldb.SCOPE_BASE, attrs=["tokenGroups"])[0]
    return [str(ndr_unpack(security.dom_sid, sid)) for sid in found["tokenGroups"]]

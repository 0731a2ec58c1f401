"""Tests the sign-in page with headless Firefox, which has its own implementation of Negotiate. The browser signs in by
ticket without a password. The test also checks the password form in three cases: the browser has no ticket, the browser
does not trust the server's host, or the KDC does not answer."""

import socket

from marionette import Firefox
from seamless_browser import Cases


def check(world, server, report, pictures):
    cases = InFirefox(world, server, report, pictures)
    cases.by_ticket()
    cases.without_ticket()
    cases.untrusted_host()
    cases.kdc_that_does_not_answer()


class InFirefox(Cases):
    kind = Firefox

    def label(self, case):
        return f"Firefox, {case}"

    def untrusted_host(self):
        """Checks a Firefox whose policy does not name the server's host. The user has a ticket, but Firefox sends no
        ticket and shows no dialog."""
        session = self.world.alice()
        with self.browser(session, "untrusted host", trusted="") as browser:
            self.form_in_time(browser)
            self.report.check(browser.dialog() is None, f"{browser.label}: no dialog", "none")
            self.report.check(not session.has_ticket(), f"{browser.label}: no ticket fetched", "none")
            self.by_password(browser)

    def kdc_that_does_not_answer(self):
        """Checks a KDC that does not answer. Firefox waits for the KDC on a thread of its own, so the form is sent at once."""
        session = self.world.alice()
        with socket.create_server(("127.0.0.1", 0)) as silent:
            session.use_kdc(silent.getsockname()[1])
            with self.browser(session, "silent KDC") as browser:
                self.form_in_time(browser)
                self.by_password(browser)

"""Asks the server to send a user to addresses that differ a little from a registered address. The server must answer
each such request with a page, and never with a redirect."""

import re
from urllib.parse import quote

from near_misses import EVIL, near_misses
from oidc_requests import (AUTHORIZE, BASIC, CALLBACK, CHALLENGE, CLIENT, END_SESSION, GOOD, METHODS, NATIVE, PAR, SIGNED_OUT,
                           TENANT,
                           Requests, encoded, is_json_error, is_page, location, server)

FEWEST = 200


def check(world, port, report):
    with server(world, port) as running:
        redirects = Redirects(world, running, report)
        redirects.registered()
        redirects.nearly_registered()
        redirects.twice_or_by_another_name()
        redirects.of_other_clients()
        redirects.of_a_native_client()
        redirects.after_sign_out()


class Redirects(Requests):
    def registered(self):
        """Checks that the server accepts the request before the test changes it. An unknown parameter has no effect
        (RFC 6749 section 3.1)."""
        for changes in ({}, {"unknown": "x"}, {"x" * 60: "y" * 500}, {"state": ""}, {"ui_locales": "de", "display": "page"}):
            answers = ((method, self.authorize(method, **changes)) for method in METHODS)
            self.all(f"authorize with {list(changes)}: the sign-in begins", answers, lambda answer: (
                answer.status in (200, 303) and not location(answer).startswith("http://127")))

    def nearly_registered(self):
        wrong = near_misses(CALLBACK)
        self.report.check(len(wrong) >= FEWEST, f"at least {FEWEST} near misses of a redirect URI", len(wrong))
        for method in METHODS:
            answers = ((uri, self.authorize(method, redirect_uri=uri)) for uri in wrong)
            self.all(f"near misses of a redirect URI, {method}: a page, no redirect", answers, is_page)
        answers = ((uri, self.ask("POST", PAR, encoded({**GOOD, "redirect_uri": uri}), BASIC)) for uri in wrong)
        self.all("near misses of a redirect URI, pushed: an error", answers, is_json_error)
        answer = self.ask("POST", PAR, encoded(GOOD), BASIC)
        self.report.check(answer.status == 201, "the registered redirect URI, pushed: accepted", answer.status)

    def twice_or_by_another_name(self):
        rest = encoded({**GOOD, "redirect_uri": None})
        good, evil = f"redirect_uri={quote(CALLBACK, safe='')}", f"redirect_uri=http://{EVIL}/"
        wrong = ["", "redirect_uri", "redirect_uri=", f"{good}&{good}", f"{good}&{evil}", f"{evil}&{good}",
                 f"x=1&x=2&{good}&{evil}",
                 f"redirect_uri=&{evil}", f"{good};{evil}", good.replace("=", "%3D"), good.replace("_u", "%5Fu") + "&" + evil]
        wrong += [good.replace("redirect_uri", name, 1) for name in (
            "redirect_uri[]", "redirect_uri[0]", "redirect_Uri", "REDIRECT_URI", "+redirect_uri", "redirect_uri+",
            "redirect_uri%00",
            "redirecturi", "redirect_url", "redirect-uri", "redirect%255Furi", "redirect.uri")]
        answers = ((one, self.ask(method, AUTHORIZE, f"{rest}&{one}")) for one in wrong for method in METHODS)
        self.all("a redirect URI twice or by another name: a page, no redirect", answers, is_page)
        answers = ((one, self.ask("POST", f"{AUTHORIZE}?{one}", f"{rest}&{evil}")) for one in (good, f"{rest}&{good}"))
        self.all("a good redirect URI in the query, another in the form: a page, no redirect", answers, is_page)

    def of_other_clients(self):
        names = ("unknown", "APP", "app ", " app", "app\0", "app,app", "", None)
        answers = ((repr(name), self.authorize(method, client_id=name)) for name in names for method in METHODS)
        self.all("another client_id: a page, no redirect", answers, is_page)

    def of_a_native_client(self):
        """Checks a native client on loopback: it may use any port (RFC 8252 section 7.3), but no other part of the
        address may differ."""
        registered, = NATIVE["redirect_uris"]
        with_port = lambda uri: re.fullmatch(r"http://127\.0\.0\.1(?::(\d{1,5}))?/callback", uri, re.ASCII)
        is_right = lambda uri: (found := with_port(uri)) and 0 < int(found[1] or 80) < 1 << 16
        wrong = [uri for uri in near_misses(CALLBACK) if not is_right(uri)]
        fields = {"client_id": NATIVE["id"], **CHALLENGE}
        answers = ((uri, self.authorize(method, **fields, redirect_uri=uri)) for uri in wrong for method in METHODS)
        self.all("near misses of a native client's redirect URI: a page, no redirect", answers, is_page)
        answers = ((uri, self.authorize(**fields, redirect_uri=uri)) for uri in (registered, CALLBACK,
                                                                                 "http://127.0.0.1:65535/callback"))
        self.all("any port of a native client: the sign-in begins", answers, lambda answer: location(answer).startswith(TENANT))

    def after_sign_out(self):
        """Signs out with a real ID token. The server may then redirect the browser to the registered address without
        asking the user."""
        wrong = [uri for uri in (*near_misses(f"{SIGNED_OUT}out"), *near_misses(CALLBACK)) if uri not in ("", SIGNED_OUT)]
        fields = {"client_id": CLIENT["id"], "id_token_hint": self.tokens().get("id_token", "")}
        answers = ((uri, self.ask(method, END_SESSION, encoded({**fields, "post_logout_redirect_uri": uri})))
                   for uri in wrong for method in METHODS)
        self.all("near misses of a post-logout redirect URI: a page, no redirect", answers, is_page)
        answer = self.ask("GET", END_SESSION, encoded({**fields, "post_logout_redirect_uri": SIGNED_OUT, "state": "s"}))
        answer = self.server.send("GET", location(answer), None, {}) if location(answer).startswith(TENANT) else answer
        self.report.check(location(answer) == f"{SIGNED_OUT}?state=s", "the registered post-logout redirect URI: a redirect to it",
                          location(answer) or answer.status)

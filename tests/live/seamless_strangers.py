"""Presents valid codes, tokens and requests wrongly: by another client, at another endpoint, or a second time."""

import base64
import json
import secrets

from oidc_requests import (AUTHORIZE, BASIC, BASIC_OF_OTHER, CALLBACK, GOOD, INTROSPECT, PAR, REVOKE, TOKEN, USERINFO,
                           Requests, encoded, is_json_error, is_page, is_refused, location, server)


def check(world, port, report):
    with server(world, port) as running:
        strangers = Strangers(world, running, report)
        strangers.other_tokens_as_access_tokens()
        strangers.tokens_of_another_client()
        strangers.codes_of_another_client()
        strangers.pushed_requests()
        strangers.subjects()


class Strangers(Requests):
    def userinfo(self, token):
        return self.server.send("GET", USERINFO, None, {"Authorization": f"Bearer {token}"})

    def is_good(self, tokens, label):
        answer = self.userinfo(tokens["access_token"])
        self.report.check(answer.status == 200, f"{label}: the access token is good", answer.status)

    def other_tokens_as_access_tokens(self):
        """Sends userinfo an ID token, a refresh token, a code and changed access tokens in place of an access token."""
        tokens = self.tokens()
        self.is_good(tokens, "userinfo")
        header, claims, signature = tokens["access_token"].split(".")
        decoded = json.loads(base64.urlsafe_b64decode(claims + "=="))
        changed = lambda **new: base64.urlsafe_b64encode(json.dumps({**decoded, **new}).encode()).decode().rstrip("=")
        wrong = [tokens["id_token"], tokens["refresh_token"], self.code(), f"{header}.{claims}.", f"{header}.{claims}",
                 f"{header}.{claims}.{signature[::-1]}", f"{header}.{changed(sub='x')}.{signature}",
                 f"{header}.{changed(exp=decoded['exp'] + 3600)}.{signature}",
                 f"{header}.{claims}.{tokens['id_token'].split('.')[2]}",
                 tokens["access_token"] + "A", tokens["access_token"] + ".", f"{tokens['access_token']} {tokens['access_token']}"]
        self.all("userinfo, tokens of another kind and changed tokens: refused",
                 ((token[-60:], self.userinfo(token)) for token in wrong),
                 lambda answer: answer.status in (400, 401))

    def tokens_of_another_client(self):
        """Lets one client try to inspect, revoke and refresh the tokens of another client. Each attempt must fail.
        After the attempts to revoke, the tokens must still be valid."""
        tokens = self.tokens()
        kinds = ("access_token", "refresh_token")
        ask = lambda path, kind, basic: self.ask("POST", path, encoded({"token": tokens[kind]}), basic)
        self.all("introspect, another client's tokens: not active",
                 ((kind, ask(INTROSPECT, kind, BASIC_OF_OTHER)) for kind in kinds),
                 lambda answer: answer.status == 200 and json.loads(answer.body) == {"active": False})
        self.all("introspect, the client's own tokens: active", ((kind, ask(INTROSPECT, kind, BASIC)) for kind in kinds),
                 lambda answer: json.loads(answer.body)["active"] is True)
        for kind in kinds:
            ask(REVOKE, kind, BASIC_OF_OTHER)
        self.is_good(tokens, "after another client tried to revoke")
        refresh = encoded({"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]})
        self.all("another client's refresh token: no tokens", [("", self.ask("POST", TOKEN, refresh, BASIC_OF_OTHER))],
                 is_json_error)

    def codes_of_another_client(self):
        verifier = secrets.token_urlsafe(48)
        answer = self.redeem(self.code(verifier), verifier, BASIC_OF_OTHER)
        self.all("another client's code: no tokens", [("", answer)], is_json_error)
        hint = self.tokens()["id_token"]
        self.all("another client's ID token as id_token_hint: refused",
                 [("", self.authorize(client_id="other", id_token_hint=hint, prompt="none"))], is_refused)

    def pushed_requests(self):
        """Uses the pushed request of one client for another client, and uses a pushed request twice (RFC 9126 section
        7.3)."""
        push = lambda: json.loads(self.ask("POST", PAR, encoded({**GOOD, "redirect_uri": CALLBACK}), BASIC).body)["request_uri"]
        use = lambda client, uri: self.ask("GET", AUTHORIZE, encoded({"client_id": client, "request_uri": uri}))
        self.all("another client's pushed request: a page, no redirect", [("", use("other", push()))], is_page)
        uri = push()
        begins = use("app", uri)
        self.report.check(location(begins).startswith("/contoso.test/sign-in"), "a pushed request: the sign-in begins",
                          begins.status)
        self.all("a pushed request a second time: a page, no redirect", [("", use("app", uri))], is_page)
        self.all("a changed pushed request: a page, no redirect", [("", use("app", push()[:-1] + "_"))], is_page)

    def subjects(self):
        """Checks that two applications cannot compare their users by `sub` (OpenID Connect Core 1.0 section 8.1)."""
        subject = lambda tokens: json.loads(base64.urlsafe_b64decode(tokens["id_token"].split(".")[1] + "=="))["sub"]
        mine, again, others = (subject(tokens) for tokens in (self.tokens(), self.tokens(), self.tokens("other", BASIC_OF_OTHER)))
        self.report.check(mine == again != others, "subjects: the same at each sign-in, and another for each application",
                          f"{mine}, {others}")

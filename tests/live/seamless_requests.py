"""Sends faulty requests to the endpoints of OpenID Connect: wrong, repeated and oversized parameters, wrong methods,
wrong content types, wrong clients, invented tokens. Each request must get a status 4xx, or an error at the registered
redirect URI."""

import base64
import secrets
from urllib.parse import quote, urlencode

from oidc_requests import (AUTHORIZE, BASIC, CALLBACK, END_SESSION, FORWARD_AUTH, GOOD, GROUPS, INTROSPECT, ISSUER, METHODS,
                           OF_CLIENTS, PAR, REVOKE, Requests, SECRET, SIGNED_OUT, SIGN_IN, TENANT, TOKEN, USERINFO, encoded,
                           is_client_error, is_json_error, is_refused, location, server)
from raw_http import CLOSED, FORM, exchange, request
from user_agent import UserAgent, query
from web import HOST

LONG = "x" * 9000
# The wrong values of each parameter of an authorization request.
WRONG = {
    "response_type": ["token", "id_token", "code token", "code id_token", "none", "CODE", "code code", "", None, LONG],
    "response_mode": ["fragment", "web_message", "query.jwt", "QUERY", "\0", LONG],
    "scope": ["", None, "openid unknown", "openid\0", "OPENID", LONG, "openid " + "profile " * 3000],
    "prompt": ["none login", "none none login", "create", "NONE", "\0", LONG],
    "max_age": ["-1", "x", "1.5", "9" * 40, "\u0663", "1e3"],
    "code_challenge": ["", "x", "E" * 42, "E" * 44, "=" * 43, "\u00e9" * 43, LONG],
    "code_challenge_method": ["plain", "s256", "S256 "],
    "request": ["x", "e30.e30."], "registration": ["{}"],
    "request_uri": ["https://evil.example/", "urn:x", "http://127.0.0.1:1/"],
    "resource": ["https://other.test/", "x", "https://api.test/#x", "\0"],
    "state": [LONG], "nonce": [LONG],
    "id_token_hint": ["x", "e30.e30.e30", "\u00ff" * 300],
}


def check(world, port, report):
    with server(world, port) as running:
        requests = Wrong(world, running, report)
        for part in (requests.authorization, requests.conversations, requests.forms, requests.no_forms, requests.clients,
                     requests.bearers, requests.hints, requests.codes, requests.methods, requests.afterwards):
            part()


class Wrong(Requests):
    def authorization(self):
        """Gives a wrong value to each parameter except client_id and redirect_uri. The server reports the error to the
        client, with `state` and `iss`."""
        with_method = lambda name: {"code_challenge_method": "S256"} if name == "code_challenge" else {}
        answers = ((f"{name}={str(value)[:40]}", self.authorize(method, **{**with_method(name), name: value}))
                   for name, values in WRONG.items() for value in values for method in METHODS)
        self.all("authorize, a wrong parameter: an error at the client, or a page", answers, is_refused)
        names = (*GOOD, "prompt", "max_age", "login_hint", "resource", "code_challenge")
        answers = ((name,
                    self.ask(method, AUTHORIZE, f"{urlencode(GOOD)}&{name}=x&{name}=y")) for name in names for method in METHODS)
        self.all("authorize, a parameter twice: an error at the client, or a page", answers, is_refused)
        many = urlencode(GOOD) + "".join(f"&x{number}=y" for number in range(5000))
        answers = ((method, self.ask(method, AUTHORIZE, many)) for method in METHODS)
        self.all("authorize, 5,000 parameters: an error at the client, or a page", answers, is_refused)

    def conversations(self):
        """Opens the sign-in page for sign-ins that this server did not begin, and for a sign-in that another browser
        began."""
        noise = [base64.urlsafe_b64encode(self.random.randbytes(size)).decode().rstrip("=") for size in (1, 12, 28, 60, 500, 4000)]
        texts = [f"request={text}" for text in ("", "x", "%00", "%ff", "..%2f..", "=" * 40, "A" * 8000, *noise)]
        answers = ((text, self.ask("GET", SIGN_IN, text)) for text in (*texts, "", "x=y", "request=a&request=b"))
        self.all("a made-up sign-in: refused", answers, is_client_error)
        page = UserAgent(self.server.port).go(f"http://{HOST}{AUTHORIZE}?{urlencode(GOOD)}")
        sealed = query(page.url).get("request", "")
        changes = [sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1:] for at in range(0, len(sealed), 7)]
        answers = ((text, self.ask("GET", SIGN_IN, f"request={text}")) for text in changes)
        self.all("a changed sign-in: refused", answers, is_client_error)
        self.all("the sign-in of another browser: does not go on", [(sealed, self.ask("GET", SIGN_IN, f"request={sealed}"))],
                 lambda answer: sealed and answer.status < 500 and not location(answer).startswith("http://127"))

    def forms(self):
        noise = self.random.randbytes(2000)
        grants = ["authorization_code", "refresh_token", "password", "client_credentials", "implicit", "urn:x",
                  "AUTHORIZATION_CODE", "\0"]
        code = f"code=x&redirect_uri={CALLBACK}&code_verifier={'v' * 43}"
        texts = [b"", b"&&&==", noise, b"grant_type", b"grant_type=", b"code=%ff%fe",
                 b"grant_type=authorization_code&grant_type=refresh_token",
                 b"token=", b"token=a&token=b", b"token_type_hint=x", b"request_uri=x", b"client_id=other",
                 b"grant_type=authorization_code",
                 b"grant_type=authorization_code&code=" + LONG.encode(), b"client_id=app&client_secret=" + LONG.encode(),
                 *(f"grant_type={quote(grant)}&refresh_token=y&{code}".encode() for grant in grants),
                 b"&".join(b"x%d=y" % number for number in range(5000))]
        answers = ((f"{path} {text[:60]}", self.ask("POST", path, text, BASIC))
                   for path in (TOKEN, PAR, REVOKE, INTROSPECT) for text in texts)
        self.all("token, par, revoke and introspect, wrong forms: an error in JSON", answers, is_json_error)
        big = b"grant_type=refresh_token&refresh_token=" + b"x" * (2 << 20)
        statuses = [exchange(self.server.port, request("POST", path, big, FORM)) for path in (*OF_CLIENTS, AUTHORIZE, END_SESSION)]
        good = all(status == CLOSED or status in range(400, 500) for status in statuses)
        self.report.check(good, "forms of 2 MiB: refused", statuses)

    def no_forms(self):
        kinds = ("application/json", "text/plain", "multipart/form-data; boundary=x", "\x01", "", "application/x-www-form")
        bodies = (b"grant_type=refresh_token&refresh_token=x&token=x",
                  b'{"grant_type":"refresh_token","refresh_token":"x","token":"x"}')
        answers = ((f"{path} {kind}", self.server.send("POST", path, body, {**BASIC, "Content-Type": kind}))
                   for path in OF_CLIENTS for kind in kinds for body in bodies)
        self.all("another content type: refused", answers, is_client_error)

    def clients(self):
        """Checks clients that authenticate wrongly (RFC 6749 section 5.2, `invalid_client`)."""
        basic = lambda text: "Basic " + base64.b64encode(text.encode("latin-1")).decode()
        pairs = ["", ":", "app", "app:", "app:x", f"unknown:{SECRET}", f"app:{SECRET.upper()}", f"app:{SECRET} ", f"app:{SECRET}\0",
                 "app:%zz", "\xff:\xff", f"app:{LONG}", f"APP:{SECRET}", f" app:{SECRET}", f"app:{SECRET[:-1]}"]
        values = [*map(basic, pairs), "Basic", "Basic ", "Basic %%%", "Basic =", "Bearer x", "Negotiate YQ==", "Digest x"]
        body = "grant_type=refresh_token&refresh_token=x&token=x"
        answers = [(f"{path} {value[:60]}",
                    self.ask("POST", path, body, {"Authorization": value})) for path in OF_CLIENTS for value in values]
        forms = ["", "&client_id=app", "&client_id=app&client_secret=", "&client_id=app&client_secret=x",
                 f"&client_id=app&client_secret={SECRET}&client_secret={SECRET}", f"&client_secret={SECRET}"]
        answers += [(f"{path} {form[:60]}", self.ask("POST", path, body + form)) for path in OF_CLIENTS for form in forms]
        both = f"{body}&client_id=app&client_secret={SECRET}"
        answers += [(f"{path}, two ways at once", self.ask("POST", path, both, BASIC)) for path in OF_CLIENTS]
        self.all("a client that is not the client: refused", answers,
                 lambda answer: answer.status in (400, 401) and is_json_error(answer))

    def bearers(self):
        """Checks access tokens that this server did not issue (RFC 6750 section 3.1)."""
        noise = base64.urlsafe_b64encode(self.random.randbytes(300)).decode()
        values = ["", "Bearer", "Bearer ", "Bearer x", "Bearer ..", "Bearer a.b.c", f"Bearer {noise}",
                  f"Bearer {unsigned('at+jwt')}",
                  "Bearer " + "x" * 60_000, "bearer\tx", "Basic YTpi", "Negotiate YQ==", BASIC["Authorization"], "\xff"]
        answers = [(f"{method} {path} {value[:60]}", self.server.send(method, path, None, {"Authorization": value}))
                   for path, methods in ((USERINFO, METHODS), (GROUPS, ("GET",))) for method in methods for value in values]
        answers += [(path, self.server.send("GET", path, None, {})) for path in (USERINFO, GROUPS)]
        answers += [("in the query", self.ask("GET", USERINFO, f"access_token={unsigned('at+jwt')}"))]
        self.all("userinfo and groups without a good token: challenged", answers, lambda answer: (
            answer.status in (400, 401) and (answer.headers.get("WWW-Authenticate") or "").startswith("Bearer")))

    def hints(self):
        noise = base64.urlsafe_b64encode(self.random.randbytes(300)).decode()
        answers = ((hint[:60],
                    self.ask(method, END_SESSION, encoded({"id_token_hint": hint, "post_logout_redirect_uri": SIGNED_OUT})))
                   for hint in ("x", "a.b.c", unsigned("JWT"), noise, "x" * 30_000) for method in METHODS)
        self.all("end_session with a made-up hint: no redirect to the client", answers, lambda answer: (
            answer.status < 500 and not location(answer).startswith("http://127")))

    def codes(self):
        """Sends authorization codes in token requests with one wrong or missing value. The server must return no
        tokens."""
        verifier = secrets.token_urlsafe(48)
        right = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": verifier}
        for label, change in (("another verifier", {"code_verifier": verifier[::-1]}), ("no verifier", {"code_verifier": None}),
                              ("another redirect URI", {"redirect_uri": SIGNED_OUT}), ("no redirect URI", {"redirect_uri": None}),
                              ("another last letter", {"code": "changed"})):
            code = self.code(verifier)
            wrong = {"code": code[:-1] + ("A" if code[-1] != "A" else "Q")} if "code" in change else change
            answer = self.ask("POST", TOKEN, encoded({**right, "code": code, **wrong}), BASIC)
            self.all(f"a code with {label}: no tokens", [(label, answer)], is_json_error)
        answer = self.ask("POST", TOKEN, encoded({**right, "code": self.code()}), BASIC)
        self.all("a verifier for a code without a challenge: no tokens (RFC 9700 section 4.8.2)", [("", answer)], is_json_error)
        answer = self.ask("POST", TOKEN, encoded({**right, "code": self.code(verifier)}), BASIC)
        self.all("the same code with everything right: tokens", [("", answer)], lambda answer: '"id_token"' in answer.body)

    def methods(self):
        paths = (AUTHORIZE, SIGN_IN, *OF_CLIENTS, USERINFO, GROUPS, END_SESSION, FORWARD_AUTH, f"{TENANT}/discovery/keys",
                 f"{TENANT}/.well-known/openid-configuration", f"/.well-known/oauth-authorization-server{TENANT}")
        answers = [(f"{method} {path}", self.server.send(method, path, None, {}))
                   for path in (*paths, "/common/oauth2/authorize") for method in ("BREW", "DELETE", "PUT", "PATCH", "TRACE")]
        answers += [(f"GET {path}", self.server.send("GET", path, None, {})) for path in OF_CLIENTS]
        answers += [(path, self.server.send("GET", path.replace("contoso", "fabrikam"), None, {})) for path in paths]
        self.all("wrong methods, and a tenant that is not there: refused", answers, is_client_error)

    def afterwards(self):
        panics = [line for line in self.server.log().splitlines() if "panicked" in line]
        lives = self.server.process.poll() is None
        self.report.check(lives and not panics, "after all wrong requests: no panic", panics[:1] or "the server lives")


def unsigned(kind):
    """Returns a token whose header says that it has no signature."""
    parts = (f'{{"alg":"none","typ":"{kind}"}}', f'{{"iss":"{ISSUER}","aud":"app","sub":"x","exp":9999999999}}', "")
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)

"""Sends wrong requests to the endpoints of OpenID Connect. A redirect URI that is nearly a registered one leads to a page, and never to
a redirect. All other wrong requests get a status 4xx, or an error at the registered redirect URI."""

import base64
import contextlib
import hashlib
import random
import secrets
from urllib.parse import quote, urlencode

from near_misses import EVIL, near_misses
from raw_http import CLOSED, FORM, exchange, request
from samba_ad import SSO_ACCOUNT
from seamless_server import Server, tenant
from user_agent import UserAgent, query
from web import HOST

TENANT = "/contoso.test"
AUTHORIZE, SIGN_IN = f"{TENANT}/oauth2/authorize", f"{TENANT}/sign-in"
TOKEN, INTROSPECT, REVOKE, PAR = (f"{TENANT}/oauth2/{name}" for name in ("token", "introspect", "revoke", "par"))
USERINFO, GROUPS, END_SESSION = (f"{TENANT}/oauth2/{name}" for name in ("userinfo", "groups", "end_session"))
FORWARD_AUTH = f"{TENANT}/forward-auth"
CALLBACK, SIGNED_OUT, SECRET = "http://127.0.0.1:8081/callback", "http://127.0.0.1:8081/", secrets.token_hex(32)
CLIENT = {"id": "app", "name": "Application", "secret_sha256": hashlib.sha256(SECRET.encode()).hexdigest(), "redirect_uris": [CALLBACK],
          "post_logout_redirect_uris": [SIGNED_OUT], "scopes": ["openid", "profile", "offline_access"],
          "grants": ["authorization_code", "refresh_token"]}
GOOD = {"client_id": "app", "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid", "state": "s", "nonce": "n"}
BASIC = {"Authorization": "Basic " + base64.b64encode(f"app:{SECRET}".encode()).decode()}
SEED = 20261130


def check(world, port, report):
    of_contoso = tenant(world.contoso, world.contoso.keytab(SSO_ACCOUNT), clients=[CLIENT])
    with Server(world.work, port, [of_contoso], address=f"http://{HOST}") as server:
        requests = Requests(world, server, report)
        for part in (requests.good, requests.redirect_uris, requests.other_ways_to_a_redirect_uri, requests.post_logout_redirect_uris,
                     requests.authorization_requests, requests.conversations, requests.forms, requests.clients, requests.bearers,
                     requests.codes, requests.methods, requests.afterwards):
            part()


class Requests:
    def __init__(self, world, server, report):
        self.world, self.server, self.report, self.random = world, server, report, random.Random(SEED)

    def all(self, label, answers, is_right):
        """Checks each answer. Shows the first wrong answers, or the number of all answers."""
        answers = list(answers)
        wrong = [(what[:100], answer.status, answer.headers.get("Location"), answer.body[:80])
                 for what, answer in answers if not is_right(answer)]
        self.report.check(not wrong, label, f"{len(wrong)} of {len(answers)}: {wrong[:3]}" if wrong else f"{len(answers)} requests")

    def authorize(self, method="GET", **changes):
        fields = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
        return self.ask(method, AUTHORIZE, urlencode(fields))

    def ask(self, method, path, encoded, headers=None):
        """Sends the parameters in the query of a GET, or in the form of a POST."""
        if method == "GET":
            return self.server.send("GET", f"{path}?{encoded}", None, headers or {})
        return self.server.send("POST", path, encoded, {"Content-Type": FORM, **(headers or {})})

    def good(self):
        """Checks that the request is good before it is changed, and that an unknown parameter changes nothing (RFC 6749 section 3.1)."""
        for changes in ({}, {"unknown": "x"}, {"x" * 60: "y" * 500}, {"state": ""}, {"ui_locales": "de", "display": "page"}):
            for method in ("GET", "POST"):
                answer = self.authorize(method, **changes)
                begins = answer.status in (200, 303) and not (answer.headers.get("Location") or "").startswith("http://127")
                self.report.check(begins, f"authorize, {method} with {list(changes)}: the sign-in begins", answer.status)

    def redirect_uris(self):
        wrong = near_misses(CALLBACK)
        assert len(wrong) >= 200, len(wrong)
        for method in ("GET", "POST"):
            answers = ((uri, self.authorize(method, redirect_uri=uri)) for uri in wrong)
            self.all(f"near misses of a redirect URI, {method}: a page, no redirect", answers, is_page)

    def other_ways_to_a_redirect_uri(self):
        """Names the redirect URI twice, in another place or under another name."""
        rest = urlencode({name: value for name, value in GOOD.items() if name != "redirect_uri"})
        good, evil = f"redirect_uri={quote(CALLBACK, safe='')}", f"redirect_uri=http://{EVIL}/"
        queries = ["", good + "&" + good, good + "&" + evil, evil + "&" + good, "x=1&x=2&" + good + "&" + evil, f"redirect_uri=&{evil}",
                   good.replace("_uri", "_uri[]"), good.replace("_uri", "_uri[0]"), good.replace("_u", "_U"), good.replace("_u", "%5Fu") + "&" + evil,
                   good.replace("=", "%3D"), good.replace("redirect", " redirect"), good + ";" + evil, "redirecturi=" + quote(CALLBACK),
                   "redirect_uri", "redirect_uri=", f"redirect_url={quote(CALLBACK)}", good.replace("redirect", "redirect%00")]
        answers = [(one, self.ask(method, AUTHORIZE, f"{rest}&{one}")) for one in queries for method in ("GET", "POST")]
        answers += [(f"query {one}", self.server.send("POST", f"{AUTHORIZE}?{one}", f"{rest}&{evil}", {"Content-Type": FORM}))
                    for one in (good, f"{rest}&{good}")]
        self.all("a redirect URI twice or under another name: a page, no redirect", answers, is_page)
        for name in ("other", "APP", "app ", "app\0", "", None):
            self.all(f"client_id {name!r}: a page, no redirect", [(str(name), self.authorize(client_id=name))], is_page)
        answers = [(uri, self.ask("POST", PAR, urlencode({**GOOD, "redirect_uri": uri}), BASIC)) for uri in near_misses(CALLBACK)]
        self.all("near misses of a redirect URI, pushed: an error", answers, lambda answer: answer.status in range(400, 500))

    def post_logout_redirect_uris(self):
        answers = [(uri, self.ask("GET", END_SESSION, urlencode({"client_id": "app", "post_logout_redirect_uri": uri})))
                   for uri in [*near_misses(SIGNED_OUT + "x"), *near_misses(CALLBACK)] if uri != SIGNED_OUT]
        self.all("near misses of a post-logout redirect URI: no redirect to it", answers, lambda answer: (
            answer.status in (*range(200, 300), *range(400, 500)) or (answer.headers.get("Location") or "").startswith(("/", f"http://{HOST}"))))

    def authorization_requests(self):
        """Spoils each parameter but client_id and redirect_uri. The client learns of the error, with `state` and `iss`."""
        noise = self.random.randbytes(300)
        bad = {"response_type": ["token", "id_token", "code token", "code id_token", "none", "CODE", "code code", "", None, "x" * 9000],
               "response_mode": ["fragment", "web_message", "query.jwt", "QUERY", "\0", "x" * 9000],
               "scope": ["", None, "profile", "openid unknown", "openid\0", "OPENID", "x" * 9000, noise, "openid " + "profile " * 3000],
               "prompt": ["none login", "none none login", "create", "NONE", "\0", "x" * 9000], "max_age": ["-1", "x", "1.5", "9" * 40, "٣", "1e3"],
               "code_challenge": ["", "x", "E" * 42, "E" * 44, "=" * 43, "é" * 43, "x" * 9000], "code_challenge_method": ["plain", "s256", "S256 "],
               "request": ["x", "e30.e30."], "request_uri": ["https://evil.example/", "urn:x", "http://127.0.0.1:1/"], "registration": ["{}"],
               "resource": ["https://other.test/", "x", "https://api.test/#x", "\0"], "state": ["x" * 9000], "nonce": ["x" * 9000],
               "id_token_hint": ["x", "e30.e30.e30", noise, "x" * 70_000]}
        answers = [(f"{name}={str(value)[:40]}", self.authorize(method, **{"code_challenge_method": "S256"} if name == "code_challenge" else {},
                                                                 **{name: value}))
                   for name, values in bad.items() for value in values for method in ("GET", "POST") if len(str(value)) < 60_000 or method == "POST"]
        self.all("authorize, a wrong parameter: an error at the client, or a page", answers, is_refused)
        answers = [(name, self.ask(method, AUTHORIZE, f"{urlencode(GOOD)}&{name}=x&{name}=y"))
                   for name in (*GOOD, "prompt", "max_age", "login_hint", "resource", "code_challenge") for method in ("GET", "POST")]
        self.all("authorize, a parameter twice: an error at the client, or a page", answers, is_refused)
        many = urlencode(GOOD) + "".join(f"&x{number}=y" for number in range(5000))
        self.all("authorize, 5,000 parameters: refused", [("many", self.ask(method, AUTHORIZE, many)) for method in ("GET", "POST")], is_refused)

    def conversations(self):
        """Sends addresses of sign-in pages that this server did not make, and a good one in another browser."""
        noise = [base64.urlsafe_b64encode(self.random.randbytes(size)).decode().rstrip("=") for size in (1, 12, 28, 60, 500, 4000)]
        texts = ["", "x", "%00", "%ff", "..%2f..", "=" * 40, "A" * 8000, *noise]
        answers = [(text, self.ask("GET", SIGN_IN, f"request={text}")) for text in texts]
        answers += [(text, self.ask("GET", SIGN_IN, text)) for text in ("", "x=y", "request=a&request=b")]
        self.all("a made-up sign-in: refused", answers, is_page)
        page = UserAgent(self.server.port).go(f"http://{HOST}{AUTHORIZE}?{urlencode(GOOD)}")
        sealed = query(page.url).get("request", "")
        changes = [sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1:] for at in range(0, len(sealed), 7)]
        self.all("a changed sign-in: refused", [(text, self.ask("GET", SIGN_IN, f"request={text}")) for text in changes], is_page)
        answer = self.ask("GET", SIGN_IN, f"request={sealed}")
        at_client = (answer.headers.get("Location") or "").startswith("http://127")
        self.report.check(sealed and answer.status < 500 and not at_client and "code=" not in answer.body,
                          "the sign-in of another browser does not go on", answer.status)

    def forms(self):
        """Sends wrong forms to the endpoints of clients. The error is JSON that no cache stores (RFC 6749 section 5.2)."""
        noise = self.random.randbytes(2000)
        grants = ["authorization_code", "refresh_token", "password", "client_credentials", "implicit", "urn:x", "AUTHORIZATION_CODE", "\0", ""]
        texts = [b"", b"&&&==", noise, b"grant_type", b"grant_type=authorization_code&grant_type=refresh_token", b"code=%ff%fe",
                 *(f"grant_type={quote(grant)}&code=x&refresh_token=y&redirect_uri={CALLBACK}&code_verifier={'v' * 43}".encode() for grant in grants),
                 b"grant_type=authorization_code", b"grant_type=authorization_code&code=" + b"x" * 9000, b"token=", b"token=a&token=b",
                 b"token_type_hint=x", b"request_uri=x", b"client_id=other", b"client_id=app&client_secret=" + b"x" * 9000,
                 b"&".join(b"x%d=y" % number for number in range(5000))]
        of_error = lambda answer: (answer.status in range(400, 500) and '"error"' in answer.body
                                   and "no-store" in (answer.headers.get("Cache-Control") or ""))
        answers = [(f"{path} {text[:60]}", self.send(path, text, FORM, BASIC)) for path in (TOKEN, PAR) for text in texts]
        self.all("token and par, wrong forms: an error in JSON", answers, of_error)
        without_token = [text for text in texts if b"token=" not in text or b"token=a&" in text]
        answers = [(f"{path} {text[:60]}", self.send(path, text, FORM, BASIC)) for path in (REVOKE, INTROSPECT) for text in without_token]
        self.all("revoke and introspect, wrong forms: an error in JSON", answers, of_error)
        kinds = ("application/json", "text/plain", "multipart/form-data; boundary=x", "\x01", "", "application/x-www-form-urlencoded;;=")
        answers = [(f"{path} {kind}", self.send(path, b"grant_type=refresh_token&refresh_token=x&token=x", kind, BASIC))
                   for path in (TOKEN, PAR, REVOKE, INTROSPECT) for kind in kinds[:-1]]
        self.all("no form: refused", answers, lambda answer: answer.status in range(400, 500))
        big = b"grant_type=refresh_token&refresh_token=" + b"x" * (2 << 20)
        statuses = [exchange(self.server.port, request("POST", path, big, FORM)) for path in (TOKEN, PAR, REVOKE, INTROSPECT, AUTHORIZE, END_SESSION)]
        self.report.check(all(status == CLOSED or status in range(400, 500) for status in statuses), "forms of 2 MiB: refused", statuses)

    def send(self, path, body, kind, headers):
        return self.server.send("POST", path, body, {"Content-Type": kind, **headers})

    def clients(self):
        """Checks clients that do not say rightly who they are (RFC 6749 section 5.2: invalid_client)."""
        encoded = lambda text: "Basic " + base64.b64encode(text).decode()
        values = ["Basic", "Basic ", "Basic %%%", "Basic =", encoded(b""), encoded(b":"), encoded(b"app"), encoded(b"app:"), encoded(b"app:x"),
                  encoded(b"other:" + SECRET.encode()), encoded(b"app:" + SECRET.upper().encode()), encoded(f"app:{SECRET} ".encode()),
                  encoded(f"app:{SECRET}\0".encode()), encoded(b"app:%zz"), encoded(b"\xff:\xff"), encoded(b"app:" + b"x" * 9000), "Bearer x",
                  "Negotiate YQ==", "Digest x", BASIC["Authorization"] + "=", BASIC["Authorization"].replace("Basic", "Basic  x")]
        body = "grant_type=refresh_token&refresh_token=x&token=x"
        answers = [(f"{path} {value[:60]}", self.send(path, body, FORM, {"Authorization": value}))
                   for path in (TOKEN, PAR, REVOKE, INTROSPECT) for value in values]
        secrets_in_form = [f"{body}&client_id=app", f"{body}&client_id=app&client_secret=", f"{body}&client_id=app&client_secret=x",
                           f"{body}&client_id=app&client_secret={SECRET}&client_secret={SECRET}", body]
        answers += [(f"{path} {form[-60:]}", self.send(path, form, FORM, {})) for path in (TOKEN, PAR, REVOKE, INTROSPECT) for form in secrets_in_form]
        answers += [(f"{path}, two methods", self.send(path, f"{body}&client_id=app&client_secret={SECRET}", FORM, BASIC))
                    for path in (TOKEN, PAR, REVOKE, INTROSPECT)]
        self.all("a client that is not the client: refused", answers, lambda answer: answer.status in (400, 401) and '"error"' in answer.body)

    def bearers(self):
        """Checks access tokens that this server did not give (RFC 6750 section 3.1)."""
        noise = base64.urlsafe_b64encode(self.random.randbytes(300)).decode()
        unsigned = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (
            b'{"alg":"none","typ":"at+jwt"}', f'{{"iss":"http://{HOST}/contoso.test","sub":"x","exp":9999999999}}'.encode(), b""))
        values = ["Bearer", "Bearer ", "Bearer x", "Bearer ..", "Bearer a.b.c", f"Bearer {noise}", f"Bearer {unsigned}", "Bearer " + "x" * 60_000,
                  "bearer\tx", "Basic YTpi", "Negotiate YQ==", BASIC["Authorization"], "\xff", ""]
        answers = [(f"{path} {value[:60]}", self.server.send(method, path, None, {"Authorization": value}))
                   for path, methods in ((USERINFO, ("GET", "POST")), (GROUPS, ("GET",))) for method in methods for value in values]
        answers += [(path, self.server.send("GET", path, None, {})) for path in (USERINFO, GROUPS)]
        answers += [("in the query", self.ask("GET", USERINFO, f"access_token={unsigned}"))]
        self.all("userinfo and groups without a good token: challenged", answers, lambda answer: (
            answer.status in (400, 401) and (answer.headers.get("WWW-Authenticate") or "").startswith("Bearer")))
        answers = [(value, self.ask("GET", END_SESSION, urlencode({"id_token_hint": value, "post_logout_redirect_uri": SIGNED_OUT})))
                   for value in ("x", "a.b.c", unsigned, noise, "x" * 30_000)]
        self.all("end_session with a made-up hint: no redirect", answers, lambda answer: (
            not (answer.headers.get("Location") or "").startswith("http://127") and answer.status < 500))

    def codes(self):
        """Uses a good code wrongly. Each wrong use gets no token, and the second use of a code ends the tokens of the first."""
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        right = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": verifier}
        for label, change in (("another verifier", {"code_verifier": verifier[::-1]}), ("no verifier", {"code_verifier": None}),
                              ("another redirect URI", {"redirect_uri": SIGNED_OUT}), ("no redirect URI", {"redirect_uri": None}),
                              ("another letter in the code", {})):
            code = self.code(challenge)
            if not change:
                code = code[:-1] + ("A" if code[-1] != "A" else "B")
            fields = {name: value for name, value in {**right, "code": code, **change}.items() if value is not None}
            answer = self.send(TOKEN, urlencode(fields), FORM, BASIC)
            self.report.check(answer.status == 400 and '"error":"invalid_' in answer.body, f"a code with {label}: no tokens", answer.body[:120])
        answer = self.send(TOKEN, urlencode({**right, "code": self.code(None)}), FORM, BASIC)
        self.report.check(answer.status == 400, "a verifier without a challenge: no tokens (RFC 9700 section 4.8.2)", answer.body[:120])

    def code(self, challenge):
        """Signs in with a ticket and returns the code."""
        agent, fields = UserAgent(self.server.port), dict(GOOD)
        if challenge:
            fields |= {"code_challenge": challenge, "code_challenge_method": "S256"}
        page = agent.go(f"http://{HOST}{AUTHORIZE}?{urlencode(fields)}")
        with contextlib.suppress(IOError):  # nothing listens at the redirect URI
            agent.by_ticket(page, self.world.alice())
        return query(agent.trail[-1])["code"]

    def methods(self):
        paths = (AUTHORIZE, SIGN_IN, TOKEN, USERINFO, GROUPS, REVOKE, INTROSPECT, PAR, END_SESSION, FORWARD_AUTH, f"{TENANT}/discovery/keys",
                 f"{TENANT}/.well-known/openid-configuration", f"/.well-known/oauth-authorization-server{TENANT}", "/common/oauth2/authorize")
        answers = [(f"{method} {path}", self.server.send(method, path, None, {})) for path in paths
                   for method in ("BREW", "DELETE", "PUT", "PATCH", "TRACE")]
        answers += [(f"GET {path}", self.server.send("GET", path, None, {})) for path in (TOKEN, REVOKE, INTROSPECT, PAR)]
        self.all("wrong methods: refused", answers, lambda answer: answer.status in range(400, 500))
        answers = [(path, self.server.send("GET", path.replace("contoso", "fabrikam"), None, {})) for path in paths[:-1]]
        self.all("another tenant: refused", answers, lambda answer: answer.status in range(400, 500))

    def afterwards(self):
        panics = [line for line in self.server.log().splitlines() if "panicked" in line]
        self.report.check(not panics and self.server.process.poll() is None, "after all wrong requests: no panic", panics[:1] or "the server lives")
        self.report.check(self.code(None), "after all wrong requests: a code", "signs in")


def is_page(answer):
    return answer.status in range(400, 500) and "Location" not in answer.headers and "<html" in answer.body


def is_refused(answer):
    """Returns whether the answer is a page, or an error at the registered redirect URI with `iss` (RFC 9207)."""
    there = answer.headers.get("Location") or ""
    found = query(there)
    at_client = there.startswith(f"{CALLBACK}?") and "error" in found and "code" not in found and found.get("iss") == f"http://{HOST}{TENANT}"
    return is_page(answer) or (answer.status == 303 and at_client) or answer.status in (413, 414, 431)

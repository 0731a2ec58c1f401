"""Sends requests to the endpoints of OpenID Connect without a browser, and checks the answers."""

import base64
import contextlib
import hashlib
import json
import random
import secrets
from urllib.parse import urlencode

from raw_http import FORM
from samba_ad import SSO_ACCOUNT
from seamless_server import Server, tenant
from user_agent import UserAgent, query
from web import HOST

ISSUER = f"http://{HOST}/contoso.test"
TENANT = "/contoso.test"
AUTHORIZE, SIGN_IN, END_SESSION = f"{TENANT}/oauth2/authorize", f"{TENANT}/sign-in", f"{TENANT}/oauth2/end_session"
TOKEN, INTROSPECT, REVOKE, PAR = OF_CLIENTS = [f"{TENANT}/oauth2/{name}" for name in ("token", "introspect", "revoke", "par")]
USERINFO, GROUPS, FORWARD_AUTH = f"{TENANT}/oauth2/userinfo", f"{TENANT}/oauth2/groups", f"{TENANT}/forward-auth"
CALLBACK, SIGNED_OUT, SECRET = "http://127.0.0.1:8081/callback", "http://127.0.0.1:8081/", secrets.token_hex(32)
CLIENT = {"id": "app", "name": "Application", "secret_sha256": hashlib.sha256(SECRET.encode()).hexdigest(),
          "redirect_uris": [CALLBACK], "post_logout_redirect_uris": [SIGNED_OUT], "scopes": ["openid", "profile", "offline_access"],
          "grants": ["authorization_code", "refresh_token"]}
# Another application, whose users have other subjects, and a native client, which has no secret and may use any port.
OTHER = {**CLIENT, "id": "other", "sector": "other.test"}
NATIVE = {"id": "native", "redirect_uris": ["http://127.0.0.1/callback"], "scopes": ["openid"]}
GOOD = {"client_id": "app", "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid", "state": "s", "nonce": "n"}
BASIC, BASIC_OF_OTHER = ({"Authorization": "Basic " + base64.b64encode(f"{name}:{SECRET}".encode()).decode()} for name in ("app",
                                                                                                                           "other"))
CHALLENGE = {"code_challenge": "E" * 43, "code_challenge_method": "S256"}
METHODS = ("GET", "POST")


def server(world, port):
    of_contoso = tenant(world.contoso, world.contoso.keytab(SSO_ACCOUNT), clients=[CLIENT, OTHER, NATIVE])
    return Server(world.work, port, [of_contoso], address=f"http://{HOST}")


class Requests:
    """The requests of one test. A subclass has the checks."""

    def __init__(self, world, server, report):
        self.world, self.server, self.report, self.random = world, server, report, random.Random(20261130)

    def all(self, label, answers, is_right):
        """Checks the answer to each request, and shows the first wrong answers."""
        answers = list(answers)
        wrong = [(what[:100], answer.status, answer.headers.get("Location"), answer.body[:80])
                 for what, answer in answers if not is_right(answer)]
        said = f"{len(wrong)} of {len(answers)} are wrong: {wrong[:3]}" if wrong else f"{len(answers)} requests"
        self.report.check(not wrong, label, said)

    def ask(self, method, path, parameters, headers=None):
        """Sends encoded parameters in the query of a GET, or in the form of a POST."""
        if method == "GET":
            return self.server.send("GET", f"{path}?{parameters}", None, headers or {})
        return self.server.send("POST", path, parameters, {"Content-Type": FORM, **(headers or {})})

    def authorize(self, method="GET", **changes):
        """Sends a valid authorization request whose parameters `changes` replaces. `None` removes a parameter."""
        return self.ask(method, AUTHORIZE, encoded({**GOOD, **changes}))

    def code(self, verifier=None, client="app"):
        """Signs in with a ticket and returns the code."""
        agent, fields = UserAgent(self.server.port), {**GOOD, "client_id": client}
        if verifier:
            challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
            fields |= {"code_challenge": challenge, "code_challenge_method": "S256"}
        page = agent.go(f"http://{HOST}{AUTHORIZE}?{urlencode(fields)}")
        with contextlib.suppress(OSError):  # nothing listens at the redirect URI
            agent.by_ticket(page, self.world.alice())
        return query(agent.trail[-1]).get("code")


    def redeem(self, code, verifier, basic=BASIC):
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": verifier}
        return self.ask("POST", TOKEN, encoded(fields), basic)

    def tokens(self, client="app", basic=BASIC):
        """Signs in with a ticket and returns the answer of the token endpoint."""
        verifier = secrets.token_urlsafe(48)
        answer = self.redeem(self.code(verifier, client), verifier, basic)
        return json.loads(answer.body) if answer.status == 200 else {}


def encoded(fields):
    return urlencode({name: value for name, value in fields.items() if value is not None})


def location(answer):
    return answer.headers.get("Location") or ""


def is_page(answer):
    return answer.status in range(400, 500) and not location(answer) and "<html" in answer.body


def is_client_error(answer):
    return answer.status in range(400, 500)


def is_refused(answer):
    """Returns True if the answer is a page, an error with `iss` at the registered redirect URI (RFC 9207), or a refusal of the
    request's size."""
    there, found = location(answer), query(location(answer))
    is_error = "error" in found and "code" not in found and found.get("iss") == ISSUER
    at_client = answer.status == 303 and there.startswith(f"{CALLBACK}?") and is_error
    return is_page(answer) or at_client or answer.status in (413, 414, 431)


def is_json_error(answer):
    """Returns whether the answer is an error in JSON that no cache stores (RFC 6749 section 5.2)."""
    is_stored = "no-store" not in (answer.headers.get("Cache-Control") or "")
    return answer.status in range(400, 500) and '"error"' in answer.body and not is_stored

"""Signs in to a native application in the eleven steps of Seamless SSO, and checks each step with tools from other
authors: MIT's klist and GSS client, xmlsec1 and PyJWT."""

import re
import urllib.parse

import jwt

import native_client
from clients import AUTOLOGON as SERVICE
from public_clients import AZURE_CLI
from replayed import AUTOLOGON, FORM, ISSUE, LOGIN, SAML_GRANT, SOAP, assertion_with
from seamless_server import header
from work import run


class NativeApplication:
    """An application that the user opens in `session`, and whose resource is the API of the sample application `app`."""

    def __init__(self, cloud, session, report):
        self.cloud, self.session, self.report, self.wire = cloud, session, report, cloud.wire

    def step(self, number, what, good, said, otherwise=None):
        self.report.check(good, f"step {number}: {what}", said, otherwise)

    def all(self):
        answer = self.ticket(self.find())
        self.resource(self.tokens(self.assertion(answer)))

    def find(self):
        """Checks steps 1 to 4, and returns the address of the integrated endpoint."""
        at_first = not self.session.has_ticket()
        self.step(1, "the user opens the application, with a sign-in to the domain only", at_first, f"no ticket for {SERVICE}")
        found = re.search(r"Default principal: (\S+)@(\S+)", run(["klist"], self.session.env))
        name = f"{found[1]}@{found[2].lower()}"
        self.step(2, "the application takes the user's name from the session", name == "alice@contoso.test", name)
        realm = self.wire.send(LOGIN, f"/common/userrealm/{name}?api-version=1.0", method="GET")
        address = realm.json().get("federation_metadata_url", "") if realm.status == 200 else ""
        good = address.startswith("https://") and address.endswith("/contoso.test/winauth/trust/mex")
        self.step(3, "the name leads to the tenant's MEX endpoint", good, address, realm.body)
        there = urllib.parse.urlsplit(address or f"https://{AUTOLOGON}/contoso.test/winauth/trust/mex")
        document = self.wire.send(there.hostname, there.path, method="GET")
        integrated = attempted(lambda: native_client.endpoint(document.body))
        good = integrated.startswith("https://") and integrated.endswith("/contoso.test/winauth/trust/2005/windowstransport")
        self.step(4, "MEX names the integrated endpoint", good, integrated)
        return integrated

    def ticket(self, address):
        """Checks steps 5 to 7, and returns the server's answer to the ticket."""
        there, headers = urllib.parse.urlsplit(address), {"Content-Type": SOAP, "SOAPAction": ISSUE}
        host, body = there.hostname or AUTOLOGON, native_client.rst(address).encode()
        ask = lambda **more: self.wire.send(host, there.path, body, {**headers, **more})
        challenge = ask()
        said = challenge.status, challenge.headers["WWW-Authenticate"], challenge.headers["Content-Type"], challenge.code()
        self.step(5, "the endpoint challenges with Kerberos, in XML", said == (401, "Negotiate", SOAP, "81006"), said)
        token = self.session.token()
        answer = ask(Authorization=header(token))
        good = self.session.has_ticket() and answer.status == 200
        said = f"{len(token.value)} octets: {answer.status}"
        self.step(6, "the application forwards the ticket of the domain controller", good, said)
        sid = self.cloud.world.contoso.sid_of("alice")
        good = self.cloud.server.says(["signed in by Kerberos", f"alice@CONTOSO.TEST ({sid})"])
        self.step(7, "the server decrypts and validates the ticket", good, sid)
        return answer

    def assertion(self, answer):
        """Checks step 8, in which the server signs an assertion for the user. Returns the DesktopSsoToken, which the
        answer has beside the assertion."""
        keys = self.keys()
        text = attempted(lambda: native_client.assertion_in(answer.body))
        verified = any(native_client.verify_assertion(text, key["x5c"][0]) for key in keys if "x5c" in key)
        claims = attempted(lambda: native_client.claims_of(text)) if verified else {}
        good = verified and claims["sid"] == self.cloud.world.contoso.sid_of("alice") and claims["upn"] == "alice@contoso.test"
        self.step(8, "the server issues a SAML assertion, which xmlsec1 verifies", good, claims, answer.body)
        return next((element.text for element in answer.xml().iter("DesktopSsoToken")), None)

    def tokens(self, desktop_sso_token):
        """Checks steps 9 and 10, and returns the tokens."""
        answer = self.exchange(grant_type=SAML_GRANT, assertion=assertion_with(desktop_sso_token))
        found = answer.json() if answer.status == 200 else {}
        self.step(9, "the application submits the assertion to the token endpoint", bool(found), answer.status, answer.body)
        said = {name: attempted(lambda token=found.get(name): self.claims(token, audience))
                for name, audience in (("access_token", self.cloud.api), ("id_token", AZURE_CLI))}
        of_alice = lambda claims: isinstance(claims, dict) and (claims["upn"], claims["amr"]) == ("alice@contoso.test", ["wia"])
        good = all(map(of_alice, said.values()))
        renewed = self.exchange(grant_type="refresh_token", refresh_token=found.get("refresh_token", "none"))
        good = good and found.get("resource") == self.cloud.api and renewed.status == 200
        self.step(10, "the application gets an access token and a refresh token for the resource, and an ID token", good,
                  "PyJWT verifies both, and the refresh token gives new tokens", f"{said} {renewed.body}")
        return found

    def exchange(self, **fields):
        form = {**fields, "client_id": AZURE_CLI, "resource": self.cloud.api}
        return self.wire.send(LOGIN, "/contoso.test/oauth2/token", urllib.parse.urlencode(form).encode(), {"Content-Type": FORM})

    def resource(self, tokens):
        """Checks step 11: the API verifies the token with a library that the server does not use."""
        status, said = self.cloud.call_api(tokens.get("access_token"))
        good = (status, said.get("upn")) == (200, "alice@contoso.test")
        self.step(11, "the application uses the resource", good, f"{status} {said}")

    def keys(self):
        metadata = self.wire.send(LOGIN, "/contoso.test/.well-known/openid-configuration", method="GET").json()
        self.issuer = metadata["issuer"]
        there = urllib.parse.urlsplit(metadata["jwks_uri"])
        return self.wire.send(there.hostname, there.path, method="GET").json()["keys"]

    def claims(self, token, audience):
        named = jwt.get_unverified_header(token)["kid"]
        key = jwt.PyJWK(next(key for key in self.keys() if key["kid"] == named)).key
        return jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=self.issuer)


def attempted(step):
    """Returns the result of the step, or the reason why the step fails."""
    try:
        return step()
    except (Exception, SystemExit) as error:  # noqa: BLE001 the check shows the reason
        return f"{type(error).__name__}: {error}"

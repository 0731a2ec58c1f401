"""Signs in as a native client does, and checks the results with other implementations. The client reads the MEX
document. By WS-Trust, the client gets an assertion for a ticket. Then the client gets tokens for the assertion, and new
tokens for the refresh token. xmlsec1 verifies the signature of the assertion, and PyJWT verifies the tokens, with the
keys that the server publishes. This program prints one JSON object, and exits with 1 if a check fails.

native_client.py URL TENANT [--service HTTP@HOST] [--authorization FILE]

URL              for example http://127.0.0.1:8080
--service        the service of the ticket; default HTTP@autologon.microsoftazuread-sso.com
--authorization  a file of header values, one a line, to send instead of tickets of the credential cache; the server accepts each value once"""

import argparse
import base64
import http.client
import json
import subprocess
import sys
import tempfile
import textwrap
import urllib.parse
import uuid
import xml.etree.ElementTree as ET
from pathlib import Path

import jwt

NAMES = {
    "wsdl": "http://schemas.xmlsoap.org/wsdl/",
    "soap12": "http://schemas.xmlsoap.org/wsdl/soap12/",
    "wsp": "http://schemas.xmlsoap.org/ws/2004/09/policy",
    "wsu": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd",
    "http": "http://schemas.microsoft.com/ws/06/2004/policy/http",
    "sp": "http://schemas.xmlsoap.org/ws/2005/07/securitypolicy",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "t": "http://schemas.xmlsoap.org/ws/2005/02/trust",
    "saml": "urn:oasis:names:tc:SAML:1.0:assertion",
}
ISSUE = "http://schemas.xmlsoap.org/ws/2005/02/trust/RST/Issue"
AUDIENCE = "urn:federation:MicrosoftOnline"
ASSERTION_GRANT = "urn:ietf:params:oauth:grant-type:saml1_1-bearer"
# The native client of the test realm. A server without the test realm must have this client in its configuration.
CLIENT, RESOURCE, SCOPE = "native", "urn:api", "openid profile"


class Server:
    def __init__(self, url, tenant):
        self.url, self.tenant = urllib.parse.urlsplit(url), tenant

    def send(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=30)
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        answer = response.status, response.headers, response.read().decode()
        connection.close()
        return answer

    def get(self, path, headers=None):
        status, _, body = self.send("GET", path, None, headers)
        check(status == 200, f"GET {path}: {status} {body}")
        return body

    def token(self, **fields):
        form = urllib.parse.urlencode(fields)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        status, headers, body = self.send("POST", f"/{self.tenant}/oauth2/token", form, headers)
        check("no-store" in headers.get("Cache-Control", ""), "an answer with tokens may be stored")
        return status, json.loads(body)


def check(is_so, otherwise):
    if not is_so:
        sys.exit(f"native_client: {otherwise}")


def endpoint(mex):
    """Returns the address at which the MEX document offers Negotiate, found as MSAL and ADAL find it."""
    document = ET.fromstring(mex)
    policies = {
        "#" + policy.get(f"{{{NAMES['wsu']}}}Id")
        for policy in document.findall("wsp:Policy", NAMES)
        if policy.find("wsp:ExactlyOne/wsp:All/http:NegotiateAuthentication", NAMES) is not None
        and policy.find(".//sp:TransportBinding", NAMES) is not None
    }
    bindings = {
        binding.get("name")
        for binding in document.findall("wsdl:binding", NAMES)
        if binding.find("soap12:binding", NAMES).get("transport") == "http://schemas.xmlsoap.org/soap/http"
        and binding.find("wsdl:operation/soap12:operation", NAMES).get("soapAction") == ISSUE
        and binding.find("wsp:PolicyReference", NAMES).get("URI") in policies
    }
    addresses = [
        port.find("wsa:EndpointReference/wsa:Address", NAMES).text
        for port in document.findall("wsdl:service/wsdl:port", NAMES)
        if port.get("binding").split(":")[-1] in bindings
    ]
    check(len(addresses) == 1, f"{len(addresses)} endpoints in the MEX document")
    check(addresses[0].startswith("https://"), f"{addresses[0]}: MSAL wants HTTPS")
    return addresses[0]


def rst(address, audience=AUDIENCE):
    return f"""<s:Envelope xmlns:s='{NAMES["s"]}' xmlns:wsa='{NAMES["wsa"]}'><s:Header>
        <wsa:Action s:mustUnderstand='1'>{ISSUE}</wsa:Action><wsa:MessageID>urn:uuid:{uuid.uuid4()}</wsa:MessageID>
        <wsa:ReplyTo><wsa:Address>http://www.w3.org/2005/08/addressing/anonymous</wsa:Address></wsa:ReplyTo>
        <wsa:To s:mustUnderstand='1'>{address}</wsa:To></s:Header><s:Body>
        <t:RequestSecurityToken xmlns:t='{NAMES["t"]}'><wsp:AppliesTo xmlns:wsp='{NAMES["wsp"]}'><wsa:EndpointReference>
        <wsa:Address>{audience}</wsa:Address></wsa:EndpointReference></wsp:AppliesTo>
        <t:KeyType>http://schemas.xmlsoap.org/ws/2005/05/identity/NoProofKey</t:KeyType>
        <t:RequestType>http://schemas.xmlsoap.org/ws/2005/02/trust/Issue</t:RequestType>
        </t:RequestSecurityToken></s:Body></s:Envelope>"""


class Tickets:
    """A source of `Authorization` values, each accepted once. The source also checks whether the server proves its identity."""

    def __init__(self, service, file):
        self.service = service
        self.values = iter(Path(file).read_text().split("\n")) if file else None

    def send(self, exchange):
        if self.values is not None:
            return exchange(next(self.values).strip())
        import gssapi

        name = gssapi.Name(self.service, gssapi.NameType.hostbased_service)
        spnego = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
        flags = gssapi.RequirementFlag.mutual_authentication
        context = gssapi.SecurityContext(name=name, mech=spnego, flags=flags, usage="initiate")
        answer = exchange("Negotiate " + base64.b64encode(context.step()).decode())
        token = answer[1].get("WWW-Authenticate", "").partition(" ")[2]
        check(token, f"no answer to the ticket: {answer[0]}")
        context.step(base64.b64decode(token))
        check(context.complete, "the server has not proved itself")
        return answer


def assertion_for(server, tickets, path, body):
    headers = {"Content-Type": "application/soap+xml; charset=utf-8", "SOAPAction": ISSUE}
    status, challenge, _ = server.send("POST", path, body, headers)
    check((status, challenge.get("WWW-Authenticate")) == (401, "Negotiate"), f"no challenge: {status}")
    return tickets.send(lambda value: server.send("POST", path, body, {**headers, "Authorization": value}))


def assertion_in(envelope):
    """Returns the octets of the assertion without parsing them. If a parser read the assertion and wrote it again, its
    octets might change, and the signature would be invalid."""
    check(ET.fromstring(envelope).find("s:Body/t:RequestSecurityTokenResponse", NAMES) is not None, "no RSTR")
    start, end = envelope.index("<saml:Assertion"), envelope.index("</saml:Assertion>")
    return envelope[start : end + len("</saml:Assertion>")]


def verify_assertion(assertion, certificate):
    """Verifies the assertion with xmlsec1 and the certificate of the key set, even if the assertion names another
    key."""
    with tempfile.TemporaryDirectory() as folder:
        xml, pem = Path(folder) / "assertion.xml", Path(folder) / "certificate.pem"
        xml.write_text(assertion)
        lines = "\n".join(textwrap.wrap(certificate, 64))
        pem.write_text(f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
        command = ["xmlsec1", "--verify", "--pubkey-cert-pem", pem, "--enabled-key-data", "rsa"]
        command += ["--id-attr:AssertionID", f"{NAMES['saml']}:Assertion", xml]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def claims_of(assertion):
    document = ET.fromstring(assertion)
    values = {
        attribute.get("AttributeNamespace") + "/" + attribute.get("AttributeName"): attribute.findtext("saml:AttributeValue", None, NAMES)
        for attribute in document.findall("saml:AttributeStatement/saml:Attribute", NAMES)
    }
    statement = document.find("saml:AuthenticationStatement", NAMES)
    check(statement.get("AuthenticationMethod") == "urn:federation:authentication:windows", "another way to sign in")
    check(document.findtext(".//saml:Audience", None, NAMES) == AUDIENCE, "another audience")
    return {
        "issuer": document.get("Issuer"),
        "name_identifier": statement.findtext("saml:Subject/saml:NameIdentifier", None, NAMES),
        "upn": values["http://schemas.xmlsoap.org/claims/UPN"],
        "immutable_id": values["http://schemas.microsoft.com/LiveID/Federation/2008/05/ImmutableID"],
        "sid": values["http://schemas.microsoft.com/ws/2008/06/identity/claims/primarysid"],
    }


def verify_tokens(answer, keys, issuer, claims):
    subjects = set()
    for name, audience, kind in [("access_token", RESOURCE, "at+jwt"), ("id_token", CLIENT, "JWT")]:
        header = jwt.get_unverified_header(answer[name])
        check(header["typ"] == kind, f"{name}: {header}")
        public = jwt.PyJWK(next(key for key in keys if key["kid"] == header["kid"])).key
        token = jwt.decode(answer[name], public, algorithms=["RS256"], audience=audience, issuer=issuer)
        found = token["oid"], token["upn"], token["amr"]
        check(found == (claims["sid"], claims["upn"], ["wia"]), f"{name}: {found}")
        subjects.add(token["sub"])
    # Each client gets its own subject for the user, which is not the SID.
    check(len(subjects) == 1 and claims["sid"] not in subjects, f"the subject: {subjects}")
    check(answer["token_type"] == "Bearer" and int(answer["expires_in"]) > 0, "no bearer token")


def refused(answer, code, what):
    check((answer[0], answer[1].get("error")) == (400, code), f"{what}: {answer}")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("url")
    parser.add_argument("tenant")
    parser.add_argument("--service", default="HTTP@autologon.microsoftazuread-sso.com")
    parser.add_argument("--authorization")
    options = parser.parse_args()
    server, tickets = Server(options.url, options.tenant), Tickets(options.service, options.authorization)

    address = endpoint(server.get(f"/{options.tenant}/winauth/trust/mex"))
    path = urllib.parse.urlsplit(address).path
    metadata = json.loads(server.get(f"/{options.tenant}/.well-known/openid-configuration"))
    keys = json.loads(server.get(urllib.parse.urlsplit(metadata["jwks_uri"]).path))["keys"]
    is_verified = lambda assertion: any(verify_assertion(assertion, key["x5c"][0]) for key in keys if "x5c" in key)

    status, _, envelope = assertion_for(server, tickets, path, rst(address))
    check(status == 200, f"WS-Trust: {status} {envelope}")
    assertion = assertion_in(envelope)
    check(is_verified(assertion), "xmlsec1 does not verify the assertion")
    claims = claims_of(assertion)
    check(claims["issuer"] == metadata["issuer"], "another issuer")
    changed = assertion.replace(claims["sid"], claims["sid"] + "0")
    check(not is_verified(changed), "xmlsec1 verifies anything")

    encoded = base64.urlsafe_b64encode(assertion.encode()).decode()
    fields = {"grant_type": ASSERTION_GRANT, "client_id": CLIENT, "resource": RESOURCE}
    forged = base64.b64encode(changed.encode()).decode()
    refused(server.token(assertion=forged, **fields), "invalid_grant", "a changed assertion")
    status, first = server.token(assertion=encoded, scope=SCOPE, **fields)
    check(status == 200, f"tokens: {status} {first}")
    verify_tokens(first, keys, metadata["issuer"], claims)
    refused(server.token(assertion=encoded, **fields), "invalid_grant", "an assertion a second time")

    fields["grant_type"] = "refresh_token"
    status, second = server.token(refresh_token=first["refresh_token"], **fields)
    check(status == 200, f"refresh: {status} {second}")
    verify_tokens(second, keys, metadata["issuer"], claims)
    refused(server.token(refresh_token=first["refresh_token"], **fields), "invalid_grant", "a refresh token a second time")
    refused(server.token(refresh_token=second["refresh_token"], **fields), "invalid_grant", "what followed on it")
    refused(server.token(client_id=CLIENT), "invalid_request", "no grant")
    refused(server.token(client_id=CLIENT, grant_type="password"), "unsupported_grant_type", "another grant")

    status, _, fault = assertion_for(server, tickets, path, rst(address, "urn:federation:other"))
    subcode = ET.fromstring(fault).findtext("s:Body/s:Fault/s:Code/s:Subcode/s:Value", None, NAMES)
    check((status, (subcode or "").rpartition(":")[2]) == (400, "InvalidScope"), f"another audience: {status} {subcode}")
    print(json.dumps({**claims, "tenant": jwt.decode(second["id_token"], options={"verify_signature": False})["tid"]}))


if __name__ == "__main__":
    main()

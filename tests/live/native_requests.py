"""Replays the requests of clients whose programs do not run on this machine. Also sends the discovery requests of
clients before a sign-in: the answers describe a domain, never a user."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

from native_clients import SERVICE, payload
from native_cloud import GRAPH
from public_clients import AZURE_AD_POWERSHELL, of_krbsso
from replayed import AUTOLOGON, FORM, LOGIN, SAML_GRANT, AadInternals, assertion_with

# The exact text that Oh365UserFinder looks for in the answer.
OH365USERFINDER = '{"DesktopSsoEnabled":true,"UserTenantBranding":null,"DomainType":3}'
AT_ONCE = 8
TRANSPORT = "/contoso.test/winauth/trust/2005/windowstransport"
CALLBACK, CORRELATION = "http://127.0.0.1/callback", "19ac39db-81d2-4713-8046-b0b7240592be"


def check(cloud, report):
    aadinternals(cloud, report)
    once(cloud, report)
    credential_type(cloud, report)
    user_realm(cloud, report)
    refused_tickets(cloud, report)
    refused_assertions(cloud, report)


def ticket(cloud):
    return of_krbsso(cloud.world.alice().ap_req(f"{SERVICE}@CONTOSO.TEST").value)


def aadinternals(cloud, report):
    """Sends the DesktopSsoToken to `common`, with a scope that the resource does not know."""
    client, label = AadInternals(cloud.wire), "AADInternals ec04e90"
    answer = client.ask("contoso.test", ticket(cloud))
    report.check(answer.continued, f"{label}: the server asks for the body (Expect: 100-continue)", answer.status)
    token = client.desktop_sso_token(answer)
    good = bool(re.fullmatch(r"[A-Za-z0-9._~-]+", token or ""))
    size = f"{len(token or '')} characters"
    report.check(good, f"{label}: reads a DesktopSsoToken with no character to escape", size, answer.body)
    tokens = client.tokens(token, cloud.api, CALLBACK)
    found = tokens.json() if tokens.status == 200 else {}
    good, said = cloud.accepts(found.get("access_token"))
    report.check(good, f"{label}, common: the API accepts the access token", said, tokens.body)
    access, id_token = payload(found.get("access_token")), payload(found.get("id_token"))
    known = access.get("appid"), id_token.get("upn"), found.get("resource")
    good = known == (AZURE_AD_POWERSHELL, "alice@contoso.test", cloud.api)
    report.check(good, f"{label}: the tokens are of its client, the user and its resource", known)
    numbers = {name: found.get(name) for name in ("expires_in", "expires_on", "not_before")}
    good = all(isinstance(value, str) and value.isdigit() for value in numbers.values())
    report.check(good, f"{label}: numbers are texts, as in version 1", numbers)
    answer = client.ask(access.get("tid", "none"), ticket(cloud))
    good = answer.status == 200 and client.desktop_sso_token(answer) is not None
    report.check(good, f"{label}: the tenant's identifier names the tenant, too", access.get("tid"), answer.body)
    again = client.tokens(token, cloud.api, CALLBACK)
    good = again.status == 400 and again.error().isdigit()
    report.check(good, f"{label}, a DesktopSsoToken a second time: refused with a code", again.error(), again.body)


def once(cloud, report):
    """Exchanges one DesktopSsoToken several times at once."""
    client = AadInternals(cloud.wire)
    token = client.desktop_sso_token(client.ask("contoso.test", ticket(cloud)))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: client.tokens(token, cloud.api, CALLBACK), range(AT_ONCE)))
    statuses = sorted(answer.status for answer in answers)
    report.check(statuses == [200] + [400] * (AT_ONCE - 1), f"a DesktopSsoToken, {AT_ONCE} times at once: good once", statuses)


def credential_type(cloud, report):
    """Calls GetCredentialType in two ways: as o365spray does (without a content type), and as AADInternals does (with
    `application/json`)."""
    def ask(body, path="/common/GetCredentialType", kind=None):
        answer = cloud.wire.send(LOGIN, path, json.dumps(body).encode(), {"Content-Type": kind} if kind else {})
        return answer.body, answer.json() if answer.status == 200 else {}
    names = [f"{name}@contoso.test" for name in ("alice", "nn", "no-such-user")]
    answers = [ask({"Username": name}, "/common/GetCredentialType?mkt=en-US") for name in names]
    answers.append(ask({"username": "alice@contoso.test", "isOtherIdpSupported": True, "checkPhones": True, "originalRequest": "",
                        "flowToken": ""}, kind="application/json; charset=UTF-8"))
    bodies = [body for body, _ in answers]
    alike = {re.sub(r'"apiCanary":"[^"]*"|[\w-]+@contoso\.test', "", body) for body in bodies}
    good = len(alike) == 1 and all(OH365USERFINDER in body for body in bodies)
    label = "GetCredentialType: one answer for each name of a domain, as Oh365UserFinder reads it"
    report.check(good, label, OH365USERFINDER, bodies)
    known = [found.get(name) for _, found in answers for name in ("IfExistsResult", "ThrottleStatus")]
    report.check(known == [0] * 8, "GetCredentialType: each user may exist", known)
    body, found = ask({"Username": "someone@partner.test"})
    known = [(found.get(part) or {}).get(name) for part, name in (
        ("EstsProperties", "DomainType"), ("EstsProperties", "DesktopSsoEnabled"), ("Credentials", "PrefCredential"))]
    report.check(known == [4, False, 4], "GetCredentialType, a federated domain: DomainType 4, no Seamless SSO", known, body)


def user_realm(cloud, report):
    get = lambda path: cloud.wire.send(LOGIN, path, method="GET")
    for path, key, want in (("/common/userrealm/{}?api-version=1.0", "account_type", ["Managed", "Federated"]),
                            ("/common/UserRealm/{}?api-version=2.0", "NameSpaceType", ["Managed", "Federated"]),
                            ("/GetUserRealm.srf?login={}", "NameSpaceType", ["Managed", "Federated"]),
                            ("/GetUserRealm.srf?login={}&json=1", "State", [4, 3])):
        answers = [get(path.format(f"nn%40{domain}")) for domain in ("contoso.test", "partner.test")]
        found = [answer.json().get(key) if answer.status == 200 else answer.body[:100] for answer in answers]
        report.check(found == want, f"UserRealm, {path.format('…')}: {key} of both kinds of domain", found)
    document = get("/GetUserRealm.srf?login=nn@contoso.test&xml=1").xml()
    found = document.tag, document.get("Success"), document.findtext("NameSpaceType"), document.findtext("IsFederatedNS")
    report.check(found == ("RealmInfo", "true", "Managed", "false"), "UserRealm, xml=1: Managed", found)
    bodies = [get(f"/common/userrealm/{name}@contoso.test?api-version=1.0").body for name in ("alice", "nn")]
    report.check(bodies[0] == bodies[1], "UserRealm 1.0: one answer for each name of a domain", bodies[0], bodies)


def refused_tickets(cloud, report):
    """Sends requests that the server must refuse: without a ticket, with rubbish as the ticket, for other domains, and
    as a page of another site sends a request."""
    client, good = AadInternals(cloud.wire), ticket(cloud)
    for what, domain, token, status, code in (
            ("no SPNEGO", "contoso.test", "bm9uc2Vuc2U=", 403, "81009"), ("no base64", "contoso.test", "%%%", 403, "81009"),
            ("NTLM", "contoso.test", "TlRMTVNTUAABAAAA", 403, "81005"), ("a federated domain", "partner.test", good, 403, None),
            ("an unknown domain", "unknown.test", good, None, "90002")):
        answer = client.ask(domain, token)
        found = answer.status, answer.code()
        right = answer.status == (status or answer.status) and str(found[1]) == (code or found[1]) and 400 <= answer.status < 500
        report.check(right, f"windowstransport, {what}: refused with a code", found, f"{found} {answer.body}")
    for name, value in (("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")):
        answer = cloud.wire.send(AUTOLOGON, TRANSPORT, b"", {"Authorization": f"Negotiate {good}", name: value})
        report.check(answer.status == 403, f"windowstransport, {name}: {value}: refused", answer.status)


def refused_assertions(cloud, report):
    client = AadInternals(cloud.wire)
    for what, changes, code in (("an unknown client", {"client_id": "00000000-0000-0000-0000-000000000000"}, "700016"),
                                ("an unknown resource", {"resource": "https://other.example"}, "500011")):
        assertion = assertion_with(client.desktop_sso_token(client.ask("contoso.test", ticket(cloud))))
        form = {"grant_type": SAML_GRANT, "assertion": assertion, "client_id": AZURE_AD_POWERSHELL, "resource": GRAPH, **changes}
        headers = {"Content-Type": FORM, "client-request-id": CORRELATION, "return-client-request-id": "true"}
        answer = cloud.wire.send(LOGIN, "/contoso.test/oauth2/token", urlencode(form).encode(), headers)
        report.check(answer.error() == code, f"token endpoint, {what}: refused with a code", code, answer.body)
        returned = answer.headers["client-request-id"], answer.json().get("correlation_id")
        report.check(returned == (CORRELATION, CORRELATION), f"token endpoint, {what}: returns the client's request id", returned)

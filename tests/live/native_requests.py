"""Replays the requests of clients whose programs do not run here, and asks what clients ask before they sign in. The answers are of
a domain, never of a user."""

import json
import re
from urllib.parse import urlencode

from native_clients import SERVICE, payload
from native_cloud import GRAPH
from public_clients import AZURE_AD_POWERSHELL, of_krbsso
from replayed import AUTOLOGON, FORM, LOGIN, SAML_GRANT, AadInternals, assertion_with

# What Oh365UserFinder looks for in the answer, letter by letter.
OH365USERFINDER = '{"DesktopSsoEnabled":true,"UserTenantBranding":null,"DomainType":3}'
TRANSPORT = "/contoso.test/winauth/trust/2005/windowstransport"


def check(cloud, report):
    aadinternals(cloud, report)
    credential_type(cloud, report)
    user_realm(cloud, report)
    refused(cloud, report)


def ticket(cloud):
    return of_krbsso(cloud.world.alice().ap_req(f"{SERVICE}@CONTOSO.TEST").value)


def aadinternals(cloud, report):
    """The token is sent to `common`, with a scope that the resource does not know."""
    client, label = AadInternals(cloud.wire), "AADInternals ec04e90"
    answer = client.ask("contoso.test", ticket(cloud))
    report.check(answer.continued, f"{label}: the server asks for the body (Expect: 100-continue)", answer.status)
    token = client.desktop_sso_token(answer)
    good = bool(re.fullmatch(r"[A-Za-z0-9._~-]+", token or ""))
    report.check(good, f"{label}: reads a DesktopSsoToken with no character to escape", f"{len(token)} characters" if good else answer.body[:300])
    tokens = client.tokens(token, cloud.api, "http://127.0.0.1/callback")
    found = tokens.json() if tokens.status == 200 else {}
    good, said = cloud.accepts(found.get("access_token"))
    report.check(good, f"{label}, common: the API accepts the access token", said if good else tokens.body)
    known = payload(found.get("access_token")).get("appid"), payload(found.get("id_token")).get("upn"), found.get("resource")
    report.check(known == (AZURE_AD_POWERSHELL, "alice@contoso.test", cloud.api), f"{label}: the tokens are of its client and its resource", known)
    numbers = {name: found.get(name) for name in ("expires_in", "expires_on", "not_before")}
    report.check(all(isinstance(value, str) and value.isdigit() for value in numbers.values()), f"{label}: numbers are texts, as in version 1", numbers)
    again = client.tokens(token, cloud.api, "http://127.0.0.1/callback")
    good = again.status == 400 and again.error().isdigit()
    report.check(good, f"{label}, a DesktopSsoToken a second time: refused with a code", again.error())


def credential_type(cloud, report):
    """GetCredentialType, as o365spray asks (without a type) and as AADInternals asks."""
    ask = lambda body, path="/common/GetCredentialType", kind=None: cloud.wire.send(
        LOGIN, path, json.dumps(body).encode(), {"Content-Type": kind} if kind else {})
    answers = [ask({"Username": f"{name}@contoso.test"}, "/common/GetCredentialType?mkt=en-US") for name in ("alice", "nn", "no-such-user")]
    answers.append(ask({"username": "alice@contoso.test", "isOtherIdpSupported": True, "checkPhones": True, "originalRequest": "", "flowToken": ""},
                       kind="application/json; charset=UTF-8"))
    alike = {re.sub(r'"apiCanary":"[^"]*"|[\w-]+@contoso\.test', "", answer.body) for answer in answers}
    good = len(alike) == 1 and all(answer.status == 200 and OH365USERFINDER in answer.body for answer in answers)
    report.check(good, "GetCredentialType: the same for each name of a domain, with the text of Oh365UserFinder", OH365USERFINDER if good else answers[0].body)
    found = answers[0].json() if answers[0].status == 200 else {}
    known = found.get("IfExistsResult"), found.get("Username")
    report.check(known == (0, "alice@contoso.test"), "GetCredentialType: the user may exist", known)
    federated = ask({"Username": "someone@partner.test"})
    found = federated.json() if federated.status == 200 else {}
    properties = found.get("EstsProperties", {})
    known = properties.get("DomainType"), properties.get("DesktopSsoEnabled"), found.get("Credentials", {}).get("PrefCredential")
    report.check(known == (4, False, 4), "GetCredentialType, a federated domain: DomainType 4, and no Seamless SSO", federated.body if known != (4, False, 4) else known)


def user_realm(cloud, report):
    get = lambda path: cloud.wire.send(LOGIN, path, method="GET")
    for path, key, want in (("/common/userrealm/{}?api-version=1.0", "account_type", ("Managed", "Federated")),
                            ("/common/UserRealm/{}?api-version=2.0", "NameSpaceType", ("Managed", "Federated")),
                            ("/GetUserRealm.srf?login={}", "NameSpaceType", ("Managed", "Federated")),
                            ("/GetUserRealm.srf?login={}&json=1", "State", (4, 3))):
        answers = [get(path.format(f"nn%40{domain}")) for domain in ("contoso.test", "partner.test")]
        found = tuple(answer.json().get(key) if answer.status == 200 else answer.body[:100] for answer in answers)
        report.check(found == want, f"UserRealm, {path.format('…')}: {want[0]} and {want[1]}", found)
    answer = get("/GetUserRealm.srf?login=nn@contoso.test&xml=1")
    found = answer.xml().tag, answer.xml().get("Success"), answer.xml().findtext("NameSpaceType"), answer.xml().findtext("IsFederatedNS")
    report.check(found == ("RealmInfo", "true", "Managed", "false"), "UserRealm, xml=1: Managed", found)
    known = get("/common/userrealm/alice@contoso.test?api-version=1.0").body == get("/common/userrealm/nn@contoso.test?api-version=1.0").body
    report.check(known, "UserRealm 1.0: the same for each name of a domain")


def refused(cloud, report):
    """Asks without a ticket, with rubbish, for other domains, and as a page of another site does."""
    client, good = AadInternals(cloud.wire), ticket(cloud)
    for what, domain, token, want in (("no SPNEGO", "contoso.test", "bm9uc2Vuc2U=", (403, "81009")), ("no base64", "contoso.test", "%%%", (403, "81009")),
                                      ("NTLM", "contoso.test", "TlRMTVNTUAABAAAA", (403, "81005")),
                                      ("a federated domain", "partner.test", good, (403, None)), ("an unknown domain", "unknown.test", good, (None, "90002"))):
        answer = client.ask(domain, token)
        found = answer.status, answer.code()
        right = all(wanted in (None, got) for wanted, got in zip(want, found)) and answer.status in range(400, 500) and str(found[1]).isdigit()
        report.check(right, f"windowstransport, {what}: refused with its code", found if right else f"{found} {answer.body[:200]}")
    for name, value in (("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")):
        answer = cloud.wire.send(AUTOLOGON, TRANSPORT, b"", {"Authorization": f"Negotiate {good}", name: value})
        report.check(answer.status == 403, f"windowstransport, {name}: {value}: refused", answer.status)
    for what, fields, code in (("an unknown client", {"client_id": "00000000-0000-0000-0000-000000000000"}, "700016"),
                               ("an unknown resource", {"resource": "https://other.example"}, "500011")):
        token = client.desktop_sso_token(client.ask("contoso.test", ticket(cloud)))
        form = {"grant_type": SAML_GRANT, "assertion": assertion_with(token), "client_id": AZURE_AD_POWERSHELL, "resource": GRAPH, **fields}
        answer = cloud.wire.send(LOGIN, "/contoso.test/oauth2/token", urlencode(form).encode(), {"Content-Type": FORM})
        report.check(answer.error() == code, f"token endpoint, {what}: AADSTS{code}", answer.error())

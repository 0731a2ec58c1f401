"""Lets SeamlessPass, ROADtools, MSAL for Python and ADAL for Node.js sign in with a ticket. Each client starts with its
own discovery, and ends with an access token that the API accepts."""

import base64

import jwt
from impacket.krb5.ccache import CCache

from native_cloud import GRAPH, MEX, MIRA, MIXED
from public_clients import AZURE_AD_POWERSHELL, AZURE_CLI, of_krbsso, token_of
from replayed import ISSUE, LOGIN

SERVICE = "HTTP/autologon.microsoftazuread-sso.com"
AUTHORITY = f"https://{LOGIN}/contoso.test"


def check(cloud, report):
    seamlesspass(cloud, report)
    roadtools(cloud, report)
    msal(cloud, report)
    adal_node(cloud, report)


def seamlesspass(cloud, report):
    """SeamlessPass accepts a ticket from a credential cache of MIT's library, or as text. The test gives SeamlessPass a
    ticket, because the Kerberos client of SeamlessPass is impacket, whose requests Samba's KDC refuses."""
    label = cloud.label("seamlesspass", "SeamlessPass")
    tickets = {"a ticket of MIT's cache": service_ticket(cloud), "a KRB-CRED in base64": krb_cred(service_ticket(cloud))}
    for how, ticket in tickets.items():
        said = cloud.clients.seamlesspass("contoso.test", "-r", cloud.api, "-tgs", ticket)
        enabled = "Seamless SSO is enabled for contoso.test"
        report.check(enabled in said, f"{label}, {how}: finds Seamless SSO", enabled, said)
        good, answer = cloud.accepts(token_of(said).get("access_token"))
        report.check(good, f"{label}, {how}: the API accepts the access token", answer, f"{answer} {said}")
    said = cloud.clients.seamlesspass("contoso.test", "-tgs", service_ticket(cloud))
    tokens = token_of(said)
    good = tokens.get("resource") == GRAPH and "refresh_token" in tokens and "You can import the token" in said
    report.check(good, f"{label}: reads the token of its default resource to the end", GRAPH, said)
    said, missing = cloud.clients.seamlesspass("partner.test", "-tgs", service_ticket(cloud)), "does not support Seamless SSO Login"
    report.check(missing in said, f"{label}, a federated domain: finds no Seamless SSO", missing, said)


def service_ticket(cloud):
    """Returns a cache with only a service ticket, because SeamlessPass uses the first ticket of a cache."""
    session = cloud.world.alice()
    path = session.home / "service-ticket"
    session.kvno(SERVICE, "--out-cache", f"FILE:{path}")
    return path


def krb_cred(cache):
    """Returns the ticket of a cache in the form that Rubeus prints."""
    return base64.b64encode(CCache.loadFile(str(cache)).toKRBCRED()).decode()


def roadtools(cloud, report):
    label, token = cloud.label("roadtx", "roadtx"), of_krbsso(cloud.world.alice().ap_req(f"{SERVICE}@CONTOSO.TEST").value)
    at_tenant = ("-t", "contoso.test", "-r", cloud.api, "--tokens-stdout")
    tokens, said = cloud.clients.roadtx("desktopsso", "--krbtoken", token, *at_tenant)
    good, answer = cloud.accepts(tokens.get("accessToken"))
    report.check(good, f"{label}, desktopsso: the API accepts the access token", answer, f"{answer} {said[-400:]}")
    known = tokens.get("_clientId"), *(name in tokens for name in ("tenantId", "expiresOn", "idToken"))
    report.check(known == (AZURE_CLI, True, True, True), f"{label}: reads client, tenant, end and ID token", known)
    refresh = tokens.get("refreshToken", "none")
    tokens, said = cloud.clients.roadtx("gettokens", "--refresh-token", refresh, "-c", AZURE_CLI, *at_tenant)
    good, answer = cloud.accepts(tokens.get("accessToken"))
    report.check(good, f"{label}, gettokens: the API accepts the token for the refresh token", answer, f"{answer} {said[-400:]}")
    said = cloud.clients.roadtx("desktopsso", "--krbtoken", token, *at_tenant)[1]
    report.check("AADSTS81010: " in said, f"{label}, a ticket a second time: shows the fault", "AADSTS81010", said[-400:])
    label, name = cloud.label("roadlib", "roadlib"), "no-such-user@contoso.test"
    for version, want in ((1, {"account_type": "Managed", "domain_name": "contoso.test"}),
                          (2, {"NameSpaceType": "Managed", "DomainName": "contoso.test", "Login": name})):
        said = cloud.clients.roadlib(f"auth.user_discovery_v{version}('{name}')")
        report.check(want.items() <= said.items(), f"{label}, user_discovery_v{version}: managed", want, said)


def msal(cloud, report, password=None):
    """Lets MSAL read the answer to a ticket of alice, or send mira's password. MSAL's scope names the audience of the
    access token."""
    user, by, way = judge_of(cloud, password)
    label = f"{cloud.label('msal', 'MSAL for Python')}, {way}"
    for scope, audience in ((f"{GRAPH}/.default", GRAPH), (f"{cloud.api}/api.read", cloud.api)):
        said = cloud.clients.msal(authority=AUTHORITY, client=AZURE_AD_POWERSHELL, user=user, mex=MEX, scope=scope, **by())
        token = (said.get("tokens") or {}).get("access_token")
        report.check(payload(token).get("aud") == audience, f"{label}: the scope {scope} names the audience", audience, said)
    good, answer = cloud.accepts(token, user)
    report.check(good, f"{label}: the API accepts the access token", answer, f"{answer} {said}")
    if password:
        good, answer = cloud.accepts((said.get("silent") or {}).get("access_token"), user)
        report.check(good, f"{label}: the API accepts the token that MSAL gets silently", answer, f"{answer} {said.get('silent', said)}")
    realm = (said.get("realm") or {}).get("account_type")
    good = said.get("token_endpoint", "").startswith(f"https://{LOGIN}/") and realm == ("Federated" if password else "Managed")
    report.check(good, f"{label}: discovers the token endpoint and the realm", f"{said.get('token_endpoint')}, {realm}", said)
    endpoint, want = said.get("mex"), {"address": MIXED, "action": ISSUE} if password else None
    good = "mex" in said and endpoint == want
    report.check(good, f"{label}: {'finds the' if password else 'no'} endpoint for passwords in MEX", endpoint, said)


def adal_node(cloud, report, password=None):
    user, by, way = judge_of(cloud, password)
    label = f"{cloud.label('adal-node', 'ADAL for Node.js')}, {way}"
    said = cloud.clients.adal_node(authority=AUTHORITY, client=AZURE_AD_POWERSHELL, user=user, mex=MEX, resource=cloud.api, **by())
    tokens = said.get("tokens") or {}
    good, answer = cloud.accepts(tokens.get("accessToken"), user)
    report.check(good, f"{label}: the API accepts the access token", answer, f"{answer} {said}")
    known = tokens.get("userId"), tokens.get("resource"), "tenantId" in tokens, "refreshToken" in tokens
    report.check(known == (user, cloud.api, True, True), f"{label}: reads user, resource, tenant and refresh token", known)
    realm, policy = said.get("realm"), said.get("mex") or {}
    report.check(realm == ("federated" if password else "managed"), f"{label}: reads the realm", realm, said)
    found = policy.get("version"), policy.get("url")
    good = found == ("wstrust2005", MIXED) if password else "No matching policies" in policy.get("refused", "")
    report.check(good, f"{label}: {'finds the' if password else 'no'} endpoint for passwords in MEX", policy)


def judge_of(cloud, password):
    """Returns the user, a function that returns the settings of a judge, and the name of the sign-in method."""
    if password:
        return MIRA, lambda: {"password": password}, "a password"
    return "alice@contoso.test", lambda: {"envelope": cloud.envelope().body}, "a ticket"


def payload(token):
    """Returns the claims of a token without verifying it."""
    return jwt.decode(token, options={"verify_signature": False}) if token else {}

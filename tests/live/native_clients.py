"""Lets SeamlessPass, ROADtools, MSAL for Python and ADAL for Node.js sign in with a ticket, each from its own discovery to an access
token that the API accepts."""

import jwt
from impacket.krb5.ccache import CCache

from native_cloud import GRAPH, PASSWORD
from public_clients import AZURE_AD_POWERSHELL, AZURE_CLI, of_krbsso, token_of
from replayed import AUTOLOGON, LOGIN

SERVICE = "HTTP/autologon.microsoftazuread-sso.com"
AUTHORITY = f"https://{LOGIN}/contoso.test"
MEX, MIXED = (f"https://{AUTOLOGON}/contoso.test/winauth/trust/{path}" for path in ("mex", "2005/usernamemixed"))


def check(cloud, report):
    seamlesspass(cloud, report)
    roadtools(cloud, report)
    msal(cloud, report)
    adal_node(cloud, report)


def seamlesspass(cloud, report):
    """SeamlessPass with a ticket of a cache, and with its own Kerberos client."""
    label, ticket = cloud.label("seamlesspass", "SeamlessPass"), service_ticket(cloud.world.alice().kvno(SERVICE))
    by_kerberos = ["-domain", "contoso.test", "-dc", "127.0.0.1", "-username", "alice", "-password", PASSWORD]
    for how, options in (("a ticket of MIT's cache", ["-tgs", ticket]), ("tickets that it gets itself", by_kerberos)):
        said = cloud.clients.seamlesspass("contoso.test", "-r", cloud.api, *options)
        enabled = "Seamless SSO is enabled for contoso.test"
        report.check(enabled in said, f"{label}: finds Seamless SSO", enabled if enabled in said else said[:300])
        good, answer = cloud.accepts(token_of(said).get("access_token"))
        report.check(good, f"{label}, {how}: the API accepts the access token", answer if good else f"{answer} {said[:400]}")
    said = cloud.clients.seamlesspass("contoso.test", *by_kerberos)
    tokens = token_of(said)
    good = tokens.get("resource") == GRAPH and "refresh_token" in tokens and "You can import the token" in said
    report.check(good, f"{label}: reads the token of its default resource to the end", tokens.get("resource") if good else said[:400])
    said = cloud.clients.seamlesspass("partner.test", *by_kerberos)
    missing = "does not support Seamless SSO Login"
    report.check(missing in said, f"{label}, a federated domain: {missing}", "" if missing in said else said[:300])


def service_ticket(session):
    """Writes the service ticket of a session to a cache of its own, because SeamlessPass takes the first ticket of a cache."""
    cache, path = CCache.loadFile(str(session.cache)), session.home / "service-ticket"
    cache.credentials = [cache.getCredential(f"{SERVICE}@{session.realm}")]
    cache.saveFile(str(path))
    return path


def roadtools(cloud, report):
    label = cloud.label("roadtx", "roadtx")
    token = of_krbsso(cloud.world.alice().ap_req(SERVICE + "@CONTOSO.TEST").value)
    by_ticket = ("desktopsso", "-t", "contoso.test", "--krbtoken", token, "-r", cloud.api, "--tokens-stdout")
    tokens, said = cloud.clients.roadtx(*by_ticket)
    good, answer = cloud.accepts(tokens.get("accessToken"))
    report.check(good, f"{label}, desktopsso: the API accepts the access token", answer if good else f"{answer} {said[-400:]}")
    known = tokens.get("_clientId"), *(name in tokens for name in ("tenantId", "expiresOn", "idToken"))
    report.check(known == (AZURE_CLI, True, True, True), f"{label}: reads client, tenant, end and ID token", known)
    tokens, said = cloud.clients.roadtx("gettokens", "--refresh-token", tokens.get("refreshToken", "none"), "-c", AZURE_CLI, "-r",
                                        cloud.api, "-t", "contoso.test", "--tokens-stdout")
    good, answer = cloud.accepts(tokens.get("accessToken"))
    report.check(good, f"{label}, gettokens: the API accepts the token for the refresh token", answer if good else f"{answer} {said[-400:]}")
    said = cloud.clients.roadtx(*by_ticket)[1]
    good = "AADSTS81010" in said
    report.check(good, f"{label}, a ticket a second time: reads the fault", "AADSTS81010" if good else said[-400:])
    for version, want in ((1, {"account_type": "Managed", "domain_name": "contoso.test"}),
                          (2, {"NameSpaceType": "Managed", "DomainName": "contoso.test", "Login": "no-such-user@contoso.test"})):
        said = cloud.clients.roadlib(f"auth.user_discovery_v{version}('no-such-user@contoso.test')")
        report.check(want.items() <= said.items(), f"{cloud.label('roadlib', 'roadlib')}, user_discovery_v{version}: managed", said)


def msal(cloud, report, **by_password):
    """MSAL reads the answer to a ticket, or sends a password. Its `scope` names the audience of the access token."""
    label = cloud.label("msal", "MSAL for Python") + (", password" if by_password else "")
    by = by_password or {"envelope": cloud.envelope().body}
    for scope, audience in ((f"{cloud.api}/api.read", cloud.api), *(() if by_password else ((f"{GRAPH}/.default", GRAPH),))):
        by = by if by_password else {"envelope": cloud.envelope().body}
        said = cloud.clients.msal(authority=AUTHORITY, client=AZURE_AD_POWERSHELL, user="alice@contoso.test", mex=MEX, scope=scope, **by)
        tokens = said.get("tokens") or {}
        found = payload(tokens.get("access_token")).get("aud")
        report.check(found == audience, f"{label}, scope {scope}: the audience is {audience}", found if found else said)
        if audience == cloud.api:
            good, answer = cloud.accepts(tokens.get("access_token"))
            report.check(good, f"{label}: the API accepts the access token", answer)
    discovered = said.get("token_endpoint", ""), said.get("realm", {}).get("account_type"), said.get("mex", said)
    endpoint = {"address": MIXED, "action": "http://schemas.xmlsoap.org/ws/2005/02/trust/RST/Issue"} if by_password else None
    good = discovered[0].startswith(f"https://{LOGIN}/") and discovered[1:] == ("Managed", endpoint)
    report.check(good, f"{label}: discovers the token endpoint, the realm, and {'the' if by_password else 'no'} password endpoint", discovered)


def adal_node(cloud, report, **by_password):
    label = cloud.label("adal-node", "ADAL for Node.js") + (", password" if by_password else "")
    by = by_password or {"envelope": cloud.envelope().body}
    said = cloud.clients.adal_node(authority=AUTHORITY, client=AZURE_AD_POWERSHELL, user="alice@contoso.test", mex=MEX, resource=cloud.api, **by)
    tokens = said.get("tokens") or {}
    good, answer = cloud.accepts(tokens.get("accessToken"))
    report.check(good, f"{label}: the API accepts the access token", answer if good else f"{answer} {said}")
    known = tokens.get("userId"), tokens.get("resource"), "tenantId" in tokens, "refreshToken" in tokens
    report.check(known == ("alice@contoso.test", cloud.api, True, True), f"{label}: reads the user, the resource and the tenant", known)
    discovered, want = (said.get("realm"), said.get("mex")), {"refused": "Error: No matching policies"}
    if by_password:
        want = {"id": discovered[1].get("id"), "version": "wstrust2005", "url": MIXED} if discovered[1] else None
    good = discovered == ("managed", want)
    report.check(good, f"{label}: reads the realm, and {'the' if by_password else 'no'} password endpoint of MEX", discovered)


def payload(token):
    return jwt.decode(token, options={"verify_signature": False}) if token else {}

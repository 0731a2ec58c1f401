"""Replays the requests of public clients whose programs do not run on this machine: AADInternals (PowerShell),
o365spray and Metasploit. Reads the answers as these clients do. Each request has the form that the client's code
writes. The request of AADInternals with a ticket is equal to the original in each octet, except its identifiers."""

import base64
import contextlib
import http.client
import json
import re
import socket
import ssl
import uuid
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from urllib.parse import urlencode

from public_clients import AZURE_AD_POWERSHELL

LOGIN, AUTOLOGON = "login.microsoftonline.com", "autologon.microsoftazuread-sso.com"
ISSUE = "http://schemas.xmlsoap.org/ws/2005/02/trust/RST/Issue"
FORM, SOAP = "application/x-www-form-urlencoded", "application/soap+xml; charset=utf-8"
SAML_GRANT = "urn:ietf:params:oauth:grant-type:saml1_1-bearer"
SECONDS = 20
# The XML namespaces that these clients declare, in the order of the declarations.
NAMESPACES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "wsse": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
    "saml": "urn:oasis:names:tc:SAML:1.0:assertion",
    "wsp": "http://schemas.xmlsoap.org/ws/2004/09/policy",
    "wsu": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "wssc": "http://schemas.xmlsoap.org/ws/2005/02/sc",
    "wst": "http://schemas.xmlsoap.org/ws/2005/02/trust",
    "ic": "http://schemas.xmlsoap.org/ws/2005/05/identity",
}
ERROR = re.compile(r"AADSTS(\d+): .*\r\nTrace ID: .+\r\nCorrelation ID: .+\r\nTimestamp: .", re.DOTALL)
PSF = "{http://schemas.microsoft.com/Passport/SoapServices/SOAPFault}"


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: str
    continued: bool = False

    def json(self):
        return json.loads(self.body)

    def xml(self):
        """Returns the document, or an empty document if the answer is no XML."""
        with contextlib.suppress(ET.ParseError):
            return ET.fromstring(self.body)
        return ET.Element("nothing")

    def code(self):
        """Returns the number of the error in a fault. The method looks for the number as each client does, and all ways must find
        the same number."""
        document, status, body = self.xml(), self.status, self.body
        texts = [next((element.text for element in document.iter(f"{PSF}text")), None),  # ROADtools
                 walk(document, "Body.Fault.Detail.error.internalerror.text"),  # AADInternals
                 walk(document, "Body.Fault.Detail.error.internalerror.text", anywhere="internalerror")]  # Metasploit
        if status == 401:
            texts.append(next(iter(re.findall(">(AADSTS.+?)<", body)), None))  # o365spray
        codes = {match.group(1) if (match := re.match(r"AADSTS(\d+): .", text or "")) else None for text in texts}
        return codes.pop() if len(codes) == 1 else sorted(map(str, codes))

    def error(self):
        """Returns the number of the error in an answer of the token endpoint."""
        with contextlib.suppress(ValueError):
            found = json.loads(self.body)
            match = ERROR.match(found.get("error_description", ""))
            if match and found.get("error_codes") == [int(match.group(1))]:
                return match.group(1)
        return f"{self.status} {self.body[:200]}"


def walk(document, path, anywhere=None):
    """Follows local names from the envelope, as PowerShell does. Exactly one element must have each name. The last
    element must have only text, because PowerShell returns other elements as objects. `anywhere` is the name in the
    path whose element may be at any depth."""
    names = path.split(".")
    if anywhere:
        found = [element for element in document.iter() if local(element) == anywhere]
        if len(found) != 1:
            return None
        document, names = found[0], names[names.index(anywhere) + 1:]
    for name in names:
        found = [child for child in document if local(child) == name]
        if len(found) != 1:
            return None
        document = found[0]
    return document.text if not len(document) and not document.attrib else None


def local(element):
    return element.tag.rpartition("}")[2]


class Wire:
    """Sends requests to the server, whose certificate the authority made."""

    def __init__(self, authority):
        self.tls = ssl.create_default_context(cafile=authority.trusted)

    def send(self, host, path, body=b"", headers=None, method="POST"):
        connection = http.client.HTTPSConnection(host, timeout=SECONDS, context=self.tls)
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if method == "POST":
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode())

    def by_powershell(self, host, path, body, headers=None):
        """Sends a POST as Windows PowerShell 5.1 does: with `Expect: 100-continue`, and with the content type of a form
        if `headers` has no other type. PowerShell sends the body after the server's first response."""
        head = {"User-Agent": "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.1682",
                "Content-Type": FORM, **(headers or {}), "Host": host, "Content-Length": len(body), "Expect": "100-continue",
                "Connection": "Keep-Alive"}
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
        with socket.create_connection((host, 443), SECONDS) as plain, self.tls.wrap_socket(plain, server_hostname=host) as stream:
            stream.sendall("\r\n".join([*lines, "", ""]).encode())
            said = b""
            while b"\r\n\r\n" not in said and (more := stream.recv(1)):
                said += more
            continued = said.startswith(b"HTTP/1.1 100")
            stream.sendall(body)
            with contextlib.closing(http.client.HTTPResponse(stream, method="POST")) as response:
                if not continued:
                    return Answer(int(said.split()[1]), http.client.HTTPMessage(), "", continued)
                response.begin()
                return Answer(response.status, response.headers, response.read().decode(), continued)


def message(lines):
    """Joins pairs of a depth and a text to one text. Each pair becomes a line with `depth` blanks before the text."""
    return "\n".join(" " * depth + text for depth, text in lines)


def envelope(url, at, security=(), names=NAMESPACES):
    """Returns the lines of a request, each with its depth. `at` has the depths of the XML declaration, the envelope,
    the header, the header's blocks, and the AppliesTo."""
    first, outer, part, block, applies = at
    declared = " ".join(f"xmlns:{prefix}='{name}'" for prefix, name in names.items())
    return [(first, "<?xml version='1.0' encoding='UTF-8'?>"), (outer, f"<s:Envelope {declared}>"), (part, "<s:Header>"),
            (block, f"<wsa:Action s:mustUnderstand='1'>{ISSUE}</wsa:Action>"),
            (block, f"<wsa:To s:mustUnderstand='1'>{url}</wsa:To>"),
            (block, f"<wsa:MessageID>urn:uuid:{uuid.uuid4()}</wsa:MessageID>"), *security, (part, "</s:Header>"),
            (part, "<s:Body>"), (block, "<wst:RequestSecurityToken Id='RST0'>"),
            (block + 4, "<wst:RequestType>http://schemas.xmlsoap.org/ws/2005/02/trust/Issue</wst:RequestType>"),
            (applies, "<wsp:AppliesTo>"), (applies + 4, "<wsa:EndpointReference>"),
            (applies + 8, "<wsa:Address>urn:federation:MicrosoftOnline</wsa:Address>"), (applies + 4, "</wsa:EndpointReference>"),
            (applies, "</wsp:AppliesTo>"),
            (applies, "<wst:KeyType>http://schemas.xmlsoap.org/ws/2005/05/identity/NoProofKey</wst:KeyType>"),
            (block, "</wst:RequestSecurityToken>"), (part, "</s:Body>"), (outer, "</s:Envelope>")]


class AadInternals:
    def __init__(self, wire):
        self.wire = wire

    def ask(self, domain, token):
        """Sends the request for a DesktopSsoToken. As in AADInternals, the body has eight blanks before the XML
        declaration."""
        request = uuid.uuid4()
        path = f"/{domain}/winauth/trust/2005/windowstransport?client-request-id={request}"
        names = {prefix: name for prefix, name in NAMESPACES.items() if prefix != "ic"}
        body = message(envelope(f"https://{AUTOLOGON}{path}", (8, 12, 16, 20, 28), names=names)).encode()
        return self.wire.by_powershell(AUTOLOGON, path, body, {"SOAPAction": ISSUE, "Authorization": f"Negotiate {token}"})

    @staticmethod
    def desktop_sso_token(answer):
        return walk(answer.xml(), "Body.RequestSecurityTokenResponse.RequestedSecurityToken.Assertion.DesktopSsoToken")

    def tokens(self, desktop_sso_token, resource, redirect_uri):
        """Exchanges the DesktopSsoToken at `common`. The server ignores half of the fields."""
        fields = {"grant_type": SAML_GRANT, "assertion": assertion_with(desktop_sso_token), "client_id": AZURE_AD_POWERSHELL,
                  "resource": resource, "tbidv2": "", "scope": "openid", "redirect_uri": redirect_uri,
                  "win_ver": "10.0.17763.529", "windows_api_version": "2.0", "msafed": "0"}
        return self.wire.by_powershell(LOGIN, "/common/oauth2/token", urlencode(fields).encode())


def assertion_with(desktop_sso_token):
    """Returns the `assertion` that SeamlessPass, ROADtools and AADInternals send."""
    inner = f"<DesktopSsoToken>{desktop_sso_token}</DesktopSsoToken>"
    return base64.b64encode(f'<saml:Assertion xmlns:saml="{NAMESPACES["saml"]}">{inner}</saml:Assertion>'.encode()).decode()


class Sprayers:
    """The requests of o365spray, Metasploit and AADInternals with a password. No request has a content type of SOAP."""

    def __init__(self, wire):
        self.wire = wire

    def o365spray(self, name, password):
        return self._send(name, password, lifetime("%Y-%m-%dT%H:%M:%S.001Z"), {"Accept-Encoding": "gzip, deflate", "Accept": "*/*"})

    def metasploit(self, name, password):
        """Writes the times as Ruby's `inspect` does, which is not the form of XML Schema."""
        return self._send(name, password, lifetime("%Y-%m-%d %H:%M:%S.%f +0000"), {})

    def aadinternals(self, name, password):
        """Writes the times as .NET does, with seven digits of a second."""
        path, body = self._request(name, password, lifetime("%Y-%m-%dT%H:%M:%S.%f0Z"))
        return self.wire.by_powershell(AUTOLOGON, path, body)

    def _send(self, name, password, times, headers):
        path, body = self._request(name, password, times)
        return self.wire.send(AUTOLOGON, path, body, {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64)", **headers})

    def _request(self, name, password, times):
        path = f"/contoso.test/winauth/trust/2005/usernamemixed?client-request-id={uuid.uuid4()}"
        security = [(8, '<wsse:Security s:mustUnderstand="1">'), (12, '<wsu:Timestamp wsu:Id="_0">'),
                    (16, f"<wsu:Created>{times[0]}</wsu:Created>"), (16, f"<wsu:Expires>{times[1]}</wsu:Expires>"),
                    (12, "</wsu:Timestamp>"), (12, f'<wsse:UsernameToken wsu:Id="uuid-{uuid.uuid4()}">'),
                    (16, f"<wsse:Username>{name}</wsse:Username>"), (16, f"<wsse:Password>{password}</wsse:Password>"),
                    (12, "</wsse:UsernameToken>"), (8, "</wsse:Security>")]
        return path, message(envelope(f"https://{AUTOLOGON}{path}", (0, 0, 4, 8, 16), security)).encode()


def lifetime(form):
    """Returns the present time, and the time in ten minutes."""
    now = datetime.now(timezone.utc)
    return now.strftime(form), (now + timedelta(minutes=10)).strftime(form)

"""Tests clients other than browsers: curl at the autologon endpoint, and a native client from its ticket to a verified token."""

import base64
import json
import sys

from clients import HERE
from seamless_server import GUID, Server, header, tenant
from web import HOST, url
from work import attempt, run

NTLM = base64.b64encode(b"NTLMSSP\0\x01\0\0\0" + bytes(28)).decode()

NATIVE = {"id": "native", "redirect_uris": ["http://127.0.0.1/callback"], "scopes": ["openid", "profile"], "resources": ["urn:api"],
          "grants": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:saml1_1-bearer"]}


def check(world, server, report):
    curl(world, server, report)
    headers(world, server, report)
    native(world, server, report)


def curl(world, server, report):
    jar = world.work.root / "cookies"
    command = ["curl", "-s", "--max-time", 20, "--connect-to", f"{HOST}:80:127.0.0.1:{server.port}", "-w", " %{http_code}"]
    said = run([*command, "--negotiate", "-u", ":", "-c", jar, url()], world.alice().env)
    good = parsed(said) == ({"signed_in": True, "proof_required": False}, "200")
    report.check(good, "curl --negotiate: signed in", said)
    page = run([*command, "-b", jar, url(path="/")])
    report.check("Hello, Alice Anderson" in page, "curl: the session of its cookie", "Hello, Alice Anderson")
    said = run([*command, url()])
    body, status = parsed(said)
    report.check((body["code"], status) == ("no-ticket", "401"), "curl without --negotiate: challenged", said)


def parsed(said):
    body, _, status = said.rpartition(" ")
    return json.loads(body), status


def headers(world, server, report):
    token = header(world.alice().token())
    statuses = [server.autologon(token).status for _ in range(2)]
    report.check(statuses == [200, 403] and server.says(['code="replay"']), "autologon, a token a second time, refused", "replay")
    answer = server.autologon("Basic YWxpY2U6eA==")
    good = (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Negotiate")
    report.check(good, "autologon, Basic: challenged", answer.status)
    for label, value, status in (("NTLM under Negotiate", f"Negotiate {NTLM}", 403), ("NTLM", f"NTLM {NTLM}", 403),
                                 ("no base64", "Negotiate %%%", 403)):
        answer = server.autologon(value)
        quiet = answer.headers["WWW-Authenticate"] is None and json.loads(answer.body)["signed_in"] is False
        report.check(quiet and answer.status == status, f"autologon, {label}: no second challenge", answer.status)


def native(world, server, report):
    """Runs the native client on a server whose public address has TLS, because native clients use no other address."""
    tenants = [tenant(world.contoso, server.keytab, clients=[NATIVE], guid=GUID)]
    with Server(world.work, server.port + 1, tenants, address=f"https://{HOST}") as of_proxy:
        native_client(world, of_proxy, report)


def native_client(world, server, report):
    client = [sys.executable, HERE / "native_client.py", f"http://127.0.0.1:{server.port}", "contoso.test"]
    status, said = attempt(client, world.alice().env)
    found = json.loads(said) if status == 0 else {}
    known = world.contoso.sid_of("alice"), "alice@contoso.test", GUID
    good = (found.get("sid"), found.get("upn"), found.get("tenant")) == known
    report.check(good, "native client: assertion and tokens verify", said if not good else f"{found['upn']}, {found['sid']}")
    status, said = attempt(client, world.nobody().env)
    report.check(status == 1, "native client without a ticket: no token", said[-80:])

"""Starts the sign-in server for the forests of this run, and sends requests to it without a browser."""

import base64
import contextlib
import html
import http.client
import json
import os
import re
import tempfile
import time
import urllib.parse
from dataclasses import dataclass

from crate import sign_in_server
from samba_ad import SSO_ACCOUNT
from web import HOST
from work import run, wait

# The tests send more requests than the users of an office send.
LIMITS = {"requests_per_second": 100_000, "requests_at_once": 100_000, "wrong_passwords_of_address": 1_000,
          "password_seconds": 2}
BOB_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
GUID = "01234567-89ab-4def-8123-456789abcdef"  # the tenant's identifier in tokens, if a test names it


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: str

    def error(self):
        """Returns the error text of a page."""
        found = re.search(r'role="alert">([^<]+)<', self.body)
        return html.unescape(found.group(1)) if found else ""

    def session(self):
        """Returns the cookie of the session that began, or an empty text. To end a session, the server sets an empty
        cookie."""
        cookies = [cookie.split(";")[0] for cookie in self.headers.get_all("Set-Cookie") or []]
        return next((cookie for cookie in cookies if "seamless_session=" in cookie and not cookie.endswith("=")), "")


class Server:
    """One process of the sign-in server. Without tenants the server has the built-in test realm. `clock` is the error
    of the server's clock, in seconds. `state` is the configuration of the server's state. Without `state`, the server
    begins with a new state. `config` is a configuration that another program wrote, in place of `tenants`. `options`
    are further options of the server."""

    def __init__(self, work, port, tenants=(), clock=0, env=None, state=None, state_began=None, config=None, options=(), **more):
        self.work, self.port, self.home = work, port, work.dir(f"seamless{port}")
        self.log_file = self.home / "log"
        command = [sign_in_server(), "--listen", f"127.0.0.1:{port}", *options]
        if tenants:
            config = self.home / "seamless.json"
            new = {"directory": tempfile.mkdtemp(prefix="state", dir=self.home)}
            config.write_text(json.dumps({"session_minutes": 60, "tenants": tenants, "state": state or new,
                                          "limits": LIMITS, **more}))
            command += ["--config", config, "--explain"]
        else:
            command += ["--state", tempfile.mkdtemp(prefix="state", dir=self.home), *(["--config", config] if config else [])]
        self.process = work.start(command, self.log_file, port, {**(env or {}), **wrong_time(clock)})
        self.state_began = state_began or time.time()
        time.sleep(1)  # the server refuses authenticators of the second in which its state began

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.work.stop(self.process)

    def log(self):
        return self.log_file.read_text()

    def says(self, words, seconds=5):
        """Waits for a line of the log with all these words, and returns whether such a line came."""
        return wait(lambda: any(all(word in line for word in words) for line in self.log().splitlines()), seconds)

    def peak_memory(self):
        """Returns the largest memory that the server has used, in MiB."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) // 1024

    def ask(self, method, path, form=None, headers=None):
        body = urllib.parse.urlencode(form) if form is not None else None
        kind = {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
        return self.send(method, path, body, {**kind, **(headers or {})})

    def send(self, method, path, body, headers):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, path, body, {"Host": HOST, **headers})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode())

    def autologon(self, authorization, tenant="contoso.test"):
        return self.ask("GET", f"/{tenant}/winauth/sso", headers={"Authorization": authorization})

    def password(self, name, password, tenant="contoso.test"):
        return self.ask("POST", f"/{tenant}/password", {"name": name, "password": password})


def header(token):
    return f"Negotiate {base64.b64encode(token.value).decode()}"


def wrong_time(seconds):
    """Returns the environment variables that load faketime's library. The program faketime would be another process between
    the test and the server, so the test could not stop the server."""
    if not seconds:
        return {}
    library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
    return {"LD_PRELOAD": library, "FAKETIME": f"{seconds:+}", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def tenant(ad, keytab, **more):
    """Returns the configuration of a tenant for one forest."""
    name = ad.realm.lower()
    return {"name": name, "realm": ad.realm, "account": SSO_ACCOUNT, "keytab": str(keytab), "kdc": f"127.0.0.1:{ad.port}",
            "domain_sids": [ad.sid], "domains": [name], **more}


def code_of_bob(ad):
    """Returns a configuration with which bob must enter a one-time code."""
    sid = ad.sid_of("bob")
    return {"secrets": {sid: BOB_SECRET}, "users": [sid]}


def replace(path, content):
    """Replaces a file by renaming another file over it, as an administrator should. A program that reads the file at
    this moment gets the whole old file or the whole new file."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    os.rename(new, path)


def derived_keytab(path, ad, password, kvno, salt):
    """Writes the AES256 key of a future password to a keytab, with MIT's ktutil. The directory does not have this password yet."""
    path.unlink(missing_ok=True)
    entry = f"addent -password -p {SSO_ACCOUNT}@{ad.realm} -k {kvno} -e aes256-cts-hmac-sha1-96 -s {salt}"
    run(["ktutil"], text=f"{entry}\n{password}\nwkt {path}\nquit\n")
    return path


def joined(*keytabs):
    """Returns a keytab with the entries of all keytabs. A keytab begins with two octets for its version, and then has
    its entries."""
    return keytabs[0].read_bytes() + b"".join(keytab.read_bytes()[2:] for keytab in keytabs[1:])

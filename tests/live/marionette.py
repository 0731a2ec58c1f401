"""Controls headless Firefox over Marionette, which is also the protocol between geckodriver and Firefox: JSON messages, each with its
length before it, on a TCP port of loopback."""

import contextlib
import json
import socket

from browser import WATCH, Browser, free_port
from web import HOST

TRUSTED = "network.negotiate-auth.trusted-uris"
PREFERENCES = {
    "network.dns.localDomains": HOST,
    "dom.security.https_first": False,
    "signon.rememberSignons": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.disabledForTesting": True,
}
# An extension runs WATCH in each page before the page's own script.
EXTENSION = {"manifest_version": 2, "name": "watch", "version": "1",
             "browser_specific_settings": {"gecko": {"id": "watch@live.test"}},
             "content_scripts": [{"matches": ["<all_urls>"], "js": ["watch.js"], "run_at": "document_start"}]}


class Firefox(Browser):
    """Firefox with the credential cache of `session`. HOST is the name of the test server on loopback. For plain HTTP,
    HOST is the server at `port`. Firefox answers the challenge of sites that `trusted` names, as an administrator's
    policy names them. If `authority` is set, the browser accepts every certificate."""

    name = "Firefox"

    def __init__(self, work, session, port, env=None, trusted=HOST, authority=None, preferences=None):
        self.session, self.work, self.port, self.sent = session, work, free_port(), 0
        profile = session.home / f"firefox{self.port}"
        profile.mkdir()
        wanted = {**PREFERENCES, **(preferences or {}), TRUSTED: trusted, "marionette.port": self.port, "network.socket.forcePort": f"80={port}"}
        (profile / "user.js").write_text("".join(
            f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in wanted.items()))
        command = ["firefox-esr", "--headless", "--marionette", "--no-remote", "--profile", profile, "--width", 900, "--height",
                   760]
        self.process = work.start(command, session.home / "firefox.log", self.port, {**session.env, **(env or {})})
        self.stream = socket.create_connection(("127.0.0.1", self.port), 60)
        self._receive()
        self._ask("WebDriver:NewSession", acceptInsecureCerts=authority is not None, timeouts={"pageLoad": 20000, "script": 20000})
        self._watch(profile / "watch")

    def __exit__(self, *_):
        with contextlib.suppress(OSError, RuntimeError):
            self._ask("Marionette:Quit", flags=["eForceQuit"])
        self.stream.close()
        self.work.stop(self.process)

    def navigate(self, url):
        self._ask("WebDriver:Navigate", url=url)

    def script(self, source):
        return self._ask("WebDriver:ExecuteScript", script=source, args=[], sandbox=None)["value"]

    def element(self, selector):
        found = self._ask("WebDriver:FindElement", using="css selector", value=selector)["value"]
        return next(iter(found.values()))

    def type_into(self, element, text):
        self._ask("WebDriver:ElementSendKeys", id=element, text=text)

    def click_on(self, element):
        self._ask("WebDriver:ElementClick", id=element)

    def picture(self):
        return self._ask("WebDriver:TakeScreenshot", full=False)["value"]

    def size(self, width, height):
        self._ask("WebDriver:SetWindowRect", width=width, height=height)
        return self

    def dialog(self):
        """Returns the text of the dialog that covers the page, or `None`."""
        with contextlib.suppress(RuntimeError):
            return self._ask("WebDriver:GetAlertText")["value"]
        return None

    def _watch(self, folder):
        folder.mkdir()
        (folder / "manifest.json").write_text(json.dumps(EXTENSION))
        (folder / "watch.js").write_text(WATCH.replace("window.shown = {}", "window.wrappedJSObject.shown = cloneInto({}, window)")
                                         .replace("window.shown[", "window.wrappedJSObject.shown["))
        self._ask("Addon:Install", path=str(folder), temporary=True)

    def _ask(self, command, **fields):
        self.sent += 1
        message = json.dumps([0, self.sent, command, fields]).encode()
        self.stream.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self._receive()
        if error:
            raise RuntimeError(f"{command}: {error['error']}: {error['message'][:500]}")
        return result

    def _receive(self):
        """Reads one message: its length in digits, a colon, and the JSON text."""
        length = b""
        while not length.endswith(b":"):
            length += self._octets(1)
        return json.loads(self._octets(int(length[:-1])))

    def _octets(self, size):
        octets = b""
        while len(octets) < size:
            more = self.stream.recv(size - len(octets))
            if not more:
                raise RuntimeError("Firefox has closed the connection")
            octets += more
        return octets

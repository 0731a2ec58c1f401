"""Controls headless Chromium through chromedriver (W3C WebDriver)."""

import contextlib
import json
import urllib.error
import urllib.request

from browser import WATCH, Browser, free_port
from web import HOST, seen_negotiate

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Chromium(Browser):
    """Chromium with the credential cache of `session`. HOST is the name of the test server on loopback. For plain HTTP,
    HOST is the server at `port`. With an authority, the browser trusts the certificate of this authority."""

    name = "Chromium"

    def __init__(self, work, session, port, env=None, arguments=(), authority=None):
        self.session, self.port = session, free_port()
        self.work, profile = work, seen_negotiate(session.home / "profile")
        self.driver = work.start(["chromedriver", f"--port={self.port}"], session.home / "chromedriver.log", self.port,
                                 {**session.env, **(env or {})})
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--window-size=900,760",
                   "--disable-features=HttpsUpgrades", f"--user-data-dir={profile}",
                   f"--host-resolver-rules=MAP {HOST}:80 127.0.0.1:{port},MAP {HOST} 127.0.0.1,MAP * ~NOTFOUND,EXCLUDE 127.0.0.1", *arguments]
        if authority:
            options.append(f"--ignore-certificate-errors-spki-list={authority.spki()}")
        chromium = {"binary": "/usr/bin/chromium", "args": options}
        self.base = f"http://127.0.0.1:{self.port}"
        answer = self._ask("POST", "/session", capabilities={"alwaysMatch": {
            "goog:chromeOptions": chromium, "timeouts": {"pageLoad": 20000, "script": 20000}}})
        self.base += f"/session/{answer['sessionId']}"
        self.cdp("Page.addScriptToEvaluateOnNewDocument", source=WATCH)

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._ask("DELETE", "")
        self.work.stop(self.driver)

    def navigate(self, url):
        self._ask("POST", "/url", url=url)

    def script(self, source):
        return self._ask("POST", "/execute/sync", script=source, args=[])

    def element(self, selector):
        return self._ask("POST", "/element", using="css selector", value=selector)[ELEMENT]

    def type_into(self, element, text):
        self._ask("POST", f"/element/{element}/value", text=text)

    def click_on(self, element):
        self._ask("POST", f"/element/{element}/click", text="")

    def picture(self):
        return self._ask("GET", "/screenshot")

    def size(self, width, height):
        """Sets the size of the page. To set the size of the window does not suffice, because a window is at least 500
        pixels wide."""
        return self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, name):
        """Sets the colour scheme that the user prefers: `light` or `dark`."""
        return self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def cdp(self, command, **params):
        self._ask("POST", "/goog/cdp/execute", cmd=command, params=params)
        return self

    def _ask(self, method, path, **fields):
        body = json.dumps(fields).encode() if method == "POST" else None
        request = urllib.request.Request(self.base + path, body, {"Content-Type": "application/json"}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{path}: {json.load(error)['value']['message'][:500]}") from None

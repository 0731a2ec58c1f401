"""Controls headless Chromium through chromedriver (W3C WebDriver), and measures times by the clock of each page."""

import base64
import contextlib
import json
import socket
import time
import urllib.error
import urllib.request

from web import HOST, seen_negotiate

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"

# Notes the time of each change of the page's state, in milliseconds since the navigation began. The script runs before the
# page's own script.
WATCH = """
window.shown = {};
const note = (what) => { window.shown[what] ??= performance.now(); };
addEventListener("DOMContentLoaded", () => {
  note("page");
  const form = document.querySelector("input[type=password]");
  if (!form) return;
  const visible = () => { if (form.checkVisibility({ visibilityProperty: true })) note("form"); };
  new MutationObserver(visible).observe(document.body, { attributes: true, subtree: true, childList: true });
  visible();
});
"""


class Browser:
    """Chromium with the credential cache of `session`. HOST is the name of the test server on loopback."""

    def __init__(self, work, session, port, env=None, arguments=()):
        self.session = session
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.work, profile = work, seen_negotiate(session.home / "profile")
        self.driver = work.start(["chromedriver", f"--port={self.port}"], session.home / "chromedriver.log", self.port,
                                 {**session.env, **(env or {})})
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--window-size=900,760",
                   "--disable-features=HttpsUpgrades", f"--user-data-dir={profile}",
                   f"--host-resolver-rules=MAP {HOST}:80 127.0.0.1:{port},MAP * ~NOTFOUND,EXCLUDE 127.0.0.1", *arguments]
        chromium = {"binary": "/usr/bin/chromium", "args": options}
        self.base = f"http://127.0.0.1:{self.port}"
        answer = self._ask("POST", "/session", capabilities={"alwaysMatch": {
            "goog:chromeOptions": chromium, "timeouts": {"pageLoad": 20000, "script": 20000}}})
        self.base += f"/session/{answer['sessionId']}"
        self.cdp("Page.addScriptToEvaluateOnNewDocument", source=WATCH)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._ask("DELETE", "")
        self.work.stop(self.driver)

    def open(self, path):
        self._ask("POST", "/url", url=f"http://{HOST}{path}")
        return self

    def type(self, selector, text):
        self._ask("POST", f"/element/{self._element(selector)}/value", text=text)
        return self

    def click(self, selector):
        self._ask("POST", f"/element/{self._element(selector)}/click", text="")
        return self

    def script(self, source):
        return self._ask("POST", "/execute/sync", script=source, args=[])

    def until(self, expression, seconds=10):
        """Returns the first value of the expression that is true, or `None`. Errors are ignored, because the page may change meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(RuntimeError):
                if value := self.script(f"return {expression}"):
                    return value
            time.sleep(0.02)
        return None

    def heading(self):
        return self.script("return document.querySelector('h1')?.innerText ?? document.body.innerText")

    def facts(self):
        """Returns the facts on the page "who you are", by the names that the page shows."""
        return self.script("""
            const facts = {};
            for (const term of document.querySelectorAll("dt")) facts[term.innerText] = term.nextElementSibling.innerText;
            facts.name = document.querySelector("h1").innerText.replace("Hello, ", "");
            facts.how = document.querySelector(".badge").innerText;
            facts.groups = [...document.querySelectorAll("li code")].map((code) => code.textContent);
            return facts;""")

    def screenshot(self, path):
        path.write_bytes(base64.b64decode(self._ask("GET", "/screenshot")))

    def size(self, width, height):
        """Sets the size of the page. The size of the window does not suffice, because a window is at least 500 pixels wide."""
        return self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, name):
        """Sets the colour scheme that the user prefers: `light` or `dark`."""
        return self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def cdp(self, command, **params):
        self._ask("POST", "/goog/cdp/execute", cmd=command, params=params)
        return self

    def _element(self, selector):
        return self._ask("POST", "/element", using="css selector", value=selector)[ELEMENT]

    def _ask(self, method, path, **fields):
        body = json.dumps(fields).encode() if method == "POST" else None
        request = urllib.request.Request(self.base + path, body, {"Content-Type": "application/json"}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{path}: {json.load(error)['value']['message'][:500]}") from None

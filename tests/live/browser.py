"""Controls a headless browser: Chromium (webdriver.py) or Firefox (marionette.py)."""

import base64
import contextlib
import socket
import time

from web import HOST

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
    """A browser that a test controls. A subclass has `navigate`, `script` and the actions on an element."""

    def __enter__(self):
        return self

    def open(self, path):
        """Opens a page of the test server, whose name is HOST."""
        return self.go(f"http://{HOST}{path}")

    def go(self, url):
        self.navigate(url)
        return self

    def type(self, selector, text):
        self.type_into(self.element(selector), text)
        return self

    def click(self, selector):
        self.click_on(self.element(selector))
        return self

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
        path.write_bytes(base64.b64decode(self.picture()))


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]

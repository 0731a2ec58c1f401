"""Tests every page on a narrow screen, in the light and in the dark scheme, as Chromium draws it. No page is wider than
the screen. Every button, link and field is at least 44 pixels wide and 44 pixels high. A button is below the field to
which it belongs. Text has a contrast of at least 4.5 to 1 (WCAG 2.2, 1.4.3). Fields and buttons have a contrast of at
least 3 to 1 (1.4.11)."""

from contextlib import contextmanager

from seamless_server import Server, header
from web import policies
from webdriver import Chromium

LONG = "Wolfeschlegelsteinhausenbergerdorff" * 3
UPN = f"{LONG.lower()}@contoso.test"
MANY, PASSWORD = "many", "Many.Pass.1"
WIDTHS = (360, 320)

# Returns the faults of the page as it is drawn now, and the lowest contrasts.
MEASURE = """
const channels = (colour) => (colour.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
const linear = (one) => (one /= 255) <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4;
const luminance = ([red, green, blue]) => 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
const contrast = (one, other) => {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
};
const ground = (element) => {
  for (let one = element; one; one = one.parentElement) {
    const colour = channels(getComputedStyle(one).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
const seen = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
const named = (element) => `${element.localName}.${element.className} ${element.textContent.trim().slice(0, 30)}`;
const wrong = [];

const wide = document.documentElement.scrollWidth;
if (wide > innerWidth) wrong.push(`${wide} wide of ${innerWidth}`);

let edges = 21;
for (const element of document.querySelectorAll("a, button, input, textarea, summary")) {
  if (!seen(element) || element.type === "hidden") continue;
  const { width, height } = element.getBoundingClientRect();
  if (width < 44 || height < 44) wrong.push(`${named(element)}: ${width} by ${height}`);
  if (!element.matches("button, .button, input, textarea")) continue;
  const outside = ground(element.parentElement), style = getComputedStyle(element);
  const edge = Math.max(contrast(channels(style.borderTopColor), outside), contrast(ground(element), outside));
  if (edge < 3) wrong.push(`${named(element)}: an edge of ${edge.toFixed(2)}`);
  edges = Math.min(edges, edge);
}

for (const form of document.forms) {
  const field = [...form.querySelectorAll("input, textarea")].filter(seen).at(-1), button = form.querySelector("button");
  if (!field || !seen(button)) continue;
  const gap = button.getBoundingClientRect().top - field.getBoundingClientRect().bottom;
  if (gap < 0 || gap > 80) wrong.push(`${named(button)}: ${gap} below its field`);
}

let texts = 21;
const note = (element, colour) => {
  const text = contrast(channels(colour), ground(element));
  if (text < 4.5) wrong.push(`${named(element)}: text of ${text.toFixed(2)}`);
  texts = Math.min(texts, text);
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !seen(element)) continue;
  note(element, getComputedStyle(element).color);
}
for (const element of document.querySelectorAll("[placeholder]")) {
  const style = getComputedStyle(element, "::placeholder");
  if (style.opacity !== "1") wrong.push(`${named(element)}: a placeholder that shines through`);
  note(element, style.color);
}
return { wrong, edges, texts };
"""


def check(world, server, report, pictures):
    with policies(HttpsUpgradesEnabled=False, PasswordManagerEnabled=False):
        pages = Pages(world, server, report, pictures)
        pages.of_a_user_in_many_groups()
        pages.with_a_password()
        pages.with_a_code()
        pages.of_the_test_realm()


class Pages:
    def __init__(self, world, server, report, pictures):
        self.world, self.server, self.report, self.pictures = world, server, report, pictures

    @contextmanager
    def browser(self, session, server=None):
        with Chromium(self.world.work, session, (server or self.server).port) as browser:
            yield browser

    def measure(self, browser, label):
        for scheme in ("light", "dark"):
            for width in WIDTHS:
                browser.scheme(scheme).size(width, 800)
                found = browser.script(MEASURE)
                said = "; ".join(found["wrong"][:4]) or f"text {found['texts']:.2f}, edges {found['edges']:.2f}"
                self.report.check(not found["wrong"], f"{label}, {scheme}, {width} wide", said)
                browser.screenshot(self.pictures / f"{label.replace(' ', '-')}-{scheme}-{width}.png")
        browser.scheme("light").size(900, 760)

    def of_a_user_in_many_groups(self):
        """Checks the page of a user in many groups with long names, and the explanations of this user's ticket and of pasted texts."""
        ad = self.world.contoso
        ad.user(MANY, PASSWORD)
        ad.set(MANY, "displayName", LONG)
        ad.set(MANY, "userPrincipalName", UPN)
        ad.many_groups("group", 200, MANY)
        user = self.world.user(MANY, PASSWORD)
        with self.browser(user) as browser:
            browser.open("/?domain_hint=contoso.test").until("document.querySelector('.badge')")
            groups = len(browser.facts()["groups"])
            self.report.check(groups > 200, "who you are: in many groups", groups)
            self.measure(browser, "who you are")
            browser.click("summary")
            self.measure(browser, "who you are with groups")
            browser.click("a[href='/explain/own']")
            self.explained(browser, f"Accepted: {MANY}@CONTOSO.TEST", "own ticket")
            token = header(user.token())
            self.paste(browser, token)
            self.explained(browser, f"Accepted: {MANY}@CONTOSO.TEST", "pasted ticket")
            browser.script(f"document.querySelector('textarea').value = '{token}'")
            self.measure(browser, "long token in the field")
            self.paste(browser, "hello world")
            self.explained(browser, "This is not a token.", "pasted prose")
            self.paste(browser, token[:200])
            self.explained(browser, "This token is cut off.", "pasted part")
            browser.click("a[href='/explain/example/ntlm']")
            self.explained(browser, "Refused: ntlm", "example of NTLM")
            browser.click("a[href='/explain/example/accepted']")
            self.explained(browser, "Accepted: alice@CONTOSO.TEST", "example of a ticket")

    def paste(self, browser, text):
        browser.script(f"document.querySelector('textarea').value = '{text}'")
        browser.click("form[action='/explain'] button")

    def explained(self, browser, expected, label):
        said = browser.until(f"[...document.querySelectorAll('.verdict')].some((one) => one.innerText.includes('{expected}'))")
        self.report.check(said, f"explain: {label}", expected if said else browser.heading())
        self.measure(browser, f"explain {label}")

    def with_a_password(self):
        with self.browser(self.world.nobody()) as browser:
            self.measure(browser.open("/"), "name")
            self.measure(browser.open("/?login_hint=nobody@nowhere.test"), "name that leads nowhere")
            self.measure(browser.open("/nothing"), "nothing here")
            browser.open(f"/?login_hint={UPN}").until("document.querySelector('.failed')")
            browser.until("!document.getAnimations().some((one) => one.animationName === 'appear' && one.playState === 'running')")
            self.measure(browser, "password")
            browser.type("#password", "Not.The.Password").click("form[action$='/password'] button")
            browser.until("document.querySelector('.error.box')")
            self.measure(browser, "password refused")

    def with_a_code(self):
        with self.browser(self.world.user("bob", "Some.Pass.1")) as browser:
            browser.open("/?login_hint=bob@contoso.test").until("document.querySelector('#code')")
            self.measure(browser, "code")

    def of_the_test_realm(self):
        """Checks that the page of the test realm says that the ticket proves nothing, and that its test ticket is explained."""
        with Server(self.world.work, self.server.port + 1) as server, self.browser(self.world.nobody(), server) as browser:
            self.measure(browser.open("/"), "test realm name")
            browser.open(f"/?login_hint={UPN}").until("document.querySelector('.failed')")
            browser.until("!document.getAnimations().some((one) => one.animationName === 'appear' && one.playState === 'running')")
            self.measure(browser, "test realm no ticket")
            browser.open("/").click("form[action='/test-ticket'] button")
            said = browser.until("document.querySelector('.badge')?.innerText")
            self.report.check(said == "Test ticket", "test realm: says what the ticket is", said)
            self.measure(browser, "test realm who you are")
            browser.click("a[href='/explain/own']")
            self.explained(browser, "Accepted: alice@CONTOSO.TEST", "test ticket")

"""A browser without script: follows redirects, keeps cookies, sends forms, and answers the sign-in page's challenge with a ticket."""

import json
import re
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter

from seamless_server import header
from web import HOST

MOST_REDIRECTS = 20


class ToLoopback(HTTPAdapter):
    """Connects to loopback in place of the test server's HOST."""

    def send(self, request, **how):
        request.headers["Host"] = urlsplit(request.url).netloc
        return super().send(request, **how)

    def build_connection_pool_key_attributes(self, request, verify, cert=None):
        host, of_pool = super().build_connection_pool_key_attributes(request, verify, cert)
        return {**host, "host": "127.0.0.1"}, {**of_pool, **({"server_hostname": HOST, "assert_hostname": HOST} if verify else {})}


class UserAgent:
    """One browser. For plain HTTP, HOST is at `port`. If `authority` is set, the browser trusts the certificate of this
    authority."""

    def __init__(self, port=None, authority=None):
        self.http, self.trail = requests.Session(), []
        self.http.trust_env, self.http.verify = False, str(authority.trusted) if authority else False
        self.http.proxies = {f"http://{HOST}": f"http://127.0.0.1:{port}"}
        self.http.mount(f"https://{HOST}", ToLoopback())

    def go(self, url, change=None):
        """Opens an address and follows the redirects. `change` is a function that may replace the address of each
        request. Returns the last page."""
        return self._follow("GET", url, None, change)

    def submit(self, page, fields, change=None, which=lambda form: True):
        """Sends the first form of a page for which `which` returns true, with these fields."""
        form = next((form for form in parsed(page).forms if which(form)), None)
        if form is None:
            raise RuntimeError(f"no form for {sorted(fields)}: {asked(page)}")
        return self._follow(form.method, urljoin(page.url, form.action), {**form.fields, **fields}, change)

    def by_ticket(self, page, session, change=None):
        """Asks the autologon endpoint and then opens the next page, as the script of the sign-in page does."""
        script = parsed(page).data
        if script.get("ticket") != "background":
            raise RuntimeError(f"no page that asks for a ticket: {asked(page)}")
        address, request = urljoin(page.url, script["autologon"]), script.get("request")
        answer = self.http.get(address, params={"request": request} if request else {}, allow_redirects=False,
                               headers={"Authorization": header(session.token())})
        if answer.status_code != 200:
            raise RuntimeError(f"{address}: {answer.status_code} {answer.text[:200]}")
        return self.go(urljoin(page.url, script["next"]), change)

    def by_password(self, page, password, name=None, change=None):
        named = {} if name is None else {"name": name}
        return self.submit(page, {"password": password, **named}, change, lambda form: "password" in form.fields)

    def _follow(self, method, url, form, change):
        self.trail = []
        for _ in range(MOST_REDIRECTS):
            url = change(url) if change else url
            self.trail.append(url)
            if method.upper() == "GET" and form:
                url = f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(form)}"
            answer = self.http.request(method, url, data=form if method.upper() == "POST" else None, allow_redirects=False)
            if answer.status_code not in (301, 302, 303, 307, 308):
                return answer
            if answer.status_code not in (307, 308):
                method, form = "GET", None
            url = urljoin(url, answer.headers["Location"])
        raise RuntimeError(f"more than {MOST_REDIRECTS} redirects: {self.trail}")


def asked(page):
    """Returns the JSON of a page, or the text of a page without JSON."""
    try:
        return page.json()
    except json.JSONDecodeError:
        return {"page": f"{page.status_code} {page.url[:100]}", "says": " ".join(re.sub("<[^>]*>", " ", page.text).split())[:300]}


def changed(url, path, **fields):
    """Returns the address with these query parameters, if its path ends with `path`. `None` removes a parameter."""
    parts = urlsplit(url)
    if not parts.path.endswith(path):
        return url
    query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **fields}
    return urlunsplit(parts._replace(query=urlencode({name: value for name, value in query.items() if value is not None})))


def query(url):
    return dict(parse_qsl(urlsplit(url).query))


def parsed(page):
    parser = Page()
    parser.feed(page.text)
    return parser


class Form:
    def __init__(self, attributes):
        self.action, self.method, self.fields = attributes.get("action", ""), attributes.get("method", "get"), {}


class Page(HTMLParser):
    """The forms of a page, and the `data-` attributes of its elements."""

    def __init__(self):
        super().__init__()
        self.forms, self.data = [], {}

    def handle_starttag(self, tag, attributes):
        attributes = {name: value or "" for name, value in attributes}
        self.data.update({name[5:]: value for name, value in attributes.items() if name.startswith("data-")})
        if tag == "form":
            self.forms.append(Form(attributes))
        elif tag in ("input", "button") and "name" in attributes and self.forms:
            self.forms[-1].fields[attributes["name"]] = attributes.get("value", "")

"""Sends malformed requests to every endpoint. The server must answer each request with a 4xx status or close the connection, and
must never answer with a 5xx status. The log must have no panic, the memory must stay bounded, and sign-ins must still work
afterwards."""

import base64
import concurrent.futures
import random
import socket
import time
import urllib.parse

from raw_http import CLOSED, FORM, SECONDS, drip, exchange, request, status_of
from seamless_server import header
from web import HOST

SEED = 20261122
TENANT = "/contoso.test"
SSO, TRUST, TOKEN = f"{TENANT}/winauth/sso", f"{TENANT}/winauth/trust/2005/windowstransport", f"{TENANT}/oauth2/token"
OAUTH2 = f"{TENANT}/oauth2"
GETS = ["/", SSO, f"{TENANT}/winauth/trust/mex", "/trust/mex", f"{TENANT}/discovery/keys",
        f"{TENANT}/.well-known/openid-configuration", f"{OAUTH2}/authorize", f"{OAUTH2}/userinfo", f"{OAUTH2}/groups", "/explain", "/explain/own",
        "/explain/example/accepted", "/healthz", "/style.css", "/sign-in.js"]
POSTS = [f"{TENANT}/password", "/proof", TRUST, TOKEN, "/explain", "/test-ticket", f"{TENANT}/sign-in/continue", f"{TENANT}/sign-in/other",
         *(f"{OAUTH2}/{name}" for name in ("authorize", "userinfo", "revoke", "introspect", "par"))]
SOAP, JSON = "application/soap+xml; charset=utf-8", "application/json"
MEMORY, MANY = 192, 200  # the most memory in MiB; the number of connections at once


def check(world, server, report):
    rubbish = Rubbish(world, server, report)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        slow = [pool.submit(rubbish.headers_without_end), pool.submit(rubbish.slow_body), pool.submit(rubbish.slow_headers)]
        for send in (rubbish.no_http, rubbish.methods, rubbish.bodies, rubbish.forms, rubbish.framing, rubbish.sizes,
                     rubbish.authorizations, rubbish.paths, rubbish.hints, rubbish.xml, rubbish.assertions, rubbish.origins):
            send()
        for done in slow:
            done.result()
    rubbish.afterwards()


class Rubbish:
    def __init__(self, world, server, report):
        self.world, self.server, self.report, self.random = world, server, report, random.Random(SEED)

    def refused(self, label, requests, by=range(400, 500), also=()):
        """Checks that every request gets a status in `by` or in `also`."""
        seen = [(what, exchange(self.server.port, octets)) for what, octets in requests]
        wrong = [(what, status) for what, status in seen if status not in by and status not in also]
        self.report.check(not wrong, f"rubbish: {label}", wrong[:4] if wrong else counted(status for _, status in seen))

    def noise(self, size):
        return self.random.randbytes(size)

    def no_http(self):
        hello = bytes.fromhex("16030100c8010000c40303") + bytes(193)
        self.refused("no HTTP", [("noise", self.noise(4000) + b"\r\n\r\n"), ("TLS", hello + b"\r\n\r\n"),
                                 ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ("newlines", b"\n" * 9000 + b"x\r\n\r\n"),
                                 ("HTTP/9.9", request("GET", "/", version="HTTP/9.9"))], also=(CLOSED,))

    def methods(self):
        strange = ("BREW", "DELETE", "PUT", "TRACE", "CONNECT")
        self.refused("methods", [(path, request(method, path)) for path in GETS + POSTS for method in strange])
        posts = [(path, request("POST", path, b"", FORM)) for path in GETS if path not in POSTS]
        gets = [(path, request("GET", path)) for path in POSTS if path not in GETS]
        self.refused("GET for POST, POST for GET", gets + posts)

    def bodies(self):
        """Sends random octets to each endpoint, with each content type."""
        kinds = (FORM, SOAP, JSON, "text/plain", "multipart/form-data; boundary=x", "\x01")
        self.refused("random bodies", [(f"{path} {kind}", request("POST", path, self.noise(700), kind))
                                       for path in POSTS for kind in kinds], also=(303,))

    def forms(self):
        bad = (b"", b"&&&==", b"name", b"name=a", b"password=a", b"name=a&name=b&password=c", b"name=%ff%fe&password=%80",
               b"name=%&password=%zz", b"code=%00", b"name=" + b"a" * 9000 + b"&password=x", b"grant_type=saml1_1-bearer",
               b"grant_type=" + b"%00" * 2000, b"[]=1", b"name[]=x&password[]=y", b"\xff\xfe=\x80", b"code=" + b"9" * 5000)
        self.refused("forms", [(f"{path} {form[:20]}", request("POST", path, form, FORM))
                               for path in POSTS if path != "/explain" for form in bad], also=(303,))

    def framing(self):
        """Sends requests that state the length of the body twice, not at all, or wrongly (RFC 9112 section 6.3)."""
        head = f"POST /proof HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {FORM}\r\nConnection: close\r\n".encode()
        lines = (b"Content-Length: 5\r\nContent-Length: 6\r\n\r\ncode=1", b"Content-Length: -1\r\n\r\n",
                 b"Content-Length: 5x\r\n\r\ncode=", b"Content-Length: 99999999999999999999\r\n\r\n",
                 b"Transfer-Encoding: chunked\r\n\r\nzz\r\ncode=\r\n0\r\n\r\n",
                 b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", b"Transfer-Encoding: gzip\r\n\r\nx",
                 b"Transfer-Encoding: identity\r\n\r\nx", b"X-Null: a\0b\r\n\r\n", b"X Y: 1\r\n\r\n", b": 1\r\n\r\n",
                 b"X: a\rb\r\n\r\n", b" folded: 1\r\n\r\n")
        self.refused("framing", [(line[:50], head + line) for line in lines])

    def sizes(self):
        big, many = b"x" * (2 << 20), b"".join(b"X-%d: y\r\n" % number for number in range(3000))
        chunk = b"20000\r\n" + b"x" * 0x20000 + b"\r\n"
        in_chunks = b"Transfer-Encoding: chunked\r\n"
        self.refused("sizes of heads", [("header", request("GET", "/", more=b"X-Big: " + big + b"\r\n")),
                                        ("headers", request("GET", "/", more=many)),
                                        ("path", request("GET", "/" + "a" * 200_000)),
                                        ("cookie", request("GET", SSO, more=b"Cookie: " + big + b"\r\n"))], also=(CLOSED,))
        bodies = [(path, request("POST", path, big, FORM)) for path in POSTS] + [(TRUST, request("POST", TRUST, big, SOAP))]
        chunks = [(path, request("POST", path, None, FORM, in_chunks) + chunk * 3 + b"0\r\n\r\n") for path in POSTS]
        self.refused("sizes of bodies", bodies + chunks, also=(CLOSED,))

    def authorizations(self):
        encoded = lambda octets: b"Negotiate " + base64.b64encode(octets)
        real = self.world.alice().token().value
        changed = [real[:at] + bytes([real[at] ^ 0x55]) + real[at + 1:] for at in range(0, len(real), 97)]
        values = [b"", b"Negotiate", b"Negotiate ", b"Negotiate =", b"Negotiate \xff\xfe", b"Basic " + b"A" * 5000,
                  b"Negotiate" * 900, *(encoded(self.noise(size)) for size in (1, 16, 4000, 60_000, 69_000)),
                  encoded(b"\x60\x84\xff\xff\xff\xff"), encoded(b"\x60\x80" * 20_000),
                  *(encoded(real[:size]) for size in (2, 100, len(real) - 1)), *map(encoded, changed)]
        self.refused("Authorization at the autologon endpoint",
                     [(value[:40], request("GET", SSO, more=authorized(value))) for value in values])
        self.refused("Authorization at the WS-Trust endpoint",
                     [(value[:40], request("POST", TRUST, b"<a/>", SOAP, authorized(value))) for value in values])
        many = b"".join(authorized(encoded(self.noise(30))) for _ in range(60))
        cookie = b"Cookie: leg=" + base64.b64encode(self.noise(3000)) + b"; session=" + b"f" * 32 + b"\r\n"
        self.refused("many Authorizations, and made-up cookies", [
            ("many", request("GET", SSO, more=many)),
            ("cookies", request("GET", SSO, more=cookie + authorized(b"Negotiate YQ==")))])

    def paths(self):
        paths = ("/../../../etc/passwd", f"{TENANT}/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/contoso.test%2fwinauth%2fsso",
                 "//contoso.test//winauth//sso", "/%00", "/%ff%fe", "/contoso.test%00/winauth/sso", "/..;/winauth/sso",
                 "/fabrikam.test/winauth/sso", "/%63%6f/winauth/sso", f"{SSO}/", f"{SSO}/..", "\\..\\windows", "/\x7f",
                 "/\xff", "*",
                 "http://evil.example/nothing", "/favicon.ico", "/pages/style.css", "/style.css/x", "/" + "%41" * 9000,
                 "/" + "/".join("a" * 9000), "/?login_hint=" + "a" * 9000, "/?domain_hint=%00%0d%0aX:y",
                 "/?login_hint=a&login_hint=b", "/?login_hint=@")
        self.refused("paths", [(path[:40], request("GET", path)) for path in paths])

    def hints(self):
        """Checks that the server shows the password form for impossible names, and that markup or header fields in such
        a name have no effect."""
        for hint in ("%ff%fe", "%0d%0aSet-Cookie:%20x=y", "%3Cscript%3Ealert(1)%3C/script%3E", "%22%20onfocus=%22alert(1)"):
            answer = self.server.ask("GET", f"/?login_hint={hint}")
            inert = not answer.session() and "<script>alert" not in answer.body and '" onfocus' not in answer.body
            self.report.check(inert and answer.status == 200, f"rubbish: the name {hint} is only a name", answer.status)

    def xml(self):
        """Sends malformed XML documents. Each request has a valid ticket, so that the server reads the document."""
        alice = self.world.alice()
        envelope = '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">{}</s:Envelope>'
        laughs = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
        documents = ["", "<", "no XML", "<a/>", envelope.format(""), envelope.format("<s:Body/>"),
                     envelope.format("<s:Body>") * 2,
                     f'<!DOCTYPE l [<!ENTITY l0 "ha">{laughs}]>' + envelope.format("<s:Body>&l9;</s:Body>"),
                     '<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + envelope.format("<s:Body>&x;</s:Body>"),
                     '<!DOCTYPE l SYSTEM "http://127.0.0.1:1/x.dtd">' + envelope.format(""),
                     "<a>" * 30_000, "<a>" * 14_000 + "</a>" * 14_000,
                     "<a " + " ".join(f'b{n}="c"' for n in range(9000)) + "/>", "<a " + 'b="c" ' * 2 + "/>",
                     '<?xml version="1.0" encoding="UTF-16"?><a/>', "<a>\x01</a>", "<a>&#0;</a>", "<a>&#x110000;</a>",
                     envelope.format("<s:Body>" + "<x/>" * 25_000 + "</s:Body>"),
                     envelope.format("<s:Header><x xmlns='y'/></s:Header>")]
        octets = [b"\xff\xfe<\0a\0/\0>\0", b"<a>\xff\xfe</a>", b"\xef\xbb\xbf" * 3 + b"<a/>", *map(str.encode, documents)]
        fresh = lambda: authorized(header(alice.token()).encode())
        requests = [(xml[:60], request("POST", TRUST, xml, SOAP, fresh())) for xml in octets]
        self.refused("XML after a good ticket", requests, by=(400,))

    def assertions(self):
        encoded = lambda text: base64.urlsafe_b64encode(text)
        bearer = b"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Asaml1_1-bearer&assertion="
        refresh = b"grant_type=refresh_token&refresh_token="
        texts = (b"", b"<", b"<saml:Assertion/>", b"<a>" * 20_000, b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', self.noise(3000),
                 b'<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:1.0:assertion" AssertionID="_1"/>')
        values = [*(bearer + encoded(text) for text in texts), bearer + b"%%%", bearer + b"A" * 100_001, refresh,
                  refresh + b"x" * 9000, refresh + urllib.parse.quote(self.noise(99)).encode(), b"grant_type=",
                  b"grant_type=password"]
        self.refused("assertions and refresh tokens", [(value[:90], request("POST", TOKEN, value, FORM)) for value in values])

    def origins(self):
        good = b"name=alice%40contoso.test&password=Alice.Pass.1"
        origins = (b"http://evil.example", b"null", b"http://" + HOST.encode() + b".evil.example", b"\xff", b"")
        from_site = lambda origin: request("POST", f"{TENANT}/password", good, FORM, b"Origin: " + origin + b"\r\n")
        self.refused("forms of other sites", [(origin, from_site(origin)) for origin in origins])

    def headers_without_end(self):
        """Opens many connections. On each connection, the test sends headers of nearly the largest size, and never
        sends the end of the headers."""
        started = time.monotonic()
        streams = [socket.create_connection(("127.0.0.1", self.server.port), SECONDS) for _ in range(MANY)]
        for stream in streams:
            stream.sendall(b"GET / HTTP/1.1\r\nX-Big: " + b"x" * 90_000)
        ends = [status_of(stream) for stream in streams]
        self.took("headers without an end", started, ends)
        for stream in streams:
            stream.close()

    def slow_headers(self):
        """Checks that a client that sends one octet at a time gets no more time than other clients."""
        started = time.monotonic()
        self.took("slow headers", started, [drip(self.server.port, b"GET / HTTP/1.1\r\nX-Slow: ")])

    def slow_body(self):
        started = time.monotonic()
        head = request("POST", f"{TENANT}/password", None, FORM, b"Content-Length: 1000\r\n")
        self.took("slow body", started, [drip(self.server.port, head)])

    def took(self, label, started, ends):
        seconds = time.monotonic() - started
        good = seconds < SECONDS and all(end == CLOSED or end == 408 for end in ends)
        self.report.check(good, f"rubbish: {label}", f"{counted(ends)} after {seconds:.0f} s")

    def afterwards(self):
        panics = [line for line in self.server.log().splitlines() if "panicked" in line]
        lives = self.server.process.poll() is None
        self.report.check(lives and not panics, "after all rubbish: no panic", panics[:1] or "the server lives")
        answer = self.server.autologon(header(self.world.alice().token()))
        self.report.check(answer.status == 200, "after all rubbish: signs in", answer.body)
        answer = self.server.password("alice@contoso.test", "Alice.Pass.1")
        self.report.check(answer.status == 303, "after all rubbish: signs in with a password", answer.status)
        peak = self.server.peak_memory()
        self.report.check(peak < MEMORY, "after all rubbish: memory bounded", f"{peak} MiB at most")


def authorized(value):
    return b"Authorization: " + value + b"\r\n"


def counted(values):
    values = list(values)
    return ", ".join(f"{value} × {values.count(value)}" for value in sorted(set(values), key=str))

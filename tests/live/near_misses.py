"""Makes addresses that differ a little from a registered redirect URI. A server that compares strings (RFC 9700 section
2.1) refuses these addresses."""

from urllib.parse import urlsplit

# Characters that some parser of addresses drops, folds or takes for a separator.
STRANGE = ["\t", "\n", "\r", "\r\n", "\0", "\x0b", "\x1f", "\x7f", " ", "\\", "^", "`", "|", "{", "}", "<", ">", '"', "'", "*",
           "\u00a0", "\u00ad", "\u200b", "\u200d", "\u202e", "\u2028", "\u2060", "\u3000", "\ufeff", "\ufffd"]
# Characters that become ASCII by a compatibility mapping (UTS #46), or look like ASCII.
LOOKALIKES = {".": "\u3002\uff0e\uff61", "/": "\u2044\u2215\uff0f", ":": "\uff1a", "a": "\u0430\uff41", "c": "\u0441\uff43",
              "k": "\u212a", "1": "\uff11\u2460", "7": "\uff17", "@": "\uff20"}
EVIL = "evil.example"


def near_misses(uri):
    """Returns the addresses, each once, without the registered address."""
    found = [*whole(uri), *schemes(uri), *authorities(uri), *paths(uri), *queries(uri), *strange(uri)]
    return [one for one in dict.fromkeys(found) if one != uri]


def whole(uri):
    parts = urlsplit(uri)
    return ["", parts.path, f"//{parts.netloc}{parts.path}", f"/{uri}", f"{uri} {uri}", f"{uri},{uri}", f"{uri}%20{uri}", uri * 2,
            "null",
            "*", ".", "about:blank", "urn:ietf:wg:oauth:2.0:oob", "data:text/html,x", "javascript:alert(1)", f"javascript:{uri}",
            f"javascript://{parts.netloc}{parts.path}%0aalert(1)", f"view-source:{uri}", f"blob:{uri}", f"file://{parts.path}",
            uri.upper(), uri.title(), uri.swapcase(), uri[::-1], uri[:-1], uri[1:], f"<{uri}>", f'"{uri}"', f"[{uri}]", f"({uri})",
            uri.replace(":", "%3A"), uri.replace("/", "%2F"), uri.replace("/", "%2f"), "".join(f"%{ord(one):02X}" for one in uri)]


def schemes(uri):
    rest = uri.split(":", 1)[1]
    names = ["https", "HTTP", "Http", "hTTp", "httpx", "http ", " http", "http+x", "h", "ftp", "ws", "wss", "app", "http%3A",
             "ht\ttp"]
    return [f"{name}:{rest}" for name in names] + [uri.replace("://", separator, 1) for separator in (
        ":/", ":", ":///", "://///", ":\\\\", ":/\\", ":\\/", "//", ": //", ":// ", "::/", ":%2f%2f", ":/%2f", "\uff1a//")]


def authorities(uri):
    """Returns addresses with other hosts, with other ports, and with user information."""
    parts = urlsplit(uri)
    scheme, host, port, path = parts.scheme, parts.hostname, parts.port, parts.path
    hosts = [f"{host}.", f"{host}..", f".{host}", f"www.{host}", f"{host}.{EVIL}", f"{EVIL}.{host}", f"{host}{EVIL}",
             f"{host}-{EVIL}",
             f"{EVIL}#{host}", f"{EVIL}?{host}", f"{EVIL}/{host}", f"{EVIL}\\{host}", f"{EVIL}%2f{host}", f"{EVIL}%00{host}",
             f"{EVIL}%23@{host}", f"{host}%2e{EVIL}", f"{host}%00.{EVIL}", f"{host}\\.{EVIL}", f"{host}\\@{EVIL}", f"{host}@{EVIL}",
             f"{host}:{port}@{EVIL}", f"{EVIL}@{host}", f"user@{host}", f"user:secret@{host}", f":@{host}", f"@{host}", f"@@{host}",
             f"{EVIL}:80@{host}", f"{EVIL}\\@{host}", f"{EVIL}%40{host}", f"{EVIL};{host}", f"{EVIL},{host}", f"{EVIL} {host}",
             f"{EVIL}\t{host}", f"{EVIL}&{host}", f"[{host}]", f"[::ffff:{host}]", "[::1]", "::1", "localhost", "LOCALHOST",
             "localhost.",
             "0", "0.0.0.0", "127.1", "127.0.1", "127.0.0.2", "127.0.0.1.1", "127.000.000.001", "0x7f.0.0.1", "0x7f000001",
             "017700000001",
             "2130706433", "127.0.0.1%25lo", "%31%32%37.0.0.1", "127%2e0%2e0%2e1", "127.0.0.1.nip.io", EVIL]
    ports = ["", ":", ":0", ":80", ":443", f":{port + 1}", f":0{port}", f":{port}0", f":{port} ", f": {port}", f":+{port}",
             f":-{port}",
             f":{port}:{port}", f":{port}.", f":{port}%20", f":{port + 65536}", f":{port}@", f":{port}@{EVIL}", f":{port}x",
             f":{port:x}",
             f"%3A{port}", f":{port}.{EVIL}", f":%3{str(port)[0]}{str(port)[1:]}"]
    return [f"{scheme}://{one}:{port}{path}" for one in hosts] + [f"{scheme}://{host}{one}{path}" for one in ports]


def paths(uri):
    parts = urlsplit(uri)
    base, path = f"{parts.scheme}://{parts.netloc}", parts.path
    name = path.strip("/")
    return [base + one for one in (
        "", "/", f"{path}/", f"/{path}", f"{path}//", f"/.{path}", f"/..{path}", f"/x/..{path}", f"{path}/.", f"{path}/..",
        f"{path}/x/..",
        f"{path}/../{name}", f"{path}/../../{name}", f"/%2e{path}", f"/%2e%2e{path}", f"/x/%2e%2e{path}", f"/.%2e{path}",
        f"{path}/%2e%2e/x",
        f"{path}/..%2fx", f"{path}/..%5cx", f"{path}/..;/x", f"{path};", f"{path};x=y", f"{path};/x", f"{path}.", f"{path}..",
        f"{path}x",
        f"x{path}", f"/x{path}", f"{path}/x", f"{path}.html", f"{path}~", f"{path},", f"{path}+", f"{path}!", f"{path}$",
        f"{path}@{EVIL}",
        f"{path}:80", path.upper(), path.title(), f"\\{name}", f"/\\{name}", f"%2f{name}", f"/%2f{name}", f"{path}%2f",
        f"{path}%2F",
        f"{path}%5c", f"/%{ord(name[0]):02x}{name[1:]}", f"/%{ord(name[0]):02X}{name[1:]}", f"/%25{ord(name[0]):02x}{name[1:]}",
        f"{path}%00", f"{path}%00.html", f"{path}%20", f"{path}%09", f"{path}%0a", f"{path}%0d%0aLocation:%20http://{EVIL}/",
        f"{path}%23",
        f"{path}%3f", f"{path}%ff", f"{path}%c0%af", f"{path}%", f"{path}%2", f"{path}%zz", f"{path}%u0041", path[:-1], path[:3],
        f"{path}{path}")]


def queries(uri):
    """Returns addresses with queries and fragments. The server itself adds a query or a fragment to the registered
    address."""
    return [uri + one for one in (
        "?", "??", "?x", "?x=y", "?x=y&x=z", "?code=stolen", "?state=other", "?iss=other", "?error=access_denied", "?&", "?=",
        "?%00",
        f"?redirect_uri=http://{EVIL}/", f"?http://{EVIL}/", f"?@{EVIL}/", "#", "##", "#x", "#code=stolen", f"#@{EVIL}/",
        f"#http://{EVIL}/",
        "#%00", "#?x", "?#", "?x#y", "&", "&x=y", "&redirect_uri=x", "%26x=y", "%3Fx=y", "%23x")]


def strange(uri):
    """Returns addresses with strange characters before, after and within the address, and with lookalikes of its characters."""
    middle = uri.index("://") + 4
    found = [form for one in STRANGE for form in (f"{one}{uri}", f"{uri}{one}", f"{uri[:middle]}{one}{uri[middle:]}")]
    found += [uri.replace(plain, other, 1) for plain, others in LOOKALIKES.items() for other in others]
    return found + [f"{uri}\u0301", uri.replace("a", "a\u0301", 1)]

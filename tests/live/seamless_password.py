"""Tests the password form and the one-time code. For each state of an account, the page must show the text for that state."""

import base64
import hmac
import struct
import time

from mit_realm import MitRealms
from seamless_server import BOB_SECRET, Server, tenant, wait

PASSWORD = "Some.Pass.1"
LONG_AGO = 116444736000000000 + 10**7  # a FILETIME: the first second of 1970
DISABLED_ACCOUNT = 0x202
TRIES = 3
WRONG, SAME = "WRONG.Pass.1", "The name or the password is not right."


def check(world, server, report):
    accounts(world.contoso)
    refusals(world, server, report)
    locked(server, report)
    names(server, report)
    code(server, report)
    other_kdcs(world, server, report)


def accounts(ad):
    for name in ("expired", "disabled", "ended", "luke"):
        ad.user(name, PASSWORD)
    ad.set("expired", "pwdLastSet", 0)
    ad.set("disabled", "userAccountControl", DISABLED_ACCOUNT)
    ad.set("ended", "accountExpires", LONG_AGO)


def refusals(world, server, report):
    for label, name, password, status, page, log in (
            ("wrong password", "alice", WRONG, 403, SAME, "the password is wrong"),
            ("unknown user", "nobody-here", PASSWORD, 403, SAME, "the directory knows no such user"),
            ("no password", "alice", "", 403, SAME, "the password is wrong"),
            ("expired password", "expired", PASSWORD, 403, "Your password has expired.", "the password has expired"),
            ("disabled account", "disabled", PASSWORD, 403, "This account is switched off.", "the account is disabled"),
            ("expired account", "ended", PASSWORD, 403, "This account has expired.", "the account has expired"),
            ("disabled account, wrong password", "disabled", WRONG, 403, SAME, "the password is wrong"),
            ("no name", "@", PASSWORD, 400, "Please check the name.", None)):
        answer = server.password(f"{name}@contoso.test" if name != "@" else name, password)
        good = answer.status == status and page in answer.error() and not answer.session()
        report.check(good, f"password form, {label}", answer.error() or answer.status)
        if log:
            report.check(server.says([f"{name}@contoso.test", log]), f"password form, {label}: the log says it", log)


def locked(server, report):
    """Checks an account that wrong passwords have locked. The right password must then be refused."""
    server.directory.tool("domain", "passwordsettings", "set", f"--account-lockout-threshold={TRIES}")
    for _ in range(TRIES):
        server.password("luke@contoso.test", WRONG)
    answer = server.password("luke@contoso.test", PASSWORD)
    good = answer.status == 403 and "This account is locked" in answer.error()
    report.check(good, "password form, locked account", answer.error())
    server.directory.tool("domain", "passwordsettings", "set", "--account-lockout-threshold=0")


def names(server, report):
    """Checks each form of a user name, and a `login_hint` and a `domain_hint` that name no tenant."""
    for name in ("alice@contoso.test", "ALICE@CONTOSO.TEST", "CONTOSO\\alice", "alice"):
        answer = server.password(name, "Alice.Pass.1")
        report.check(answer.status == 303 and answer.session(), f"password form, {name}", "signed in")
    for hint, status in (("login_hint=alice@elsewhere.example", 404), ("domain_hint=elsewhere.example", 404)):
        answer = server.ask("GET", f"/?{hint}")
        report.check(answer.status == status, f"{hint}: leads nowhere", answer.error())


def code(server, report):
    answer = server.password("bob@contoso.test", PASSWORD)
    waiting = {"Cookie": answer.session()}
    page = server.ask("GET", "/", headers=waiting)
    report.check("One more step" in page.body, "one-time code: asked for", "before the session begins")
    answer = server.ask("POST", "/proof", {"code": "000000"}, waiting)
    report.check(answer.status == 403, "one-time code: a wrong one, refused", answer.error())
    now = one_time_code(BOB_SECRET, server)
    answer = server.ask("POST", "/proof", {"code": now}, waiting)
    report.check(answer.status == 303 and answer.session() not in ("", waiting["Cookie"]), "one-time code: the right one",
                 "another session")
    session = {"Cookie": answer.session()}
    report.check("Hello, Bob" in server.ask("GET", "/", headers=session).body, "one-time code: signed in", "Bob")
    again = {"Cookie": server.password("bob@contoso.test", PASSWORD).session()}
    answer = server.ask("POST", "/proof", {"code": now}, again)
    report.check(answer.status == 403, "one-time code: a second time, refused", answer.error())
    server.ask("POST", "/sign-out", {}, session)
    report.check("Hello" not in server.ask("GET", "/", headers=session).body, "sign-out", "the session is gone")


def other_kdcs(world, server, report):
    """Checks a KDC that only claims to be the realm's KDC, with its own passwords and account, and a KDC that does not exist."""
    faked = MitRealms(world.work, [world.contoso.realm], server.port + 5)
    faked.user("alice", "Made.Up.1")
    faked.service(18)
    faked.start()
    for label, port, status, page, log in (
            ("faked", faked.port, 403, "did not let this server check the password", "the KDC's own ticket is refused"),
            ("no", server.port + 6, 503, "cannot be reached", "the KDC cannot be reached")):
        with Server(world.work, server.port + 1, [tenant(world.contoso, server.keytab, kdc=f"127.0.0.1:{port}")]) as other:
            answer = other.password("CONTOSO\\alice", "Made.Up.1")
            good = answer.status == status and page in answer.error() and not answer.session() and other.says([log])
            report.check(good, f"password form, {label} KDC", answer.error() or answer.status)
    world.work.stop(faked.process)


def one_time_code(secret, server):
    """Returns the current code of RFC 6238, with HMAC-SHA-1, 30 seconds and six digits. A server accepts no code that may have been
    used before its state began, so this function waits for the first code that cannot have been used."""
    wait(lambda: time.time() // 30 >= server.state_began // 30 + 2, 61)
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30), "sha1")
    offset = digest[-1] & 0xF
    return f"{(struct.unpack_from('>I', digest, offset)[0] & 0x7FFFFFFF) % 1_000_000:06}"

"""Tests `usernamemixed`, the WS-Trust endpoint for passwords, when it is disabled and when it is enabled. ROADtools
signs in at this endpoint, and o365spray and Metasploit guess names and passwords."""

import re
import statistics
import threading
import time

from native_clients import adal_node, msal
from native_cloud import MIRA, PASSWORD, WRONG
from replayed import NAMESPACES, AadInternals, Sprayers, walk

PEOPLE = ("carol", "dora", "erik")
DISABLED_ACCOUNT = 0x202


def people(directory):
    for name in (*PEOPLE, "disabled", "mira"):
        directory.user(name, PASSWORD)
    directory.set("mira", "userPrincipalName", MIRA)
    directory.set("disabled", "userAccountControl", DISABLED_ACCOUNT)


def switched_off(cloud, report):
    spray = Sprayers(cloud.wire)
    guesses = (("alice", PASSWORD), ("alice", WRONG), ("nn", WRONG))
    answers = [spray.o365spray(f"{name}@contoso.test", password) for name, password in guesses]
    found = {outside(answer) for answer in answers}
    good = len(found) == 1 and answers[0].status in range(400, 500) and str(answers[0].code()).isdigit()
    said = answers[0].status, answers[0].code()
    report.check(good, "usernamemixed, switched off: one fault for each name and password", said, found)


def check(cloud, report):
    roadtx(cloud, report)
    spray = Sprayers(cloud.wire)
    for name, ask in (("o365spray", spray.o365spray), ("Metasploit", spray.metasploit), ("AADInternals", spray.aadinternals)):
        answer = ask("alice@contoso.test", PASSWORD)
        kind = walk(answer.xml(), "Body.RequestSecurityTokenResponse.TokenType")
        found = answer.status, kind, AadInternals.desktop_sso_token(answer) is not None
        good = found == (200, NAMESPACES["saml"], True)
        report.check(good, f"usernamemixed, {name}: the right password gives a DesktopSsoToken", found, answer.body)
        code = ask("alice@contoso.test", WRONG).code()
        report.check(code == "50126", f"usernamemixed, {name}, a wrong password: its code", code)
    codes = [spray.metasploit("disabled@contoso.test", password).code() for password in (WRONG, PASSWORD)]
    report.check(codes == ["50126", "50057"], "usernamemixed, a disabled account: told only to who has the password", codes)
    alike(spray, report)
    msal(cloud, report, PASSWORD)
    adal_node(cloud, report, PASSWORD)


def roadtx(cloud, report):
    label, at_tenant = cloud.label("roadtx", "roadtx"), ("-t", "contoso.test", "-r", cloud.api, "--tokens-stdout")
    tokens, said = cloud.clients.roadtx("desktopsso", "-u", "alice@contoso.test", "-p", PASSWORD, *at_tenant)
    good, answer = cloud.accepts(tokens.get("accessToken"))
    report.check(good, f"usernamemixed, {label}: the API accepts the access token", answer, f"{answer} {said[-400:]}")
    said = cloud.clients.roadtx("desktopsso", "-u", "alice@contoso.test", "-p", WRONG, *at_tenant)[1]
    report.check("AADSTS50126: " in said, f"usernamemixed, {label}, a wrong password: shows the fault", "AADSTS50126", said[-400:])


def alike(spray, report):
    """Sends requests of unknown users and requests with wrong passwords at the same time. Each name occurs once,
    because the server checks passwords of one name one after the other. The check prints the medians of the times, but
    its result depends only on the answers."""
    answers = {"unknown user": [], "wrong password": []}

    def ask(what, name):
        began = time.monotonic()
        answers[what].append((spray.o365spray(f"{name}@contoso.test", WRONG), time.monotonic() - began))
    asked = [(what, name) for person in PEOPLE for what, name in (("unknown user", f"no-{person}"), ("wrong password", person))]
    threads = [threading.Thread(target=ask, args=which) for which in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = [{outside(answer) for answer, _ in found} for found in answers.values()]
    good = seen[0] == seen[1] and len(seen[0]) == 1 and {found[:2] for found in seen[0]} == {(401, "50126")}
    medians = ", ".join(f"{what} {statistics.median(seconds for _, seconds in found):.2f} s" for what, found in answers.items())
    otherwise = f"{medians} {seen[0] ^ seen[1] or seen[0]}"
    report.check(good, "usernamemixed: one answer for an unknown user and a wrong password", medians, otherwise)


def outside(answer):
    """Returns the parts of an answer that a client sees, without times and identifiers."""
    body = re.sub(r"\d{4}-\d\d-\d\d[T ][\d:.]+Z?|[0-9a-f]{8}-?[0-9a-f-]{24,27}", "…", answer.body)
    return answer.status, str(answer.code()), body, tuple(sorted(name.lower() for name in answer.headers))

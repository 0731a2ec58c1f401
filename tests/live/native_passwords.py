"""Tests `usernamemixed`, the WS-Trust endpoint for passwords, switched off and on. o365spray, Metasploit, AADInternals and ROADtools use it to find
names and passwords."""

import re
import statistics
import threading
import time

from native_clients import adal_node, msal
from native_cloud import PASSWORD, WRONG
from replayed import Sprayers


def switched_off(cloud, report):
    spray = Sprayers(cloud.wire)
    answers = [spray.o365spray(f"{name}@contoso.test", password) for name, password in (("alice", PASSWORD), ("alice", WRONG), ("nn", WRONG))]
    found = {(answer.status, str(answer.code()), shape(answer)) for answer in answers}
    good = len(found) == 1 and answers[0].status in range(400, 500) and str(answers[0].code()).isdigit()
    report.check(good, "usernamemixed, switched off: one fault for each name and password", (answers[0].status, answers[0].code()) if good else answers[0].body[:300])


def check(cloud, report):
    spray, label = Sprayers(cloud.wire), cloud.label("roadtx", "roadtx")
    by_password = lambda name, password: cloud.clients.roadtx("desktopsso", "-t", "contoso.test", "-u", name, "-p", password, "-r", cloud.api,
                                                              "--tokens-stdout")
    tokens, said = by_password("alice@contoso.test", PASSWORD)
    good, answer = cloud.accepts(tokens.get("accessToken"))
    report.check(good, f"usernamemixed, {label}: the API accepts the access token", answer if good else f"{answer} {said[-400:]}")
    said = by_password("alice@contoso.test", WRONG)[1]
    report.check("AADSTS50126" in said, f"usernamemixed, {label}, a wrong password: reads the fault", "AADSTS50126" if "AADSTS50126" in said else said[-300:])
    for name, ask in (("o365spray", spray.o365spray), ("Metasploit", spray.metasploit)):
        answer = ask("alice@contoso.test", PASSWORD)
        found = answer.status, len([element for element in answer.xml().iter("DesktopSsoToken") if element.text])
        report.check(found == (200, 1), f"usernamemixed, {name}: the right password gives a DesktopSsoToken", found if found[0] == 200 else answer.body[:300])
    alike(spray, report)
    answer = spray.metasploit("disabled@contoso.test", WRONG), spray.metasploit("disabled@contoso.test", PASSWORD)
    codes = tuple(one.code() for one in answer)
    report.check(codes == ("50126", "50057"), "usernamemixed, a disabled account: told only to who has the password", codes)
    msal(cloud, report, password=PASSWORD)
    adal_node(cloud, report, password=PASSWORD)


def alike(spray, report):
    """Asks for unknown users and with wrong passwords at the same time. The check prints the medians of the times and judges the answers."""
    names = {"unknown user": "no-such-user@contoso.test", "wrong password": "alice@contoso.test"}
    answers = {what: [] for what in names}

    def ask(what):
        began = time.monotonic()
        answers[what].append((spray.o365spray(names[what], WRONG), time.monotonic() - began))
    threads = [threading.Thread(target=ask, args=[what]) for what in [*names] * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    unknown, wrong = ({(answer.status, answer.code(), shape(answer)) for answer, _ in answers[what]} for what in names)
    good = unknown == wrong and len(wrong) == 1 and next(iter(wrong))[:2] == (401, "50126")
    medians = ", ".join(f"{what} {statistics.median(seconds for _, seconds in found):.2f} s" for what, found in answers.items())
    report.check(good, "usernamemixed: one answer for an unknown user and a wrong password", medians if good else f"{medians} {unknown | wrong}")


def shape(answer):
    """Returns the answer without times and identifiers, and the names of its headers."""
    body = re.sub(r"\d{4}-\d\d-\d\d[T ][\d:.]+Z?|[0-9a-f]{8}-[0-9a-f-]{27}", "…", answer.body)
    return body, tuple(sorted(name.lower() for name in answer.headers))

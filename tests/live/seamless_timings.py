"""Prints a table of the times of one browser's sign-in. The times come from Chromium's network log, the page's clock, and the
stages in the server's log."""

import json
import re

from samba_ad import SSO_ACCOUNT
from seamless_server import Server, tenant
from web import PATH, policies
from webdriver import Chromium

STAGES = ("read", "open", "verify", "authorize", "admit")
TO_MILLISECONDS = {"ns": 1e-6, "µs": 1e-3, "ms": 1.0, "s": 1e3}


def check(world, port, report):
    log = world.work.root / "netlog.json"
    with Server(world.work, port, [tenant(world.contoso, world.contoso.keytab(SSO_ACCOUNT))],
                env={"RUST_LOG": "kerberos_sso=debug"}) as server:
        client = world.alice()
        logged = [f"--log-net-log={log}", "--net-log-capture-mode=Everything"]
        with policies(HttpsUpgradesEnabled=False), Chromium(world.work, client, port, arguments=logged) as browser:
            browser.open("/?login_hint=alice@contoso.test")
            shown = browser.until("document.querySelector('.badge') && performance.timeOrigin + window.shown.page")
        crate = stages(server.log())
    steps = by_stage(json.loads(log.read_text()), shown)
    total = steps[-1][1] - steps[0][1]
    report.check(shown and len(crate) == len(STAGES), "one sign-in of a browser, by stage", f"{total:.0f} ms")
    table(steps, crate)


def by_stage(log, shown):
    """Returns the events and their times, in milliseconds since 1970."""
    names = {number: name for name, number in log["constants"]["logEventTypes"].items()}
    offset = log["constants"]["timeTickOffset"]
    events = [(names[event["type"]], event["phase"], int(event["time"]) + offset, event["source"]["id"],
               event.get("params", {})) for event in log["events"]]
    begin, end = log["constants"]["logEventPhase"]["PHASE_BEGIN"], log["constants"]["logEventPhase"]["PHASE_END"]
    started = {source: params.get("url", "").split("/", 3)[-1] for name, phase, _, source, params in events
               if name == "URL_REQUEST_START_JOB" and phase == begin}
    page = next(source for source, path in started.items() if path.startswith("?login_hint"))
    ask = next(source for source, path in started.items() if f"/{path}" == PATH)
    sent = lambda wanted: [time for name, phase, time, source, _ in events
                           if (name, phase, source) == ("HTTP_TRANSACTION_SEND_REQUEST", begin, wanted)]
    answered = lambda wanted: [time for name, _, time, source, _ in events
                               if (name, source) == ("HTTP_TRANSACTION_READ_RESPONSE_HEADERS", wanted)]
    ticket = {phase: time for name, phase, time, _, _ in reversed(events) if name == "AUTH_LIBRARY_INIT_SEC_CTX"}
    return [("the sign-in page is asked for", sent(page)[0]), ("the page is there", answered(page)[0]),
            ("its script asks the autologon endpoint", sent(ask)[0]), ("401 Negotiate", answered(ask)[0]),
            ("Chromium asks GSSAPI for a token", ticket[begin]), ("token there; the KDC gave the ticket", ticket[end]),
            ("the token is sent", sent(ask)[1]), ("200 and a session", answered(ask)[1]),
            ("the page \"who you are\" is shown", shown)]


def stages(log):
    """Returns the times of the library's stages for the one request with a token, in milliseconds, from the spans in the log."""
    found = re.findall(r"(read|open|verify|authorize|admit)\{?[^\n]*: close time\.busy=([\d.]+)(ns|µs|ms|s)", log)
    return {stage: float(number) * TO_MILLISECONDS[unit] for stage, number, unit in found}


def table(steps, crate):
    first = before = steps[0][1]
    for what, time in steps:
        print(f"     {time - first:7.0f} ms {time - before:+7.0f}  {what}")
        before = time
    print(f"     in the crate: {', '.join(f'{stage} {crate[stage]:.3f} ms' for stage in STAGES if stage in crate)}")

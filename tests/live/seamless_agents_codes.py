"""Tests each reason for which Samba's directory or its agent refuses to sign a user in. Checks the text of the page,
and Entra's number in the log.

Not every number can come from a directory:

- 80004 is for alternate names, which the agents of this test do not look up.
- 80010 and 80011 are for keys that do not belong together, which an honest agent and an honest server never have. The
  unit tests of `pta` cover these numbers.
- Samba 4.17 and MIT's KDC report a locked account only as revoked, which is 50057. Active Directory sends an NTSTATUS for it,
  which becomes 50053. The server's own lockout has this number, too: `seamless_mail.py`.
- A restriction to workstations needs the name of a workstation in the request, and an agent's request has no such name."""

import concurrent.futures
import re

import agents_words
from agents_site import Site
from agents_words import AWAY, ENDED, EXPIRED, NOT_LET, OFF, RESTRICTED, REVOKED, SAME, WRONG, Word
from kdc_gate import KdcGate
from mit_realm import MitRealms
from samba_ad import SSO_ACCOUNT
from seamless_password import DISABLED_ACCOUNT, LONG_AGO
from seamless_server import Server, tenant, wait, wrong_time

PASSWORD, MOST_WRONG, HOUR = "Codes.Pass.1", 3, 3600
NORMAL_ACCOUNT, SMARTCARD_REQUIRED = 0x200, 0x40000
NO_HOURS = "\0" * 21  # one bit for each hour of the week (MS-ADA1 section 2.379)
PART = "Samba"


def check(world, port, report):
    accounts(world.contoso)
    keytab = world.work.root / "codes.keytab"
    keytab.write_bytes(world.contoso.keytab(SSO_ACCOUNT).read_bytes())
    config = tenant(world.contoso, keytab, password={"method": "pass-through"})
    del config["kdc"]
    agents = {"listen": f"127.0.0.1:{port + 1}", "nodes": [f"https://127.0.0.1:{port + 1}"]}
    with Server(world.work, port, [config], agents=agents) as server, KdcGate(world.contoso.port) as gate:
        site = Site(world.work, server, world.contoso.realm, gate.address)
        site.add(1)
        site.until_asked("alice", "Alice.Pass.1")
        words(server, report)
        locked(world.contoso, server, report)
        silent(server, gate, report)
        faults(site, world.contoso, report)
        faked(site, world, port + 2, report)


def accounts(ad):
    for name in ("expired", "must", "off", "ended", "hours", "card", "station", "locked"):
        ad.user(f"codes-{name}", PASSWORD)
    ad.set("codes-must", "pwdLastSet", 0)
    ad.set("codes-off", "userAccountControl", DISABLED_ACCOUNT)
    ad.set("codes-ended", "accountExpires", LONG_AGO)
    ad.set("codes-hours", "logonHours", NO_HOURS)
    ad.set("codes-card", "userAccountControl", NORMAL_ACCOUNT | SMARTCARD_REQUIRED)
    ad.set("codes-station", "userWorkstations", "ELSEWHERE")
    ad.tool("domain", "passwordsettings", "pso", "create", "days", "1", "--min-pwd-age=0", "--max-pwd-age=2")
    ad.tool("domain", "passwordsettings", "pso", "apply", "days", "codes-expired")
    ad.set_unchecked("codes-expired", "pwdLastSet", LONG_AGO)


def words(server, report):
    """Checks that the answer to a wrong password does not reveal a special state of the account."""
    agents_words.signed_in(server, report, PART, "the right password", "alice", "Alice.Pass.1")
    agents_words.signed_in(server, report, PART, "a user of another workstation, as the request names none", "codes-station", PASSWORD)
    wrong = "the password is wrong"
    states = [("expired password", "expired", EXPIRED, 50144, "the password has expired"),
              ("password that must be changed", "must", EXPIRED, 50055, "the user must change it first"),
              ("disabled account", "off", OFF, 50057, "the account is disabled"),
              ("expired account", "ended", ENDED, 50057, "the account has expired"),
              ("no hours", "hours", RESTRICTED, 80012, "NTSTATUS 0xC000006F")]
    agents_words.check(server, report, PART, [
        Word("wrong password", "alice", WRONG, SAME, 50126, wrong),
        Word("unknown user", "codes-nobody", PASSWORD, SAME, 50034, "the directory knows no such user"),
        Word("smart card required, for which Samba makes a random password", "codes-card", PASSWORD, SAME, 50126, wrong),
        *(Word(f"{label}, a wrong password", f"codes-{name}", WRONG, SAME, 50126, wrong) for label, name, *_ in states)])
    agents_words.check(server, report, PART, [
        Word(label, f"codes-{name}", PASSWORD, text, number, reason) for label, name, text, number, reason in states])


def locked(ad, server, report):
    """Lets the domain's policy lock an account. Samba's KDC refuses a locked account without an NTSTATUS."""
    ad.tool("domain", "passwordsettings", "set", f"--account-lockout-threshold={MOST_WRONG}")
    for _ in range(MOST_WRONG):
        server.password("codes-locked", WRONG)
    count = ad.db.search(ad.base, expression="(sAMAccountName=codes-locked)", attrs=["badPwdCount"])[0]["badPwdCount"][0]
    report.check(int(count) == MOST_WRONG, f"{PART}, the directory counts each wrong password once", int(count))
    agents_words.check(server, report, PART, [
        Word("locked account, which Samba does not tell apart", "codes-locked", PASSWORD, REVOKED, 50057, "the account is revoked")])
    ad.tool("domain", "passwordsettings", "set", "--account-lockout-threshold=0")


def silent(server, gate, report):
    """Lets the KDC answer only after the time limit of the agent's attempt has passed."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool, gate.shut():
        sent = pool.submit(agents_words.check, server, report, PART, [
            Word("a KDC that is silent", "alice", "Alice.Pass.1", AWAY, 80002, "no agent answered in time", 503)])
        gate.wait_kept()
        sent.result()
    report.check(server.says(["entra=80014", "nobody waits for the answer"], 10), f"{PART}, an answer that comes late: 80014")


def faults(site, ad, report):
    """Starts the agent again, each time with a fault that keeps the agent from asking the KDC."""
    closed = f"127.0.0.1:{site.server.port + 3}"
    for label, kdc, env, text, status, number, reason in (
            ("no KDC", closed, None, AWAY, 503, 80007, "the agent reaches no KDC"),
            ("the clock of the agent an hour ahead", site.kdc, wrong_time(HOUR), AWAY, 503, 80013, "the clocks of the agent and of the KDC")):
        site.kill(1)
        site.start_and_wait(1, [kdc], env)
        site.until_asked("alice", "Alice.Pass.1")
        agents_words.check(site.server, report, PART, [Word(label, "alice", "Alice.Pass.1", text, number, reason, status)])
    site.kill(1)
    site.start_and_wait(1, [closed, site.kdc])
    site.until_asked("alice", "Alice.Pass.1")
    agents_words.signed_in(site.server, report, PART, "the second KDC, as the first is away", "alice", "Alice.Pass.1")


def faked(site, world, port, report):
    """Lets the agent ask a KDC that only claims to be the KDC of the realm, first without the server's account and then
    with this account."""
    faked = MitRealms(world.work, [world.contoso.realm], port, "faked-for-agents")
    faked.user("alice", "Made.Up.1")
    faked.start()
    site.kill(1)
    site.start_and_wait(1, [f"127.0.0.1:{port}"])
    site.until_asked("alice", "Made.Up.1")
    agents_words.check(site.server, report, PART, [
        Word("a KDC without the server's account", "alice", "Made.Up.1", AWAY, 80007, "the KDC refused the agent's request", 503)])
    faked.service(18)
    answer = site.server.password("alice", "Made.Up.1")
    alarm = re.compile(f"ALARM: the ticket of an agent is refused.*agent={site.ids[1]}")
    good = answer.status == 403 and NOT_LET in answer.error() and not answer.session()
    report.check(good and wait(lambda: alarm.search(site.server.log()), 5), f"{PART}, the ticket of a faked KDC: refused, with an alarm",
                 answer.error())
    world.work.stop(faked.process)

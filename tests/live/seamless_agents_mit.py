"""Tests pass-through authentication with an agent beside MIT's KDC. This KDC sends an error code of RFC 4120 and no
NTSTATUS, so the agent learns fewer reasons than from Active Directory."""

import agents_words
from agents_site import Site
from agents_words import ENDED, EXPIRED, REVOKED, SAME, WRONG, Word
from mit_directory import SID, MitDirectory
from mit_realm import SPN
from samba_ad import SSO_ACCOUNT
from seamless_server import Server, wait

REALM, PASSWORD, MOST_WRONG = "MIT.TEST", "Some.Pass.1", 3
BEFORE = "the directory said so before it saw the password"
PART = "MIT's KDC"


def check(world, port, report):
    mit = MitDirectory(world.work, REALM, port + 2, "mit-of-agents")
    people(mit)
    mit.service(18)
    keytab = world.work.root / "mit.keytab"
    keytab.write_bytes(mit.keytab(SPN).read_bytes())
    mit.start()
    config = {"name": REALM.lower(), "realm": REALM, "account": SSO_ACCOUNT, "keytab": str(keytab), "domains": [REALM.lower()],
              "domain_sids": [SID], "password": {"method": "pass-through"}}
    agents = {"listen": f"127.0.0.1:{port + 1}", "nodes": [f"https://127.0.0.1:{port + 1}"]}
    with Server(world.work, port, [config], agents=agents) as server:
        server.password = of_realm(server.password)
        site = Site(world.work, server, REALM, f"127.0.0.1:{mit.port}")
        site.add(1)
        site.until_asked("alice", PASSWORD)
        words(server, report)
        locked(mit, server, report)
    world.work.stop(mit.process)


def of_realm(password):
    """Sends passwords to the realm's tenant."""
    return lambda name, text: password(name, text, REALM.lower())


def people(mit):
    """Makes users with and without pre-authentication. Without pre-authentication, the KDC sends everybody an AS-REP
    that is encrypted with the key of the user's password."""
    mit.users(("alice", "bob", "old", "must", "off", "ended", "locked"), PASSWORD)
    mit.users(("free",), PASSWORD, "-requires_preauth")
    mit.user("nosid", PASSWORD)
    mit.kadmin('modprinc -pwexpire "2001-01-01 00:00:00" old')
    mit.kadmin("modprinc +needchange must")
    mit.kadmin("modprinc -allow_tix off")
    mit.kadmin('modprinc -expire "2001-01-01 00:00:00" ended')
    mit.kadmin(f"addpol -maxfailure {MOST_WRONG} three")
    mit.kadmin("modprinc -policy three locked")


def words(server, report):
    for label, name in (("the right password", "alice"), ("a down-level name", "MIT\\alice"),
                        ("a user without pre-authentication", "free")):
        agents_words.signed_in(server, report, PART, label, name, PASSWORD)
    answer = server.password("nosid", PASSWORD)
    good = answer.status == 403 and not answer.session() and server.says(['typed="nosid"', "pac-missing"])
    report.check(good, f"{PART}, the right password of a user without a SID: refused", answer.error())
    # MIT's database knows no enterprise names (RFC 6806 section 5), so the user types the account name.
    agents_words.check(server, report, PART, [
        Word("wrong password", "alice", WRONG, SAME, 50126, "the password is wrong"),
        Word("wrong password without pre-authentication", "free", WRONG, SAME, 50126, "the password is wrong"),
        Word("unknown user", "nobody", PASSWORD, SAME, 50034, "the directory knows no such user"),
        Word("principal name", "bob@mit.test", PASSWORD, SAME, 50034, "the directory knows no such user"),
        # MIT's KDC reports the state of an account before it sees the password.
        Word("expired password", "old", WRONG, EXPIRED, 50144, f"the password has expired; {BEFORE}"),
        Word("password that must be changed, which MIT does not tell apart", "must", WRONG, EXPIRED, 50144,
             f"the password has expired; {BEFORE}"),
        Word("disabled account", "off", WRONG, REVOKED, 50057, BEFORE),
        Word("expired account", "ended", WRONG, ENDED, 50057, f"the account has expired; {BEFORE}")])


def locked(mit, server, report):
    """Lets the realm's policy lock an account. The KDC counts the wrong passwords, and the test waits until the KDC has
    counted all of them."""
    for _ in range(MOST_WRONG):
        server.password("locked", WRONG)
    counted = wait(lambda: f"Failed password attempts: {MOST_WRONG}" in mit.kadmin("getprinc locked"), 10)
    report.check(counted, f"{PART}, the directory counts each wrong password once", f"{MOST_WRONG} wrong passwords",
                 otherwise=[line for line in mit.kadmin("getprinc locked").splitlines() if "ailed" in line])
    agents_words.check(server, report, PART, [
        Word("locked account, which MIT does not tell apart", "locked", PASSWORD, REVOKED, 50057, BEFORE)])

"""Tests pass-through authentication with client programs: a mail server that sends passwords by the password grant, and
applications to which a user signs in through the form, an agent and a one-time code."""

from agents_site import Site
from authority import Authority
from judges import Authlib, SampleApp
from samba_ad import SSO_ACCOUNT
from seamless_mail import MAIL, Mail, dovecot
from seamless_password import DISABLED_ACCOUNT, WRONG, one_time_code
from seamless_server import BOB_SECRET, Server, code_of_bob, tenant, wait
from user_agent import UserAgent, changed
from web import HOST

ALICE, BOB, OFF = "alice@contoso.test", "bob@contoso.test", "mail-off@contoso.test"
PASSWORD = "Some.Pass.1"


def check(world, port, report):
    authority, issuer = Authority(world.work.dir("tls")), f"https://{HOST}:{port}/contoso.test"
    world.contoso.user("mail-off", PASSWORD)
    world.contoso.set("mail-off", "userAccountControl", DISABLED_ACCOUNT)
    of_issuer = issuer, authority
    relying, sample = Authlib(world.work, port + 2, *of_issuer, "of-agents"), SampleApp(world.work, port + 3, *of_issuer)
    keytab = world.work.root / "clients.keytab"
    keytab.write_bytes(world.contoso.keytab(SSO_ACCOUNT).read_bytes())
    config = tenant(world.contoso, keytab, password={"method": "pass-through"}, proof=code_of_bob(world.contoso),
                    clients=[MAIL, relying.registration(), sample.registration()])
    del config["kdc"]
    agents = {"listen": f"127.0.0.1:{port + 1}", "nodes": [f"https://127.0.0.1:{port + 1}"]}
    with Server(world.work, port, [config], address=f"https://{HOST}:{port}", tls=authority.of_server(), agents=agents) as server:
        site = Site(world.work, server, world.contoso.realm, f"127.0.0.1:{world.contoso.port}")
        site.add(1)
        with dovecot(world.work, port + 4, f"https://localhost:{port}", authority):
            mail(Mail(server, port + 4, report, "mail through an agent"), site)
        with relying.run(), sample.run():
            second_proof(relying, sample, server, site, report)


def mail(mail, site):
    """Without agents, the mail server says that the service is unavailable, so a mail program does not ask its user for another
    password."""
    until_asked(mail)
    validated = len(site.validators())
    mail.check("the right password", ALICE, "Alice.Pass.1", True, ["signed in by the directory's password", ALICE])
    mail.report.check(len(site.validators()) == validated + 1, "mail through an agent: the log names the agent", site.ids[1])
    mail.check("wrong password", ALICE, WRONG, False, [ALICE, "entra=50126"])
    mail.check("unknown user", "nobody@contoso.test", WRONG, False, ["nobody@contoso.test", "entra=50034"])
    mail.check("disabled account", OFF, PASSWORD, False, [OFF, "entra=50057"])
    mail.check("bob, who needs a code", BOB, PASSWORD, False, [BOB, "a one-time code is demanded"])
    site.kill(1)
    said, _ = mail.login(ALICE, "Alice.Pass.1")
    mail.report.check("[UNAVAILABLE]" in said, "mail through an agent, no agent: the mail server says that it is unavailable", said)
    mail.report.check(mail.server.says([ALICE, "entra=80001"]), "mail through an agent, no agent: 80001 in the log")
    site.start_and_wait(1)
    until_asked(mail)


def until_asked(mail):
    """Signs in again and again until the agent has connected and validates the password."""
    if not wait(lambda: mail.login(ALICE, "Alice.Pass.1")[0] == "OK", 30):
        raise RuntimeError("no agent is connected")


def second_proof(relying, sample, server, site, report):
    """bob types the password, an agent validates it, the server asks for a one-time code, and bob is signed in to the
    application. Then bob opens another application, and is signed in without typing anything."""
    label, agent, validated = f"{relying.version} behind agents", UserAgent(authority=relying.authority), len(site.validators())
    page = agent.go(relying.login(), lambda url: changed(url, "/oauth2/authorize", login_hint=BOB))
    refused = agent.by_password(page, WRONG)
    report.check("not right" in refused.text and server.says([BOB, "entra=50126"]), f"{label}: a wrong password stays on the form",
                 refused.status_code)
    page = agent.by_password(refused, PASSWORD)
    asked = "One more step" in page.text and len(site.validators()) == validated + 1
    report.check(asked, f"{label}: an agent validates the password, and the server asks for a code", page.status_code)
    of_code = lambda form: "code" in form.fields
    wrong = agent.submit(page, {"code": "000000"}, which=of_code)
    report.check(wrong.status_code == 403 and not any("/callback" in url for url in agent.trail),
                 f"{label}: a wrong code leads to no application", wrong.status_code)
    page = agent.submit(wrong, {"code": one_time_code(BOB_SECRET, server)}, which=of_code)
    report.check("/callback" in " ".join(agent.trail), f"{label}: the right code leads to the application", page.url)
    claims = relying.who(agent).get("claims") or {}
    report.check((claims.get("upn"), claims.get("amr")) == (BOB, ["pwd", "otp", "mfa"]), f"{label}: the application has bob",
                 f"{claims.get('upn')}, amr {claims.get('amr')}")
    page = agent.go(sample.login())
    badges = [badge for badge in ("Password", "One-time code", "Two proofs") if badge in page.text]
    report.check("Hello, Bob" in page.text and len(badges) == 3 and "The API accepted" in page.text,
                 "the sample application behind agents: has bob without a further question", ", ".join(badges) or page.url)
    report.check(len(site.validators()) == validated + 1, "no second password for the second application", validated + 1)

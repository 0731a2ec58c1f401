"""Signs users in to Dovecot, Debian's mail server, which sends their passwords to the sign-in server by the password
grant. The users have the directory's password, and app passwords that they make on the page."""

import contextlib
import imaplib
import re
import secrets
import socket
import time
from hashlib import sha256

from samba_ad import SSO_ACCOUNT
from seamless_pages import Pages
from seamless_password import DISABLED_ACCOUNT, PASSWORD, WRONG, one_time_code
from seamless_server import BOB_SECRET, LIMITS, Server, code_of_bob, tenant
from user_agent import UserAgent
from web import HOST, policies

SECRET = secrets.token_hex(32)
MAIL = {"id": "mail", "name": "Mail", "secret_sha256": sha256(SECRET.encode()).hexdigest(), "grants": ["password"],
        "user_address_header": "X-Dovecot-Auth-Remote"}
PAGE = f"http://{HOST}/contoso.test/app-passwords"
HOME, OFFICE, STRANGER = "127.0.0.1", "127.0.0.2", "127.0.0.9"
WRONG_OF_NAME, WRONG_OF_ADDRESS = 10, 12  # the first is fixed in `lockout.rs`, and the second is of this test
NORMAL_ACCOUNT = 0x200
BOB, NORA = "bob@contoso.test", "nora@contoso.test"

# Dovecot's master process needs user names that no other service uses. Debian's package makes these users.
DOVECOT = """
protocols = imap
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
info_log_path = {home}/log
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{home}/mail/%u
first_valid_uid = 1
auth_mechanisms = plain login
auth_failure_delay = 0
auth_verbose = yes
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
passdb {{
  driver = oauth2
  mechanisms = plain login
  args = {home}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={home}/mail/%u
}}
"""

# docs/legacy-clients.md has the same lines, but with https.
OAUTH2 = """
grant_url = {server}/contoso.test/oauth2/token
client_id = mail
client_secret = {secret}
use_grant_password = yes
introspection_url = {server}/contoso.test/oauth2/userinfo
introspection_mode = auth
username_attribute = preferred_username
send_auth_headers = yes
timeout_msecs = 15000
"""


def check(world, port, report, pictures):
    world.contoso.user("nora", PASSWORD)
    of_contoso = tenant(world.contoso, world.contoso.keytab(SSO_ACCOUNT), clients=[MAIL], app_passwords={"days": 30},
                        proof=code_of_bob(world.contoso))
    limits = {**LIMITS, "password_seconds": 1, "wrong_passwords_of_address": WRONG_OF_ADDRESS}
    with Server(world.work, port, [of_contoso], address=f"http://{HOST}", limits=limits) as server, \
            dovecot(world.work, port + 1, f"http://127.0.0.1:{server.port}"):
        server.directory = world.contoso
        Mail(server, port + 1, report).all()
        pages(Pages(world, server, report, pictures))


def pages(pages):
    """Checks the page as Chromium draws it, for a user who has just signed in by ticket."""
    with policies(HttpsUpgradesEnabled=False, PasswordManagerEnabled=False), pages.browser(pages.world.alice()) as browser:
        browser.open("/contoso.test/app-passwords").until("document.querySelector('#name:not([readonly])') && true")
        pages.measure(browser, "app passwords none")
        browser.type("#name", "Mail on the telephone").click("form[action$='/app-passwords'] button")
        browser.until("document.querySelector('.secret') && true")
        pages.measure(browser, "app passwords new")
        browser.open("/").until("document.querySelector('.badge')")
        browser.click("a[href='/contoso.test/app-passwords']")
        said = browser.until("document.querySelector('.entries strong')?.innerText")
        pages.report.check(said == "Mail on the telephone", "app passwords: a link leads to the list", said)


@contextlib.contextmanager
def dovecot(work, port, server, authority=None):
    """Runs the mail server, which asks the sign-in server at the address `server`. If the address has `https`,
    `authority` made the sign-in server's certificate."""
    work.root.chmod(0o711)  # the mail server's processes have users of their own
    home = work.dir("dovecot")
    mail = work.dir("dovecot/mail")
    mail.chmod(0o777)
    config = home / "dovecot.conf"
    config.write_text(DOVECOT.format(home=home, port=port))
    trusted = f"tls_ca_cert_file = {authority.trusted}\n" if authority else ""
    (home / "oauth2.conf").write_text(OAUTH2.format(server=server, secret=SECRET) + trusted)
    process = work.start(["dovecot", "-F", "-c", config], home / "out", port)
    try:
        yield
    finally:
        work.stop(process)


class Imap(imaplib.IMAP4):
    """A mail program that connects from the given address."""

    def __init__(self, port, address):
        self.address = address
        super().__init__(HOME, port, timeout=20)

    def _create_socket(self, timeout):
        return socket.create_connection((self.host, self.port), timeout, (self.address, 0))


class Mail:
    """The checks of a mail server. The names of the checks begin with `part`."""

    def __init__(self, server, port, report, part="mail"):
        self.server, self.port, self.report, self.part = server, port, report, part

    def all(self):
        self.directory_passwords()
        self.locked()
        agent, text = self.app_password()
        self.revoked(agent, text)

    def login(self, name, password, address=HOME):
        """Returns the mail server's answer to a name and a password, and the time until the answer in seconds."""
        with Imap(self.port, address) as imap:
            began = time.monotonic()
            try:
                imap.login(name, password)
                said = imap.select()[0]
            except imaplib.IMAP4.error as error:
                said = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error.args[0])
            return said, time.monotonic() - began

    def check(self, label, name, password, is_in, log=(), address=HOME):
        said, seconds = self.login(name, password, address)
        good = (said == "OK") == is_in and (is_in or "AUTHENTICATIONFAILED" in said)
        self.report.check(good, f"{self.part}, {label}: {'signed in' if is_in else 'refused'}", f"{said}, {seconds:.2f} s")
        if log:
            self.report.check(self.server.says(log), f"{self.part}, {label}: the log says it", " ".join(log))
        return seconds

    def directory_passwords(self):
        self.check("alice, the directory's password", "alice@contoso.test", "Alice.Pass.1", True,
                   ["signed in by the directory's password", "alice@contoso.test"])
        wrong = self.check("wrong password", "alice@contoso.test", WRONG, False, ["alice@contoso.test", "the password is wrong"])
        unknown = self.check("unknown user", "nobody@contoso.test", WRONG, False,
                             ["nobody@contoso.test", "the directory knows no such user"])
        needed = self.check("bob, who needs a code, the directory's password", BOB, PASSWORD, False,
                            [BOB, "a one-time code is demanded"])
        times = [wrong, unknown, needed]
        self.report.check(max(times) - min(times) < 0.5, "mail: refusals take one time", ", ".join(f"{one:.2f} s" for one in times))
        # The token names the user by the principal name. So the sign-in with another form of the name fails, and opens
        # no other mailbox.
        self.check("alice without a domain", "alice", "Alice.Pass.1", False)

    def locked(self):
        """Checks that wrong passwords of a stranger lock a name, and then the stranger's address, but no other user of
        the mail server."""
        for _ in range(WRONG_OF_NAME):
            self.login(NORA, WRONG, STRANGER)
        self.check("the right password after ten wrong ones", NORA, PASSWORD, False, [NORA, "too many wrong passwords", "entra=50053"], STRANGER)
        for number in range(WRONG_OF_ADDRESS - WRONG_OF_NAME):
            self.login(f"nobody{number}@contoso.test", WRONG, STRANGER)
        self.check("another name from the stranger's address", "alice@contoso.test", "Alice.Pass.1", False,
                   ["every password of this address"], STRANGER)
        self.check("the same name from its own address", "alice@contoso.test", "Alice.Pass.1", True)
        self.check("the same name from a new address", "alice@contoso.test", "Alice.Pass.1", True, address=OFFICE)

    def app_password(self):
        agent = UserAgent(self.server.port)
        code_page = agent.by_password(agent.go(PAGE), PASSWORD, BOB)
        page = agent.submit(code_page, {"code": one_time_code(BOB_SECRET, self.server)}, which=lambda form: "code" in form.fields)
        self.report.check(page.url == PAGE and "You have no app passwords" in page.text,
                          "app passwords: the page after password and code", page.url)
        made = agent.submit(page, {"name": "Mail on the telephone"}, which=lambda form: "name" in form.fields)
        text = re.search(r'class="secret">([^<]+)<', made.text).group(1)
        self.report.check(len(text.replace("-", "")) == 24, "app passwords: bob makes one", f"{len(text)} characters")
        self.check("bob, an app password", BOB, text, True, [BOB, "signed in by an app password"])
        self.check("bob, the app password with spaces", BOB, text.replace("-", " ").upper(), True)
        self.check("alice, bob's app password", "alice@contoso.test", text, False, ["the app password is of another user"])
        answer = self.server.password(BOB, text)
        good = answer.status == 403 and not answer.session()
        self.report.check(good, "app passwords: useless on the sign-in page", answer.error())
        self.server.directory.set("bob", "userAccountControl", DISABLED_ACCOUNT)
        self.check("bob, disabled in the directory, the app password, which the directory is not asked about", BOB, text, True)
        self.server.directory.set("bob", "userAccountControl", NORMAL_ACCOUNT)
        page = agent.go(PAGE)
        self.report.check(text not in page.text and "last used" in page.text, "app passwords: the page says when it was used", "")
        return agent, text

    def revoked(self, agent, text):
        agent.submit(agent.go(PAGE), {}, which=lambda form: "id" in form.fields)
        self.check("bob, the app password after he revoked it", BOB, text, False,
                   ["the app password is unknown, was revoked or has ended"])
        is_written = text in self.server.log() or text in (self.server.home.parent / "dovecot/log").read_text()
        self.report.check(not is_written and PASSWORD not in self.server.log(), "mail: no password is in a log", "")

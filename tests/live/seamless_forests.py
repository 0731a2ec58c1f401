"""Tests two forests in one server. The keys of one forest must not vouch for users of the other forest. Real users of both forests
sign in by ticket and by password. The administrator of FABRIKAM has the keys of FABRIKAM. The test also sends tickets that this
administrator could make for users and groups of CONTOSO."""

from samba_ad import SSO_ACCOUNT
from seamless_server import Server, header, tenant
from silver import Silver
from world import KDCS

CONTOSO, FABRIKAM = "contoso.test", "fabrikam.test"
PASSWORD = "Some.Pass.1"


def check(world, port, report):
    world.add_fabrikam()
    keytabs = {ad: world.work.root / f"{ad.netbios}.keytab" for ad in (world.contoso, world.fabrikam)}
    for ad, path in keytabs.items():
        path.write_bytes(ad.keytab(SSO_ACCOUNT).read_bytes())
    with Server(world.work, port, [tenant(ad, path) for ad, path in keytabs.items()]) as server:
        forests = Forests(world, server, report)
        forests.side_by_side()
        forests.by_password()
        forests.at_the_other_endpoint()
        forests.minted()


class Forests:
    def __init__(self, world, server, report):
        self.world, self.server, self.report = world, server, report
        self.alice, self.frank = world.alice(), world.fabrikam_user("frank", PASSWORD, sso_realm="FABRIKAM.TEST")

    def side_by_side(self):
        for client, at, name in ((self.alice, CONTOSO, "Alice Anderson"), (self.frank, FABRIKAM, "Frank Fabri")):
            answer = self.server.autologon(header(client.token()), at)
            page = self.server.ask("GET", "/", headers={"Cookie": answer.session()}).body
            good = answer.status == 200 and f"Hello, {name}" in page
            self.report.check(good, f"two forests, {name} at {at}: signed in", answer.status)

    def by_password(self):
        for name, at, password, status in (("alice@contoso.test", CONTOSO, "Alice.Pass.1", 303),
                                           ("frank@fabrikam.test", FABRIKAM, PASSWORD, 303),
                                           ("alice@contoso.test", FABRIKAM, "Alice.Pass.1", 403),
                                           ("frank@fabrikam.test", CONTOSO, PASSWORD, 403)):
            answer = self.server.password(name, password, at)
            said = "signed in" if answer.status == 303 else answer.error()
            self.report.check(answer.status == status, f"two forests, password of {name} at {at}", said)

    def at_the_other_endpoint(self):
        self.refused("a ticket of CONTOSO", self.alice.token(), FABRIKAM, "no-key")
        self.refused("a ticket of FABRIKAM", self.frank.token(), CONTOSO, "no-key")
        across = self.world.fabrikam_user("frank", PASSWORD)
        self.refused("a user of FABRIKAM by its trust", across.token(), CONTOSO, "untrusted-realm")

    def minted(self):
        """Checks tickets that impacket makes under FABRIKAM's key. MIT's client sends these tickets. CONTOSO's key must
        not decrypt any of these tickets. FABRIKAM's key must not vouch for a user or group of CONTOSO."""
        contoso, fabrikam = self.world.contoso, self.world.fabrikam
        key = next(key for key in fabrikam.keys(SSO_ACCOUNT) if key["etype"] == 18)
        alice, frank = (int(ad.sid_of(name).rpartition("-")[2]) for ad, name in ((contoso, "alice"), (fabrikam, "frank")))
        own = Silver("frank", key, fabrikam.sid, frank)
        self.accepted("under FABRIKAM's key, its own user", self.sent(own), FABRIKAM)
        user = Silver("alice", key, contoso.sid, alice)
        self.refused("under FABRIKAM's key, SID of CONTOSO's user", self.sent(user), FABRIKAM, "untrusted-domain")
        self.refused("under FABRIKAM's key, SID of CONTOSO's user", self.sent(user), CONTOSO, "no-key")
        user = Silver("alice", {**key, "realm": contoso.realm}, contoso.sid, alice)
        self.refused("under FABRIKAM's key, realm and SID of CONTOSO", self.sent(user), FABRIKAM, "no-key")
        held = {key["kvno"] for key in contoso.keys(SSO_ACCOUNT)}
        code = "integrity" if key["kvno"] in held else "no-key"
        self.refused("under FABRIKAM's key, realm and SID of CONTOSO", self.sent(user), CONTOSO, code)
        admin = Silver("frank", key, fabrikam.sid, frank, extra_sids=[f"{contoso.sid}-512"])
        self.refused("under FABRIKAM's key, CONTOSO's Domain Admins as a group", self.sent(admin), FABRIKAM, "untrusted-domain")

    def sent(self, silver):
        client = self.world.clients.session(silver.realm, KDCS)
        return client.use_cache(silver.cache(client.home / "minted")).token()

    def accepted(self, label, token, at):
        answer = self.server.autologon(header(token), at)
        self.report.check(answer.status == 200, f"two forests, {label}, at {at}: signed in", answer.status)

    def refused(self, label, token, at, code):
        before = len(self.server.log())
        answer = self.server.autologon(header(token), at)
        found = f'code="{code}"' in self.server.log()[before:]
        self.report.check(answer.status == 403 and found and not answer.session(), f"two forests, {label}, at {at}: refused",
                          code if found else self.server.log()[before:])


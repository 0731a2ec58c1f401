"""Sets up the realms of one run and the clients in these realms."""

from clients import HERE, Clients, version
from mit_realm import MitRealms
from samba_ad import SambaAd
from trust import trust
from web import Web
from work import run

CONTOSO, FABRIKAM = "CONTOSO.TEST", "FABRIKAM.TEST"
KDCS = {CONTOSO: 21088, FABRIKAM: 21188}
MIT_PORT = 21288
MIT_REALMS = ["MIT.TEST", "NEAR.TEST", "FAR.TEST", "TOP.TEST", "SUB.TOP.TEST", "CHILD.MIT.TEST", "GRAND.CHILD.MIT.TEST"]


class World:
    """`kdcs` are the ports of the KDCs of Samba."""

    def __init__(self, work, kdcs=KDCS):
        self.work, self.clients, self.kdcs = work, Clients(work), kdcs
        self.samba_version = f"Samba {version('samba')}"
        self.contoso = SambaAd(work, CONTOSO, kdcs[CONTOSO])
        self.sso_password = "Sso.Key.One.2026!"
        self.contoso.sso_account(self.sso_password)
        self.contoso.user("alice", "Alice.Pass.1", givenname="Alice", surname="Anderson")
        self.contoso.start()

    def add_fabrikam(self):
        self.fabrikam = SambaAd(self.work, FABRIKAM, self.kdcs[FABRIKAM])
        self.fabrikam.sso_account("Sso.Fabrikam.2026!")
        self.fabrikam.user("frank", "Some.Pass.1", givenname="Frank", surname="Fabri")
        trust(self.contoso, self.fabrikam)
        self.fabrikam.start()

    def add_mit(self):
        self.mit_version = f"MIT krb5 {version('krb5-kdc')}"
        self.mit = MitRealms(self.work, MIT_REALMS, MIT_PORT)
        self.mit.user("alice", "Some.Pass.1")
        self.mit.user("bob", "Some.Pass.1")
        self.mit.kadmin("addprinc -randkey WELLKNOWN/ANONYMOUS")
        self.mit.start()

    def add_web(self):
        self.web = Web(self.work)

    def mit_user(self, name, *options, realm="MIT.TEST", password="Some.Pass.1", **libdefaults):
        return self.mit_session(realm, **libdefaults).kinit(name, password, *options)

    def mit_session(self, realm="MIT.TEST", **libdefaults):
        return self.clients.session(realm, dict.fromkeys(MIT_REALMS, MIT_PORT), sso_realm="MIT.TEST", **libdefaults)

    def alice(self, *options, **libdefaults):
        return self.user("alice", "Alice.Pass.1", *options, **libdefaults)

    def user(self, name, password, *options, **libdefaults):
        return self.clients.session(CONTOSO, self.kdcs, **libdefaults).kinit(name, password, *options)

    def nobody(self):
        """Returns a client that has not signed in."""
        return self.clients.session(CONTOSO, self.kdcs)

    def negoex_module(self):
        """Returns the GSS configuration of a mechanism that only NegoEx can negotiate."""
        module, conf = self.clients.bin / "negoex_mech.so", self.clients.bin / "negoex.conf"
        run(["gcc", "-fPIC", "-shared", "-o", module, HERE / "negoex_mech.c"])
        conf.write_text(f"negoex-test 1.3.6.1.4.1.5322.26.9.1 {module}\n")
        return conf

    def fabrikam_user(self, name, password, sso_realm=CONTOSO):
        return self.clients.session(FABRIKAM, self.kdcs, sso_realm=sso_realm).kinit(name, password)

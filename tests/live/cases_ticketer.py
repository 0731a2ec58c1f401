"""Records tickets and PACs that impacket makes instead of a KDC. The KDCs of these tests issue no such tickets, and a KDC must
never issue some of these tickets.

In CONTOSO.TEST the tickets are silver tickets: every holder of the service's key can make such tickets, and the service's key also
makes the KDC signature. In FABRIKAM.TEST the KDC signatures are made with the key of the krbtgt account."""

from impacket.dcerpc.v5.ndr import NULL
from impacket.dcerpc.v5.nrpc import GROUP_MEMBERSHIP, PGROUP_MEMBERSHIP_ARRAY
from impacket.krb5 import pac
from samba.dcerpc import krb5pac
from samba.ndr import ndr_unpack

from samba_ad import SSO_ACCOUNT
from silver import (ATTRIBUTES, CLIENT, CRC32, KDC, LOGON, MD5, REQUESTOR, SERVER, UPN, WIN2K_PAC, Signer, Silver,
                    if_relevant, with_random_referents)

KEYS, AES_ONLY, FABRIKAM = "sso", "sso-aes-only", "fabrikam"
OTHER_DOMAIN = "S-1-5-21-1111111111-2222222222-3333333333"
# Bits of UserFlags (MS-PAC 2.5), of UserAccountControl (MS-SAMR 2.2.1.12), and of group attributes (MS-PAC 2.2.1).
GUEST, RESOURCE_GROUPS = 0x1, 0x200
DISABLED, INTERDOMAIN_TRUST, WORKSTATION_TRUST, SERVER_TRUST = 0x1, 0x40, 0x80, 0x100
NORMAL = 0x10
RESOURCE_GROUP, DENY_ONLY = 0x20000007, 0x10
RC4, SEAMLESS = {"allow_rc4": True}, {"profile": "seamless"}


def record(world, out):
    Cases(world, out).record()


class Cases:
    def __init__(self, world, out):
        self.out, self.domain = out, world.contoso.sid
        keys = world.contoso.keys(SSO_ACCOUNT)
        self.keys = {key["etype"]: key for key in keys}
        out.keyset(KEYS, keys)
        out.keyset(AES_ONLY, [key for key in keys if key["etype"] != 23])
        world.contoso.computer("NEIGHBOUR$", "Neighbour.Pass.1")
        self.other_keys = {key["etype"]: key for key in world.contoso.keys("NEIGHBOUR$")}
        out.krbtgt["FABRIKAM.TEST"] = world.fabrikam.krbtgt_keys()
        self.there, self.there_domain = world.fabrikam.keys(SSO_ACCOUNT), world.fabrikam.sid
        self.krbtgt = world.fabrikam.keys("krbtgt")[0]
        out.keyset(FABRIKAM, self.there)

    def record(self):
        self.as_ticketer_makes_them()
        self.extra_sids()
        self.resource_groups()
        self.names()
        self.krbtgt_signatures()
        self.signatures()
        self.contradictions()
        self.accounts()
        self.containers()

    def silver(self, user="alice", etype=18, **options):
        return Silver(user, self.keys[etype], options.pop("domain", self.domain), **options)

    def accept(self, id, comment, flags, token, policy=None, keyset=KEYS):
        return self.out.accept(f"impacket-{id}", comment, ["Silver", *flags], token, keyset, policy)

    def reject(self, id, comment, flags, token, code, policy=None, keyset=KEYS):
        self.out.reject(f"impacket-{id}", comment, ["Silver", *flags], token, keyset, code, policy)

    def own(self, **policy):
        """Returns a policy under which the key vouches for its own domain only."""
        return {**policy, "domain_sids": [self.domain]}

    def as_ticketer_makes_them(self):
        for etype, name in ((18, "aes256"), (17, "aes128"), (23, "rc4")):
            seen = self.accept(name, f"Ticket, session key and PAC signatures of {name}, all by ticketer.",
                               ["EncTypes", "PacBuffers"] + ["Rc4"] * (etype == 23), self.silver(etype=etype).token(),
                               RC4 if etype == 23 else None)
            assert seen["pac"]["buffers"] == [LOGON, CLIENT, UPN, ATTRIBUTES, REQUESTOR, SERVER, KDC]
            assert seen["pac"]["upn_flags"] == 2 and seen["pac"]["requestor_sid"] == seen["pac"]["user_sid"]
        self.reject("rc4-refused", "RC4 throughout, where RC4 is not allowed.", ["EncTypes", "Rc4"],
                    self.silver(etype=23).token(), "rc4-refused")
        self.accept("old-pac", "The PAC of a KDC from before 2021, and without a UPN.", ["PacBuffers"],
                    self.silver(upn=False, old=True).token())
        default = dict(user="Administrator", rid=500, groups=(513, 512, 520, 518, 519))
        self.accept("administrator", "The user and the groups that ticketer takes for itself.", ["ServiceAccount", "Groups"],
                    self.silver(**default).token())
        self.accept("seamless", "An everyday user under the Seamless SSO profile, of the domain that the key vouches for.",
                    ["Profile"], self.silver().token(), self.own(**SEAMLESS))
        years = lambda: self.silver(hours=87600).token()
        self.accept("ten-years", "The lifetime that ticketer takes for itself, where any is allowed.", ["Lifetime"], years(),
                    {"max_lifetime": None})
        self.reject("ten-years-default", "The lifetime that ticketer takes for itself.", ["Lifetime"], years(),
                    "ticket-lifetime")
        groups = [513, *range(2000, 3000)]
        seen = self.accept("groups-1000", "A member of a thousand groups besides Domain Users.", ["Groups", "LargeToken"],
                           self.silver(groups=groups).token())
        assert len(seen["pac"]["group_sids"]) == 1001
        self.accept("groups-none", "A member of no group but the primary one, which is not listed.", ["Groups"],
                    self.signed(self.silver().logon(no_groups)))

    def signed(self, silver, server=None, kdc=None):
        return silver.sealed_pac(silver.signed(server, kdc))

    def extra_sids(self):
        own, foreign = [f"{self.domain}-1601", f"{self.domain}-1602"], [f"{OTHER_DOMAIN}-1603"]
        known = ["S-1-18-1", "S-1-5-21-0-0-0-497"]
        token = lambda *sids: self.silver(extra_sids=[sid for group in sids for sid in group]).token()
        seen = self.accept("extra-own", "Universal groups of the user's own domain.", ["ExtraSids"], token(own), self.own())
        assert seen["pac"]["extra_sids"] == own
        self.accept("extra-own-seamless", "The same under the Seamless SSO profile.", ["ExtraSids", "Profile"], token(own),
                    self.own(**SEAMLESS))
        self.accept("extra-foreign", "A group of another domain; the key vouches for any.", ["ExtraSids"], token(foreign))
        self.accept("extra-foreign-apart", "A group of a domain that the key does not vouch for: the user is, the group is "
                                           "given apart.", ["ExtraSids"], token(own, foreign), self.own())
        self.reject("extra-foreign-seamless", "The same under the Seamless SSO profile.", ["ExtraSids", "Profile"],
                    token(own, foreign), "untrusted-domain", self.own(**SEAMLESS))
        self.accept("extra-foreign-seamless-any", "The same where the key vouches for any domain.", ["ExtraSids", "Profile"],
                    token(own, foreign), SEAMLESS)
        self.accept("extra-well-known", "The KDC asserts the identity, and that claims are there: SIDs of no domain.",
                    ["ExtraSids"], token(known))
        self.accept("extra-well-known-seamless", "The same under the Seamless SSO profile, of the domain that the key "
                                                 "vouches for.", ["ExtraSids", "Profile"], token(known), self.own(**SEAMLESS))
        self.accept("service-asserted", "A service asserts the identity, S-1-18-2.", ["ExtraSids", "S4u"],
                    token(["S-1-18-2"]))
        self.reject("service-asserted-seamless", "The same under the Seamless SSO profile, which wants the user in person.",
                    ["ExtraSids", "S4u", "Profile"], token(["S-1-18-2"]), "delegation", SEAMLESS)
        history = [f"{OTHER_DOMAIN}-1104", f"{OTHER_DOMAIN}-513", f"{self.domain}-1017"]
        self.accept("sid-history", "The SIDs that the user and a group had before a migration, in another domain and in "
                                   "this one.", ["ExtraSids", "SidHistory"], token(history), self.own())
        self.reject("sid-history-seamless", "The same under the Seamless SSO profile.", ["ExtraSids", "SidHistory", "Profile"],
                    token(history), "untrusted-domain", self.own(**SEAMLESS))
        many = [f"{self.domain}-{rid}" for rid in range(4000, 4500)]
        seen = self.accept("extra-500", "Five hundred extra SIDs.", ["ExtraSids", "LargeToken"], token(many))
        assert seen["pac"]["extra_sids"] == many
        self.reject("extra-500-repeated", "Five hundred extra SIDs, two of their pointers with one referent number.",
                    ["ExtraSids", "LargeToken", "Ndr"], repeated_referents(lambda: self.silver(extra_sids=many)).token(),
                    "pac-malformed")

    def resource_groups(self):
        groups = lambda domain: self.signed(self.silver().logon(in_resource_groups(domain)))
        seen = self.accept("resource-groups", "Groups local to the service's domain, one of them for denying only.",
                           ["ResourceGroups"], groups(self.domain), self.own())
        assert seen["pac"]["resource_group_sids"] == [f"{self.domain}-{rid}" for rid in (1701, 1702, 1703)]
        self.accept("resource-groups-seamless", "The same under the Seamless SSO profile.", ["ResourceGroups", "Profile"],
                    groups(self.domain), self.own(**SEAMLESS))
        self.accept("resource-groups-foreign", "Groups local to a domain that the key does not vouch for.",
                    ["ResourceGroups"], groups(OTHER_DOMAIN), self.own())
        self.reject("resource-groups-foreign-seamless", "The same under the Seamless SSO profile.",
                    ["ResourceGroups", "Profile"], groups(OTHER_DOMAIN), "untrusted-domain", self.own(**SEAMLESS))

    def names(self):
        self.accept("utf8", "A name of Latin letters with a diaeresis.", ["Utf8Name"], self.silver("jürgen").token())
        self.accept("utf8-cjk", "A name of Chinese characters.", ["Utf8Name"], self.silver("李小龍").token())
        name = "𠮷野"
        whole = self.silver(name).logon(lambda logon: spell(logon, name, "𠮷野 太郎 🌸"))
        seen = self.accept("utf8-non-bmp", "A name that begins outside the Basic Multilingual Plane: surrogates in UTF-16.",
                           ["Utf8Name", "NonBmp"], self.signed(whole))
        assert seen["pac"]["account_name"] == name and seen["client"]["name"] == name
        cut = self.silver(name)
        assert samba_reads(whole.signed()) and not samba_reads(cut.signed())
        self.reject("utf8-non-bmp-cut", "The same as ticketer writes it: the length counts characters, and is shorter than "
                                        "the array.", ["Utf8Name", "NonBmp", "Ndr"], cut.token(), "pac-malformed")
        self.accept("other-case", "The ticket spells the name in capitals, the account does not.", ["OtherCase"],
                    self.signed(self.silver("ALICE").logon(lambda logon: spell(logon, "alice", "Alice Anderson"))))

    def krbtgt_signatures(self):
        kdc = Signer.of(self.krbtgt)
        for key in self.there:
            silver = Silver("frank", key, self.there_domain)
            rc4 = key["etype"] == 23
            self.accept(f"krbtgt-{key['etype']}", f"The KDC's signature under its own key, the server's of etype "
                                                  f"{key['etype']}.", ["PacSignature", "KdcSignature"] + ["Rc4"] * rc4,
                        self.signed(silver, kdc=kdc), RC4 if rc4 else None, FABRIKAM)
        full = Silver("frank", self.there[0], self.there_domain)
        self.accept("krbtgt-full", "All four signatures.", ["PacSignature", "KdcSignature"],
                    full.sealed_pac(full.signed_fully(kdc)), keyset=FABRIKAM)

    def signatures(self):
        """Records PACs with the signatures that each comment names. All other signatures are made with the service's AES256 key."""
        rc4, aes128 = Signer.of(self.keys[23]), Signer.of(self.keys[17])
        flags = ["PacSignature"]
        self.accept("signature-aes128", "Both signatures under the account's AES128 key.", flags,
                    self.signed(self.silver(), aes128, aes128))
        self.accept("signature-rc4", "Both signatures under the account's RC4 key, which is allowed.", [*flags, "Rc4"],
                    self.signed(self.silver(), rc4, rc4), RC4)
        self.reject("signature-rc4-not-held", "The same, where the account's RC4 key is not held.", [*flags, "Rc4"],
                    self.signed(self.silver(), rc4, rc4), "pac-signature", RC4, AES_ONLY)
        other = Signer.of(self.other_keys[18])
        self.reject("signature-other-key", "The server's signature under another account's key.", flags,
                    self.signed(self.silver(), other), "pac-signature")
        self.reject("signature-krbtgt", "The server's signature under the KDC's key.", flags,
                    self.signed(self.silver(), Signer.of(self.krbtgt)), "pac-signature")
        for name, kind in (("md5", MD5), ("crc32", CRC32)):
            self.reject(f"signature-{name}", f"The server's signature is {name.upper()}, which takes no key.",
                        [*flags, "Unkeyed"], self.signed(self.silver(), Signer(kind)), "pac-signature")
            self.reject(f"signatures-{name}", f"Both signatures are {name.upper()}.", [*flags, "Unkeyed"],
                        self.signed(self.silver(), Signer(kind), Signer(kind)), "pac-signature")
        for name, kinds in (("none", (SERVER, KDC)), ("no-server", (SERVER,)), ("no-kdc", (KDC,))):
            silver = self.silver().without(*kinds)
            raw = pac.build_pac_type(silver.infos).getData()
            if kinds == (KDC,):
                silver.infos[SERVER] = Signer.of(silver.key).sign(raw)
                raw = pac.build_pac_type(silver.infos).getData()
            self.reject(f"signature-{name}", f"Buffers that are not there: {', '.join(map(str, kinds))}.", flags,
                        silver.sealed_pac(raw), "pac-signature")
        self.reject("signature-before-change", "A group that was added after signing.", [*flags, "Groups"],
                    self.changed_after_signing(), "pac-signature")

    def changed_after_signing(self):
        silver = self.silver(groups=(513, 512))
        signed, more = self.silver().signed(), silver.signed()
        table = lambda raw: ndr_unpack(krb5pac.PAC_DATA_RAW, raw).buffers
        infos = {buffer.type: bytes(buffer.info.remaining) for buffer in table(more)}
        infos |= {buffer.type: bytes(buffer.info.remaining) for buffer in table(signed) if buffer.type in (SERVER, KDC)}
        return silver.sealed_pac(pac.build_pac_type(infos).getData())

    def contradictions(self):
        flags, bob = ["PacMismatch"], f"{self.domain}-1105"
        self.reject("client-info-name", "CLIENT_INFO names another user.", flags,
                    self.signed(self.silver().client_info("bob")), "pac-mismatch")
        self.reject("client-info-longer", "CLIENT_INFO's name begins with the user's.", flags,
                    self.signed(self.silver().client_info("alice2")), "pac-mismatch")
        self.reject("client-info-time", "CLIENT_INFO's time is a second after the ticket's.", flags,
                    self.signed(self.silver().client_info(later=1)), "pac-mismatch")
        self.reject("client-info-none", "No CLIENT_INFO: nothing ties the PAC to the ticket.", flags,
                    self.signed(self.silver().without(CLIENT)), "pac-malformed")
        requestor, upn = self.silver(), self.silver()
        other = self.silver(rid=1105)
        requestor.infos[REQUESTOR], upn.infos[UPN] = other.infos[REQUESTOR], other.infos[UPN]
        assert bytes.fromhex("51040000") in other.infos[UPN], bob
        self.reject("requestor", "PAC_REQUESTOR has another user's SID.", flags, self.signed(requestor), "pac-mismatch")
        self.reject("upn-sid", "UPN_DNS_INFO has another user's SID.", flags, self.signed(upn), "pac-mismatch")
        elsewhere = self.silver()
        elsewhere.infos[REQUESTOR] = self.silver(domain=OTHER_DOMAIN).infos[REQUESTOR]
        self.reject("requestor-domain", "PAC_REQUESTOR has the user's RID in another domain.", flags,
                    self.signed(elsewhere), "pac-mismatch")
        foreign = lambda: self.silver(domain=OTHER_DOMAIN).token()
        self.accept("domain-any", "A user of another domain; the key vouches for any.", ["Trust"], foreign())
        self.reject("domain-other", "A user of another domain than the one that the key vouches for.", ["Trust"], foreign(),
                    "untrusted-domain", self.own())
        self.reject("domain-other-seamless", "The same under the Seamless SSO profile.", ["Trust", "Profile"], foreign(),
                    "untrusted-domain", self.own(**SEAMLESS))

    def accounts(self):
        """Records accounts that the default policy accepts and the Seamless SSO profile refuses."""
        control = lambda bits: lambda logon: logon.__setitem__("UserAccountControl", bits)
        flags = lambda bits: lambda logon: logon.__setitem__("UserFlags", bits)
        kinds = (("computer", "A computer account.", ["Computer"], "WKS01$", 1104, control(WORKSTATION_TRUST)),
                 ("computer-name", "A user by its control bits whose name ends as a computer's.", ["Computer"], "WKS01$",
                  1104, control(NORMAL)),
                 ("computer-bits", "A computer by its control bits whose name ends as a user's.", ["Computer"], "wks01",
                  1104, control(WORKSTATION_TRUST)),
                 ("domain-controller", "A domain controller.", ["Computer"], "DC01$", 1000, control(SERVER_TRUST)),
                 ("trust-account", "The account of a trust.", ["Computer"], "FABRIKAM$", 1106, control(INTERDOMAIN_TRUST)),
                 ("guest", "The built-in Guest, RID 501.", ["ServiceAccount"], "Guest", 501, control(NORMAL)),
                 ("krbtgt-account", "The KDC's account, RID 502.", ["ServiceAccount"], "krbtgt", 502, control(NORMAL)),
                 ("guest-flag", "A user who is logged on as a guest.", ["ServiceAccount"], "alice", 1104, flags(GUEST)),
                 ("disabled", "A disabled account.", ["Disabled"], "alice", 1104, control(NORMAL | DISABLED)))
        for id, comment, notes, user, rid, change in kinds:
            token = lambda: self.signed(self.silver(user, rid=rid).logon(change))
            self.accept(f"account-{id}", comment, notes, token())
            self.reject(f"account-{id}-seamless", f"{comment[:-1]}, under the Seamless SSO profile.", [*notes, "Profile"],
                        token(), "account-refused", SEAMLESS)

    def containers(self):
        flags = ["PacPlace"]
        alice = self.silver()
        raw, more = alice.signed(), self.silver(groups=(513, 512)).signed()
        self.reject("two-pacs", "Two PACs in one AD-IF-RELEVANT, both well signed.", flags,
                    alice.sealed(if_relevant((WIN2K_PAC, raw), (WIN2K_PAC, more))), "pac-malformed")
        self.reject("two-pacs-apart", "Two PACs, each in an AD-IF-RELEVANT of its own.", flags,
                    alice.sealed(if_relevant((WIN2K_PAC, raw)), if_relevant((WIN2K_PAC, more))), "pac-malformed")
        beside = alice.sealed_without(if_relevant((WIN2K_PAC, raw)))
        seen = self.accept("authenticator-pac", "A PAC in the authenticator only: the client wrote it, it counts for "
                                                "nothing.", flags, beside, {"pac": "verify"})
        assert seen["pac"] is None
        self.reject("authenticator-pac-required", "The same, where a PAC is required.", flags, beside, "pac-missing",
                    {"pac": "require"})
        sparse = lambda: self.signed(self.silver().without(LOGON))
        self.accept("no-logon-info", "A PAC without KERB_VALIDATION_INFO.", ["SparsePac"], sparse())
        self.reject("no-logon-info-required", "The same, where a PAC with a SID is required.", ["SparsePac"], sparse(),
                    "pac-missing", {"pac": "require"})


def no_groups(logon):
    logon["GroupCount"], logon["GroupIds"] = 0, NULL


def in_resource_groups(domain):
    def change(logon):
        logon["UserFlags"] |= RESOURCE_GROUPS
        logon["ResourceGroupDomainSid"] = pac.PISID()
        logon["ResourceGroupDomainSid"].fromCanonical(domain)
        logon["ResourceGroupIds"] = PGROUP_MEMBERSHIP_ARRAY()
        for rid, attributes in ((1701, RESOURCE_GROUP), (1702, RESOURCE_GROUP), (1703, RESOURCE_GROUP & ~7 | DENY_ONLY)):
            group = GROUP_MEMBERSHIP()
            group["RelativeId"], group["Attributes"] = rid, attributes
            logon["ResourceGroupIds"].append(group)
        logon["ResourceGroupCount"] = 3
    return change


def spell(logon, account, full):
    """Sets names and their lengths. impacket would count characters, but an RPC_UNICODE_STRING counts octets of UTF-16."""
    for field, name in (("EffectiveName", account), ("FullName", full)):
        logon[field] = name
        string = logon.fields[field]
        string["Length"] = string["MaximumLength"] = len(name.encode("utf-16le"))


def repeated_referents(make):
    """Returns a ticket in which impacket chose the same random number for two pointers. Most tickets with five hundred pointers
    have two equal numbers."""
    while True:
        silver, numbers = with_random_referents(make), []
        silver.logon(lambda logon: numbers.extend(sid.fields["Sid"].fields["ReferentID"] for sid in logon["ExtraSids"]))
        if len(set(numbers)) < len(numbers):
            return silver


def samba_reads(raw):
    try:
        return bool(ndr_unpack(krb5pac.PAC_DATA, raw))
    except RuntimeError:
        return False

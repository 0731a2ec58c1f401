"""Records cases of the Samba realm: names, groups, computers, built-in accounts."""

from clients import DELEGATE, MUTUAL
from samba_ad import SSO_ACCOUNT

KEYS, PASSWORD = "sso", "Some.Pass.1"
# All names except the first contain octets from 0x80 to 0xA0 in UTF-8.
UTF8 = ("jürgen", "renà", "łukasz", "李小龍", "пётр", "σοφία")


def record(world, out):
    out.krbtgt["CONTOSO.TEST"] = world.contoso.krbtgt_keys()
    out.keyset(KEYS, world.contoso.keys(SSO_ACCOUNT))
    names(world, out)
    groups(world, out)
    accounts(world, out)


def names(world, out):
    ad = world.contoso
    for i, name in enumerate(UTF8, 1):
        ad.user(name, PASSWORD)
        out.accept(f"samba-utf8-{i}", f"The user is called {name}.", ["Utf8Name"], world.user(name, PASSWORD).token(), KEYS)
    ad.user("bob", PASSWORD)
    ad.set("bob", "userPrincipalName", "bob.nandu@contoso-corp.example")
    ad.set("bob", "displayName", "Böb Ñandú 日本")
    out.accept("samba-upn-other-suffix", "A UPN whose suffix is not the realm, and a full name in several scripts.",
               ["Upn"], world.user("bob", PASSWORD).token(), KEYS)
    upn = "bob.nandu@contoso-corp.example"
    out.accept("samba-enterprise", "Signed in by UPN; the ticket keeps that spelling.", ["EnterpriseName", "Upn"],
               world.user(upn, PASSWORD, "-E").token(), KEYS)
    out.accept("samba-enterprise-canonical", "Signed in by UPN; the KDC makes it the account name.",
               ["EnterpriseName", "Upn"], world.user(upn, PASSWORD, "-E", "-C").token(), KEYS)
    ad.user("carol", PASSWORD)
    ad.set("carol", "userPrincipalName")
    out.accept("samba-upn-constructed", "The account has no UPN; the PAC holds a constructed one.", ["Upn"],
               world.user("carol", PASSWORD).token(), KEYS)
    out.accept("samba-other-case", "Signed in as ALICE.", ["OtherCase"],
               world.user("ALICE", "Alice.Pass.1").token(), KEYS)
    ad.user("o'neil smith", PASSWORD)
    out.accept("samba-name-with-space", "An account name with a space and an apostrophe.", ["MultiComponent"],
               world.user("o'neil smith", PASSWORD).token(), KEYS)


def groups(world, out):
    ad = world.contoso
    ad.user("erin", PASSWORD)
    ad.group("Staff", "global", ["erin"])
    ad.group("CorpUniversal", "universal", ["Staff"])
    ad.group("Resources", "domain-local", ["CorpUniversal"])
    out.accept("samba-groups-nested", "A global group inside a universal one inside a domain-local one.", ["Groups"],
               world.user("erin", PASSWORD).token(), KEYS)
    for count, flags in ((5, ["Groups"]), (300, ["Groups", "LargeToken"]), (1000, ["Groups", "LargeToken"])):
        ad.user(f"of{count}", PASSWORD)
        ad.many_groups(f"g{count}x", count, f"of{count}")
        seen = out.accept(f"samba-groups-{count}", f"A member of {count} groups besides Domain Users.", flags,
                          world.user(f"of{count}", PASSWORD).token(), KEYS)
        assert len(seen["pac"]["group_sids"]) == count + 1
    out.accept("samba-groups-1000-delegated", "A thousand groups twice: in the ticket and in the forwarded TGT.",
               ["Groups", "LargeToken", "Delegated"], world.user("of1000", PASSWORD).token(flags=MUTUAL | DELEGATE), KEYS)
    ad.user("dave", PASSWORD)
    ad.join("Protected Users", "dave")
    out.accept("samba-protected-users", "A member of Protected Users.", ["ProtectedUsers"],
               world.user("dave", PASSWORD).token(), KEYS)


def accounts(world, out):
    ad, seamless = world.contoso, {"profile": "seamless"}
    ad.computer("WKS01$", PASSWORD)
    ad.set_password("Guest", PASSWORD)
    ad.set("Guest", "userAccountControl", 0x200)
    computer, guest = world.user("WKS01$", PASSWORD), world.user("Guest", PASSWORD)
    out.accept("samba-computer", "A computer account as client.", ["Computer"], computer.token(), KEYS)
    out.reject("samba-computer-seamless", "A computer under the Seamless SSO profile.", ["Computer", "Profile"],
               computer.token(), KEYS, "account-refused", seamless)
    out.accept("samba-administrator", "The built-in Administrator, RID 500.", ["ServiceAccount"],
               world.user("Administrator", "Adm1n.Pass!").token(), KEYS)
    out.accept("samba-guest", "The built-in Guest, RID 501.", ["ServiceAccount"], guest.token(), KEYS)
    out.reject("samba-guest-seamless", "The built-in Guest under the Seamless SSO profile.", ["ServiceAccount", "Profile"],
               guest.token(), KEYS, "account-refused", seamless)
    alice = world.alice()
    out.accept("samba-domain-sid", "The user's domain is the one that the key vouches for.", ["Trust"], alice.token(), KEYS,
               {"domain_sids": [ad.sid]})
    out.reject("samba-domain-sid-other", "The key vouches for another domain only.", ["Trust"], alice.token(), KEYS,
               "untrusted-domain", {"domain_sids": ["S-1-5-21-1111111111-2222222222-3333333333"]})

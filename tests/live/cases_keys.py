"""Records cases of the Samba realm: the key that decrypts the ticket, rollover, unknown versions, and missing keys."""

from samba_ad import AUTOLOGON as SPN
from samba_ad import SSO_ACCOUNT


def record(world, out):
    ad = world.contoso
    out.krbtgt["CONTOSO.TEST"] = ad.krbtgt_keys()
    old, before = ad.keys(SSO_ACCOUNT), world.alice().kvno(SPN)
    wrong_keys(world, out, old)
    world.sso_password = "Sso.Key.Two.2026!"
    ad.set_password(SSO_ACCOUNT, world.sso_password)
    rollover(out, old, ad.keys(SSO_ACCOUNT), before, world.alice())


def wrong_keys(world, out, held):
    ad, alice = world.contoso, world.alice()
    ad.computer("OTHERACC$", "Other.Pass.1")
    other = ad.keys("OTHERACC$")
    assert other[0]["kvno"] == held[0]["kvno"]
    out.keyset("held", held)
    out.keyset("two-accounts", other + held)
    out.accept("samba-two-accounts", "The realm has two accounts in the set; the second one's key opens it.", ["WrongKey"],
               alice.token(), "two-accounts")
    out.keyset("other-account", other)
    out.reject("samba-other-account", "The key of another account, with the ticket's type and version.", ["WrongKey"],
               alice.token(), "other-account", "integrity")
    out.keyset("no-keys", [])
    out.reject("samba-no-keys", "No keys at all.", ["WrongKey"], alice.token(), "no-keys", "no-key")
    out.keyset("aes128-only", [k for k in held if k["etype"] == 17])
    out.reject("samba-etype-not-held", "The account's AES128 key, where the ticket is under AES256.", ["WrongKey"],
               alice.token(), "aes128-only", "no-key")
    out.keyset("rc4-only", [k for k in held if k["etype"] == 23])
    out.reject("samba-only-rc4-held", "The account's RC4 key, where the ticket is under AES256.", ["WrongKey", "Rc4"],
               alice.token(), "rc4-only", "no-key", {"allow_rc4": True})
    out.keyset("fabrikam", world.fabrikam.keys(SSO_ACCOUNT))
    out.reject("samba-realm-not-held", "The key of the same account in another realm.", ["WrongKey"], alice.token(),
               "fabrikam", "no-key")
    out.keyset("fabrikam-and-held", out.keysets["fabrikam"] + held)
    out.accept("samba-two-realms", "Keys of two realms; the ticket's realm chooses.", ["WrongKey"], alice.token(),
               "fabrikam-and-held")


def rollover(out, old, new, before, after):
    sets = {"old": old, "new": new, "both": new + old}
    sets |= {f"{name}-unknown": [key | {"kvno": 0} for key in keys] for name, keys in list(sets.items())}
    for name, keys in sets.items():
        out.keyset(name, keys)
    for when, client, right, wrong in (("before", before, "old", "new"), ("after", after, "new", "old")):
        text = f"A ticket from {when} the rollover"
        for held in (right, "both", f"{right}-unknown", "both-unknown"):
            out.accept(f"samba-rollover-{when}-{held}", f"{text}; held: {held}.", ["Rollover"], client.token(), held)
        out.reject(f"samba-rollover-{when}-{wrong}", f"{text}; held: only the {wrong} key, whose version differs.",
                   ["Rollover"], client.token(), wrong, "key-version")
        out.reject(f"samba-rollover-{when}-{wrong}-unknown", f"{text}; held: only the {wrong} key, its version not known.",
                   ["Rollover"], client.token(), f"{wrong}-unknown", "integrity")

"""Records tickets of users of a second Samba forest, which the first forest trusts, for the account of the first forest."""

from samba_ad import SSO_ACCOUNT

PASSWORD = "Some.Pass.1"
HERE, THERE = "contoso", "fabrikam"


def record(world, out):
    contoso, fabrikam = world.contoso, world.fabrikam
    out.krbtgt["CONTOSO.TEST"] = contoso.krbtgt_keys()
    out.krbtgt["FABRIKAM.TEST"] = fabrikam.krbtgt_keys()
    out.keyset(HERE, contoso.keys(SSO_ACCOUNT))
    out.keyset(THERE, fabrikam.keys(SSO_ACCOUNT))
    out.keyset("both-forests", out.keysets[THERE] + out.keysets[HERE])
    fabrikam.user("zoë", PASSWORD)
    frank, zoe = world.fabrikam_user("frank", PASSWORD), world.fabrikam_user("zoë", PASSWORD)
    trusted = {"client_realms": ["FABRIKAM.TEST"]}
    out.accept("trust-user", "A user of the trusted forest.", ["Trust"], frank.token(), HERE, trusted)
    out.accept("trust-user-utf8", "A user of the trusted forest with a UTF-8 name.", ["Trust", "Utf8Name"], zoe.token(), HERE,
               trusted)
    out.accept("trust-user-heimdal", "A user of the trusted forest, with Heimdal's client.", ["Trust", "Heimdal"],
               frank.token(library="heimdal"), HERE, trusted)
    out.accept("trust-user-domain-sid", "The key vouches for that forest's domain SID.", ["Trust"], frank.token(), HERE,
               trusted | {"domain_sids": [contoso.sid, fabrikam.sid]})
    out.accept("trust-user-both-keys", "Keys of both forests are held; the ticket's realm chooses.", ["Trust"],
               frank.token(), "both-forests", trusted)
    out.reject("trust-user-untrusted", "The key vouches for its own realm only.", ["Trust"], frank.token(), HERE,
               "untrusted-realm")
    out.reject("trust-user-untrusted-heimdal", "The same, with Heimdal's client.", ["Trust", "Heimdal"],
               frank.token(library="heimdal"), HERE, "untrusted-realm")
    out.reject("trust-user-other-realm", "The key vouches for some other realm.", ["Trust"], frank.token(), HERE,
               "untrusted-realm", {"client_realms": ["NWTRADERS.TEST"]})
    out.reject("trust-user-realm-suffix", "The key vouches for a realm that only ends alike.", ["Trust"], frank.token(), HERE,
               "untrusted-realm", {"client_realms": ["EU.FABRIKAM.TEST", "KAM.TEST"]})
    out.reject("trust-user-domain-sid-missing", "The realm is trusted, its domain SID is not.", ["Trust"], frank.token(),
               HERE, "untrusted-domain", trusted | {"domain_sids": [contoso.sid]})
    out.reject("trust-user-key-not-held", "Only the user's own forest's key is held.", ["Trust", "WrongKey"],
               frank.token(), THERE, "no-key", trusted)
    at_home = world.fabrikam_user("frank", PASSWORD, sso_realm="FABRIKAM.TEST")
    out.accept("trust-user-at-home", "The trusted forest's own account of the same name.", ["Trust"], at_home.token(), THERE)
    out.reject("trust-account-not-held", "That account's ticket where only the first forest's key is held.",
               ["Trust", "WrongKey"], at_home.token(), HERE, "no-key")
    contoso.group("ResourceLocal", "domain-local")
    contoso.join("ResourceLocal", fabrikam.sid_of("frank"))
    frank = world.fabrikam_user("frank", PASSWORD)
    seen = out.accept("trust-user-local-group", "In a domain-local group of the account's domain: an extra SID.",
                      ["Trust", "Groups"], frank.token(), HERE, trusted)
    assert contoso.sid_of("ResourceLocal") in seen["pac"]["extra_sids"]

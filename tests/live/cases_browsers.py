"""Records the unchanged Authorization headers that curl and headless Chromium send in the Samba realm."""

from samba_ad import SSO_ACCOUNT
from web import TRUST_PATH, chromium, curl, from_chromium, from_curl

KEYS, PASSWORD = "sso", "Some.Pass.1"
DELEGATION = {"AuthNegotiateDelegateAllowlist": "autologon.microsoftazuread-sso.com"}


def record(world, out):
    out.krbtgt["CONTOSO.TEST"] = world.contoso.krbtgt_keys()
    out.keyset(KEYS, world.contoso.keys(SSO_ACCOUNT))
    out.keyset("fabrikam", world.fabrikam.keys(SSO_ACCOUNT))
    world.contoso.user("wendy", PASSWORD, givenname="Wendy", surname="Łęcka")
    world.contoso.many_groups("web", 120, "wendy")
    with_curl(world, out)
    with_chromium(world, out)


def with_curl(world, out):
    web, alice = world.web, world.alice()

    def header(*options, client=alice, **where):
        return from_curl(world, web.headers(lambda: curl(client, "--negotiate", "-u", ":", *options, **where)))[0]

    out.accept("curl-get", "Sent unasked, in the first request.", ["Header"], header(), KEYS)
    out.accept("curl-seamless", "The same under the Seamless SSO profile.", ["Header", "Profile"], header(), KEYS,
               {"profile": "seamless"})
    out.accept("curl-tls", "Over TLS.", ["Header", "Tls"], header(tls=True), KEYS)
    out.accept("curl-post", "A POST to the WS-Trust address.", ["Header"], header("-d", "<Envelope/>", path=TRUST_PATH), KEYS)
    out.accept("curl-delegated", "With a forwarded TGT.", ["Header", "Delegated"], header("--delegation", "always"), KEYS)
    out.accept("curl-groups", "A user in 120 groups.", ["Header", "Groups"],
               header(client=world.user("wendy", PASSWORD)), KEYS)
    out.accept("curl-trusted-forest", "A user of the trusted forest.", ["Header", "Trust"],
               header(client=world.fabrikam_user("frank", PASSWORD)), KEYS, {"client_realms": ["FABRIKAM.TEST"]})
    refuse(out, "curl", header, lambda: world.fabrikam_user("frank", PASSWORD), lambda: world.user("wendy", PASSWORD))


def with_chromium(world, out):
    web, alice = world.web, world.alice()

    def header(client=alice, **how):
        return from_chromium(world, web.headers(lambda: chromium(web, client, **how)))[0]

    out.accept("chromium-get", "After a challenge; no answer asked for.", ["Header", "NoMutual"], header(), KEYS)
    out.accept("chromium-seamless", "The same under the Seamless SSO profile.", ["Header", "Profile"], header(), KEYS,
               {"profile": "seamless"})
    out.accept("chromium-tls", "Over TLS.", ["Header", "Tls"], header(tls=True), KEYS)
    out.accept("chromium-delegated", "With a forwarded TGT, by policy.", ["Header", "Delegated"], header(policy=DELEGATION), KEYS)
    out.accept("chromium-groups", "A user in 120 groups.", ["Header", "Groups"],
               header(client=world.user("wendy", PASSWORD)), KEYS)
    refuse(out, "chromium", header, lambda: world.fabrikam_user("frank", PASSWORD), lambda: world.user("wendy", PASSWORD))


def refuse(out, name, header, foreigner, wendy):
    """Records refusals of a correct header, because of the server's key, clock or policy."""
    out.reject(f"{name}-key-not-held", "Only the key of another realm is held.", ["Header", "WrongKey"], header(), "fabrikam",
               "no-key")
    out.reject(f"{name}-clock", "Judged 301 seconds later.", ["Header", "Clock"], header(), KEYS, "clock-skew", at=301)
    out.reject(f"{name}-clock-back", "Judged 301 seconds earlier.", ["Header", "Clock"], header(), KEYS, "clock-skew", at=-301)
    out.reject(f"{name}-bindings-required", "No channel bindings, where they are required over TLS.",
               ["Header", "Tls", "ChannelBindings"], header(tls=True), KEYS, "channel-binding-missing",
               {"channel_bindings": [b"tls-server-end-point:".hex() + "00" * 32], "cb_level": "require"})
    out.reject(f"{name}-service-refused", "The allow-list names another service.", ["Header", "Service"], header(), KEYS,
               "service-refused", {"services": ["HTTP/intranet.contoso.test"]})
    out.reject(f"{name}-untrusted-realm", "A user of a forest that the key does not vouch for.", ["Header", "Trust"],
               header(client=foreigner()), KEYS, "untrusted-realm")
    out.reject(f"{name}-lifetime", "One hour allowed, ten hours long.", ["Header", "Lifetime"], header(client=wendy()), KEYS,
               "ticket-lifetime", {"max_lifetime": 3600})

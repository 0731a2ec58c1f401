"""Records cases of the Samba realm: clocks, start and end times, lifetimes."""

import time

from samba_ad import AUTOLOGON as SPN
from samba_ad import SSO_ACCOUNT

KEYS, SKEW = "sso", 300


def record(world, out):
    out.krbtgt["CONTOSO.TEST"] = world.contoso.krbtgt_keys()
    out.keyset(KEYS, world.contoso.keys(SSO_ACCOUNT))
    # This client allows any clock skew, so the client itself does not refuse its ticket.
    alice = world.alice(clockskew=10**8).kvno(SPN)
    clocks(out, alice)
    lifetimes(out, alice)
    validity(out, alice)


def clocks(out, alice):
    for at in (-SKEW, SKEW):
        out.accept(f"samba-clock-{side(-at)}-300", f"The client's clock is {SKEW} seconds {side(-at)}.", ["Clock"],
                   alice.token(), KEYS, at=at)
    for at in (-SKEW - 1, SKEW + 1):
        # The token is made some seconds after the ticket's start, so the ticket is valid at both edges of the clock skew.
        out.reject(f"samba-clock-{side(-at)}-301", f"The client's clock is {SKEW + 1} seconds {side(-at)}.", ["Clock"],
                   alice.token(clock=10), KEYS, "clock-skew", at=at)
    for clock, name in ((-302, "302s"), (302, "302s"), (-3600, "1h"), (3600, "1h"), (-7 * 86400, "7d")):
        out.reject(f"samba-client-{side(clock)}-{name}", f"The client's own clock was {name} {side(clock)}; judged when sent.",
                   ["Clock"], alice.token(clock=clock), KEYS, "clock-skew", at_unix=int(time.time()))
    out.reject("samba-heimdal-fast-1h", "Heimdal's client, its clock one hour fast.", ["Clock", "Heimdal"],
               alice.token(clock=3600, library="heimdal"), KEYS, "clock-skew", at_unix=int(time.time()))
    out.accept("samba-skew-policy", "Two minutes are allowed, and the clock is 120 seconds slow.", ["Clock"], alice.token(),
               KEYS, {"skew": 120}, at=120)
    out.reject("samba-skew-policy-exceeded", "Two minutes are allowed, and the clock is 121 seconds slow.", ["Clock"],
               alice.token(), KEYS, "clock-skew", {"skew": 120}, at=121)


def lifetimes(out, alice):
    out.accept("samba-lifetime-exact", "Ten hours allowed, ten hours long.", ["Lifetime"], alice.token(), KEYS,
               {"max_lifetime": 36000})
    out.accept("samba-lifetime-unlimited", "No limit.", ["Lifetime"], alice.token(), KEYS, {"max_lifetime": None})
    out.reject("samba-lifetime-8h", "Eight hours allowed, ten hours long.", ["Lifetime"], alice.token(), KEYS,
               "ticket-lifetime", {"max_lifetime": 8 * 3600})
    out.reject("samba-lifetime-1h", "One hour allowed, ten hours long.", ["Lifetime"], alice.token(), KEYS,
               "ticket-lifetime", {"max_lifetime": 3600})


def validity(out, alice):
    """Records tickets before their start and after their end. The clients' clocks agree with the server's clock."""
    start, end = times(out, alice)
    before = alice.token(clock=start - SKEW - time.time())
    out.reject("samba-not-yet-valid", "The ticket starts 301 seconds later.", ["NotYetValid"], before, KEYS,
               "ticket-not-yet-valid", at_unix=start - SKEW - 1)
    out.accept("samba-start-within-skew", "The ticket starts 300 seconds later.", ["NotYetValid"],
               alice.token(clock=start - SKEW - time.time()), KEYS, at_unix=start - SKEW)
    out.reject("samba-not-yet-valid-1h", "The ticket starts an hour later.", ["NotYetValid"], alice.token(clock=-3600),
               KEYS, "ticket-not-yet-valid")
    for id, text, late in (("301s", "301 seconds", SKEW + 1), ("1h", "an hour", 3600), ("30d", "thirty days", 30 * 86400)):
        out.reject(f"samba-expired-{id}", f"The ticket ended {text} ago.", ["Expired"],
                   alice.impacket("alice", SPN, clock=end + late - time.time()), KEYS, "ticket-expired", at_unix=end + late)
    out.accept("samba-end-within-skew", "The ticket ended 300 seconds ago.", ["Expired"],
               alice.impacket("alice", SPN, clock=end + SKEW - time.time()), KEYS, at_unix=end + SKEW)


def times(out, client):
    from observe import observe
    ticket = observe(client.token().value, out.keysets[KEYS])["ticket"]
    return ticket["start_time"], ticket["end_time"]


def side(seconds):
    return "fast" if seconds > 0 else "slow"

"""Tests which replies of the library real clients accept. A relay changes the replies. For mutual authentication, a
client must accept only the server's own reply to this request. A KRB-ERROR must tell the client why the server refuses
the client."""

from clients import KRB5
from mit_realm import SPN
from relay import Relay
from work import attempt

# The number of octets at the end of a reply that the test changes, one at a time. These octets are ciphertext in every
# reply: with AES256, the ciphertext is a confounder of 16 octets, the EncAPRepPart, and 12 octets of HMAC. Together,
# the ciphertext has 111 octets, or a few less if the microseconds or the sequence number are small.
CIPHERTEXT = 100
CUT_STEP = 7
FAST = 400
FRAMINGS = {"krb5": ("-m", KRB5), "spnego": ()}
ONE_MESSAGE = ("-s", "16", "-k", "M")


def check(world, to):
    world.mit.service(18)
    to.serve(world.mit_user("alice").kvno(SPN), world.mit.keytab(SPN), "--krb-error")
    for library in ("mit", "heimdal"):
        for framing, options in FRAMINGS.items():
            forged(to, f"{library}-{framing}", to_client(to, library, options))
    krb_errors(to)


def to_client(to, library, options):
    """Returns a function that runs a client, and lets a relay change the server's reply to this client. The function
    returns whether the client accepted the reply, the client's output, and the server's answer to the client's
    message."""
    def client(change=lambda token: token):
        with Relay(to.port, change) as relay:
            status, said = attempt(to.gss_client(library, *options, *ONE_MESSAGE, port=relay.port), to.session.env)
        return status == 0, said, relay.frame("T", "C")[1]
    return client


def forged(to, label, client):
    good, said, answer = client()
    to.report.check(good, f"{label}-reply-as-it-is", said)
    good, said, _ = client(lambda _: answer)
    its_own = good or "Mutual authentication failed" not in said
    to.report.check(not its_own, f"{label}-reply-of-another-conversation, refused", said)
    changed = range(1, CIPHERTEXT + 1)
    each(to, f"{label}-reply-with-one-octet-changed", client, changed, lambda token, at: flipped(token, at))
    each(to, f"{label}-reply-cut", client, range(1, len(answer) + 1, CUT_STEP), lambda token, cut: token[:-cut])


def each(to, label, client, places, change):
    """Runs the client once for each value in `places`. Each time, `change` makes the changed reply from the server's
    reply and this value. Checks that the client's gss_init_sec_context refuses each changed reply."""
    tried = {at: client(lambda token, at=at: change(token, at)) for at in places}
    wrong = {at: said for at, (good, said, _) in tried.items() if good or "gss_init_sec_context" not in said}
    to.report.check(not wrong, f"{label}, each of {len(tried)} refused", wrong or said_last(tried))


def said_last(tried):
    return list(tried.values())[-1][1]


def flipped(token, from_end):
    at = len(token) - from_end
    return token[:at] + bytes([token[at] ^ 1]) + token[at + 1:]


def krb_errors(to):
    """Checks the clients' reactions to a KRB-ERROR. MIT's client prints the error. Heimdal's client reacts once: it corrects its clock by
    the server's time, or makes another authenticator, and then signs in. Heimdal's client does not look for a KRB-ERROR in a refusal of
    SPNEGO."""
    for framing, options in FRAMINGS.items():
        skewed_and_replayed(to, framing, options, library="mit", good=False)
    skewed_and_replayed(to, "krb5", FRAMINGS["krb5"], library="heimdal", good=True)


def skewed_and_replayed(to, framing, options, library, good):
    skew, replay = ("2 round trips",) * 2 if good else ("Clock skew too great", "Request is a replay")
    with Relay(to.port) as relay:
        to.gss(f"{framing}-clock-fast", *options, *ONE_MESSAGE, library=library, port=relay.port, good=good, says=skew,
               clock=FAST)
    with Relay(to.port, twice=True) as relay:
        to.gss(f"{framing}-replayed", *options, *ONE_MESSAGE, library=library, port=relay.port, good=good, says=replay)

"""Signs in while one agent is killed with -9 each second. Checks that a right password signs in and a wrong password is refused.

  agents_killed.py [--long]     100 sign-ins, or 1,000 in the long form

Two agents ask Samba's directory. Every fourth password is wrong. The times are printed and not checked."""

import sys

from agents_load import form, quantile, send
from agents_site import Site
from report import Report
from samba_ad import SSO_ACCOUNT
from seamless_server import LIMITS, Server, tenant, wait
from work import Work
from world import World

PORT, PASSWORD, WRONG = 21660, "Killed.Pass.1", "WRONG.Pass.1"
# The time in seconds for a whole sign-in. The server answers with a refusal only at the end of this time.
SECONDS = 10
RIGHT, SENDERS = 75, 16


def main(arguments):
    count = 1_000 if "--long" in arguments else 100
    with Work() as work:
        world, report = World(work), Report()
        # The server checks the wrong passwords of a name one after the other, so each wrong password has its own name.
        right, wrong = ([f"{kind}{number}" for number in range(most)] for kind, most in (("right", RIGHT), ("wrong", count // 4)))
        for name in right + wrong:
            world.contoso.user(name, PASSWORD)
        config = tenant(world.contoso, world.contoso.keytab(SSO_ACCOUNT), password={"method": "pass-through"})
        del config["kdc"]
        agents = {"listen": f"127.0.0.1:{PORT + 1}", "nodes": [f"https://127.0.0.1:{PORT + 1}"], "concurrency": SENDERS}
        with Server(work, PORT, [config], agents=agents, limits={**LIMITS, "password_seconds": SECONDS}) as server:
            site = Site(work, server, world.contoso.realm, f"127.0.0.1:{world.contoso.port}")
            site.add(1, 2)
            killed(site, asked(right, wrong, count), report)
        return 1 if report.failures else 0


def asked(right, wrong, count):
    """Returns the requests, each with whether its password is right."""
    return [(form("contoso.test", wrong[number // 4], WRONG), False) if number % 4 == 3
            else (form("contoso.test", right[number % len(right)], PASSWORD), True) for number in range(count)]


def killed(site, wanted, report):
    kills, count = 0, len(wanted)

    def kill():
        """Kills one of the two agents, each agent in turn, and starts it again. Waits until this agent takes jobs
        again, so that one of the agents always takes jobs."""
        nonlocal kills
        number, before = 1 + kills % 2, site.taking()
        site.kill(number)
        site.start(number)
        kills += 1
        wait(lambda: site.taking() > before, 20)

    answers, seconds = send(site.server.port, wanted, SENDERS, kill)
    wrong = [answer for answer in answers if not answer.is_as_asked]
    right = [answer.seconds for answer in answers if answer.is_right]
    report.check(len(answers) == count and not wrong, f"{count} sign-ins while an agent is killed each second: each gets the right answer",
                 f"{kills} kills in {seconds:.0f} s", otherwise=f"{len(wrong)} wrong: {site.refusals()}; {site.faults()}")
    false_yes = [answer for answer in answers if not answer.is_right and answer.status == 303]
    report.check(not false_yes, "no wrong password signs in", len(false_yes))
    report.check(kills >= 3, "the agents were killed", kills)
    lost = site.server.log().count("entra=80001")
    print(f"     right passwords: p50 {quantile(right, 0.5):.2f} s, p99 {quantile(right, 0.99):.2f} s, longest {max(right):.2f} s; longest "
          f"answer at all {max(answer.seconds for answer in answers):.2f} s; {lost} without an agent", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

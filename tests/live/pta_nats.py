"""Tests the queue between the nodes of the sign-in server with a real NATS server. The nodes have made-up agents. The script
kills the broker again and again, and checks its certificates, its permissions, and what the broker sees.

  pta_nats.py [COUNT]

COUNT is the number of sign-ins while the broker is killed each second: 100 by default, 1,000 in the long form.

NATS_SERVER is the program of the broker, `nats-server` if it is not set."""

import sys
import time

from pta_nats_broker import DOMAIN, Broker, Certificates, forms, in_memory
from pta_nats_node import PASSWORD, Node, ask_all
from report import Report
from tcp_tap import TcpTap
from work import Work

# The time limit for a whole sign-in, in milliseconds (pta/time.rs).
WHOLE = 10_000


def as_asked(answers):
    """Returns the number of right answers, and the number of answers with a wrong "yes" or a wrong refusal."""
    right = [answer for answer in answers if answer["result"]["verdict"] == ("ticket" if answer["asked"] else "wrong-password")]
    false = [answer for answer in answers if answer not in right and answer["result"]["verdict"] != "failed"]
    return len(right), len(false)


def way_of_a_job(report, work):
    """Sends an offer, a claim, a job and an answer. Then looks for the password in everything that the broker saw."""
    with Broker(work, trace=True) as broker, TcpTap(broker.port) as tap, \
            Node("n2", tap.port, agents="1,2") as b, Node("n1", tap.port) as a:
        a.ask("right"), a.ask("wrong")
        answers = a.wait(2)
        report.check(as_asked(answers) == (2, 0), "an agent of another node brings a ticket and a refusal", answers)
        time_of_own = b.ask_and_wait("right")
        report.check(time_of_own["result"]["verdict"] == "ticket", "a node asks its own agents", time_of_own)
        octets, log, memory = tap.octets(), broker.log.read_bytes(), in_memory(broker.process.pid, [b"alice", *forms(PASSWORD)])
        report.check(b'"sealed"' in octets and all(b"alice" in seen for seen in (octets, log, memory)),
                     "the tap, the log of the broker and its memory have the name of the user")
        found = [form for form in forms(PASSWORD) if form in octets or form in log or form in memory]
        report.check(not found, "the password is in no frame, not in the broker's log and not in its memory", found)


def no_responders(report, work):
    """A job fails at once if the tenant has no agents, or if its last agent is gone."""
    with Broker(work) as broker, Node("n1", broker.port) as a, Node("n2", broker.port) as b:
        a.wait_settled(), b.wait_settled()
        answer = a.ask_and_wait("right")
        report.check(answer["result"] == {"verdict": "failed", "failure": "no agent of the tenant is connected"} and answer["ms"] < 50,
                     "a job without an agent fails at once", answer)
        with Node("n3", broker.port, agents="1,2") as c:
            report.check(a.ask_and_wait("right")["result"]["verdict"] == "ticket", "the agents of a node that connects later get the jobs")
            c.kill()
        answer = a.ask_and_wait("right")
        report.check(answer["result"]["verdict"] == "failed" and answer["ms"] < 50, "after the only node with agents is killed, a job fails at once", answer)


def own_agents_without_broker(report, work):
    """While the broker is down, a node reaches only its own agents. When the broker is back, the node reaches the other agents
    again."""
    with Broker(work) as broker, Node("n1", broker.port, agents="1,2") as a, Node("n2", broker.port) as b:
        b.wait_settled()
        broker.kill()
        report.check(a.ask_and_wait("right")["result"]["verdict"] == "ticket", "without the broker a node asks its own agents")
        answer = b.ask_and_wait("right")
        report.check(answer["result"]["verdict"] == "failed" and answer["ms"] < 1_000,
                     "without the broker, a job at a node without agents fails within a second", answer)
        broker.start()
        ends = time.monotonic() + 10
        while (answer := b.ask_and_wait("right"))["result"]["verdict"] == "failed" and time.monotonic() < ends:
            pass
        report.check(answer["result"]["verdict"] == "ticket", "when the broker is back, the node uses it again", answer)


def node_killed(report, work):
    """A node with agents is killed while its agents ask the directory. The agents of the other node then get the jobs."""
    with Broker(work) as broker, Node("n1", broker.port) as a, Node("n3", broker.port, agents="3,4") as c, \
            Node("n2", broker.port, agents="1,2") as b:
        a.wait_settled()
        for _ in range(6):
            a.ask("right")
        time.sleep(0.02)
        b.kill()
        answers = a.wait(6)
        report.check(as_asked(answers) == (6, 0) and max(answer["ms"] for answer in answers) < WHOLE,
                     "jobs of a node that is killed go to the agents of another node", answers)
        report.check(c.process.poll() is None, "the other node runs")


def broker_killed(report, work, count):
    """The broker is killed with -9 once a second, and starts again at once."""
    with Broker(work) as broker, Node("n1", broker.port) as a, Node("n2", broker.port, agents="1,2") as b, \
            Node("n3", broker.port, agents="3,4") as c:
        a.wait_settled()
        killed = ask_all(a, count, broker.kill_and_start)
        answers = a.wait(count, seconds=30)
        right, false = as_asked(answers)
        longest = max(answer["ms"] for answer in answers)
        failed = [answer for answer in answers if answer["result"]["verdict"] == "failed"]
        said = f"{killed} kills, {len(answers)} answers, {right} right, {false} false, longest {longest} ms {failed[:3]}"
        report.check(len(answers) == count and right == count and longest < WHOLE,
                     f"{count} sign-ins while the broker is killed once a second", said)
        report.check(false == 0 and killed >= count // 25, "no false answer, and the broker was killed", said)
        report.check(b.process.poll() is None and c.process.poll() is None, "both nodes run")


def mutual_tls(report, work):
    """Runs the broker with deploy/nats-server.conf and the certificates of the test."""
    certificates = Certificates(work.dir("certificates"))
    with Broker(work, certificates=certificates) as broker, \
            Node("n2", broker.port, agents="1,2", tls=certificates.of("n2")) as b, \
            Node("n1", broker.port, tls=certificates.of("n1")) as a:
        a.wait_settled()
        answers = [a.ask_and_wait("right"), a.ask_and_wait("wrong")]
        report.check(as_asked(answers) == (2, 0), "with mutual TLS and the permissions of deploy/, an agent of another node does the jobs", answers)
        report.check("Violation" not in broker.text(), "the nodes need no other permissions", broker.text()[-500:])
        for what, tls in [("no certificate", None), ("a certificate of another authority", certificates.foreign("n1"))]:
            with Node("n1", broker.port, tls=tls, expect_connection=False) as stranger:
                answer = stranger.ask_and_wait("right")
                report.check(answer["result"]["verdict"] == "failed" and not stranger.is_connected,
                             f"the broker accepts no connection of a node with {what}", answer)
        # A node does not connect to a broker whose certificate another authority signed.
        _, certificate, key = certificates.of("n1")
        with Node("n1", broker.port, tls=(certificates.other, certificate, key), expect_connection=False) as wary:
            answer = wary.ask_and_wait("right")
            report.check(answer["result"]["verdict"] == "failed" and not wary.is_connected,
                         "a node does not connect to a broker of another authority", answer)
        # An attacker with the key of n1 claims to be n2, to get the jobs of n2 and the replies to n2.
        with Node("n2", broker.port, tls=certificates.of("n1")) as thief:
            answer = thief.ask_and_wait("right")
            broker.until_log_has(*(f'Subscription Violation - User "n1.{DOMAIN}", Subject "pta.node.n2.{kind}' for kind in ("job", "inbox")))
            report.check(answer["result"]["verdict"] == "failed", "with the key of n1 nobody reads the jobs and replies of n2", answer)
            answer = a.ask_and_wait("right")
            report.check(answer["result"]["verdict"] == "ticket", "the real n2 still gets its jobs", answer)
        report.check(b.process.poll() is None, "the node n2 runs")


def main(count="100"):
    report = Report()
    for part in [way_of_a_job, no_responders, own_agents_without_broker, node_killed, mutual_tls]:
        print(f"== {part.__name__}", flush=True)
        with Work() as work:
            part(report, work)
    print("== broker_killed", flush=True)
    with Work() as work:
        broker_killed(report, work, int(count))
    sys.exit(report.failures > 0)


main(*sys.argv[1:])

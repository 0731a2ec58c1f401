"""Tests pass-through authentication with two nodes of the sign-in server: one store, one broker, and an agent at each node. The
test kills each part while a user signs in."""

import concurrent.futures
import time

from agents_nodes import ALICE, SECONDS, Nodes
from pta_nats_broker import forms, in_memory
from seamless_server import wait

WRONG = "WRONG.Pass.1"
# The numbers of the agents. The first agent connects to n1, and the second agent connects to n2.
ONE, TWO = 1, 2
ATTEMPT = 0.45 * SECONDS


def check(world, port, report):
    with Nodes(world, port) as nodes:
        through_the_broker(nodes, report)
        own_agents_first(nodes, report)
        agent_killed(nodes, report)
        broker_killed(nodes, report)
        node_of_the_agent_killed(nodes, report)
        owner_killed(nodes, report)
        revoked(nodes, report)
        nowhere(nodes, report)


def through_the_broker(nodes, report):
    """Agent 2 connects to n2 alone, and users sign in at n1."""
    a, b = nodes.a, nodes.b
    b.site.add(TWO)
    nodes.until_served(a, by=TWO)
    answer = a.sign_in()
    report.check(answer.status == 303 and a.validated((a, b)) == TWO, "nodes: a password at n1, the agent of n2 validates it",
                 answer.error() or answer.status)
    report.check(b.greets(answer.session()), "nodes: the session that began at n1 is good at n2")
    for label, name, password, number in (("wrong password", ALICE[0], WRONG, 50126), ("unknown user", "nobody-there", WRONG, 50034)):
        answer = a.sign_in(name, password)
        good = answer.status == 403 and not answer.session() and a.server.says([name, f"entra={number}"])
        report.check(good, f"nodes: {label} at n1, through the broker: {number}", answer.error() or answer.status)
    report.check("Violation" not in nodes.broker.text(), "nodes: the permissions of deploy/ suffice", otherwise=nodes.broker.text()[-300:])


def own_agents_first(nodes, report):
    a, b = nodes.a, nodes.b
    a.site.add(ONE)
    listed = [node.site.states() for node in (a, b)]
    report.check(listed[0] == listed[1] and list(listed[0].values()) == ["active", "active"], "nodes: both list both agents", listed[0])
    for node, own in ((a, ONE), (b, TWO)):
        nodes.until_served(node, by=own)
        good = all(node.sign_in().status == 303 and node.validated((a, b)) == own for _ in range(3))
        report.check(good, f"nodes: {node.name} asks its own agent", f"agent {own}")


def while_kept(node, gate, act):
    """Sends a password to a node, calls `act` while the agent behind the gate waits for the KDC, and returns the answer and its time.
    If the connection ends without an answer, the answer is None."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool, gate.shut():
        began, sent = time.monotonic(), pool.submit(node.sign_in)
        gate.wait_kept()
        act()
        try:
            return sent.result(30), time.monotonic() - began
        except OSError:
            return None, time.monotonic() - began


def agent_killed(nodes, report):
    """The agent of n1 is killed while it has a job, so the job goes through the broker to the agent of n2."""
    a, b = nodes.a, nodes.b
    answer, seconds = while_kept(a, a.gate, lambda: a.site.kill(ONE))
    report.check(answer and answer.status == 303 and a.validated((a, b)) == TWO,
                 "nodes: the agent of n1 is killed with the job, the agent of n2 does it", f"{seconds:.1f} s")
    a.site.start_and_wait(ONE)
    nodes.until_served(a, by=ONE)


def broker_killed(nodes, report):
    a, b = nodes.a, nodes.b
    nodes.broker.kill()
    for node, own in ((a, ONE), (b, TWO)):
        answer = node.sign_in()
        report.check(answer.status == 303 and node.validated((a, b)) == own, f"nodes: without a broker, {node.name} asks its own agent",
                     answer.error() or answer.status)
    a.site.kill(ONE)
    answer = a.sign_in()
    good = answer.status == 503 and "cannot be reached" in answer.error() and a.server.says(["entra=80001"])
    report.check(good, "nodes: without a broker and its agent, n1 says that the directory cannot be reached: 80001", answer.error())
    nodes.broker.start()
    answer = wait(lambda: (asked := a.sign_in()).status == 303 and asked, 20)
    report.check(answer and a.validated((a, b)) == TWO, "nodes: when the broker is back, n1 uses it again")


def node_of_the_agent_killed(nodes, report):
    """n2 is killed while its agent has a job of n1. An agent that has meanwhile connected to n1 gets the job."""
    a, b = nodes.a, nodes.b

    def act():
        a.site.start_and_wait(ONE)
        b.kill()

    answer, seconds = while_kept(a, b.gate, act)
    report.check(answer and answer.status == 303 and a.validated((a, b)) == ONE,
                 "nodes: n2 is killed with a job of n1, an agent of n1 does it", f"{seconds:.1f} s, an attempt has {ATTEMPT:.1f} s")
    b.start_again()
    nodes.until_served(b, by=TWO)
    report.check(b.greets(answer.session()), "nodes: n2 is back, and knows the session")


def owner_killed(nodes, report):
    """n1 is killed while the agent of n2 has the job of a user at n1. The browser then sends the form to n2."""
    a, b = nodes.a, nodes.b
    a.site.kill(ONE)
    nodes.until_served(a, by=TWO)
    answer, _ = while_kept(a, b.gate, a.kill)
    report.check(answer is None, "nodes: n1 is killed with the form, and the browser gets no answer", answer and answer.status)
    answer = b.sign_in()
    report.check(answer.status == 303 and b.validated((a, b)) == TWO, "nodes: the form again, to n2: signed in",
                 answer.error() or answer.status)
    a.start_again()
    report.check(a.greets(answer.session()), "nodes: n1 is back, and knows the session of n2")
    nodes.until_served(a, by=TWO)


def revoked(nodes, report):
    """An operator at n1 revokes the agent of n2 while this agent has a job. n2 then refuses the agent's answer."""
    a, b = nodes.a, nodes.b
    a.site.start_and_wait(ONE)
    nodes.until_served(a, by=ONE)

    def act():
        a.site.operate("revoke", b.site.ids[TWO])
        b.gate.open()

    answer, seconds = while_kept(b, b.gate, act)
    report.check(answer and answer.status == 303 and b.validated((a, b)) == ONE,
                 "nodes: the agent of n2 is revoked at n1 while it has a job, and the agent of n1 does the job", f"{seconds:.1f} s")
    report.check(b.server.says([b.site.ids[TWO], "a request of an agent is refused"]),
                 "nodes: n2 refuses the requests of the agent that was revoked at n1")
    served = [node.sign_in().status == 303 and node.validated((a, b)) == ONE for node in (a, b, a, b)]
    report.check(all(served), "nodes: no further job for the revoked agent", served)
    states = [node.site.states()[b.site.ids[TWO]] for node in (a, b)]
    report.check(states == ["revoked", "revoked"], "nodes: both list it as revoked", states)
    a.site.kill(ONE)
    # n2 counts the revoked agent as busy until the open request of this agent ends.
    answer = wait(lambda: (asked := b.sign_in()).status == 503 and asked, 40)
    report.check(answer, "nodes: with a revoked agent alone, n2 says that the directory cannot be reached")


def nowhere(nodes, report):
    """Looks for the password in the broker's log, which has all messages, and in the memory of the broker and of the store."""
    wanted, log = forms(ALICE[1]), nodes.broker.log.read_bytes()
    found = [form for form in wanted if form in log]
    for process in (nodes.broker.process, nodes.engine.process):
        found += in_memory(process.pid, wanted)
    report.check(b"sealed" in log and not found, "nodes: the password is in no log and no memory of the broker and of the store", otherwise=found)

"""Runs two nodes of the sign-in server with agents: one store, one broker with mutual TLS and the permissions of deploy/, and the
agents of each node."""

import contextlib

from agents_site import Site
from kdc_gate import KdcGate
from pta_nats_broker import Broker, Certificates
from samba_ad import SSO_ACCOUNT
from seamless_server import LIMITS, Server, tenant, wait
from seamless_state import ADDRESS, Engine

ALICE = ("alice", "Alice.Pass.1")
# The time in seconds for a whole sign-in. Each attempt at a job may take 45 % of this time.
SECONDS = 4


class Node:
    """A node and its agents. The agents connect to this node, unless a test names other nodes."""

    def __init__(self, nodes, name, port):
        self.nodes, self.name, self.port = nodes, name, port
        self.gate = KdcGate(nodes.world.contoso.port)
        self.start()
        self.site = Site(nodes.world.work, self.server, nodes.world.contoso.realm, self.gate.address)

    def start(self):
        """Starts the process of the node, or starts it again after its end."""
        nodes, listen = self.nodes, f"127.0.0.1:{self.port + 1}"
        ca, certificate, key = nodes.certificates.of(self.name)
        broker = {"url": f"nats://localhost:{nodes.broker.port}", "node": self.name, "ca": str(ca), "certificate": str(certificate),
                  "key": str(key)}
        agents = {"listen": listen, "nodes": [f"https://{listen}"], "concurrency": 2, "broker": broker,
                  "socket": str(nodes.world.work.root / f"{self.name}.sock")}
        self.server = Server(nodes.world.work, self.port, [nodes.tenant], state=nodes.engine.state(), address=ADDRESS, agents=agents,
                             limits={**LIMITS, "password_seconds": SECONDS})

    def start_again(self):
        self.start()
        self.site.server = self.server

    def kill(self):
        self.server.process.kill()
        self.server.process.wait()

    def stop(self):
        for process in (*self.site.processes.values(), self.server.process):
            self.nodes.world.work.stop(process)

    def sign_in(self, name=ALICE[0], password=ALICE[1]):
        return self.server.password(name, password)

    def greets(self, cookie):
        return "Hello, Alice" in self.server.ask("GET", "/", headers={"Cookie": cookie}).body

    def validated(self, agents):
        """Returns which of `agents` validated the last password that this node received."""
        ids = {agent: number for node in agents for number, agent in node.site.ids.items()}
        found = self.site.validators()
        return ids.get(found[-1], found[-1]) if found else None


class Nodes:
    """The nodes `a` and `b`. Both use `broker` and the store `engine`."""

    def __init__(self, world, port):
        self.world, self.port = world, port
        keytab = world.work.root / "nodes.keytab"
        keytab.write_bytes(world.contoso.keytab(SSO_ACCOUNT).read_bytes())
        self.tenant = tenant(world.contoso, keytab, password={"method": "pass-through"})
        del self.tenant["kdc"]
        self.certificates = Certificates(world.work.dir("nodes-certificates"))
        self.engine = Engine(world.work)
        self.broker = Broker(world.work, certificates=self.certificates, trace=True)

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.engine.start()
            stack.callback(self.engine.kill)
            stack.enter_context(self.broker)
            self.a, self.b = Node(self, "n1", self.port), Node(self, "n2", self.port + 2)
            for node in (self.a, self.b):
                stack.enter_context(node.gate)
                stack.callback(node.stop)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def until_served(self, node, by):
        """Signs in at a node again and again until the agent `by` validates the password."""
        def is_served():
            return node.sign_in().status == 303 and node.validated((self.a, self.b)) == by

        if not wait(is_served, 30):
            raise RuntimeError(f"agent {by} does not serve {node.name}: {node.server.log()[-1500:]}")

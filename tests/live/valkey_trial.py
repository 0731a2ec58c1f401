"""The parts of a test of valkey.py: fresh tokens, servers that share a store, and the check that no token is admitted twice."""

import asyncio
import base64
import re
import struct
import time
from dataclasses import dataclass

from crate import example
from valkey_engines import free_ports
from work import run

# The number of requests that the test sends at the same time.
AT_ONCE = 50
# The longest time that a node waits for the store. This time is so long that a node refuses no fresh token, even on a
# busy machine.
STORE_TIMEOUT = ("--timeout", "500")


class Tokens:
    """A source of tokens of a test realm. Each token belongs to another user, and can be used once."""

    def __init__(self, work):
        self.home, self.made = work.dir("tokens"), 0
        self.keytab = self.home / "keytab"

    def mint(self, count, offset=0):
        self.made += 1
        path = self.home / f"{self.made}.tokens"
        run([example("mint"), "--keytab", self.keytab, "--tokens", path, "--count", str(count),
             "--prefix", f"user{self.made}-", "--offset", str(offset)])
        octets, tokens, start = path.read_bytes(), [], 0
        path.unlink()
        while start < len(octets):
            size, = struct.unpack_from("<I", octets, start)
            start += 4 + size
            tokens.append(base64.b64encode(octets[start - size:start]).decode())
        return tokens


class Node:
    """A process of the server `examples/node.rs`."""

    def __init__(self, work, name, store, keytab, *options):
        self.work, self.store, self.keytab, self.options = work, store, keytab, options
        self.log, (self.port, self.metrics_port) = work.dir("nodes") / f"{name}.log", free_ports(2)
        self.process = None

    def start(self, *options):
        self.process = self.work.start(self.command(*options), self.log, self.port)
        return self

    def command(self, *options):
        return [example("node"), "--listen", f"127.0.0.1:{self.port}", "--keytab", self.keytab, "--store", self.store.address,
                "--metrics", f"127.0.0.1:{self.metrics_port}", *STORE_TIMEOUT, *self.store.node_options, *self.options, *options]

    def metrics(self):
        """Returns the values of the server's metrics by name."""
        text = run(["curl", "-sSf", f"http://127.0.0.1:{self.metrics_port}/metrics"])
        lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in lines}

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()


async def offer(connections, port, token, seconds=20):
    """Sends a token to a server. Returns the status and the server's text, or the reason why no response came."""
    writer = None
    try:
        async with asyncio.timeout(seconds):
            reader, writer = connections.pop(port, None) or await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET / HTTP/1.1\r\nHost: www.example.test\r\nAuthorization: Negotiate {token}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            body = await reader.readexactly(int(re.search(r"content-length: (\d+)", head, re.I).group(1)))
        connections[port] = reader, writer
        return int(head.split()[1]), body.decode().strip()
    except (OSError, EOFError, asyncio.TimeoutError) as error:
        writer and writer.close()
        return 0, type(error).__name__


async def offer_all(pairs, at_once):
    """Sends each token to its server, and returns the responses in the same order."""
    answers, waiting = [None] * len(pairs), iter(enumerate(pairs))

    async def send():
        connections = {}
        for place, (port, token) in waiting:
            answers[place] = await offer(connections, port, token)
        for _, writer in connections.values():
            writer.close()

    await asyncio.gather(*(send() for _ in range(min(at_once, len(pairs)))))
    return answers


def show(pairs, at_once=AT_ONCE):
    return asyncio.run(offer_all(pairs, at_once))


@dataclass
class Tally:
    """The counts over all rounds that test one fault."""

    rounds: int = 0
    admitted: int = 0
    refused: int = 0
    replays: int = 0
    replays_admitted: int = 0
    longest_wait: float = 0


class Trial:
    """Collects the admitted tokens, and checks that no server admits a token again.

    A node that has already seen a token refuses this token without asking the store. The test therefore sends each
    token once more to both nodes. One of the two nodes admitted the token, so it knows the token without the store. The
    other node must learn from the store that the token was admitted."""

    def __init__(self, scene, nodes):
        self.report, self.tokens, self.count, self.tally = scene.report, scene.tokens, scene.count, scene.tally
        self.nodes, self.admitted, self.reasons, self.fault_began = nodes, [], set(), None

    def fault_begins(self):
        """Notes the time at which the fault begins. `until_served` counts the wait from this time."""
        self.fault_began = time.monotonic()

    def admit(self, count=None, offset=0, nodes=None):
        """Sends fresh tokens to the nodes in turn and keeps the admitted tokens. Returns the number of tokens that no node
        admitted."""
        nodes = nodes or self.nodes
        tokens = self.tokens.mint(count or self.count, offset)
        answers = show([(nodes[i % len(nodes)].port, token) for i, token in enumerate(tokens)])
        admitted = [token for token, (status, _) in zip(tokens, answers) if status == 200]
        self.reasons = {body for status, body in answers if status != 200}
        self.admitted += admitted
        self.tally.admitted += len(admitted)
        self.tally.refused += len(tokens) - len(admitted)
        return len(tokens) - len(admitted)

    def serves_all(self, what):
        """Checks that the nodes admit all fresh tokens."""
        refused = self.admit()
        self.report.check(refused == 0, f"{what}: {self.count} honest sign-ins", f"{refused} refused {self.reasons or ''}")

    def during(self, fault, seconds=3, nodes=None):
        """Sends fresh tokens during a fault. Returns the number of fresh tokens that were refused."""
        refused, ends = 0, time.monotonic() + seconds
        self.fault_begins()
        fault()
        while time.monotonic() < ends:
            refused += self.admit(max(self.count // 10, 10), nodes=nodes)
        return refused

    def until_served(self, limit=180):
        """Waits until the nodes admit all tokens of a round, in which each node gets ten fresh tokens. Returns a remark
        about the time since the fault began."""
        began, refused = self.fault_began or time.monotonic(), 0
        while missed := self.admit(10 * len(self.nodes)):
            if time.monotonic() > began + limit:
                self.report.check(False, "honest sign-ins are served again", f"not within {limit} s")
                return "never served again"
            refused += missed
            time.sleep(0.1)
        waited, self.fault_began = time.monotonic() - began, None
        self.tally.longest_wait = max(self.tally.longest_wait, waited)
        return f"served after {waited:.1f} s, {refused} honest sign-ins refused meanwhile"

    def replay(self, what, remark=""):
        """Sends every token that was admitted since the last call to all nodes again, at the same time."""
        pairs = [(node.port, token) for token in self.admitted for node in self.nodes]
        answers = show(pairs)
        again = sum(status == 200 for status, _ in answers)
        codes = {}
        for status, body in answers:
            codes[body if status == 403 else status] = codes.get(body if status == 403 else status, 0) + 1
        # If a node refuses a token because of the clock skew, the refusal proves nothing about the store.
        good = again == 0 and self.admitted and "clock-skew" not in codes
        self.report.check(good, f"{what}: 0 of {len(pairs)} replays admitted", f"{again} admitted; {codes}; {remark}")
        self.tally.replays += len(pairs)
        self.tally.replays_admitted += again
        self.admitted = []


class Scene:
    """Everything that a test of one fault needs."""

    def __init__(self, work, report, tokens, count, tally):
        self.work, self.report, self.tokens, self.count, self.tally = work, report, tokens, count, tally

    def trial(self, store, *options):
        """Starts two nodes that share `store`."""
        nodes = [self.node(store, side, *options) for side in "ab"]
        for node in nodes:
            node.start("--first-start")
        return Trial(self, nodes)

    def node(self, store, name="node", *options):
        return Node(self.work, name, store, self.tokens.keytab, *options)

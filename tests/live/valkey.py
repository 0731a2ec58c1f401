"""Tests two servers that share a replay store, while the store, the network and the servers fail. Every authenticator that a
server admitted is sent again to both servers, and no server may admit it again.

  valkey.py [COUNT [FAULT…]]

COUNT is the number of authenticators that are sent around each fault: 300 by default, 100,000 in the long form."""

import asyncio
import base64
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from report import Report
from work import Work, run

ROOT = Path(__file__).resolve().parents[2]
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
EXAMPLES = next(folder for folder in (BUILT / "release/examples", BUILT / "debug/examples") if (folder / "node").exists())
# The number of requests at the same time.
AT_ONCE = 50


def free_ports(count):
    """Returns ports on which no process listens. A cluster also uses the port that is 10,000 higher."""
    ports = []
    while len(ports) < count:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port < 50_000:
            ports.append(port)
    return ports


class Tokens:
    """A source of tokens of a test realm. Each token belongs to another user, and can be used once."""

    def __init__(self, work):
        self.home, self.made = work.dir("tokens"), 0
        self.keytab = self.home / "keytab"

    def mint(self, count, offset=0):
        self.made += 1
        path = self.home / f"{self.made}.tokens"
        run([EXAMPLES / "mint", "--keytab", self.keytab, "--tokens", path, "--count", str(count),
             "--prefix", f"user{self.made}-", "--offset", str(offset)])
        octets, tokens = path.read_bytes(), []
        path.unlink()
        while octets:
            size, = struct.unpack_from("<I", octets)
            tokens.append(base64.b64encode(octets[4:4 + size]).decode())
            octets = octets[4 + size:]
        return tokens


class Node:
    """A process of the server `examples/node.rs`."""

    def __init__(self, work, name, store, keytab, *options):
        self.work, self.store, self.keytab, self.options = work, store, keytab, options
        self.log, (self.port,) = work.dir("nodes") / f"{name}.log", free_ports(1)
        self.process = None

    def start(self, *options):
        command = [EXAMPLES / "node", "--listen", f"127.0.0.1:{self.port}", "--keytab", self.keytab, "--store", self.store,
                   *self.options, *options]
        self.process = self.work.start(command, self.log, self.port)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()


class Redis:
    """A process of `redis-server`, which stores nothing on disk."""

    def __init__(self, work, *options, clock_offset=None):
        self.work, self.options, (self.port,) = work, options, free_ports(1)
        self.home, self.env, self.process = work.dir(f"redis-{self.port}"), {}, None
        if clock_offset:
            library = self.home / "clock_offset.so"
            run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, Path(__file__).with_name("clock_offset.c")])
            self.env = {"LD_PRELOAD": str(library), "CLOCK_OFFSET_FILE": str(clock_offset)}

    @property
    def address(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.home,
                   "--maxmemory", "200mb", "--repl-diskless-sync-delay", "0", *self.options]
        self.process = self.work.start(command, self.home / "log", self.port, self.env)
        return self

    def command(self, *words):
        return run(["redis-cli", "-p", str(self.port), *map(str, words)])

    def follows(self):
        """Returns whether the process is a replica that has its master's data."""
        described = self.command("INFO", "replication")
        return "role:slave" in described and "master_link_status:up" in described

    def kill(self):
        self.process.kill()
        self.process.wait()


def until(what, is_so, meanwhile=lambda: time.sleep(0.2), seconds=180):
    """Waits until `is_so` returns true, and calls `meanwhile` after each time that it returns false."""
    ends = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > ends:
            raise RuntimeError(f"after {seconds} s it is still not so that {what}")
        meanwhile()


async def offer(port, token, seconds=20):
    """Sends a token to a server. Returns the status and the server's text, or the reason why no response came."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), seconds)
        writer.write(f"GET / HTTP/1.1\r\nHost: www.example.test\r\nConnection: close\r\n"
                     f"Authorization: Negotiate {token}\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.read(), seconds)
        writer.close()
        head, _, body = answer.decode().partition("\r\n\r\n")
        return int(head.split()[1]), body.strip()
    except (OSError, asyncio.TimeoutError, IndexError) as error:
        return 0, type(error).__name__


async def offer_all(pairs):
    """Sends each token to its server, and returns the responses in the same order."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(port, token):
        async with gate:
            return await offer(port, token)

    return await asyncio.gather(*(one(port, token) for port, token in pairs))


def show(pairs):
    return asyncio.run(offer_all(pairs))


class Trial:
    """Collects the admitted tokens, and checks that no server admits a token again.

    A node that has already seen a token refuses this token without asking the store. So each token is sent again, one time, to both nodes. One node
    admitted the token itself. The other node must learn from the store that the token was admitted."""

    def __init__(self, report, tokens, nodes, count):
        self.report, self.tokens, self.nodes, self.count = report, tokens, nodes, count
        self.admitted = []

    def admit(self, count=None, offset=0):
        """Sends fresh tokens to the nodes in turn and keeps the admitted tokens. Returns the number of the other tokens."""
        tokens = self.tokens.mint(count or self.count, offset)
        answers = show([(self.nodes[i % len(self.nodes)].port, token) for i, token in enumerate(tokens)])
        admitted = [token for token, (status, _) in zip(tokens, answers) if status == 200]
        self.admitted += admitted
        return len(tokens) - len(admitted)

    def during(self, fault, seconds=3):
        """Sends fresh tokens during a fault. Returns the number of fresh tokens that were refused."""
        refused, ends = 0, time.monotonic() + seconds
        fault()
        while time.monotonic() < ends:
            refused += self.admit(max(self.count // 10, 10))
        return refused

    def until_served(self, limit=60):
        """Waits until every node admits a fresh token. Returns the number of seconds, and the number of refused tokens."""
        began, refused = time.monotonic(), 0
        while time.monotonic() < began + limit:
            missed = self.admit(len(self.nodes))
            if not missed:
                return time.monotonic() - began, refused
            refused += missed
            time.sleep(0.1)
        return None, refused

    def replay(self, what, remark=""):
        """Sends every token that was admitted since the last call to all nodes again, at the same time."""
        pairs = [(node.port, token) for token in self.admitted for node in self.nodes]
        answers = show(pairs)
        again = sum(status == 200 for status, _ in answers)
        codes = {}
        for status, body in answers:
            codes[body if status == 403 else status] = codes.get(body if status == 403 else status, 0) + 1
        self.report.check(again == 0 and self.admitted, f"{what}: 0 of {len(pairs)} replays admitted",
                          f"{again} admitted; {codes}; {remark}")
        self.admitted = []


class Faults:
    """The faults. Each method is a fault of one store with two nodes."""

    def __init__(self, work, report, count):
        self.work, self.report, self.count = work, report, count
        self.tokens = Tokens(work)
        self.tokens.mint(1)

    def trial(self, redis, *options, name="trial"):
        nodes = [Node(self.work, f"{name}-{side}", redis.address, self.tokens.keytab, *options) for side in "ab"]
        for node in nodes:
            node.start("--first-start")
        return Trial(self.report, self.tokens, nodes, self.count)

    def none(self):
        trial = self.trial(Redis(self.work).start())
        refused = trial.admit()
        self.report.check(refused == 0, f"without a fault: {self.count} honest sign-ins at two nodes", f"{refused} refused")
        trial.replay("without a fault")

    def one_token(self):
        trial = self.trial(Redis(self.work).start())
        token, = self.tokens.mint(1)
        answers = show([(trial.nodes[i % 2].port, token) for i in range(10 * self.count)])
        admitted = sum(status == 200 for status, _ in answers)
        self.report.check(admitted == 1, f"{10 * self.count} offers of one authenticator to two nodes: one is in",
                          f"{admitted} were in")

    def node_killed(self):
        trial = self.trial(Redis(self.work).start())
        trial.admit()
        trial.nodes[0].kill()
        trial.nodes[0].start()
        served = trial.until_served()
        trial.replay("a node killed and started again", f"served after {served}")

    def engine_killed(self):
        redis = Redis(self.work).start()
        trial = self.trial(redis)
        trial.admit()
        redis.kill()
        redis.start()
        served = trial.until_served()
        trial.replay("the engine killed and started again", f"served after {served}")

    def both_killed(self):
        redis = Redis(self.work).start()
        trial = self.trial(redis)
        trial.admit()
        for each in (*trial.nodes, redis):
            each.kill()
        redis.start()
        for node in trial.nodes:
            node.start()
        served = trial.until_served()
        trial.replay("engine and nodes killed and started again", f"served after {served}")

    def stopped(self):
        redis = Redis(self.work).start()
        trial = self.trial(redis)
        trial.admit()
        refused = trial.during(lambda: redis.process.send_signal(signal.SIGSTOP))
        redis.process.send_signal(signal.SIGCONT)
        served = trial.until_served()
        trial.replay("the engine stopped for three seconds", f"{refused} honest sign-ins refused, served after {served}")

    def flushed(self):
        redis = Redis(self.work).start()
        trial = self.trial(redis)
        trial.admit()
        redis.command("FLUSHALL")
        trial.replay("FLUSHALL")
        served = trial.until_served()
        trial.admit()
        redis.command("FLUSHALL", "ASYNC")
        trial.replay("FLUSHALL again", f"served in between after {served}")

    def clock(self):
        clock = self.work.dir("clock") / "offset"
        redis = Redis(self.work, clock_offset=clock).start()
        trial = self.trial(redis)
        for offset in ("+20", "+900", "-900"):
            trial.until_served()
            trial.admit()
            clock.write_text(offset)
            trial.replay(f"the engine's clock at {offset} s")
            clock.write_text("+0")
            trial.until_served()
            trial.admit()
            clock.write_text(offset)
            # The engine deletes entries that have expired by its own clock.
            time.sleep(3)
            clock.write_text("+0")
            trial.replay(f"the engine's clock right again after {offset} s")

    def full(self):
        redis = Redis(self.work).start()
        trial = self.trial(redis)
        trial.admit()
        redis.command("CONFIG", "SET", "maxmemory", "1mb")
        refused = trial.admit()
        trial.replay("memory full", f"{refused} of {self.count} honest sign-ins refused")
        redis.command("CONFIG", "SET", "maxmemory", "200mb")
        trial.admit()
        trial.replay("memory given back")

    def unfit(self):
        """Checks that a node refuses an unfit store at its start, and names the reason."""
        for what, options, clock, words in (
            ("an engine that evicts", ("--maxmemory-policy", "allkeys-lru"), None, "noeviction"),
            ("an engine whose clock is 5 s ahead", (), self.work.dir("unfit") / "offset", "synchronise both"),
            ("a replica", ("--replicaof", "127.0.0.1 1"), None, "is a replica"),
        ):
            redis = Redis(self.work, *options, clock_offset=clock).start()
            if clock:
                clock.write_text("+5")
            node = subprocess.run([EXAMPLES / "node", "--listen", "127.0.0.1:0", "--keytab", self.tokens.keytab, "--store",
                                   redis.address], capture_output=True, text=True, timeout=60)
            said = node.stderr
            self.report.check(node.returncode != 0 and words in said, f"{what} is refused at the start", said)

    def _masters(self):
        """Starts a cluster of three masters with one replica each. Returns the processes, and the store as a node uses it."""
        masters = [Redis(self.work, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000",
                         "--cluster-announce-ip", "127.0.0.1").start() for _ in range(6)]
        run(["redis-cli", "--cluster", "create", *(f"127.0.0.1:{each.port}" for each in masters), "--cluster-replicas", "1",
             "--cluster-yes"])
        # A replica that has never had its master's data is not promoted.
        until("the cluster is whole", lambda: all("cluster_state:ok" in each.command("CLUSTER", "INFO") for each in masters) and
              sum(each.follows() for each in masters) == 3)
        return masters, type("Store", (), {"address": ",".join(each.address for each in masters[:3])})

    def cluster(self):
        masters, store = self._masters()
        trial = self.trial(store, name="cluster")
        refused = trial.admit()
        self.report.check(refused == 0, f"a cluster of three masters: {self.count} honest sign-ins", f"{refused} refused")
        trial.replay("a cluster without a fault")
        self._move_slots(masters, trial)
        trial.admit()
        slot = self._first_slot(masters[1])
        masters[1].kill()
        until("a replica is promoted", lambda: self._master_of(masters, slot, masters[0]) not in (None, masters[1]),
              lambda: trial.admit(20))
        trial.replay("a master killed, its replica promoted", "while fresh tokens were shown")
        served = trial.until_served()
        refused = trial.admit()
        trial.replay("after the promotion", f"served after {served}, {refused} honest sign-ins refused")

    def cluster_stopped(self):
        """Stops a master without an end of its connections, as a failed network does, and lets it become the master again."""
        masters, store = self._masters()
        trial = self.trial(store, name="stopped")
        trial.admit()
        for stopped, promoted in ((masters[1], "a replica"), (None, "the first master again")):
            stopped = stopped or self._master_of(masters, slot)
            slot = self._first_slot(stopped)
            stopped.process.send_signal(signal.SIGSTOP)
            until(f"{promoted} is promoted", lambda: self._master_of(masters, slot, masters[0]) not in (None, stopped),
                  lambda: trial.admit(20))
            began = time.monotonic()
            # Requests for the slots of the stopped master are refused up to the second after the change.
            until("the nodes serve all slots again", lambda: trial.admit() == 0)
            trial.replay(f"a master stopped, {promoted} promoted", f"all slots served after {time.monotonic() - began:.1f} s")
            stopped.process.send_signal(signal.SIGCONT)
            until("the stopped master follows its replica", stopped.follows)
            trial.admit()

    def _slots(self, asked):
        """Returns the first slot and the port of the master of each range, as a node of the cluster answers."""
        lines = [line.split() for line in asked.command("CLUSTER", "NODES").splitlines()]
        return [(int(words[8].split("-")[0]), int(words[1].split("@")[0].rsplit(":", 1)[1])) for words in lines
                if "master" in words[2] and "fail" not in words[2] and len(words) > 8]

    def _first_slot(self, master):
        return next(slot for slot, port in self._slots(master) if port == master.port)

    def _master_of(self, masters, slot, asked=None):
        ports = [port for first, port in self._slots(asked or masters[0]) if first == slot]
        return next((each for each in masters if each.port in ports), None)

    def _move_slots(self, masters, trial):
        ids = [each.command("CLUSTER", "MYID").strip() for each in masters[:2]]
        move = subprocess.Popen(["redis-cli", "--cluster", "reshard", f"127.0.0.1:{masters[0].port}", "--cluster-from", ids[0],
                                 "--cluster-to", ids[1], "--cluster-slots", "2000", "--cluster-yes"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        refused = 0
        while move.poll() is None:
            refused += trial.admit(20)
        trial.replay("2,000 slots moved meanwhile", f"{refused} honest sign-ins refused, exit {move.returncode}")


FAULTS = ("none", "one_token", "node_killed", "engine_killed", "both_killed", "stopped", "flushed", "clock", "full", "unfit",
          "cluster", "cluster_stopped")


def main(count="300", *chosen):
    with Work() as work:
        report = Report()
        faults = Faults(work, report, int(count))
        for name in chosen or FAULTS:
            print(f"== {name}", flush=True)
            getattr(faults, name)()
            for process in work.processes:
                process.poll() is None and (process.kill(), process.wait())
            work.processes.clear()
        sys.exit(report.failures > 0)


main(*sys.argv[1:])

"""The stores of valkey.py: single servers, clusters and sentinels. A relay simulates a network that fails.

REPLAY_STORE is the program of the server, `redis-server` if it is not set. The nodes use the store's user with exactly
the rights that the documentation of `kerberos-sso-valkey` lists."""

import asyncio
import os
import re
import socket
import threading
import time
from pathlib import Path

from authority import Authority
from work import run

PROGRAM = os.environ.get("REPLAY_STORE", "redis-server")
CRATE = Path(__file__).resolve().parents[2] / "crates/kerberos-sso-valkey"
# The user as which a node signs in to the store, with the password and the rights that the documentation lists.
STORE_USER = re.search(r"ACL SETUSER (sso on >secret ~.*)", (CRATE / "src/lib.rs").read_text()).group(1).split()
SENTINEL_USER = re.search(r"ACL SETUSER (sso on >secret \+.*)", (CRATE / "src/lib.rs").read_text()).group(1)


def free_ports(count):
    """Returns ports on which no process listens. A node of a cluster also uses the port whose number is 10,000
    higher."""
    ports = []
    while len(ports) < count:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port < 50_000:
            ports.append(port)
    return ports


def until(what, is_so, meanwhile=lambda: time.sleep(0.2), seconds=180):
    """Waits until `is_so` returns true, and calls `meanwhile` after each time that it returns false."""
    ends = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > ends:
            raise RuntimeError(f"after {seconds} s it is still not so that {what}")
        meanwhile()


class Redis:
    """A process of the server, which stores nothing on disk."""

    def __init__(self, work, *options, clock_offset=None, tls=None):
        self.work, self.options, (self.port,), self.tls = work, options, free_ports(1), tls
        self.home, self.env, self.process = work.dir(f"redis-{self.port}"), {}, None
        # The additional command-line options with which a node uses this store.
        self.node_options = ["--ca", tls.trusted] if tls else []
        if clock_offset:
            library = self.home / "clock_offset.so"
            run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, Path(__file__).with_name("clock_offset.c")])
            self.env = {"LD_PRELOAD": str(library), "CLOCK_OFFSET_FILE": str(clock_offset)}

    @property
    def address(self):
        return self.address_for("secret")

    def address_for(self, password):
        return f"redis{'s' if self.tls else ''}://sso:{password}@127.0.0.1:{self.port}"

    def start(self, *options):
        port = ["--port", "0", "--tls-port", self.port, *self.tls.options] if self.tls else ["--port", self.port]
        command = [PROGRAM, *port, "--bind", "127.0.0.1", "--save", "", "--dir", self.home, "--maxmemory", "200mb",
                   "--repl-diskless-sync-delay", "0", "--user", *STORE_USER, *self.options, *options]
        self.process = self.work.start(command, self.home / "log", self.port, self.env)
        return self

    def command(self, *words):
        tls = ["--tls", "--cacert", self.tls.trusted] if self.tls else []
        return run(["redis-cli", *tls, "-p", str(self.port), *map(str, words)])

    def follows(self):
        """Returns whether the process is a replica that has its master's data."""
        described = self.command("INFO", "replication")
        return "role:slave" in described and "master_link_status:up" in described

    def has_writes_of(self, master):
        """Returns whether the process, a replica, has all writes that its master had before the call."""
        def place(engine, name):
            return int(re.search(rf"^{name}:(\d+)", engine.command("INFO", "replication"), re.MULTILINE)[1])

        return place(master, "master_repl_offset") <= place(self, "slave_repl_offset")

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()


class Certificates(Authority):
    """A certification authority, and the options of a store with its certificate."""

    def __init__(self, work, name):
        super().__init__(work.dir(f"certificates-{name}"))
        self.options = ["--tls-cert-file", self.certificate, "--tls-key-file", self.key, "--tls-ca-cert-file", self.trusted,
                        "--tls-auth-clients", "no"]


class Cluster:
    """Three masters with one replica each. The clients reach the second master through a relay."""

    def __init__(self, work):
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-announce-ip", "127.0.0.1")
        self.nodes = [Redis(work, *options) for _ in range(6)]
        relayed = self.nodes[1]
        self.relay = Relay(relayed.port)
        relayed.options += ("--cluster-announce-port", self.relay.port, "--cluster-announce-bus-port", relayed.port + 10_000)
        for node in self.nodes:
            node.start()
        run(["redis-cli", "--cluster", "create", *(f"127.0.0.1:{each.port}" for each in self.nodes), "--cluster-replicas", "1",
             "--cluster-yes"])
        # A replica can be promoted only after it has once had its master's data. The test waits until all replicas have
        # this data.
        until("the cluster is whole", lambda: all("cluster_state:ok" in each.command("CLUSTER", "INFO") for each in self.nodes)
              and sum(each.follows() for each in self.nodes) == 3)
        self.address, self.node_options = ",".join(each.address for each in self.nodes[:3]), []

    def _slots(self, asked):
        """Asks the node `asked`. Returns the first slot of each range of slots, and the port of the range's master."""
        lines = [line.split() for line in asked.command("CLUSTER", "NODES").splitlines()]
        return [(int(words[8].split("-")[0]), int(words[1].split("@")[0].rsplit(":", 1)[1])) for words in lines
                if "master" in words[2] and "fail" not in words[2] and len(words) > 8]

    def first_slot(self, master):
        return next(slot for slot, port in self._slots(master) if self._at(port) is master)

    def master_of(self, slot, asked=None):
        ports = [port for first, port in self._slots(asked or self.nodes[0]) if first == slot]
        return self._at(ports[0]) if ports else None

    def is_promoted(self, slot, instead_of):
        """Returns whether the first node knows another master of a slot."""
        return self.master_of(slot) not in (None, instead_of)

    def _at(self, port):
        port = self.relay.to if port == self.relay.port else port
        return next((each for each in self.nodes if each.port == port), None)


class Sentinels:
    """A master with two replicas, and three sentinels. The master accepts writes only while it has both replicas."""

    # A master without connections to its replicas stops accepting writes after three seconds. The sentinels choose
    # another master after five seconds at the earliest.
    MAX_LAG, DOWN_AFTER = "3", 5_000

    def __init__(self, work):
        self.work = work
        options = ("--min-replicas-to-write", "2", "--min-replicas-max-lag", self.MAX_LAG)
        self.servers = [Redis(work, *options) for _ in range(3)]
        first = self.servers[0].start()
        for replica in self.servers[1:]:
            replica.start("--replicaof", "127.0.0.1", first.port)
        until("the replicas have the master's data", lambda: all(each.follows() for each in self.servers[1:]))
        self.ports = [self._start(port, first.port) for port in free_ports(3)]
        until("the sentinels know each other and the replicas", lambda: all(self._is_ready(port) for port in self.ports))
        self.address = ",".join(f"redis://sso:secret@127.0.0.1:{port}" for port in self.ports)
        self.node_options = ["--sentinel", "replay", "--master-credentials", "sso:secret"]

    def _start(self, port, master):
        home = self.work.dir(f"sentinel-{port}")
        (home / "conf").write_text(f"port {port}\nbind 127.0.0.1\ndir {home}\nuser {SENTINEL_USER}\n"
                                   f"sentinel monitor replay 127.0.0.1 {master} 2\n"
                                   f"sentinel down-after-milliseconds replay {self.DOWN_AFTER}\n"
                                   "sentinel failover-timeout replay 10000\nsentinel parallel-syncs replay 2\n")
        self.work.start([PROGRAM, home / "conf", "--sentinel"], home / "log", port)
        return port

    def _is_ready(self, port):
        words = run(["redis-cli", "-p", str(port), "SENTINEL", "MASTER", "replay"]).split("\n")
        facts = dict(zip(words[::2], words[1::2]))
        return facts.get("num-slaves") == "2" and facts.get("num-other-sentinels") == "2"

    def master(self):
        """Returns the server that all sentinels name as the master; `None` if they do not agree."""
        named = {run(["redis-cli", "-p", str(port), "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "replay"]).split()[-1]
                 for port in self.ports}
        return next((each for each in self.servers if {str(each.port)} == named), None)

    def is_promoted(self, instead_of):
        """Returns whether all sentinels name another server, and this server is a master."""
        master = self.master()
        return master not in (None, instead_of) and "role:master" in master.command("INFO", "replication")

    def has_replicas(self, master):
        return "min_slaves_good_slaves:2" in master.command("INFO", "replication")


class Relay:
    """A relay of TCP connections to a store. After `cut`, the relay passes no octets and ends no connection, as a failed network
    does."""

    def __init__(self, port):
        self.to, self.connections, self.cut_from, self.healed = port, 0, None, None
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self.loop).result()

    def cut(self, since=0):
        """Cuts the connections that began after the first `since` connections."""
        self.loop.call_soon_threadsafe(self._change, since)

    def heal(self):
        """Passes all octets again, including those that were sent during the cut."""
        self.loop.call_soon_threadsafe(self._change, None)

    def _change(self, cut_from):
        self.cut_from = cut_from
        (self.healed.set if cut_from is None else self.healed.clear)()

    def _next(self):
        """Returns the port to which the relay connects the next client."""
        return self.to

    async def _listen(self):
        self.healed = asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return server.sockets[0].getsockname()[1]

    async def _serve(self, reader, writer):
        number, self.connections = self.connections, self.connections + 1
        await self._passage(number)
        try:
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._next())
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._pass(number, reader, to_writer), self._pass(number, to_reader, writer))

    async def _pass(self, number, reader, writer):
        try:
            while octets := await reader.read(65_536):
                await self._passage(number)
                writer.write(octets)
                await writer.drain()
            await self._passage(number)
        except OSError:
            pass
        writer.close()

    async def _passage(self, number):
        while self.cut_from is not None and number >= self.cut_from:
            await self.healed.wait()

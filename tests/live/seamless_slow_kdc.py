"""Measures, with a slow KDC, whether the time of a refusal reveals that a name exists. The measurement takes long, so
CI does not run it.

  seamless_slow_kdc.py [NAMES]     NAMES: the number of names of each kind and delay, default 100

A relay before Samba's KDC holds each reply for a random time, up to the delay of the row. Each known name gets one wrong password, so
no account is locked. The last column is the probability that the refusal of an unknown name takes longer than that of a
known name. This probability is 0.5 if the times show nothing about the names."""

import concurrent.futures
import contextlib
import http.client
import random
import socket
import statistics
import sys
import threading
import time
import urllib.parse
from collections import Counter

from samba_ad import SSO_ACCOUNT
from seamless_server import HOST, Server, tenant
from work import Work
from world import World

PORT = 21590
DELAYS = (0.0, 0.3, 1.0, 2.0, 3.0)
AT_ONCE = 12
WRONG = "WRONG.Pass.1"


class SlowKdc:
    """A relay that holds each reply of the KDC for a random time of at most `delay` seconds."""

    def __init__(self, port):
        self.to, self.delay = port, 0.0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        with client, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.to)) as kdc:
            kdc.sendall(message(client))
            reply = message(kdc)
            time.sleep(random.uniform(0, self.delay))
            client.sendall(reply)


def message(connection):
    """Reads a message with its length before it (RFC 4120 section 7.2.2)."""
    size = exactly(connection, 4)
    return size + exactly(connection, int.from_bytes(size, "big"))


def exactly(connection, size):
    read = b""
    while len(read) < size:
        part = connection.recv(size - len(read))
        if not part:
            raise OSError("the connection has ended")
        read += part
    return read


def refuse(name, address):
    """Returns the status and the seconds of the refusal. The caller gives each request a different address, so the
    server locks no address."""
    body = urllib.parse.urlencode({"name": f"{name}@contoso.test", "password": WRONG})
    headers = {"Host": HOST, "Content-Type": "application/x-www-form-urlencoded"}
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60, source_address=(address, 0))
    with contextlib.closing(connection):
        connection.request("POST", "/contoso.test/password", body, headers)
        answer = connection.getresponse()
        answer.read()
    return answer.status, time.perf_counter() - started


def measure(known, unknown):
    """Sends the requests of the known and unknown names in random order, and returns the refusals of both kinds of
    names."""
    tries = [("known", name) for name in known] + [("unknown", name) for name in unknown]
    random.shuffle(tries)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        asked = [pool.submit(refuse, name, f"127.1.{index // 250}.{index % 250 + 1}") for index, (_, name) in enumerate(tries)]
        refusals = {"known": [], "unknown": []}
        for (kind, _), one in zip(tries, asked):
            refusals[kind].append(one.result())
    return refusals


def longer(unknown, known):
    """Returns the probability that a time of `unknown` is longer than one of `known`, from all pairs (Mann and
    Whitney)."""
    wins = sum(1.0 if one > other else 0.5 if one == other else 0.0 for one in unknown for other in known)
    return wins / (len(unknown) * len(known))


def main(count):
    with Work() as work:
        world = World(work)
        known = [f"slow{number}" for number in range(count * len(DELAYS))]
        for name in known:
            world.contoso.user(name, "Some.Pass.1")
        kdc = SlowKdc(world.contoso.port)
        one = {**tenant(world.contoso, world.contoso.keytab(SSO_ACCOUNT)), "kdc": f"127.0.0.1:{kdc.port}"}
        with Server(work, PORT, [one]):
            print("| delay of a reply | kind | statuses | times, s: least, median, most | unknown longer |\n|---|---|---|---|---|")
            for row, kdc.delay in enumerate(DELAYS):
                names = known[row * count:(row + 1) * count]
                refusals = measure(names, [f"nobody{row}x{number}" for number in range(count)])
                times = {kind: [seconds for _, seconds in of_kind] for kind, of_kind in refusals.items()}
                part = longer(times["unknown"], times["known"])
                for kind, seconds in times.items():
                    statuses = dict(Counter(status for status, _ in refusals[kind]))
                    least, median, most = min(seconds), statistics.median(seconds), max(seconds)
                    print(f"| {kdc.delay} s | {kind} | {statuses} | {least:.4f}, {median:.4f}, {most:.4f} | {part:.3f} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 100)

"""Runs a node for pta_nats.py: the example `pta_node`, which reads one sign-in per line and prints the verdicts."""

import json
import re
import subprocess
import threading
import time
from pathlib import Path

from crate import SYSTEM_TARGET, example

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/seamless/pta-nats/examples"
# The only password that the made-up agents accept.
PASSWORD = re.search(r'RIGHT: &str = "(.*)"', (EXAMPLE / "made_up/mod.rs").read_text()).group(1)
# The time in seconds for which a node must be connected before it believes that no other node has agents (queue.rs).
SETTLED = 1.0


class Node:
    """The process of a node, which runs the example `pta_node`. `agents` has the numbers of its made-up agents. `tls`
    has the authority, the certificate and the key."""

    def __init__(self, name, port, agents="", tls=None, expect_connection=True):
        command = [example("pta_node", SYSTEM_TARGET), "--name", name, "--broker", f"nats://localhost:{port}", "--agents", agents]
        for option, path in zip(("--ca", "--certificate", "--key"), tls or ()):
            command += [option, path]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.name, self.expect_connection, self.answers, self.words = name, expect_connection, [], set()
        self.changed, self.connected_at = threading.Condition(), None
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self):
        self._until(lambda: "ready" in self.words and (self.is_connected or not self.expect_connection), "the node is ready")
        return self

    def __exit__(self, *_):
        self.kill()

    @property
    def is_connected(self):
        return "connected" in self.words

    def _read(self):
        for line in self.process.stdout:
            said = json.loads(line)
            with self.changed:
                if "result" in said:
                    self.answers.append(said)
                else:
                    self.words |= set(said)
                    self.connected_at = time.monotonic()
                self.changed.notify_all()

    def _until(self, is_so, what, seconds=20):
        with self.changed:
            if not self.changed.wait_for(is_so, seconds):
                raise RuntimeError(f"{self.name}: after {seconds} s it is still not so that {what}")

    def wait_settled(self):
        """Waits until the node has been connected long enough to believe the broker that no node subscribes to its offers."""
        time.sleep(max(0, self.connected_at + SETTLED + 0.1 - time.monotonic()))

    def ask(self, password):
        self.process.stdin.write(password + "\n")
        self.process.stdin.flush()

    def wait(self, count, seconds=20):
        """Waits until there are `count` answers, and returns them."""
        self._until(lambda: len(self.answers) >= count, f"there are {count} answers", seconds)
        with self.changed:
            answers, self.answers = self.answers[:count], self.answers[count:]
        return answers

    def ask_and_wait(self, password):
        self.ask(password)
        return self.wait(1)[0]

    def kill(self):
        self.process.kill()
        self.process.wait()


def ask_all(node, count, each_second):
    """Sends `count` passwords to `node`, 20 a second. Every third password is wrong. Calls `each_second` once a second,
    and returns the number of calls."""
    began, calls = time.monotonic(), 0
    for number in range(count):
        while time.monotonic() < began + number / 20:
            time.sleep(0.005)
        node.ask("wrong" if number % 3 == 2 else "right")
        if number % 20 == 10:
            each_second()
            calls += 1
    return calls

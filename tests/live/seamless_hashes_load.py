"""Measures password hash synchronisation of a large directory. `seamless-agent sync lines` sends the lines of many users, and the
test kills the source and the server in between. Then more and more users sign in at the same time. There is no real directory:
the test makes the lines.

  seamless_hashes_load.py [--users N] [--iterations N] [--seconds N]

The test measures the programs in the folder `CARGO_TARGET_DIR`."""

import http.client
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

from impacket.ntlm import compute_nthash

from crate import of_sign_in_system
from report import Report
from seamless_server import LIMITS, Server, derived_keytab
from work import Work, run

REALM, TENANT, SID = "LOAD.TEST", "load.test", "S-1-5-21-1001-1002-1003"
PORT = 21960
LM = "aad3b435b51404eeaad3b435b51404ee"
TICKS = os.sysconf("SC_CLK_TCK")
AT_ONCE = (1, 2, 8, 64, 256)


def password(number):
    return f"Load.Pass.{number}"


def lines(path, users):
    """Writes lines as secretsdump prints them for a directory with many users."""
    with open(path, "w") as file:
        file.write("[*] Dumping Domain Credentials (domain\\uid:rid:lmhash:nthash)\n")
        for number in range(users):
            hashed = compute_nthash(password(number)).hex()
            file.write(f"{REALM}\\load{number}:{number + 2000}:{LM}:{hashed}::: (status=Enabled)\n")
        file.write("[*] Cleaning up... \n")


class Measured:
    """The CPU time and the peak memory of a program. If the test kills the program and starts it again, the figures
    include all its processes."""

    def __init__(self):
        self.seconds, self.peak, self.process = 0.0, 0, None

    def of(self, process):
        self.process, self.last = process, 0.0
        threading.Thread(target=self.watch, args=(process,), daemon=True).start()

    def watch(self, process):
        while process.poll() is None:
            self.note(process)
            time.sleep(0.2)

    def note(self, process):
        try:
            with open(f"/proc/{process.pid}/stat") as stat, open(f"/proc/{process.pid}/status") as status:
                fields = stat.read().rsplit(")", 1)[1].split()
                memory = next((int(line.split()[1]) for line in status if line.startswith("VmHWM")), 0)
        except OSError:
            return
        self.last = (int(fields[11]) + int(fields[12])) / TICKS
        self.peak = max(self.peak, memory // 1024)

    def ended(self):
        self.seconds += self.last
        self.last = 0.0


class Load:
    def __init__(self, work, users, iterations):
        self.work, self.users, self.iterations, self.report = work, users, iterations, Report()
        self.folder, self.file, self.state = work.dir("sync"), work.root / "lines", work.dir("state")
        self.agent, self.server_use, self.server = Measured(), Measured(), None
        self.log = self.folder / "sync.log"

    def start_server(self):
        ad = SimpleNamespace(realm=REALM)
        keytab, key = self.work.root / "sso.keytab", self.work.root / "hash.key"
        if not key.exists():
            derived_keytab(keytab, ad, "Any.Pass.1", 1, "LOAD.TESThostautologon")
            key.write_bytes(os.urandom(32))
            key.chmod(0o600)
        tenant = {"name": TENANT, "realm": REALM, "account": "AZUREADSSOACC$", "keytab": str(keytab), "domain_sids": [SID],
                  "password": {"method": "hash", "key": str(key)}}
        agents = {"listen": f"127.0.0.1:{PORT + 1}", "nodes": [f"https://127.0.0.1:{PORT + 1}"]}
        self.server = Server(self.work, PORT, [tenant], agents=agents, state={"directory": str(self.state)},
                             limits={**LIMITS, "password_seconds": 3})
        self.server_use.of(self.server.process)

    def kill_server(self):
        self.server_use.note(self.server.process)
        self.server.process.send_signal(signal.SIGKILL)
        self.server.process.wait()
        self.server_use.ended()

    def enrol(self):
        token = run([of_sign_in_system("seamless"), "agents", "--config", self.server.home / "seamless.json", "token", "--tenant",
                     TENANT, "--role", "phs"]).strip().splitlines()[-1]
        run([of_sign_in_system("seamless-agent"), "enrol", "--server", f"https://127.0.0.1:{PORT + 1}", "--token", token,
             "--dir", self.folder])

    def start_agent(self):
        command = [of_sign_in_system("seamless-agent"), "sync", "lines", "--domain-sid", SID, "--source", "load", "--complete",
                   "--iterations", str(self.iterations), "--dir", self.folder]
        with open(self.file) as text, open(self.log, "a") as log:
            process = subprocess.Popen([str(part) for part in command], stdin=text, stdout=log, stderr=log)
        self.work.processes.append(process)
        self.agent.of(process)
        return process

    def kill_agent(self, process):
        self.agent.note(process)
        process.kill()
        process.wait()
        self.agent.ended()

    def taken(self):
        """Returns, for each batch that the server took, the number of records, and the number of accounts that were
        left after the batch."""
        found = re.findall(r"took password hashes.*? records=(\d+) .*?left=(\d+)", self.server.log())
        return [(int(records), int(left)) for records, left in found]

    def until_left(self, left, process):
        """Waits until the source has at most `left` accounts left to send, or has ended."""
        while process.poll() is None and not any(one <= left for _, one in self.taken()[-1:]):
            time.sleep(0.2)

    def first_synchronisation(self):
        began = time.monotonic()
        source = self.start_agent()
        self.until_left(self.users * 2 // 3, source)
        self.kill_agent(source)
        killed = time.monotonic() - began
        source = self.start_agent()
        self.until_left(self.users // 3, source)
        self.kill_server()
        time.sleep(2)
        self.start_server()
        source.wait()
        self.agent.ended()
        seconds = time.monotonic() - began
        self.server_use.note(self.server.process)
        said = self.log.read_text()
        went_on = re.search(r"this run goes on.*? sent=(\d+)", said)
        self.report.check(source.returncode == 0, "the source succeeds although the source and the server were killed", said[-300:])
        self.report.check(went_on and int(went_on.group(1)) > 0, f"the source goes on where it was when it was killed, after {killed:.0f} s",
                          went_on and went_on.group(0))
        sent = sum(records for records, _ in self.taken())
        self.report.check(self.users <= sent <= self.users + 1000, "each account was sent once, except in batches that a kill interrupted", sent)
        progress = [line for line in said.splitlines() if "password hashes are sent" in line]
        self.report.check(progress, "the log shows the progress", f"{len(progress)} lines; one: {progress[len(progress) // 2]}")
        size = sum(path.stat().st_size for path in self.state.rglob("*") if path.is_file())
        print(f"{self.users} users, {self.iterations} iterations: {seconds:.0f} s in all, with the deaths\n"
              f"  source: {self.agent.seconds:.0f} s of CPU time, {self.agent.peak} MiB at most\n"
              f"  server: {self.server_use.seconds + self.server_use.last:.0f} s of CPU time, {self.server_use.peak} MiB at most\n"
              f"  store: {size / 2**20:.0f} MiB, {size / self.users:.0f} octets for each user", flush=True)

    def sample(self, count):
        chosen = random.Random(11).sample(range(self.users), count)
        lost = [number for number in chosen if not self.sign_in(number)[0]]
        self.report.check(not lost, f"{count} users, chosen by chance, sign in", lost or "all")
        wrong = self.server.password(f"load{chosen[0]}", "Load.Pass.x", tenant=TENANT)
        self.report.check(wrong.status == 403, "a wrong password does not sign in", wrong.status)

    def sign_in(self, number):
        began = time.monotonic()
        try:
            answer = self.server.password(f"load{number}", password(number), tenant=TENANT)
        except (OSError, http.client.HTTPException):
            return False, "no answer", time.monotonic() - began
        return bool(answer.session()), answer.status, time.monotonic() - began

    def load(self, at_once, seconds):
        """Signs users in for `seconds` seconds, `at_once` of them at the same time. Each sign-in uses a different
        user."""
        end, done, lock = time.monotonic() + seconds, [], threading.Lock()
        # The server checks the passwords of a name one after the other, so no user signs in twice.
        numbers = iter(random.Random(at_once).sample(range(self.users), self.users))

        def users():
            while time.monotonic() < end:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                done.append(self.sign_in(number))

        self.server_use.note(self.server.process)
        before, began = self.server_use.last, time.monotonic()
        threads = [threading.Thread(target=users) for _ in range(at_once)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        spent = time.monotonic() - began
        self.server_use.note(self.server.process)
        good = sorted(time for signed_in, _, time in done if signed_in)
        other = {}
        for signed_in, status, _ in done:
            if not signed_in:
                other[status] = other.get(status, 0) + 1
        cpu = (self.server_use.last - before) / max(len(done), 1)
        slow = good[int(len(good) * 0.99)] if good else 0
        middle = statistics.median(good) if good else 0
        print(f"  {at_once:3} at once: {len(good) / spent:6.1f} sign-ins a second, {middle * 1000:5.0f} ms in the middle, "
              f"{slow * 1000:5.0f} ms for 99 %, {cpu * 1000:.0f} ms of CPU time each, refused by status: {other or 'none'}", flush=True)


def main(arguments):
    values = {name: int(value) for name, value in zip(arguments[::2], arguments[1::2])}
    users, iterations = values.get("--users", 100_000), values.get("--iterations", 100_000)
    with Work() as work:
        load = Load(work, users, iterations)
        lines(load.file, users)
        load.start_server()
        load.enrol()
        load.first_synchronisation()
        load.sample(min(100, users))
        for at_once in AT_ONCE:
            load.load(at_once, values.get("--seconds", 10))
        return 1 if load.report.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

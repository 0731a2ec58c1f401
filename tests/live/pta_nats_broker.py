"""Runs the broker for pta_nats.py, makes its certificates, and looks for a password in the broker's log and memory."""

import base64
import os
import re
import subprocess
import time
from pathlib import Path

from authority import NEW_KEY
from valkey_engines import free_ports, until
from work import run

PROGRAM = os.environ.get("NATS_SERVER", "nats-server")
CONFIGURATION = Path(__file__).resolve().parents[2] / "examples/seamless/deploy/nats-server.conf"
# The domain of the user names in the broker's configuration.
DOMAIN = "nodes.sign-in.test"


class Broker:
    """A `nats-server` process. Without `certificates`, the broker listens on loopback without TLS. With `certificates`,
    the broker has the configuration of deploy/ and these certificates."""

    def __init__(self, work, certificates=None, trace=False):
        self.work, (self.port,), home = work, free_ports(1), work.dir("broker")
        self.log = home / "log"
        self.options = ["--log", self.log]
        if certificates:
            configuration = home / "nats-server.conf"
            configuration.write_text(certificates.configuration(CONFIGURATION.read_text(), self.port))
            self.options += ["--config", configuration]
        else:
            self.options += ["--addr", "127.0.0.1", "--port", str(self.port)]
        if trace:
            self.options.append("-DV")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()

    def start(self):
        self.process = self.work.start([PROGRAM, *self.options], self.log.with_name("output"), self.port)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def kill_and_start(self):
        """Kills the broker with -9, and starts it again. Does not wait until the broker listens."""
        self.kill()
        self.process = subprocess.Popen([PROGRAM, *map(str, self.options)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def text(self):
        return self.log.read_text(errors="replace")

    def until_log_has(self, *words):
        until(f"the broker's log has {words}", lambda: all(word in self.text() for word in words), seconds=10,
              meanwhile=lambda: time.sleep(0.05))


class Certificates:
    """The authority for the nodes and the broker, and a second authority that nobody trusts."""

    def __init__(self, home):
        self.home = home
        self.trusted, self.other = self._authority("nodes"), self._authority("other")
        self.certificate, self.key = self._issue("broker", "localhost", "nodes")

    def configuration(self, text, port):
        """Returns the configuration of deploy/ with the address and the files of the test."""
        for before, after in [("0.0.0.0:4222", f"127.0.0.1:{port}"), ("/etc/seamless/broker.pem", self.certificate),
                              ("/etc/seamless/broker.key", self.key), ("/etc/seamless/nodes-ca.pem", self.trusted)]:
            assert text.count(before) == 1, before
            text = text.replace(before, str(after))
        return text

    def of(self, node):
        return self.trusted, *self._issue(node, f"{node}.{DOMAIN}", "nodes")

    def foreign(self, node):
        return self.trusted, *self._issue(f"foreign-{node}", f"{node}.{DOMAIN}", "other")

    def _authority(self, name):
        certificate = self.home / f"{name}.pem"
        run(["openssl", "req", "-x509", *NEW_KEY, "-days", "30", "-subj", f"/CN={name}", "-keyout", self.home / f"{name}.key",
             "-out", certificate])
        return certificate

    def _issue(self, name, host, authority):
        certificate, key, request, names = (self.home / f"of-{name}.{kind}" for kind in ("pem", "key", "csr", "names"))
        if not certificate.exists():
            run(["openssl", "req", *NEW_KEY, "-subj", f"/CN={host}", "-keyout", key, "-out", request])
            names.write_text(f"subjectAltName=DNS:{host}\n")
            run(["openssl", "x509", "-req", "-in", request, "-CA", self.home / f"{authority}.pem", "-CAkey",
                 self.home / f"{authority}.key", "-CAcreateserial", "-days", "30", "-extfile", names, "-out", certificate])
        return certificate, key


def forms(password):
    """Returns the octets of a password, and their forms in base64, base64url and hexadecimal digits. Base64 has three forms,
    which depend on the position of the password in the encoded octets. The first and last digits are left out, because they
    depend on the octets beside the password."""
    found = []
    for octets in (password.encode(), password.encode("utf-16-le")):
        found += [octets, octets.hex().encode(), octets.hex().upper().encode()]
        for shift in range(3):
            whole = base64.b64encode(bytes(shift) + octets).rstrip(b"=")[2 if shift else 0:-2]
            whole = whole[2:] if shift else whole
            found += [whole, whole.translate(bytes.maketrans(b"+/", b"-_"))]
    return found


def in_memory(pid, forms):
    """Returns those of `forms` that the memory of a process contains."""
    found, maps = set(), Path(f"/proc/{pid}/maps").read_text()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for first, last in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw", maps, re.MULTILINE):
            try:
                memory.seek(int(first, 16))
                octets = memory.read(int(last, 16) - int(first, 16))
            except (OSError, ValueError, OverflowError):
                continue
            found |= {form for form in forms if form in octets}
    return found

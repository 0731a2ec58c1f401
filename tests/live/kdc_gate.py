"""Stands between an agent and its KDC. While the gate is shut, it holds back the agent's requests. So a test can kill a
process while an agent waits for the KDC."""

import contextlib
import socket
import struct
import threading

from work import wait


class KdcGate:
    def __init__(self, kdc_port):
        self.kdc, self.kept, self.lock = ("127.0.0.1", kdc_port), 0, threading.Lock()
        self.way = threading.Event()
        self.way.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.way.set()

    @contextlib.contextmanager
    def shut(self):
        """Keeps the requests that arrive while the `with` block runs. `wait_kept` waits for such a request."""
        with self.lock:
            self.kept = 0
        self.way.clear()
        try:
            yield self
        finally:
            self.way.set()

    def open(self):
        """Sends the kept requests to the KDC before the `with` block ends."""
        self.way.set()

    def wait_kept(self, count=1):
        if not wait(lambda: self.kept >= count, 20):
            raise RuntimeError("no agent asks the KDC behind the gate")

    def _listen(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._relay, args=(self.listener.accept()[0],), daemon=True).start()

    def _relay(self, agent):
        """Relays one request and its reply: an agent opens a connection for each request."""
        with agent, contextlib.suppress(OSError, EOFError):
            request = message(agent)
            if not self.way.is_set():
                with self.lock:
                    self.kept += 1
                self.way.wait()
            with socket.create_connection(self.kdc) as kdc:
                kdc.sendall(request)
                agent.sendall(message(kdc))


def message(connection):
    """Reads a message with the length before it (RFC 4120 section 7.2.2)."""
    head = octets(connection, 4)
    return head + octets(connection, struct.unpack(">I", head)[0])


def octets(connection, count):
    found = b""
    while len(found) < count:
        more = connection.recv(count - len(found))
        if not more:
            raise EOFError
        found += more
    return found

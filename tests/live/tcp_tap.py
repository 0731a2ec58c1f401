"""Relays TCP connections to a server, and keeps all octets of both directions."""

import contextlib
import socket
import threading


class TcpTap:
    def __init__(self, to):
        self.to, self.parts, self.lock = to, [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def octets(self):
        """Returns all octets of each direction of each connection, joined together. A search in these octets therefore
        finds a text even if the tap read it in two pieces."""
        with self.lock:
            return b"\n".join(bytes(part) for part in self.parts)

    def _listen(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.to))
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._copy, args=(one, other), daemon=True).start()

    def _copy(self, one, other):
        part = bytearray()
        with self.lock:
            self.parts.append(part)
        with contextlib.suppress(OSError):
            while octets := one.recv(65_536):
                with self.lock:
                    part += octets
                other.sendall(octets)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_WR)

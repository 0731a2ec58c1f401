"""Relays the frames of frames.h between a client and a server, keeps the frames of both sides, and can change or repeat tokens."""

import contextlib
import socket
import threading

from frames import Frames


class Relay:
    """A relay. `change` returns the token that the relay sends to the client in place of a token of the server. With
    `twice`, the relay first sends the client's first token to the server over a separate connection, so that the
    client's token is a replay. If a client is refused and tries again, the relay opens a new connection to the
    server."""

    def __init__(self, port, change=lambda token: token, twice=False):
        self.to, self.change, self.twice = port, change, twice
        self.frames = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def frame(self, kind, answered):
        """Finds the first client frame of this kind whose answer has a kind in `answered`. Returns the payloads of the frame
        and of its answer."""
        return next((said, answer) for a, said, b, answer in self.frames if a == kind and b in answered)

    def _listen(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                with client, contextlib.suppress(EOFError):
                    self._relay(Frames(client))

    def _relay(self, client):
        kind, payload = client.receive()
        if self.twice:
            with self._server() as server:
                ask(server, kind, payload)
        while True:
            with self._server() as server:
                answered = None
                while answered != "R":
                    answered, answer = ask(server, kind, payload)
                    self.frames.append((kind, payload, answered, answer))
                    client.send(answered, self.change(answer) if kind == "T" else answer)
                    kind, payload = client.receive()

    @contextlib.contextmanager
    def _server(self):
        """Opens a connection to the server, which serves one connection at a time."""
        with socket.create_connection(("127.0.0.1", self.to)) as connection:
            yield Frames(connection)


def ask(server, kind, payload):
    server.send(kind, payload)
    return server.receive()

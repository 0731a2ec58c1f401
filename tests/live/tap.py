"""Relays between a client and a server, and records the requests of HTTP, or the messages of Kerberos over TCP."""

import contextlib
import http.client
import http.server
import socket
import ssl
import threading
from dataclasses import dataclass

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
TGS_REQ, TGS_REP = 0x6C, 0x6D


@dataclass
class Exchange:
    """One request and its response."""
    method: str
    path: str
    headers: http.client.HTTPMessage
    status: int
    answered: http.client.HTTPMessage


class HttpTap:
    """Sends each request on to the server at `to`, over TLS. The tap does not change the host and the origin that the
    browser wrote. The tap shows the browser the server's own certificate."""

    def __init__(self, port, to, authority):
        self.seen = []
        self.trusts = ssl.create_default_context(cafile=authority.trusted)
        self.server = Quiet(("127.0.0.1", port), self._handler(to))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.certificate, authority.key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def find(self, path, which=lambda exchange: True):
        """Returns the first exchange whose path begins with `path`, or `None`."""
        return next((exchange for exchange in list(self.seen) if exchange.path.startswith(path) and which(exchange)), None)

    def _handler(tap, to):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server = http.client.HTTPSConnection("127.0.0.1", to, timeout=30, context=tap.trusts)
                with contextlib.closing(server) as connection:
                    connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                    for name, value in self.headers.items():
                        connection.putheader(name, value)
                    connection.endheaders(body)
                    response = connection.getresponse()
                    answer = response.read()
                tap.seen.append(Exchange(self.command, self.path, self.headers, response.status, response.headers))
                self.send_response_only(response.status)
                for name, value in response.headers.items():
                    if name.lower() not in HOP_BY_HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # the page may be gone
                    self.wfile.write(answer)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        return Handler


class Quiet(http.server.ThreadingHTTPServer):
    """A server that prints no error if a browser closes a connection."""

    def handle_error(self, *_):
        pass


class KdcTap:
    """Sends each Kerberos message on to the KDC at `port` (RFC 4120 section 7.2.2), and records the message."""

    def __init__(self, port):
        self.kdc, self.asked, self.answered = port, [], []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def asks_for(self, service):
        """Returns whether a client has asked the KDC for a ticket for the service. The tap can read the service's name,
        because a TGS-REQ does not encrypt it."""
        return any(message[0] == TGS_REQ and service.encode() in message for message in self.asked)

    def gives(self):
        """Returns whether the KDC has issued a ticket for a service."""
        return any(message[0] == TGS_REP for message in self.answered)

    def _listen(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        with client, socket.create_connection(("127.0.0.1", self.kdc)) as kdc, contextlib.suppress(OSError):
            while message := received(client):
                self.asked.append(message)
                send(kdc, message)
                answer = received(kdc)
                self.answered.append(answer)
                send(client, answer)


def send(stream, message):
    stream.sendall(len(message).to_bytes(4, "big") + message)


def received(stream):
    """Returns one message, or nothing if the stream has ended."""
    return octets(stream, int.from_bytes(octets(stream, 4), "big"))


def octets(stream, size):
    read = b""
    while len(read) < size and (more := stream.recv(size - len(read))):
        read += more
    return read

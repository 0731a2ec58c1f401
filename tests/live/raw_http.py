"""Sends requests of any octets on a socket, and returns the status of the response."""

import socket

from web import HOST

FORM = "application/x-www-form-urlencoded"
CLOSED, SECONDS = "closed", 25


def exchange(port, octets):
    """Sends octets and returns the status, or CLOSED if the server closes the connection without a response."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as stream:
        try:
            stream.sendall(octets)
            return status_of(stream)
        except ConnectionError:
            return CLOSED


def drip(port, head):
    """Sends `head` and then one octet at a time. Returns the status, CLOSED, or "still open" if the server waits too long."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as stream:
        stream.sendall(head)
        stream.settimeout(0.5)
        for _ in range(2 * SECONDS):
            try:
                return status_of(stream)
            except TimeoutError:
                pass
            try:
                stream.sendall(b"x")
            except ConnectionError:
                return CLOSED
        return "still open"


def request(method, path, body=None, kind=None, more=b"", version="HTTP/1.1"):
    head = f"{method} {path} {version}\r\nHost: {HOST}\r\nConnection: close\r\n".encode("latin-1") + more
    head += f"Content-Type: {kind}\r\n".encode("latin-1") if kind else b""
    head += f"Content-Length: {len(body)}\r\n".encode() if body is not None else b""
    return head + b"\r\n" + (body or b"")


def status_of(stream):
    """Returns the status of the response, or CLOSED if the server closes or resets the connection without a response."""
    said = b""
    try:
        while b"\r\n" not in said:
            more = stream.recv(4096)
            if not more:
                return CLOSED
            said += more
    except ConnectionError:
        return CLOSED
    return int(said.split()[1])

"""Sends password forms to a sign-in server from several threads, and keeps the status and the time of each answer. The requests
are built before the test, so that the sender uses little CPU time during the measurement."""

import socket
import threading
import time
import urllib.parse
from dataclasses import dataclass

from web import HOST

SLOWEST = 60


@dataclass
class Answer:
    """The answer to a form. `is_right` says whether the form had the right password. `status` is None if the connection
    ended without an answer."""

    is_right: bool
    status: int | None
    seconds: float

    @property
    def is_as_asked(self):
        return self.status == (303 if self.is_right else 403)


def form(tenant, name, password):
    body = urllib.parse.urlencode({"name": name, "password": password})
    return (f"POST /{tenant}/password HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()


def ask(port, request):
    """Returns the status of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=SLOWEST) as connection:
        connection.sendall(request)
        answer = b""
        while octets := connection.recv(65_536):
            answer += octets
    return int(answer.split(b" ", 2)[1]) if answer else None


def send(port, wanted, count, each_second=lambda: None):
    """Sends the requests in `wanted` from `count` threads. Each item is a pair of a request and whether its password is
    right. Calls `each_second` once a second until all are answered. Returns the answers, and the seconds from the start
    of the threads to the last answer."""
    waiting, answers, lock = iter(wanted), [], threading.Lock()

    def work():
        while True:
            with lock:
                request, is_right = next(waiting, (None, None))
            if request is None:
                return
            began = time.monotonic()
            try:
                status = ask(port, request)
            except OSError:
                status = None
            answers.append(Answer(is_right, status, time.monotonic() - began))

    workers, began = [threading.Thread(target=work) for _ in range(count)], time.monotonic()
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        at = time.monotonic()
        each_second()
        while time.monotonic() < at + 1 and any(worker.is_alive() for worker in workers):
            time.sleep(0.01)
    return answers, time.monotonic() - began


def quantile(values, share):
    values = sorted(values)
    return values[min(int(len(values) * share), len(values) - 1)] if values else 0.0

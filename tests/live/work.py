"""Manages the working directory and the processes of one run. When the run ends, even after an error, the directory is
deleted and the processes are stopped."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Samba's files are removed after the run, so Samba need not flush them to the disk.
os.environ["TDB_NO_FSYNC"] = "1"


class Work:
    def __enter__(self):
        self.root = Path(tempfile.mkdtemp(prefix="kerberos-sso-live."))
        self.processes = []
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        return self

    def __exit__(self, kind, *_):
        for process in reversed(self.processes):
            self.stop(process)
        if kind is None or not os.environ.get("KEEP_WORK"):
            shutil.rmtree(self.root, ignore_errors=True)

    def dir(self, name):
        path = self.root / name
        path.mkdir(exist_ok=True)
        return path

    def spawn(self, command, log, env=None):
        """Starts a program that runs until the whole test run ends."""
        with open(log, "ab") as out:
            process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                       env={**os.environ, **(env or {})}, start_new_session=True)
        self.processes.append(process)
        return process

    def start(self, command, log, port, env=None, address="127.0.0.1"):
        """Starts a server and waits until it listens on the loopback `port`."""
        process = self.spawn(command, log, env)
        for _ in range(100):
            if process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex((address, port)) == 0:
                    return process
            time.sleep(0.1)
        raise RuntimeError(f"{command[0]} does not listen on {port}: {Path(log).read_text(errors='replace')[-2000:]}")

    def stop(self, process):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def attempt(command, env=None, seconds=120):
    """Runs a command that may fail. Returns the exit status of the command, and the whole output of the command in one
    line."""
    done = subprocess.run([str(c) for c in command], env={**os.environ, **(env or {})}, capture_output=True, text=True,
                          timeout=seconds)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def run(command, env=None, text=None, check=True):
    """Runs a command to its end and returns its output. If the command fails, its errors are shown."""
    done = subprocess.run([str(c) for c in command], env={**os.environ, **(env or {})}, input=text,
                          capture_output=True, text=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done.stdout


def wait(condition, seconds=10):
    end = time.monotonic() + seconds
    while not (so := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return so

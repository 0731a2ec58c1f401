"""Runs `seamless-admin`, kills it at a step, and looks for passwords in places that must not have them."""

import base64
import contextlib
import json
import os
import pty
import signal
import subprocess
import time
from pathlib import Path

from crate import seamless_admin
from samba_ad import ADMIN_PASSWORD, SSO_ACCOUNT
from seamless_server import wrong_time

STEP = "done: "


class Done:
    """A run of the tool that has ended."""

    def __init__(self, code, lines, errors):
        self.code, self.lines, self.errors = code, lines, errors
        self.steps = [line[len(STEP):] for line in lines if line.startswith(STEP)]
        self.all = " ".join([*lines, errors])

    def says(self, *words):
        return all(word.lower() in self.all.lower() for word in words)

    def json(self):
        """Returns the JSON of the last line: the lines before it are steps."""
        return json.loads(self.lines[-1])

    def last(self):
        return f"status {self.code}, {(self.errors.split(chr(10))[0] or (self.lines or [''])[-1])[:200]}"


class Seen:
    """Collects the arguments of the tool's processes, which everyone on this machine can read, and their environment,
    which the same user can read. Also collects the passwords of the administrators, and the passwords of the account
    that the journal has during a run."""

    def __init__(self):
        self.shown, self.of_administrators, self.of_account = set(), {ADMIN_PASSWORD}, set()


SEEN = Seen()


class AdminTool:
    """The tool with its files in a folder of their own: the keytab, the journal beside it, and the server's configuration."""

    def __init__(self, dc, home, user="administrator", password=ADMIN_PASSWORD):
        self.dc, self.home, self.user, self.password = dc, home, user, password
        self.keytab, self.config = home / "sso.keytab", home / "seamless.json"
        self.journal, self.retirement = home / "sso.keytab.journal", home / "sso.keytab.retiring"
        self.trusted, self.seen = dc.authority.trusted, SEEN

    def begin(self, command, *options, at=None, env=None):
        """Starts a command, and passes the password to it through a file descriptor."""
        reads, writes = os.pipe()
        arguments = [seamless_admin(), command, "--forest", self.dc.realm.lower(), "--dc", at or self.dc.name, "--as", self.user,
                     "--ca", self.trusted, "--keytab", self.keytab, "--password-fd", reads, *options]
        process = subprocess.Popen([str(part) for part in arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, pass_fds=[reads], cwd=self.home,
                                   env={**os.environ, **self.dc.names.env, **(env or {})})
        os.close(reads)
        with contextlib.suppress(BrokenPipeError):  # the tool refused its arguments
            os.write(writes, self.password.encode() + b"\n")
        os.close(writes)
        return process

    def run(self, command, *options, stop_after=None, later=0, **how):
        """Runs a command to its end. With `stop_after`, kills the tool when it has printed that many steps, or `later`
        seconds after that."""
        process = self.begin(command, *options, **how)
        lines, steps = [], 0
        self.look(process)
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            steps += line.startswith(STEP)
            if steps == stop_after:
                time.sleep(later)
                process.send_signal(signal.SIGKILL)
                break
            self.look(process)
        errors = process.communicate(timeout=120)[1]
        return Done(process.returncode, lines, errors)

    def at_terminal(self, command, *options):
        """Runs a command that asks for the password on its terminal, and types the password when the prompt appears.
        Returns the exit status and everything that the terminal showed."""
        arguments = [seamless_admin(), command, "--forest", self.dc.realm.lower(), "--dc", self.dc.name, "--as", self.user,
                     "--ca", self.trusted, "--keytab", self.keytab, *options]
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(arguments[0], [str(part) for part in arguments], {**os.environ, **self.dc.names.env})
        shown, typed = b"", False
        with contextlib.suppress(OSError):  # the terminal ends with the tool
            while octets := os.read(terminal, 4096):
                shown += octets
                if not typed and b"Password of" in shown:
                    typed = os.write(terminal, self.password.encode() + b"\n") > 0
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()

    def enable(self, *options, **how):
        return self.run("enable", "--config", self.config, *options, **how)

    def prune(self, *options, later=0):
        """Runs `prune`, which needs neither a password nor the name of the directory. The tool's clock is `later`
        seconds ahead."""
        done = subprocess.run([str(part) for part in (seamless_admin(), "prune", "--keytab", self.keytab, *options)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=self.home, timeout=60,
                              env={**os.environ, **wrong_time(later)})
        return Done(done.returncode, done.stdout.splitlines(), done.stderr)

    def rollover(self, *options, **how):
        return self.run("rollover", *options, **how)

    def status(self, *options, **how):
        return self.run("status", *options, **how)

    def tenants(self):
        return json.loads(self.config.read_text())["tenants"]

    def look(self, process):
        """Records the arguments and the environment of the running tool, and the passwords of this run."""
        for name in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                self.seen.shown.add(Path(f"/proc/{process.pid}/{name}").read_bytes())
        self.seen.of_administrators.add(self.password)
        with contextlib.suppress(OSError):
            self.seen.of_account.add(json.loads(self.journal.read_text())["password"])

    def versions(self):
        """Returns the key versions that the keytab has for the account."""
        entries = subprocess.run(["klist", "-k", self.keytab], capture_output=True, text=True, check=True).stdout
        return {int(line.split()[0]) for line in entries.splitlines() if f" {SSO_ACCOUNT}@" in line}


def shapes(password):
    """Returns the forms in which a file could have the password: plain, in the form of `unicodePwd`, and both forms in
    base64 at each alignment."""
    plain, wide = password.encode(), password.encode("utf-16-le")
    encoded = {base64.b64encode(b" " * shift + octets)[4:-4] for octets in (plain, wide) for shift in range(3)}
    return {plain, wide, *encoded}


def places(folder, passwords, but=()):
    """Returns the files below a folder that have one of the passwords."""
    wanted = set().union(*(shapes(password) for password in passwords))
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path not in but:
            octets = path.read_bytes()
            found += [path.name for shape in wanted if shape in octets][:1]
    return found

"""Counts the copies of the two passwords in the memory of `seamless-admin` while it runs. The tool overwrites its own copies and all
memory that it frees, so a copy is left only where a library still holds one."""

import json
import signal
from pathlib import Path

# The largest numbers of copies that were measured: the tool's own copy of each password, and the copies in the LDAP
# connections.
MOST_OF_ADMINISTRATOR, MOST_OF_ACCOUNT = 3, 2


def check(forest, report):
    tool = forest.tool
    process = tool.begin("rollover", "--no-node")
    for line in process.stdout:
        if "has the new password" in line:
            process.send_signal(signal.SIGSTOP)
            octets, account = memory(process.pid), json.loads(tool.journal.read_text())["password"]
            process.send_signal(signal.SIGCONT)
            found = {name: copies(octets, password) for name, password in (("administrator", tool.password), ("account", account))}
    errors = process.communicate(timeout=120)[1]
    report.check(process.returncode == 0, "rollover while its memory is read", errors.split("\n")[0][:200])
    report.check(1 <= found["administrator"] <= MOST_OF_ADMINISTRATOR and 1 <= found["account"] <= MOST_OF_ACCOUNT,
                 "the tool's memory has few copies of the passwords after the change", found)


def copies(octets, password):
    """Returns how often the octets contain a password, as text and in the form of `unicodePwd`."""
    return octets.count(password.encode()) + octets.count(password.encode("utf-16-le"))


def memory(pid):
    """Returns the memory that the process can write to: its heap, its stacks and its data."""
    found = []
    with open(f"/proc/{pid}/mem", "rb", 0) as octets:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights = line.split()[:2]
            if rights.startswith("rw"):
                start, end = (int(part, 16) for part in span.split("-"))
                octets.seek(start)
                found.append(octets.read(end - start))
    return b"\0".join(found)

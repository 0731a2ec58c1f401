"""Runs a program whose host names lead to loopback. The configuration of the machine does not change. If root may make
network namespaces, the program has a network of its own, with only loopback. In a container without CAP_SYS_ADMIN, the
program shares the network of the container."""

import os
import socket
import subprocess
import tempfile
from pathlib import Path

from judges import NSS_WRAPPER

ALONE = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


def run_where(hosts, command):
    """Runs a command for which the hosts lead to loopback, and shows its output. Returns the exit status of the
    command."""
    with tempfile.TemporaryDirectory() as folder:
        names = Path(folder) / "hosts"
        names.write_text(f"127.0.0.1 localhost {' '.join(hosts)}\n")
        alone = ALONE if subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode == 0 else []
        env = {**os.environ, "LD_PRELOAD": NSS_WRAPPER, "NSS_WRAPPER_HOSTS": str(names)}
        return subprocess.run([*alone, *map(str, command)], env=env, check=False).returncode


def demand(hosts):
    """Fails unless the hosts lead to loopback, so that no request of a test can leave the machine."""
    for host in hosts:
        found = {address[0] for *_, address in socket.getaddrinfo(host, 443)}
        if found != {"127.0.0.1"}:
            raise RuntimeError(f"{host} leads to {found}: start this program with loopback.run_where")

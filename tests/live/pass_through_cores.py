"""Looks for a password in the memory of every process that the password passes. These are the node that received the
form, the node of the agent, the agent, the broker and the store. The test writes a core of each process with gcore
(gdb), and counts the forms of the password in it.

  pass_through_cores.py     needs gdb, nats-server, redis-server, and a server with the feature `nats`

The test fails if the password is in the memory of a process that docs/pass-through.md does not name."""

import base64
import json
import re
import subprocess
import sys
import urllib.parse

from crate import of_sign_in_system
from pta_nats_broker import Broker
from report import Report
from samba_ad import SSO_ACCOUNT
from seamless_server import Server, tenant, wait
from valkey_engines import free_ports
from work import Work, attempt
from world import World

USER = "cores"
PASSWORD = "Kern&Abzug=91/?xüQ"
WRONG = "Falsch&Abzug=77/?xüQ"


def forms(password):
    """Returns the octets of a password in each form in which a buffer can have it."""
    octets = password.encode()
    # The base64 of a text depends on the number of octets before the text. The first and the last digits also have bits
    # of other octets.
    in_base64 = [base64.b64encode(b"x" * before + octets)[4 * -(-before // 3):].rstrip(b"=")[:-1] for before in range(3)]
    quoted = urllib.parse.quote_plus(password).encode()
    return {"plain": [octets], "UTF-16LE": [password.encode("utf-16-le")], "base64": in_base64,
            "percent-encoded": [quoted, quoted.lower()], "JSON": [json.dumps(password)[1:-1].encode()]}


def counts(core, password):
    """Returns how often each form is in a core. Leaves out the forms that the core does not have."""
    found = {}
    for form, texts in forms(password).items():
        number = sum(len(re.findall(re.escape(text), core)) for text in texts)
        if number:
            found[form] = number
    return found


def core_of(work, name, process):
    prefix = work.dir("cores") / name
    subprocess.run(["gcore", "-o", str(prefix), str(process.pid)], check=True, capture_output=True)
    path = prefix.with_name(f"{name}.{process.pid}")
    octets = path.read_bytes()
    path.unlink()
    return octets


def node(work, number, port, listen, ad, keytab, store, broker):
    agents = {"listen": f"127.0.0.1:{listen}", "nodes": [f"https://127.0.0.1:{listen}"],
              "socket": str(work.dir(f"seamless{port}") / "agents.sock"),
              "broker": {"url": f"nats://127.0.0.1:{broker}", "node": f"n{number}"}}
    config = tenant(ad, keytab, password={"method": "pass-through"})
    del config["kdc"]
    secret = work.root / "secret"
    state = {"valkey": f"redis://127.0.0.1:{store}", "secret": str(secret)}
    return Server(work, port, [config], agents=agents, state=state)


def main():
    with Work() as work:
        world, report = World(work), Report()
        world.contoso.user(USER, PASSWORD)
        keytab = work.root / "cores.keytab"
        keytab.write_bytes(world.contoso.keytab(SSO_ACCOUNT).read_bytes())
        secret = work.root / "secret"
        secret.write_bytes(bytes(range(32)))
        secret.chmod(0o600)
        store, one, two, listen_one, listen_two = free_ports(5)
        engine = work.start(["redis-server", "--port", str(store), "--save", "", "--appendonly", "no"], work.root / "store", store)
        with Broker(work) as broker:
            first = node(work, 1, one, listen_one, world.contoso, keytab, store, broker.port)
            second = node(work, 2, two, listen_two, world.contoso, keytab, store, broker.port)
            agent = start_agent(work, second, listen_two, world.contoso)
            for name, password, status in ((USER, PASSWORD, 303), (USER, WRONG, 403), (USER, PASSWORD, 303)):
                answer = first.password(name, password)
                report.check(answer.status == status, f"sign-in by n1, n2 and the agent: {status}", answer.error() or answer.status)
            processes = {"n1, which received the form": first.process, "n2, the node of the agent": second.process,
                         "the agent": agent, "the broker": broker.process, "the store": engine}
            for name, process in processes.items():
                core = core_of(work, name.split()[-1], process)
                found = {label: counts(core, password) for label, password in (("right", PASSWORD), ("wrong", WRONG))}
                print(f"{name}: {len(core) >> 20} MiB of core: {found}")
                if name.startswith(("n2", "the broker", "the store")):
                    report.check(not any(found.values()), f"no password in the memory of {name}", found)
        return report.failures


def start_agent(work, server, listen, ad):
    command = [of_sign_in_system("seamless"), "agents", "--config", server.home / "seamless.json"]
    token = attempt([*command, "token", "--tenant", ad.realm.lower()])[1].strip()
    folder = work.dir("agent") / "identity"
    agent = [of_sign_in_system("seamless-agent")]
    address = f"https://127.0.0.1:{listen}"
    status, said = attempt([*agent, "enrol", "--dir", folder, "--server", address, "--token", token])
    assert status == 0, said
    with open(work.root / "agent.log", "ab") as log:
        process = subprocess.Popen([*map(str, agent), "run", "--dir", str(folder), "--kdc", f"127.0.0.1:{ad.port}"],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    work.processes.append(process)
    assert wait(lambda: " active " in attempt([*command, "list", "--tenant", ad.realm.lower()])[1], 20), "the agent is not active"
    return process


if __name__ == "__main__":
    sys.exit(1 if main() else 0)

"""Measures pass-through authentication with MIT's KDC: the sign-ins per second, their times, and the CPU time and memory of the
processes. The test measures this with one agent, with two agents, and with 40 agents of one tenant.

  agents_figures.py [--long]     500 sign-ins for each number of agents, or 3,000 in the long form

The server, the agents, the KDC and the sender run on one machine. So the figures of several agents show how much CPU
time and memory the agents need, but not the speed of several machines. The CPU time of a sign-in is user time plus
system time."""

import os
import sys
from pathlib import Path

from agents_load import form, quantile, send
from agents_site import Site
from mit_directory import SID, MitDirectory
from mit_realm import SPN
from report import Report
from samba_ad import SSO_ACCOUNT
from seamless_server import LIMITS, Server
from work import Work

PORT, REALM, PASSWORD = 21670, "MIT.TEST", "Some.Pass.1"
USERS, SENDERS, WARM = 500, 16, 100
# The number of agents, and the number of jobs that each agent takes at a time. An agent that has just answered needs a
# moment before it takes the next job. The agents together can take more jobs than there are senders, so that no sender
# waits for this moment.
WAYS = ((1, 24), (2, 16), (40, 2))
TICKS = os.sysconf("SC_CLK_TCK")


def main(arguments):
    count = 3_000 if "--long" in arguments else 500
    with Work() as work:
        report, mit = Report(), MitDirectory(work, REALM, PORT + 2, "mit")
        names = [f"user{number}" for number in range(USERS)]
        mit.users(names, PASSWORD)
        mit.service(18)
        keytab = work.root / "figures.keytab"
        keytab.write_bytes(mit.keytab(SPN).read_bytes())
        mit.start()
        forms = [form("mit.test", name, PASSWORD) for name in names]
        for number, (agents, concurrency) in enumerate(WAYS, 1):
            measure(work, PORT + 4 * number, mit, keytab, forms, agents, concurrency, count, report)
        print(f"     {os.cpu_count()} processors, load {' '.join(f'{load:.1f}' for load in os.getloadavg())}")
        return 1 if report.failures else 0


def measure(work, port, mit, keytab, forms, agents, concurrency, count, report):
    config = {"name": "mit.test", "realm": REALM, "account": SSO_ACCOUNT, "keytab": str(keytab), "domains": ["mit.test"],
              "domain_sids": [SID], "password": {"method": "pass-through"}}
    listener = {"listen": f"127.0.0.1:{port + 1}", "nodes": [f"https://127.0.0.1:{port + 1}"], "concurrency": concurrency}
    with Server(work, port, [config], agents=listener, limits={**LIMITS, "password_seconds": 10}) as server:
        site = Site(work, server, REALM, f"127.0.0.1:{mit.port}")
        site.add(*range(1, agents + 1))
        wanted = [(forms[number % len(forms)], True) for number in range(count)]
        send(port, wanted[:WARM], SENDERS)
        processes = {"server": [server.process], "agents": list(site.processes.values()), "KDC": [mit.process]}
        before = {name: cpu(members) for name, members in processes.items()}
        answers, seconds = send(port, wanted, SENDERS)
        used = {name: (cpu(members) - before[name]) / count * 1000 for name, members in processes.items()}
        good, times = [answer for answer in answers if answer.is_as_asked], [answer.seconds * 1000 for answer in answers]
        report.check(len(good) == count, f"{agents} agents, {concurrency} jobs each: {count} sign-ins of {SENDERS} users at a time",
                     f"{count / seconds:.0f} a second", otherwise=f"{count - len(good)} wrong: {site.refusals()}; {site.faults()}")
        said = "; ".join(f"{name} {milliseconds:.1f} ms" for name, milliseconds in used.items())
        print(f"     p50 {quantile(times, 0.5):.0f} ms, p99 {quantile(times, 0.99):.0f} ms, longest {max(times):.0f} ms; CPU of each "
              f"sign-in: {said}; memory: server {memory(server.process)} MiB, an agent {memory(site.processes[1])} MiB; "
              f"{len(set(site.validators()))} agents had jobs", flush=True)
        for process in site.processes.values():
            work.stop(process)


def cpu(processes):
    """Returns the CPU time of the processes until now, in seconds."""
    fields = [Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split() for process in processes]
    return sum(int(each[11]) + int(each[12]) for each in fields) / TICKS


def memory(process):
    """Returns the peak memory of the process, in MiB."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

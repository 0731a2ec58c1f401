"""Runs the agents of one tenant at one server: their tokens, their folders and their processes."""

import re
from collections import Counter

from crate import of_sign_in_system
from work import attempt, run, wait

TAKES_JOBS = "the agent takes jobs"
REFUSED = re.compile(r"no sign-in by password: (.*?) tenant=")
VALIDATED = re.compile(r"an agent validated a password.* agent=([0-9a-f-]{36})")


class Site:
    """A server, and the agents that connect to it. The port for agents is the server's port plus one. `kdc` is the KDC that the
    agents ask."""

    def __init__(self, work, server, realm, kdc):
        self.work, self.server, self.realm, self.kdc = work, server, realm, kdc
        self.listen = f"https://127.0.0.1:{server.port + 1}"
        self.processes, self.ids, self.log_file = {}, {}, server.home / "agents.log"

    def command(self, *words):
        return [of_sign_in_system("seamless"), "agents", "--config", self.server.home / "seamless.json", *words]

    def operate(self, *words):
        """Runs `seamless agents`, and returns its exit status and its output."""
        return attempt(self.command(*words))

    def token(self):
        return self.operate("token", "--tenant", self.realm.lower())[1].strip()

    def folder(self, number):
        return self.server.home / f"agent{number}"

    def options(self, number):
        """Returns additional options for an agent."""
        return []

    def agent(self, number, *words):
        return [of_sign_in_system("seamless-agent"), *words, "--dir", self.folder(number), *self.options(number)]

    def enrol(self, number, token):
        return attempt(self.agent(number, "enrol", "--server", self.listen, "--token", token))

    def start(self, number, kdcs=None, env=None):
        """Starts the process of an agent, which asks these KDCs."""
        wanted = [word for kdc in kdcs or [self.kdc] for word in ("--kdc", kdc)]
        self.processes[number] = self.work.spawn(self.agent(number, "run", *wanted), self.log_file, env)

    def add(self, *numbers, kdcs=None):
        """Enrols agents, starts them, and waits until they take jobs."""
        for number in numbers:
            known = set(self.states())
            status, said = self.enrol(number, self.token())
            if status != 0:
                raise RuntimeError(f"agent {number} does not enrol: {said}")
            self.ids[number] = next(iter(set(self.states()) - known))
            self.start_and_wait(number, kdcs)

    def start_and_wait(self, number, kdcs=None, env=None):
        """Starts an agent, and waits until it takes jobs."""
        before = self.taking()
        self.start(number, kdcs, env)
        if not wait(lambda: self.taking() > before, 20):
            raise RuntimeError(f"agent {number} takes no jobs: {self.log_file.read_text()[-1000:]}")

    def until_asked(self, name, password):
        """Sends a password again and again until an agent validates it. An agent that says that it takes jobs may not have
        connected yet."""
        def is_asked():
            self.server.password(name, password)
            lines = [line for line in self.server.log().splitlines() if f'typed="{name}"' in line or "signed in by password" in line]
            return lines and "entra=80001" not in lines[-1]

        if not wait(is_asked, 30):
            raise RuntimeError(f"no agent is connected: {self.log_file.read_text()[-1000:]}")

    def taking(self):
        """Returns how many times an agent has begun to take jobs."""
        return self.log_file.read_text().count(TAKES_JOBS) if self.log_file.exists() else 0

    def kill(self, number):
        """Kills the process of an agent with -9."""
        self.processes[number].kill()
        self.processes[number].wait()

    def states(self):
        lines = run(self.command("list", "--tenant", self.realm.lower())).splitlines()
        return {line.split()[0]: line.split()[1] for line in lines}

    def validators(self):
        """Returns the numbers of the agents that validated passwords of this server, in the order of the passwords."""
        numbers = {agent: number for number, agent in self.ids.items()}
        return [numbers.get(agent, agent) for agent in VALIDATED.findall(self.server.log())]

    def refusals(self):
        """Returns the reasons for which the server refused passwords, each with its count."""
        return dict(Counter(REFUSED.findall(self.server.log())))

    def faults(self):
        """Returns the warnings of the agents, each with its count."""
        warned = [line.split("WARN", 1)[1].strip() for line in self.log_file.read_text().splitlines() if "WARN" in line]
        return dict(Counter(re.sub(r" (job|node)=\S+", "", line) for line in warned))

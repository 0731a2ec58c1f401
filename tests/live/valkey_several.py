"""Tests faults of a cluster, and of a master that sentinels choose, with two nodes. Each function tests one fault."""

import signal
import subprocess

from valkey_engines import Cluster, Sentinels, until
from valkey_trial import Trial, show


def cluster(scene):
    store = Cluster(scene.work)
    trial = scene.trial(store)
    trial.serves_all("a cluster of three masters")
    trial.replay("a cluster without a fault")
    _move_slots(store, trial)
    trial.admit()
    killed = store.nodes[1]
    slot = store.first_slot(killed)
    trial.fault_begins()
    killed.kill()
    until("a replica is promoted", lambda: store.is_promoted(slot, killed), lambda: trial.admit(20))
    trial.replay("a master killed, its replica promoted", "while fresh tokens were shown")
    served = trial.until_served()
    refused = trial.admit()
    trial.replay("after the promotion", f"{served}, {refused} honest sign-ins refused later")


def cluster_stopped(scene):
    """Stops a master without ending its connections, as in a failed network, and lets the same server become the master again."""
    store = Cluster(scene.work)
    trial = scene.trial(store)
    trial.admit()
    stopped = store.nodes[1]
    slot = store.first_slot(stopped)
    for promoted in ("a replica", "the first master again"):
        trial.fault_begins()
        stopped.signal(signal.SIGSTOP)
        until(f"{promoted} is promoted", lambda: store.is_promoted(slot, stopped), lambda: trial.admit(20))
        # Nodes refuse the requests for the slots of the stopped master until the second after the change of the master.
        trial.replay(f"a master stopped, {promoted} promoted", trial.until_served())
        stopped.signal(signal.SIGCONT)
        until("the stopped master follows its replica", stopped.follows)
        trial.admit()
        stopped = store.master_of(slot)
    trial.replay("after both failovers")


def cluster_partition(scene):
    """Cuts the network between one node and one master. The masters still reach each other, so the cluster does not
    notice the cut."""
    store = Cluster(scene.work)
    first, second = (scene.node(store, side) for side in "ab")
    second.start("--first-start")
    trial = Trial(scene, [first, second])
    trial.admit(nodes=[second])
    earlier = store.relay.connections
    first.start("--first-start")
    trial.serves_all("a cluster with one master behind a relay")
    store.relay.cut(since=earlier)
    tokens = scene.tokens.mint(scene.count)
    answers = show([(first.port, token) for token in tokens])
    served = sum(status == 200 for status, _ in answers)
    good = 0 < served < len(tokens) and all(status in (200, 403) for status, _ in answers)
    scene.report.check(good, "a node that is cut off from one master serves the slots of the others", f"{served} of {len(tokens)}")
    trial.admitted += [token for token, (status, _) in zip(tokens, answers) if status == 200]
    scene.tally.admitted += served
    scene.tally.refused += len(tokens) - served
    refused = trial.admit(nodes=[second])
    scene.report.check(refused == 0, "the other node serves all slots meanwhile", f"{refused} refused")
    trial.replay("one node cut off from one master")
    trial.admit()
    trial.fault_begins()
    store.relay.heal()
    trial.replay("the network just healed")
    served = trial.until_served()
    trial.admit()
    trial.replay("after the network healed", served)


def sentinel(scene):
    """Kills the master. The master's successor accepts writes when it has two replicas again, so the test starts the killed server
    again."""
    store = Sentinels(scene.work)
    trial = scene.trial(store)
    trial.serves_all("a master of three sentinels")
    killed = store.master()
    trial.fault_begins()
    killed.kill()
    until("a replica is promoted", lambda: store.is_promoted(killed), lambda: trial.admit(20))
    trial.replay("a master killed, a replica promoted")
    killed.start("--replicaof", "127.0.0.1", store.master().port)
    served = trial.until_served()
    trial.admit()
    trial.replay("after the killed master came back as a replica", served)


def sentinel_stopped(scene):
    """Stops the master and one node. Both run again after the failover, and the node still uses the old master."""
    store = Sentinels(scene.work)
    trial = scene.trial(store)
    trial.admit()
    first, second = trial.nodes
    stopped = store.master()
    trial.fault_begins()
    for each in (stopped, first):
        each.signal(signal.SIGSTOP)
    until("a replica is promoted", lambda: store.is_promoted(stopped), lambda: trial.admit(20, nodes=[second]))
    for each in (stopped, first):
        each.signal(signal.SIGCONT)
    # These authenticators are younger than the failover, so the node asks a store about them.
    refused = trial.admit(min(scene.count, 300), offset=2, nodes=[first])
    answer = stopped.command("SET", "probe", "1")
    scene.report.check("NOREPLICAS" in answer or "READONLY" in answer, "the old master accepts no write when it runs again", answer.strip())
    trial.replay("the old master just runs again", f"{refused} fresh tokens refused by a node that used it")
    until("the old master follows its successor", stopped.follows, lambda: trial.admit(20))
    served = trial.until_served()
    trial.admit()
    trial.replay("after the old master became a replica", served)


def _move_slots(store, trial):
    ids = [each.command("CLUSTER", "MYID").strip() for each in store.nodes[:2]]
    move = subprocess.Popen(["redis-cli", "--cluster", "reshard", f"127.0.0.1:{store.nodes[0].port}", "--cluster-from", ids[0],
                             "--cluster-to", ids[1], "--cluster-slots", "2000", "--cluster-yes"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    refused = 0
    while move.poll() is None:
        refused += trial.admit(20)
    trial.replay("2,000 slots moved meanwhile", f"{refused} honest sign-ins refused, exit {move.returncode}")


FAULTS = [cluster, cluster_stopped, cluster_partition, sentinel, sentinel_stopped]

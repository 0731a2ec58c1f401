"""Tests faults of a single server with two nodes. Each function tests one fault."""

import signal
import socket
import subprocess
import time

from crate import example
from valkey_engines import PROGRAM, Certificates, Redis, Relay
from valkey_trial import show


def none(scene):
    trial = scene.trial(Redis(scene.work).start())
    trial.serves_all("without a fault")
    trial.replay("without a fault")
    node = trial.nodes[0]
    counted = node.metrics()
    answers = {name: value for name, value in counted.items() if "answers_total" in name}
    new, seen = (answers[f'kerberos_sso_replay_answers_total{{outcome="{outcome}"}}'] for outcome in ("new", "seen"))
    good = new == (scene.count + 1) // 2 and new + seen == sum(answers.values()) and counted["kerberos_sso_replay_store_up"] == 1
    scene.report.check(good, "the metrics of a node count its answers", str(answers))


def one_token(scene):
    trial = scene.trial(Redis(scene.work).start())
    token, = scene.tokens.mint(1)
    pairs = [(node.port, token) for _ in range(min(5 * scene.count, 5_000)) for node in trial.nodes]
    admitted = sum(status == 200 for status, _ in show(pairs, at_once=500))
    scene.report.check(admitted == 1, f"{len(pairs)} offers of one authenticator to two nodes: one is admitted", f"{admitted} were admitted")


def node_killed(scene):
    trial = scene.trial(Redis(scene.work).start())
    trial.admit()
    trial.fault_begins()
    trial.nodes[0].kill()
    trial.nodes[0].start()
    trial.replay("a node killed and started again", trial.until_served())


def engine_killed(scene):
    redis = Redis(scene.work).start()
    trial = scene.trial(redis)
    trial.admit()
    trial.fault_begins()
    redis.kill()
    redis.start()
    trial.replay("the engine killed and started again", trial.until_served())


def both_killed(scene):
    redis = Redis(scene.work).start()
    trial = scene.trial(redis)
    trial.admit()
    trial.fault_begins()
    for each in (*trial.nodes, redis):
        each.kill()
    redis.start()
    for node in trial.nodes:
        node.start()
    trial.replay("engine and nodes killed and started again", trial.until_served())


def fast_clients(scene):
    """Restarts the engine after sign-ins of clients with fast clocks. Only a strict start refuses the replays of these
    sign-ins."""
    redis = Redis(scene.work).start()
    trial = scene.trial(redis, "--strict-start")
    refused = trial.admit(offset=120)
    redis.kill()
    redis.start()
    trial.replay("the engine killed, clients 120 s fast, strict form", f"{refused} refused before the fault")


def stopped(scene):
    redis = Redis(scene.work).start()
    trial = scene.trial(redis)
    trial.admit()
    refused = trial.during(lambda: redis.signal(signal.SIGSTOP))
    redis.signal(signal.SIGCONT)
    trial.replay("the engine stopped for three seconds", f"{refused} honest sign-ins refused, {trial.until_served()}")


def flushed(scene):
    redis = Redis(scene.work).start()
    trial = scene.trial(redis)
    trial.admit()
    trial.fault_begins()
    redis.command("FLUSHALL")
    trial.replay("FLUSHALL")
    served = trial.until_served()
    trial.admit()
    redis.command("FLUSHALL", "ASYNC")
    trial.replay("FLUSHALL again", f"{served} in between")


def clock(scene):
    clock = scene.work.dir("clock") / "offset"
    redis = Redis(scene.work, clock_offset=clock).start()
    trial = scene.trial(redis)
    for offset in ("+20", "+900", "-900"):
        trial.until_served()
        trial.admit()
        clock.write_text(offset)
        trial.replay(f"the engine's clock at {offset} s")
        clock.write_text("+0")
        trial.until_served()
        trial.admit()
        clock.write_text(offset)
        # The engine deletes the entries that have expired according to its own clock.
        time.sleep(3)
        clock.write_text("+0")
        trial.replay(f"the engine's clock right again after {offset} s")


def full(scene):
    redis = Redis(scene.work).start()
    trial = scene.trial(redis)
    trial.admit()
    redis.command("CONFIG", "SET", "maxmemory", "1mb")
    refused = trial.admit()
    trial.replay("memory full", f"{refused} of {scene.count} honest sign-ins refused")
    redis.command("CONFIG", "SET", "maxmemory", "200mb")
    trial.admit()
    trial.replay("memory given back")


def partition(scene):
    """Cuts the network between one node and the store. The other node stays connected."""
    redis = Redis(scene.work).start()
    relay = Relay(redis.port)
    trial = scene.trial(redis)
    first, second = trial.nodes
    first.kill()
    first.store = type("Store", (), {"address": redis.address.replace(str(redis.port), str(relay.port)), "node_options": []})
    first.start("--first-start")
    trial.serves_all("one node behind a relay")
    relay.cut()
    tokens = scene.tokens.mint(100)
    answers = show([(first.port, token) for token in tokens])
    scene.report.check(all(status == 403 for status, _ in answers), "a node without its store refuses 100 honest sign-ins",
                       str(set(answers)))
    scene.tally.refused += len(answers)
    refused = trial.admit(nodes=[second])
    scene.report.check(refused == 0, "the other node serves honest sign-ins meanwhile", f"{refused} refused")
    trial.replay("one node cut off from the store")
    trial.admit(nodes=[second])
    trial.fault_begins()
    relay.heal()
    trial.replay("the network just healed")
    served = trial.until_served()
    trial.admit()
    trial.replay("after the network healed", served)


def tls(scene):
    """Uses a store with TLS. The store has only two users: the one from the documentation, and the administrator."""
    if not has_tls():
        print(f"skip {PROGRAM} has no TLS", flush=True)
        return
    redis = Redis(scene.work, tls=Certificates(scene.work, "right")).start()
    trial = scene.trial(redis)
    trial.serves_all("TLS, a user with the documented rights")
    trial.fault_begins()
    redis.command("FLUSHALL")
    trial.replay("TLS, FLUSHALL", trial.until_served())
    denied = redis.command("ACL", "LOG").strip()
    scene.report.check(not denied, "the store denied no command of the user", denied)
    wrong = Certificates(scene.work, "wrong").trusted
    for what, address, options, words in (
        ("a wrong certificate authority", redis.address, ["--ca", wrong], "invalid peer certificate"),
        ("an unknown certificate authority", redis.address, [], "invalid peer certificate"),
        ("a wrong password", redis.address_for("wrong"), redis.node_options, "WRONGPASS"),
        ("a connection without TLS", redis.address.replace("rediss", "redis"), [], "cannot be reached"),
    ):
        refused_at_start(scene, what, address, words, *options)
    redis.command("ACL", "SETUSER", "sso", "-time")
    refused_at_start(scene, "a user without the right to TIME", redis.address, "+set +info +time", *redis.node_options)


def has_tls():
    """Returns whether the store's program has TLS. A program with TLS ends with this error, because the test gives it no
    certificate."""
    done = subprocess.run([PROGRAM, "--port", "0", "--tls-port", "1"], capture_output=True, text=True, timeout=60)
    return "Failed to configure TLS" in done.stdout + done.stderr


def unfit(scene):
    """Checks that a node refuses an unfit store at its start, and names the reason."""
    for what, options, clock, words in (
        ("an engine that evicts", ("--maxmemory-policy", "allkeys-lru"), None, "noeviction"),
        ("an engine whose clock is 5 s ahead", (), scene.work.dir("unfit") / "offset", "synchronise both"),
        ("a replica", ("--replicaof", "127.0.0.1", "1"), None, "is a replica"),
    ):
        redis = Redis(scene.work, *options, clock_offset=clock).start()
        if clock:
            clock.write_text("+5")
        refused_at_start(scene, what, redis.address, words)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        refused_at_start(scene, "a store that never answers", f"redis://127.0.0.1:{silent.getsockname()[1]}", "in time")


def refused_at_start(scene, what, address, words, *options):
    """Checks that a node does not start with this store, and that the node's output has these words and no password."""
    node = subprocess.run([example("node"), "--listen", "127.0.0.1:0", "--keytab", scene.tokens.keytab, "--store", address,
                           *options], capture_output=True, text=True, timeout=60)
    said = node.stderr
    secret = address.partition("sso:")[2].partition("@")[0]
    good = node.returncode != 0 and words in said and not (secret and f":{secret}@" in said)
    scene.report.check(good, f"{what} is refused at the start", said.strip())


FAULTS = [none, one_token, node_killed, engine_killed, both_killed, fast_clients, stopped, flushed, clock, full, partition, tls,
          unfit]

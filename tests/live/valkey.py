"""Tests two servers that share a replay store, while the store, the network and the servers fail. If a server admitted
an authenticator, the test sends the authenticator to both servers again. No server may admit an authenticator a second
time.

  valkey.py [COUNT [FAULT…]]

COUNT is the number of authenticators that are sent around each fault: 300 by default, 100,000 in the long form. The
long form tests each fault again and again, with at most 5,000 authenticators at a time. The portions are so small that
the test can send each authenticator again while the authenticator is valid.

REPLAY_STORE is the program of the store, for example `valkey-server`. The default is `redis-server`."""

import sys

import valkey_several
import valkey_single
from report import Report
from valkey_trial import Scene, Tally, Tokens
from work import Work

FAULTS = {fault.__name__: fault for fault in valkey_single.FAULTS + valkey_several.FAULTS}
# The largest number of authenticators that the test sends at a time.
PORTION = 5_000


def portions(count):
    """Divides a number of authenticators into portions."""
    return [PORTION] * (count // PORTION) + [count % PORTION] * (count % PORTION > 0)


def main(count="300", *chosen):
    report, tallies = Report(), {}
    for name in chosen or FAULTS:
        tally = tallies[name] = Tally()
        for portion in portions(int(count)):
            print(f"== {name}", flush=True)
            with Work() as work:
                tokens = Tokens(work)
                tokens.mint(1)
                FAULTS[name](Scene(work, report, tokens, portion, tally))
            tally.rounds += 1
    print("\n| fault | rounds | admitted | replays | replays admitted | honest refused | longest wait, s |\n"
          "|---|---|---|---|---|---|---|")
    for name, tally in tallies.items():
        print(f"| {name} | {tally.rounds} | {tally.admitted:,} | {tally.replays:,} | {tally.replays_admitted} | {tally.refused:,} "
              f"| {tally.longest_wait:.1f} |")
    sys.exit(report.failures > 0)


main(*sys.argv[1:])

"""Records the files of testvectors/recorded, or only the named files: record.py OUTDIR [FILE...]"""

import json
import sys
import time
from pathlib import Path

import jsonschema

import cases_bindings
import cases_browsers
import cases_keys
import cases_mit
import cases_people
import cases_refused
import cases_samba
import cases_ticketer
import cases_time
import cases_transited
import cases_trust
from vectors import Vectors
from work import Work
from world import World

SCHEMA = Path(__file__).parents[2] / "testvectors/schema/tokens.schema.json"
# The cases of cases_keys change the account's key for all later cases; each file has its own key sets. The cases with
# impacket's tickets must come before cases_keys, because these tickets have a fixed key version.
FILES = {"samba": cases_samba, "samba-people": cases_people, "samba-time": cases_time, "samba-bindings": cases_bindings,
         "impacket": cases_ticketer, "samba-keys": cases_keys, "samba-trust": cases_trust, "mit": cases_mit,
         "mit-transited": cases_transited, "browsers": cases_browsers, "refused": cases_refused}


def main(outdir, wanted):
    outdir.mkdir(parents=True, exist_ok=True)
    with Work() as work:
        world = World(work)
        world.add_fabrikam()
        world.add_mit()
        world.add_web()
        for name in wanted or FILES:
            began, out = time.time(), Vectors(world.mit_version if name.startswith("mit") else world.samba_version)
            FILES[name].record(world, out)
            path = outdir / f"{name}.json"
            out.write(path)
            report(path, time.time() - began)


def report(path, seconds):
    data = json.loads(path.read_text())
    jsonschema.validate(data, json.loads(SCHEMA.read_text()), jsonschema.Draft202012Validator)
    accepted = sum(case["result"] == "accept" for case in data["cases"])
    print(f"{path.name}: {accepted} accept, {data['count'] - accepted} reject, {seconds:.1f} s", flush=True)


main(Path(sys.argv[1]), sys.argv[2:])

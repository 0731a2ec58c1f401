"""Records every file of testvectors/recorded: record.py OUTDIR"""

import json
import sys
import time
from pathlib import Path

import jsonschema

import cases_samba
from clients import Clients, version
from notes import NOTES
from samba_ad import SambaAd
from vectors import Vectors
from work import Work

SCHEMA = Path(__file__).parents[2] / "testvectors/schema/tokens.schema.json"
CONTOSO_PORT, FABRIKAM_PORT = 21088, 21188


class World:
    def __init__(self, work):
        self.work, self.clients = work, Clients(work)
        self.contoso = SambaAd(work, "CONTOSO.TEST", CONTOSO_PORT)
        self.contoso.sso_account("Sso.Key.One.2026!")
        self.contoso.user("alice", "Alice.Pass.1", givenname="Alice", surname="Anderson")
        self.contoso.start()

    def alice(self, *options, **libdefaults):
        return self.user("alice", "Alice.Pass.1", *options, **libdefaults)

    def user(self, name, password, *options, **libdefaults):
        session = self.clients.session("CONTOSO.TEST", {"CONTOSO.TEST": CONTOSO_PORT}, **libdefaults)
        return session.kinit(name, password, *options)


def main(outdir):
    outdir.mkdir(parents=True, exist_ok=True)
    schema = json.loads(SCHEMA.read_text())
    samba = f"Samba {version('samba')}"
    with Work() as work:
        world = World(work)
        for name, made_by, record in (("samba", samba, cases_samba.record),):
            began, out = time.time(), Vectors(made_by, NOTES)
            record(world, out)
            path = outdir / f"{name}.json"
            out.write(path)
            jsonschema.validate(json.loads(path.read_text()), schema, jsonschema.Draft202012Validator)
            accepted = sum(case["result"] == "accept" for case in out.cases)
            print(f"{path.name}: {accepted} accept, {len(out.cases) - accepted} reject, {time.time() - began:.1f} s")


main(Path(sys.argv[1]))

"""Records per-message tokens of MIT's and Heimdal's GSS libraries: messages.py OUTDIR"""

import json
import sys
import time
from pathlib import Path

from clients import HERE, Session, version
from mit_realm import ENCTYPES, SPN, MitRealms
from work import Work, run

PORT = 21388
SERVICE = "HTTP@autologon.microsoftazuread-sso.com"
MUTUAL, REPLAY, SEQUENCE, CONFIDENTIALITY, INTEGRITY, DCE_STYLE = 2, 4, 8, 16, 32, 0x1000
ONE_WAY = REPLAY | SEQUENCE | CONFIDENTIALITY | INTEGRITY
CONTEXTS = [("one-way", ONE_WAY), ("mutual", ONE_WAY | MUTUAL), ("dce", ONE_WAY | MUTUAL | DCE_STYLE)]
LENGTHS = [0, 1, 15, 16, 17, 100]
LONG = {"one-way": [], "mutual": [1000], "dce": []}


class Program:
    """The program gss_messages.c, built with one library."""

    def __init__(self, work, library):
        self.maker, self.path = library, work.dir("bin") / f"messages-{library}"
        heimdal = "/usr/lib/x86_64-linux-gnu/heimdal"
        options = {"mit": ["-DMIT", "-lgssapi_krb5"],
                   "heimdal": ["-I/usr/include/heimdal", f"-L{heimdal}", f"-Wl,-rpath,{heimdal}", "-lgssapi"]}[library]
        run(["gcc", "-Wall", "-o", self.path, HERE / "gss_messages.c", *options])
        package = {"mit": "libgssapi-krb5-2", "heimdal": "libgssapi3-heimdal"}[library]
        self.made_by = f"{'MIT krb5' if library == 'mit' else 'Heimdal'} {version(package)}"

    def contexts(self, work, mit, keytab, etype):
        # The client got the ticket with a configuration that allows all encryption types. The configuration here allows
        # only one encryption type, so that the subkey has this type.
        name = ENCTYPES[etype]
        session = Client(work, self.maker, etype, permitted_enctypes=name,
                         default_etypes="arcfour-hmac-md5" if etype == 23 else name)
        base = {**session.env, "KRB5CCNAME": f"FILE:{mit.home}/cc-{etype}", "KRB5_KTNAME": f"FILE:{keytab}",
               "KRB5RCACHENAME": "none:", "KRB5RCACHETYPE": "none"}
        for style, flags in CONTEXTS:
            if style == "dce" and etype != 18:
                continue
            lengths = LENGTHS + LONG[style] + ([4096] if (etype, style) == (18, "mutual") else [])
            env = {**base, **({"ROTATED": "1"} if etype != 23 and style == "mutual" else {})}
            made = json.loads(run([self.path, flags, SERVICE, *lengths], env))
            assert made["etype"] == etype, (made["etype"], etype)
            yield {"id": f"{self.maker}-{etype}-{style}", **made}


class Realm(MitRealms):
    """A realm whose KDC issues RC4 session keys. MIT krb5 issues no RC4 session keys by default since version 1.21."""

    def _krb5_conf(self, capaths):
        super()._krb5_conf(capaths)
        path = self.home / "krb5.conf"
        path.write_text(path.read_text().replace("[libdefaults]", "[libdefaults]\n  allow_rc4 = true"))


class Client(Session):
    def __init__(self, work, library, etype, **libdefaults):
        super().__init__(None, work.dir(f"{library}-{etype}"), "MIT.TEST", {"MIT.TEST": PORT}, allow_rc4="true",
                         **libdefaults)


def record(out):
    with Work() as work:
        mit = Realm(work, ["MIT.TEST"], PORT)
        mit.user("alice", "Some.Pass.1")
        mit.start()
        programs = [Program(work, "mit"), Program(work, "heimdal")]
        contexts = {program: [] for program in programs}
        for etype in (17, 18, 19, 20, 23):
            mit.service(etype, session=(etype,))
            keytab = mit.home / f"{etype}.keytab"
            mit.keytab(SPN).rename(keytab)
            all_types = Client(work, "tickets", etype)
            all_types.use_cache(mit.home / f"cc-{etype}").kinit("alice", "Some.Pass.1").kvno(f"{SPN}@MIT.TEST")
            for program in programs:
                contexts[program] += program.contexts(work, mit, keytab, etype)
        for program in programs:
            write(out / f"{program.maker}.json", program.made_by, contexts[program])


def write(path, made_by, contexts):
    tokens = sum(len(context["tokens"]) for context in contexts)
    head = {"schema": "messages-v1",
            "source": {"made_by": made_by, "how": "tests/live/gss_messages.c: both sides in one process, keys by "
                       "gss_krb5_export_lucid_sec_context; tickets of an MIT KDC made for the recording",
                       "recorded_on": time.strftime("%Y-%m-%d")},
            "count": tokens}
    lines = json.dumps(head, indent=1)[:-2] + ',\n "contexts": [\n'
    lines += ",\n".join(text(context) for context in contexts) + "\n ]\n}\n"
    json.loads(lines)
    path.write_text(lines)
    print(f"{path}: {len(contexts)} contexts, {tokens} tokens")


def text(context):
    head = json.dumps({name: value for name, value in context.items() if name != "tokens"})
    tokens = ",\n   ".join(json.dumps(token) for token in context["tokens"])
    return f'  {head[:-1]}, "tokens": [\n   {tokens}\n  ]}}'


if __name__ == "__main__":
    record(Path(sys.argv[1]))

"""Records conversations of real clients with the library's example `acceptor`, so that tests can repeat them without the clients. A
record has the clients' tokens, the server's keytab and entropy, and the server's replies, which the clients accepted.

  transcripts.py OUTDIR      writes testvectors/conversations; run cargo build --release --example acceptor first"""

import base64
import json
import os
import sys
import time
from pathlib import Path

from clients import pip_version, version
from conversation import Conversations, converse
from crate import example
from relay import Relay
from work import Work
from world import World

MAKERS = {"mit": ("libgssapi-krb5-2", "MIT krb5 {}"), "heimdal": ("libgssapi3-heimdal", "Heimdal {}")}


class Transcripts(Conversations):
    """Conversations that keep the first message, the client's MIC of this message, and the server's MIC of this
    message."""

    def __init__(self, work):
        super().__init__(work, [example("acceptor"), "--allow-rc4"])
        self.files = {"mit": [], "heimdal": [], "pyspnego": []}

    def serve(self, session, keytab, *options):
        entropy = os.urandom(64).hex()
        super().serve(session, keytab, *options, "--entropy", entropy)
        bindings = options[options.index("--bindings") + 1] if "--bindings" in options else None
        self.server_side = {"keytab": encoded(keytab.read_bytes()), "bindings": bindings, "entropy": entropy}

    def gss(self, label, *options, library="mit", port=None, good=True, **expected):
        if good:
            with Relay(port or self.port) as relay:
                super().gss(label, *options, "-s", 16, "-k", "M", library=library, port=relay.port, **expected)
            self.write(library, label, relay)

    def pyspnego(self, label, *options, port=None, good=True):
        if good:
            with Relay(port or self.port) as relay:
                super().pyspnego(label, *options, "--sizes", 16, "--kinds", "M", port=relay.port)
            self.write("pyspnego", label, relay)

    def sasl(self, label, *options):
        pass

    def write(self, client, label, relay):
        turns = [{"token": encoded(token), "reply": encoded(reply)} for kind, token, _, reply in relay.frames if kind == "T"]
        message, answer = relay.frame("M", "M")
        self.files[client].append({"id": f"{client}-{label}", "at": int(time.time()), **self.server_side, "turns": turns,
                                   "message": message[4:20].hex(), "mic": message[20:].hex(), "reply_mic": answer.hex()})


def encoded(octets):
    return base64.b64encode(octets).decode()


def made_by(client):
    if client == "pyspnego":
        return f"pyspnego {pip_version('pyspnego')} over MIT krb5 {version('libgssapi-krb5-2')}"
    package, text = MAKERS[client]
    return text.format(version(package))


def main(outdir):
    outdir.mkdir(parents=True, exist_ok=True)
    with Work() as work:
        world, to = World(work), Transcripts(work)
        world.add_mit()
        converse(world, to)
        for client, conversations in to.files.items():
            data = {"made_by": made_by(client), "count": len(conversations), "conversations": conversations}
            (outdir / f"{client}.json").write_text(json.dumps(data, indent=1) + "\n")
        return to.report.failures


sys.exit(1 if main(Path(sys.argv[1])) else 0)

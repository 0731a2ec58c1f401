"""A server for gss_client, pyspnego_client.py and sasl_client, built on MIT's library. A test with this server shows
that the clients themselves work.

  gss_acceptor.py PORT KEYTAB [--bindings HEX] [--sasl GSSAPI|GSS-SPNEGO]

frames.h describes the protocol. RFC 4752 defines the SASL mechanism GSSAPI. MS-SPNG defines GSS-SPNEGO, in which the flags of the
context determine the protection of the messages."""

import argparse
import socket
import struct

import gssapi.raw as gss
from gssapi.raw.exceptions import GSSError

from frames import Frames, without_mic

NO_LAYER, SIGNED, SEALED = 1, 2, 4
MOST_RECEIVED, CHUNK = 65536, 32768


class Refused(Exception):
    pass


class Connection:
    def __init__(self, frames, credentials, bindings):
        self.frames, self.credentials, self.bindings, self.context = frames, credentials, bindings, None

    def serve(self):
        try:
            self.establish()
            while True:
                kind, payload = self.frames.receive()
                try:
                    self.frames.send(kind, self.answer(kind, payload))
                except (Refused, GSSError) as error:
                    self.frames.send("E", str(error).encode())
        except EOFError:
            pass

    def establish(self):
        more = True
        while more:
            token = self.token()
            try:
                step = gss.accept_sec_context(token, self.credentials, self.context, self.bindings)
            except GSSError as error:
                print(error, flush=True)
                self.frames.send("R", error.token or b"")
                raise EOFError from error
            self.context, more = step.context, step.more_steps
            if more:
                self.frames.send("N", step.token or b"")
        self.finish(step.token or b"")

    def finish(self, token):
        self.frames.send("C", token)

    def token(self):
        kind, token = self.frames.receive()
        assert kind == "T", kind
        return token

    def answer(self, kind, payload):
        if kind == "M":
            message, mic = without_mic(payload)
            gss.verify_mic(self.context, message, mic)
            return gss.get_mic(self.context, message)
        if kind == "L":
            return self.layered(payload)
        sealed = kind == "W"
        message, encrypted, _ = gss.unwrap(self.context, payload)
        if encrypted != sealed:
            raise Refused("sealed or not, against what was said")
        return gss.wrap(self.context, message, sealed).message

    def layered(self, payload):
        message = b""
        while payload:
            size, = struct.unpack_from(">I", payload)
            part, sealed, _ = gss.unwrap(self.context, payload[4:4 + size])
            message, payload = message + part, payload[4 + size:]
        parts = (message[at:at + CHUNK] for at in range(0, len(message), CHUNK))
        wrapped = (gss.wrap(self.context, part, sealed).message for part in parts)
        return b"".join(struct.pack(">I", len(part)) + part for part in wrapped)


class Rfc4752(Connection):
    def finish(self, token):
        """Finishes the exchange of RFC 4752 section 3.2. In wrapped messages, each side sends its security layers and
        its largest message size."""
        if token:
            self.frames.send("N", token)
            assert self.token() == b""
        offer = struct.pack(">I", (NO_LAYER | SIGNED | SEALED) << 24 | MOST_RECEIVED)
        self.frames.send("N", gss.wrap(self.context, offer, False).message)
        chosen = gss.unwrap(self.context, self.token()).message
        print("layer", chosen[0], "for", chosen[4:], flush=True)
        self.frames.send("C", b"")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("keytab")
    parser.add_argument("--bindings", type=bytes.fromhex)
    parser.add_argument("--sasl")
    arguments = parser.parse_args()
    bound = arguments.bindings and gss.ChannelBindings(application_data=arguments.bindings)
    made = Rfc4752 if arguments.sasl == "GSSAPI" else Connection
    listener = socket.create_server(("127.0.0.1", arguments.port))
    while True:
        client, _ = listener.accept()
        with client:
            store = {b"keytab": arguments.keytab.encode(), b"rcache": b"none:"}
            made(Frames(client), gss.acquire_cred_from(store, usage="accept").creds, bound).serve()


if __name__ == "__main__":
    main()

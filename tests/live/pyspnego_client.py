"""Establishes a context with a server on loopback by pyspnego, and exchanges messages with the server in the frames of frames.h. The
options are those of gss_client.

  pyspnego_client.py [--protocol kerberos|negotiate] [--offer MECH-OIDS] [--ntlm-first] [--user NAME --password PASSWORD]
                     [--flags FLAGS] [--bindings HEX] [--sizes SIZES] [--kinds KINDS] PORT SERVICE@HOST

The protocol negotiate is pyspnego's own SPNEGO over MIT's Kerberos. For this protocol, --ntlm-first offers NTLM before Kerberos,
which causes a second round trip and needs a user. For this protocol, --offer lists the offered mechanisms, separated by commas; the
token stays the same."""

import argparse
import socket
import sys

import spnego
from spnego._negotiate import NegotiateProxy

from frames import Frames, with_mic

SIZES = "0,1,15,16,17,255,4096,65535,65536"
MUTUAL_REPLAY_SEQUENCE, REPLAY_OR_SEQUENCE = 0x0E, 0x0C


class Client:
    def __init__(self, arguments):
        service, host = arguments.target.split("@")
        self.context = spnego.client(
            arguments.user, arguments.password, hostname=host, service=service, protocol=arguments.protocol,
            context_req=spnego.ContextReq(arguments.flags), options=options(arguments), channel_bindings=bindings(arguments))
        self.frames = Frames(socket.create_connection(("127.0.0.1", arguments.port)))
        self.knows_replays = arguments.flags & REPLAY_OR_SEQUENCE
        self.done = self.failures = 0

    def establish(self):
        """Establishes the context and returns the number of round trips."""
        token, trips, state = self.context.step(), 0, "N"
        while token is not None or state == "N":
            self.frames.send("T", token or b"")
            state, answer = self.frames.receive()
            trips += 1
            if state == "R":
                sys.exit("the server refuses")
            token = None if self.context.complete else self.context.step(answer)
        assert self.context.complete and state == "C", state
        return trips

    def wrap(self, message, sealed):
        what = "sealed message" if sealed else "signed message"
        answer = self.thrice("W" if sealed else "P", self.context.wrap(message, encrypt=sealed).data, what, len(message))
        back = self.context.unwrap(answer)
        self.expect((back.data, back.encrypted) == (message, sealed), what, len(message), "the server's answer has another message")

    def mic(self, message):
        answer = self.thrice("M", with_mic(message, self.context.sign(message)), "MIC", len(message))
        self.context.verify(message, answer)

    def thrice(self, kind, token, what, size):
        """Sends a token changed, then unchanged, then unchanged again. Returns the server's answer to the first
        unchanged token."""
        self.frames.send(kind, token[:-1] + bytes([token[-1] ^ 1]))
        self.expect(self.frames.receive()[0] == "E", what, size, "accepted although it was changed")
        self.frames.send(kind, token)
        answered, answer = self.frames.receive()
        self.expect(answered == kind, what, size, answer)
        if self.knows_replays:
            self.frames.send(kind, token)
            self.expect(self.frames.receive()[0] == "E", what, size, "accepted a second time")
        return answer

    def expect(self, good, what, size, text):
        self.done += 1
        self.failures += not good
        if not good:
            print(f"FAIL {what} of {size} bytes: {text}")


def options(arguments):
    own = arguments.protocol == "negotiate"
    return spnego.NegotiateOptions.use_negotiate if own else spnego.NegotiateOptions.use_gssapi


def bindings(arguments):
    if arguments.bindings is None:
        return None
    return spnego.channel_bindings.GssChannelBindings(application_data=bytes.fromhex(arguments.bindings))


def offer(mechanisms):
    make = NegotiateProxy._rebuild_context_list
    NegotiateProxy._rebuild_context_list = lambda self, **how: make(self, **how) and mechanisms


def offer_ntlm_first():
    preferred = NegotiateProxy._preferred_mech_list
    NegotiateProxy._preferred_mech_list = lambda self: preferred(self)[::-1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--protocol", default="negotiate")
    parser.add_argument("--offer", type=lambda text: text.split(","))
    parser.add_argument("--ntlm-first", action="store_true")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--flags", type=lambda text: int(text, 0), default=MUTUAL_REPLAY_SEQUENCE)
    parser.add_argument("--bindings")
    parser.add_argument("--sizes", default=SIZES)
    parser.add_argument("--kinds", default="WPM")
    parser.add_argument("port", type=int)
    parser.add_argument("target")
    arguments = parser.parse_args()
    if arguments.offer:
        offer(arguments.offer)
    if arguments.ntlm_first:
        offer_ntlm_first()
    client = Client(arguments)
    trips = client.establish()
    for size in map(int, arguments.sizes.split(",")):
        message = bytes((i * 7 + size) % 256 for i in range(size))
        for kind, act in (("W", lambda: client.wrap(message, True)), ("P", lambda: client.wrap(message, False)),
                          ("M", lambda: client.mic(message))):
            if kind in arguments.kinds:
                act()
    print(f"{'FAIL' if client.failures else 'ok'}: {trips} round trips, protocol {client.context.negotiated_protocol}, "
          f"{client.done} checks, {client.failures} failed")
    sys.exit(1 if client.failures else 0)


main()

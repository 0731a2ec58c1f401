"""Sends and receives the frames of frames.h, for the client and for the server."""

import struct


class Frames:
    def __init__(self, connection):
        self.stream = connection.makefile("rwb")

    def send(self, kind, payload):
        self.stream.write(struct.pack(">I", len(payload) + 1) + kind.encode() + payload)
        self.stream.flush()

    def receive(self):
        size, = struct.unpack(">I", self._read(4))
        frame = self._read(size)
        return chr(frame[0]), frame[1:]

    def _read(self, size):
        data = self.stream.read(size)
        if len(data) != size:
            raise EOFError
        return data


def with_mic(message, mic):
    """Returns the payload of an M frame: the message and its MIC."""
    return struct.pack(">I", len(message)) + message + mic


def without_mic(payload):
    """Returns the two parts of the payload of an M frame: the message and its MIC."""
    length, = struct.unpack_from(">I", payload)
    return payload[4:4 + length], payload[4 + length:]

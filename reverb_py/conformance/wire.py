"""RFC 6455 by hand, from the client's side: the suite must be able to send what no library would send."""

import os
import struct
from dataclasses import dataclass
from enum import IntEnum

from reverb_py.conformance.verify import Deviation


class Opcode(IntEnum):
    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


@dataclass(frozen=True, slots=True)
class WireFrame:
    opcode: Opcode
    payload: bytes
    fin: bool = True


def client_frame(
    payload: bytes,
    opcode: int = Opcode.TEXT,
    *,
    fin: bool = True,
    masked: bool = True,
    rsv: int = 0,
    declared: int | None = None,
) -> bytes:
    """One frame as a client sends it. `rsv` is 4, 2, 1 for RSV1, 2, 3; `declared` lies about the length."""
    length = len(payload) if declared is None else declared
    head = bytes([(fin << 7) | (rsv << 4) | opcode])
    flag = 0x80 if masked else 0
    if length < 126:
        head += bytes([flag | length])
    elif length < 65_536:
        head += bytes([flag | 126]) + struct.pack("!H", length)
    else:
        head += bytes([flag | 127]) + struct.pack("!Q", length)
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + _mask(payload, key)


def close_payload(code: int, reason: str = "") -> bytes:
    return struct.pack("!H", code) + reason.encode()


def read_close(payload: bytes) -> tuple[int, str]:
    """The code and reason of a close frame; 1005 when it carries none, as a browser would report it."""
    if len(payload) < 2:
        return 1005, ""
    return struct.unpack("!H", payload[:2])[0], payload[2:].decode()


class FrameReader:
    """Cuts a server's bytes into frames. Raise Deviation when they break RFC 6455 or use an extension."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[WireFrame]:
        """The frames that these bytes complete."""
        self._buffer += data
        frames = []
        while (frame := self._cut()) is not None:
            frames.append(frame)
        return frames

    def _cut(self) -> WireFrame | None:
        if len(self._buffer) < 2:
            return None
        first, second = self._buffer[0], self._buffer[1]
        if first & 0x70:
            raise Deviation(f"a frame with reserved bits, though no extension was negotiated: {first:#04x}")
        if second & 0x80:
            raise Deviation("a masked frame from the server")
        start, length = self._payload_at(second & 0x7F)
        if length < 0 or len(self._buffer) < start + length:
            return None
        payload = bytes(self._buffer[start : start + length])
        del self._buffer[: start + length]
        return WireFrame(_opcode(first & 0x0F), payload, bool(first & 0x80))

    def _payload_at(self, short: int) -> tuple[int, int]:
        """Where the payload starts and how long it is; a length below 0 when the header is not there yet."""
        extra = {126: 2, 127: 8}.get(short, 0)
        if len(self._buffer) < 2 + extra:
            return 0, -1
        return 2 + extra, int.from_bytes(self._buffer[2 : 2 + extra]) if extra else short


def _opcode(value: int) -> Opcode:
    try:
        return Opcode(value)
    except ValueError:
        raise Deviation(f"a frame with the unknown opcode {value}") from None


def _mask(payload: bytes, key: bytes) -> bytes:
    count = len(payload)
    repeated = (key * (count // 4 + 1))[:count]
    return (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(count)

"""RFC 6455 as a table: bytes in, and the frames that come back or the code of the close that does.

The areas are those of the Autobahn suite. It echoes, which a Pusher server does not: here `pusher:pong` behind a
`pusher:ping` shows that the connection lives.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from reverb_py.conformance.cases_framing import PING, ping_of
from reverb_py.conformance.wire import Opcode, client_frame, close_payload, read_close

ALIVE = "pusher:pong"
BROKEN, NOT_UTF8, TOO_BIG = 1002, 1007, 1009
PROBE = client_frame(PING)


@dataclass(frozen=True)
class Row:
    """`close` is the payload that is echoed, or the code of a failure; None is a connection that lives on."""

    sent: bytes
    answers: tuple[str, ...] = (ALIVE,)  # the events of the messages
    pongs: tuple[bytes, ...] = ()  # of RFC 6455's own pings
    close: int | bytes | None = None
    limit: int = 65_536  # the app's max_message_size
    behind: bytes = PROBE  # what may follow without being a fault itself

    @property
    def code(self) -> int:
        """The close code that the server tells of, 1005 for a close frame without one."""
        return read_close(self.close)[0] if isinstance(self.close, bytes) else self.close or 0


def lives(*sent: bytes, pongs: Iterable[bytes] = (), answers: tuple[str, ...] = (ALIVE,), limit: int = 65_536) -> Row:
    return Row(b"".join(sent), answers, tuple(pongs), limit=limit)


def fails(code: int, *sent: bytes, limit: int = 65_536) -> Row:
    return Row(b"".join(sent), (), close=code, limit=limit)


def goodbye(payload: bytes) -> Row:
    """A close frame that is echoed as it came."""
    return Row(client_frame(payload, Opcode.CLOSE), (), close=payload)


def parts(message: bytes, *cuts: int, opcode: int = Opcode.TEXT) -> list[bytes]:
    """The frames of a message that is cut at these bytes."""
    ends = [*cuts, len(message)]
    pieces = [message[start:end] for start, end in zip([0, *cuts], ends, strict=True)]
    opcodes = [opcode] + [Opcode.CONTINUATION] * len(cuts)
    last = len(cuts)
    return [client_frame(each, opcodes[at], fin=at == last) for at, each in enumerate(pieces)]


def ping_with(text: bytes) -> bytes:
    """A pusher:ping that holds these bytes in a string."""
    return b'{"event":"pusher:ping","text":"%b"}' % text


def long_form(payload: bytes, size: int, declared: int | None = None) -> bytes:
    """A text frame whose length takes 2 or 8 bytes, whether it needs them or not; its mask changes nothing."""
    length = len(payload) if declared is None else declared
    return bytes([0x81, 0x80 | {2: 126, 8: 127}[size]]) + length.to_bytes(size) + bytes(4) + payload


FIRST, MIDDLE, LAST = parts(PING, 5, 9)
KEEPALIVE = client_frame(b"between", Opcode.PING)
FRAGMENTS = {
    "two": lives(*parts(PING, 5)),
    "one byte each": lives(*parts(PING, *range(1, len(PING)))),
    "empty ones first, between and last": lives(*parts(PING, 0, 0, 7, 7, len(PING))),
    "of a binary message": lives(*parts(PING, 5, opcode=Opcode.BINARY)),
    "pings between": lives(FIRST, KEEPALIVE, MIDDLE, KEEPALIVE, LAST, pongs=[b"between"] * 2),
    "ten pings between": lives(FIRST, KEEPALIVE * 10, MIDDLE, LAST, pongs=[b"between"] * 10),
    "pongs between": lives(FIRST, client_frame(b"", Opcode.PONG), MIDDLE, LAST),
    "two messages": lives(*parts(PING, 5), *parts(PING, 9), answers=(ALIVE, ALIVE)),
    "all empty": lives(*parts(b"", 0), answers=("pusher:error",)),
    "continuation of nothing": fails(BROKEN, LAST),
    "continuation of nothing, not the last": fails(BROKEN, MIDDLE),
    "continuation of a message that ended": replace(fails(BROKEN, PROBE, LAST), answers=(ALIVE,)),
    "new text inside": fails(BROKEN, FIRST, PROBE),
    "new binary inside": fails(BROKEN, FIRST, client_frame(PING, Opcode.BINARY)),
    "new fragmented text inside": fails(BROKEN, FIRST, FIRST),
    "close inside": fails(BROKEN, FIRST, client_frame(close_payload(1000), Opcode.CLOSE)),
    "broken ping inside": fails(BROKEN, FIRST, client_frame(b"", Opcode.PING, fin=False)),
}
MESSAGES = {
    "nothing at all": lives(client_frame(b""), answers=("pusher:error",)),
    "text": lives(PROBE),
    "binary": lives(client_frame(PING, Opcode.BINARY)),
    "three in one segment": lives(PROBE * 3, answers=(ALIVE,) * 3),
}
CONTROLS = {
    "empty ping": lives(client_frame(b"", Opcode.PING), PROBE, pongs=[b""]),
    "ping of 125 bytes": lives(client_frame(b"x" * 125, Opcode.PING), PROBE, pongs=[b"x" * 125]),
    "ping of any bytes": lives(client_frame(b"\x00\xff\xfe", Opcode.PING), PROBE, pongs=[b"\x00\xff\xfe"]),
    "pings in their order": lives(
        *(client_frame(bytes([number]), Opcode.PING) for number in range(9)),
        answers=(),
        pongs=[bytes([number]) for number in range(9)],
    ),
    "pong nobody asked for": lives(client_frame(b"x" * 125, Opcode.PONG), PROBE),
    **{
        f"{opcode.name} of 126 bytes": fails(BROKEN, client_frame(b"\x03\xe8" + b"x" * 124, opcode))
        for opcode in (Opcode.PING, Opcode.PONG, Opcode.CLOSE)
    },
    **{
        f"{opcode.name} in fragments": fails(BROKEN, client_frame(b"\x03\xe8", opcode, fin=False))
        for opcode in (Opcode.PING, Opcode.PONG, Opcode.CLOSE)
    },
}
MASKS = {
    f"{opcode.name} without a mask": fails(BROKEN, client_frame(b"", opcode, masked=False))
    for opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.PING, Opcode.PONG, Opcode.CLOSE)
} | {
    "a mask of zeros": lives(b"\x81" + bytes([0x80 | len(PING)]) + bytes(4) + PING),
    "second fragment without a mask": fails(BROKEN, FIRST, client_frame(PING[5:], 0, masked=False)),
}
RESERVED = {
    **{f"bits {rsv:03b} of a text": fails(BROKEN, client_frame(PING, rsv=rsv)) for rsv in range(1, 8)},
    **{f"bits {rsv:03b} of a ping": fails(BROKEN, client_frame(b"", Opcode.PING, rsv=rsv)) for rsv in (1, 2, 4)},
    "bits of a close": fails(BROKEN, client_frame(close_payload(1000), Opcode.CLOSE, rsv=7)),
    "bits of a continuation": fails(BROKEN, FIRST, client_frame(PING[5:], Opcode.CONTINUATION, rsv=4)),
    **{f"opcode {opcode}": fails(BROKEN, client_frame(b"", opcode)) for opcode in (*range(3, 8), *range(11, 16))},
    **{f"opcode {opcode} inside": fails(BROKEN, FIRST, client_frame(b"x", opcode)) for opcode in (3, 15)},
}
CLOSES = {
    "none": goodbye(b""),
    **{
        f"{code}": goodbye(close_payload(code))
        for code in (*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4200, 4999)
    },
    **{
        f"{code} is none to send": fails(BROKEN, client_frame(close_payload(code), Opcode.CLOSE))
        for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535)
    },
    "one byte": fails(BROKEN, client_frame(b"\x03", Opcode.CLOSE)),
    "a reason": goodbye(close_payload(1000, "good night")),
    "a reason of 123 bytes": goodbye(close_payload(1000, "x" * 123)),
    "a reason of 123 bytes in 41 characters": goodbye(close_payload(1000, "\u20ac" * 41)),
    "a reason of 124 bytes": fails(BROKEN, client_frame(close_payload(1000, "x" * 124), Opcode.CLOSE)),
    "a reason that is not UTF-8": fails(NOT_UTF8, client_frame(close_payload(1000) + b"\xed\xa0\x80", Opcode.CLOSE)),
    "a reason with half a character": fails(NOT_UTF8, client_frame(close_payload(1000) + b"\xe2\x82", Opcode.CLOSE)),
    "behind a message": replace(
        goodbye(close_payload(1000)), sent=PROBE + client_frame(close_payload(1000), Opcode.CLOSE), answers=(ALIVE,)
    ),
    **{
        f"then {name}": replace(
            goodbye(close_payload(1001)), sent=client_frame(close_payload(1001), Opcode.CLOSE) + behind
        )
        for name, behind in {
            "a message": PROBE,
            "a ping": KEEPALIVE,
            "another close": client_frame(close_payload(1002), Opcode.CLOSE),
            "a continuation": LAST,
            "what is no frame": b"\xff" * 20,
        }.items()
    },
}
GOOD_TEXT = {
    "words": "κόσμε 😀 é".encode(),
    **{
        f"U+{point:04X}": chr(point).encode()
        for point in (
            *(0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFDD0, 0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF),
            *(0x10000, 0x1FFFE, 0x10FFFE, 0x10FFFF),
        )
    },
}
BAD_TEXT = {
    "a continuation alone": b"\x80",
    "the last continuation alone": b"\xbf",
    "no first byte": b"\xff",
    "no first byte either": b"\xfe\xfe",
    "a surrogate": b"\xed\xa0\x80",
    "the last surrogate": b"\xed\xbf\xbf",
    "a pair of surrogates": b"\xed\xa0\x80\xed\xb0\x80",
    "overlong zero": b"\xc0\x80",
    "overlong slash in two": b"\xc0\xaf",
    "overlong slash in three": b"\xe0\x80\xaf",
    "overlong slash in four": b"\xf0\x80\x80\xaf",
    "overlong slash in five": b"\xf8\x80\x80\x80\xaf",
    "overlong slash in six": b"\xfc\x80\x80\x80\x80\xaf",
    "the longest overlong of two": b"\xc1\xbf",
    "the longest overlong of three": b"\xe0\x9f\xbf",
    "the longest overlong of four": b"\xf0\x8f\xbf\xbf",
    "above U+10FFFF": b"\xf4\x90\x80\x80",
    "far above U+10FFFF": b"\xf7\xbf\xbf\xbf",
    "half of two bytes": b"\xc3",
    "two of three bytes": b"\xe2\x82",
    "three of four bytes": b"\xf0\x9f\x98",
    "good, then bad": "κόσμε".encode() + b"\xed\xa0\x80edited",
}
HALVES = {name: text for name, text in BAD_TEXT.items() if name.startswith(("half of", "two of", "three of"))}
MORE = client_frame(b"more", Opcode.CONTINUATION, fin=False)


def begins(*sent: bytes, pongs: Iterable[bytes] = ()) -> Row:
    """Fragments of a message whose end never comes, and which can already be no text."""
    return Row(b"".join(sent), (), tuple(pongs), close=NOT_UTF8, behind=MORE)


UNFINISHED = {
    **{
        f"{name} in the first fragment": begins(client_frame(ping_with(text)[:-2], fin=False))
        for name, text in BAD_TEXT.items()
        if name not in HALVES
    },
    **{
        f"{name}, and the next fragment begins another": begins(client_frame(text, fin=False), MORE)
        for name, text in HALVES.items()
    },
    "bad in the second fragment": begins(FIRST, client_frame(b"\xff", Opcode.CONTINUATION, fin=False)),
    "a surrogate in two fragments, a ping between": begins(
        client_frame(b"\xed", fin=False),
        KEEPALIVE,
        client_frame(b"\xa0", Opcode.CONTINUATION, fin=False),
        pongs=[b"between"],
    ),
    "bad in the first fragment of a binary message": begins(client_frame(b"\xff", Opcode.BINARY, fin=False)),
}
UTF8 = {
    **{f"{name}": lives(client_frame(ping_with(text))) for name, text in GOOD_TEXT.items()},
    **{
        f"{name}, every byte a fragment": lives(*parts(ping_with(text), *range(1, len(ping_with(text)))))
        for name, text in GOOD_TEXT.items()
    },
    **{name: fails(NOT_UTF8, client_frame(ping_with(text))) for name, text in BAD_TEXT.items()},
    **{
        f"{name}, every byte a fragment": fails(NOT_UTF8, *parts(ping_with(text), *range(1, len(ping_with(text)))))
        for name, text in BAD_TEXT.items()
    },
    **{f"{name} at the end": fails(NOT_UTF8, client_frame(PING + text)) for name, text in BAD_TEXT.items()},
    "bad in a binary message": fails(NOT_UTF8, client_frame(ping_with(b"\xff"), Opcode.BINARY)),
    "two halves in two messages": fails(NOT_UTF8, client_frame(b"\xe2\x82"), client_frame(b"\xac")),
    "a half, and an empty last fragment": fails(NOT_UTF8, *parts(PING + b"\xe2\x82", len(PING) + 2)),
    **UNFINISHED,
}
HIGHEST = 1 << 63
LENGTHS = {
    **{f"{size} bytes": lives(client_frame(ping_of(size))) for size in (125, 126, 127, 128, 65_535, 65_536)},
    # RFC 6455 5.2 wants the shortest form from the sender; websockets takes the others, and so do we.
    "125 bytes in the form of two": lives(long_form(ping_of(125), 2)),
    "125 bytes in the form of eight": lives(long_form(ping_of(125), 8)),
    "65535 bytes in the form of eight": lives(long_form(ping_of(65_535), 8)),
    "no bytes in the form of eight": lives(long_form(b"", 8), answers=("pusher:error",)),
    "the highest bit set": fails(TOO_BIG, long_form(b"", 8, HIGHEST)),
    "all bits set": fails(TOO_BIG, long_form(b"", 8, (1 << 64) - 1)),
}
A_LIMIT = 300
SIZES = {
    **{f"{size} of 300": lives(client_frame(ping_of(size)), limit=A_LIMIT) for size in (A_LIMIT - 1, A_LIMIT)},
    **{
        f"{size} of 300 in {name}": lives(*parts(ping_of(size), *cuts), limit=A_LIMIT)
        for size in (A_LIMIT - 1, A_LIMIT)
        for name, cuts in {"two": [100], "many": range(1, size), "one and none": [size]}.items()
    },
    "301 of 300": fails(TOO_BIG, client_frame(ping_of(A_LIMIT + 1)), limit=A_LIMIT),
    "301 of 300 in two": fails(TOO_BIG, *parts(ping_of(A_LIMIT + 1), A_LIMIT), limit=A_LIMIT),
    "301 of 300 in many": fails(TOO_BIG, *parts(ping_of(A_LIMIT + 1), *range(1, A_LIMIT + 1)), limit=A_LIMIT),
    "301 of 300 in the last of three": fails(TOO_BIG, *parts(ping_of(A_LIMIT + 1), 0, 299), limit=A_LIMIT),
    "twice 300": lives(client_frame(ping_of(A_LIMIT)) * 2, answers=(ALIVE, ALIVE), limit=A_LIMIT),
    "a ping inside, which counts as if it were the rest": lives(
        *parts(ping_of(A_LIMIT), 293)[:1], KEEPALIVE, parts(ping_of(A_LIMIT), 293)[1], pongs=[b"between"], limit=A_LIMIT
    ),
    # Of the library: RFC 6455 has no such limit for control frames.
    "a ping inside, longer than the rest": fails(TOO_BIG, parts(ping_of(A_LIMIT), 294)[0], KEEPALIVE, limit=A_LIMIT),
}
ROWS: dict[str, Row] = {
    f"{area}: {name}": row
    for area, rows in {
        "messages": MESSAGES,
        "fragments": FRAGMENTS,
        "control frames": CONTROLS,
        "masks": MASKS,
        "reserved": RESERVED,
        "close": CLOSES,
        "UTF-8": UTF8,
        "lengths": LENGTHS,
        "size": SIZES,
    }.items()
    for name, row in rows.items()
}

"""RFC 6455 against its table: every row whole, byte by byte, and with more behind it.

Answers and PONGs keep their order among their own kind; which kind comes first depends on how the bytes are cut into
segments, and RFC 6455 demands nothing there.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from reverb_py.conformance.cases_framing import PING
from reverb_py.conformance.wire import FrameReader, Opcode, WireFrame, client_frame, close_payload, read_close
from reverb_py.hub import facts
from reverb_py.hub.app import App, RateLimit
from tests.fakes import APP
from tests.transports.fake_transport import FakeServer, Side, turn
from tests.transports.rfc6455_rows import ALIVE, BROKEN, FIRST, NOT_UTF8, PROBE, ROWS, Row, long_form, parts

LONG = 4_096  # bytes above which only the beginning goes byte by byte


def whole(row: Row) -> Iterator[bytes]:
    yield row.sent


def bytewise(row: Row) -> Iterator[bytes]:
    end = len(row.sent) if len(row.sent) <= LONG else 64
    yield from (row.sent[at : at + 1] for at in range(end))
    yield from (row.sent[at : at + 1_021] for at in range(end, len(row.sent), 1_021))


def with_more(row: Row) -> Iterator[bytes]:
    yield row.sent + row.behind


def frames(side: Side) -> list[WireFrame]:
    """What came back behind the answer to the upgrade and the greeting."""
    _, _, data = b"".join(side.transport.writes).partition(b"\r\n\r\n")
    return FrameReader().feed(data)[1:]


def feed(side: Side, data: bytes) -> None:
    """Hand over a segment, as a loop does while it reads."""
    if not side.transport.is_closing():
        side.websocket.data_received(data)


async def talk(row: Row, cut: Callable[[Row], Iterator[bytes]]) -> tuple[FakeServer, Side]:
    """A connection that was sent the row, and then was asked whether it lives."""
    server = FakeServer(App(APP.id, APP.credentials, max_message_size=row.limit))
    side = server.connect()
    for segment in cut(row):
        feed(side, segment)
    feed(side, PROBE)
    await turn()
    return server, side


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
async def test_what_comes_back_is_what_the_table_says(row: Row) -> None:
    for cut in (whole, bytewise, with_more):
        server, side = await talk(row, cut)
        probes = 1 + (cut is with_more) if row.close is None else 0
        back = frames(side)
        assert all(frame.fin for frame in back), cut
        assert events(back) == [*row.answers, *[ALIVE] * probes], cut
        assert tuple(of_kind(Opcode.PONG, back)) == row.pongs, cut
        goodbyes = [] if row.close is None else [row.code]
        assert [read_close(close)[0] for close in of_kind(Opcode.CLOSE, back[-1:])] == goodbyes, cut
        assert [fact.close_code for fact in ended(server)] == goodbyes, cut
        assert len(server.node.hub.connections) == (row.close is None), cut
        if isinstance(row.close, bytes):
            assert (back[-1].payload, side.transport.is_closing()) == (row.close, True), cut


def of_kind(opcode: Opcode, back: list[WireFrame]) -> list[bytes]:
    return [frame.payload for frame in back if frame.opcode is opcode]


def events(back: list[WireFrame]) -> list[str]:
    return [json.loads(text)["event"] for text in of_kind(Opcode.TEXT, back)]


def ended(server: FakeServer) -> list[facts.Disconnected]:
    return [fact for fact in server.world.facts if isinstance(fact, facts.Disconnected)]


BAD = PING[:-1] + b"\xff}"


@pytest.mark.parametrize(
    ("sent", "at"),
    [
        pytest.param(client_frame(PING, 3), 2, id="an opcode at the second byte of the header"),
        pytest.param(client_frame(PING, masked=False), 2, id="a missing mask at the byte that should tell of it"),
        pytest.param(client_frame(b"", declared=65_537), 10, id="a length at its last byte"),
        pytest.param(long_form(b"", 8, 1 << 63), 10, id="a length beyond all measure at its last byte"),
        pytest.param(client_frame(PING, rsv=4), 6 + len(PING), id="a reserved bit at the end of its frame"),
        pytest.param(client_frame(b"x" * 126, Opcode.PING), 8 + 126, id="a long ping at the end of its frame"),
        pytest.param(client_frame(b"ab", Opcode.PING, fin=False), 6 + 2, id="a cut ping at the end of its frame"),
        pytest.param(FIRST + client_frame(b"a"), len(FIRST) + 7, id="a text inside at the end of its frame"),
        pytest.param(client_frame(BAD), 6 + len(BAD), id="UTF-8 at the end of its message"),
        pytest.param(b"".join(parts(b"\xff" + PING, 1, 9)), 6 + 1, id="UTF-8 at the end of its fragment"),
        pytest.param(
            b"".join(parts(b"\xe2\x82" + PING, 2, 3, 9)), 6 + 2 + 6 + 1, id="UTF-8 cut, at the end of the next fragment"
        ),
        pytest.param(
            b"".join(parts(PING + b"\xe2\x82", 9)), 6 * 2 + len(PING) + 2, id="UTF-8 cut, at the end of its message"
        ),
    ],
)
async def test_a_fault_is_answered_at_this_byte_and_not_before(sent: bytes, at: int) -> None:
    """RFC 6455 8.1 has a message fail that is not UTF-8; it does not say how soon: we look when a frame is complete."""
    server = FakeServer()
    side = server.connect()
    for number, byte in enumerate(sent, start=1):
        feed(side, bytes([byte]))
        assert bool(ended(server)) == (number >= at), number


async def test_a_goodbye_in_the_segment_of_a_broken_text_is_answered_instead_of_it() -> None:
    """The library reads a segment whole before we see the text; both end the connection, and nothing is obeyed."""
    server = FakeServer()
    broken, goodbye = client_frame(BAD), client_frame(close_payload(1000), Opcode.CLOSE)
    together, apart = server.connect(), server.connect()
    feed(together, broken + PROBE + goodbye)
    for each in (broken, PROBE, goodbye):
        feed(apart, each)
    await turn()
    assert [read_close(frames(side)[-1].payload)[0] for side in (together, apart)] == [1000, NOT_UTF8]
    assert [events(frames(side)) for side in (together, apart)] == [[], []]
    assert server.node.hub.connections == {}


async def test_a_breach_in_the_segment_of_a_broken_fragment_is_told_instead_of_it() -> None:
    """For the same reason: one segment gives 1002, two give 1007."""
    server = FakeServer()
    broken, breach = client_frame(b"\xff", fin=False), PROBE
    together, apart = server.connect(), server.connect()
    feed(together, broken + breach)
    for each in (broken, breach):
        feed(apart, each)
    await turn()
    assert [read_close(frames(side)[-1].payload)[0] for side in (together, apart)] == [BROKEN, NOT_UTF8]
    assert [events(frames(side)) for side in (together, apart)] == [[], []]


async def test_a_goodbye_behind_what_we_close_for_is_answered_too() -> None:
    """Both in one segment: the client has said its code, and hears it again; the fact tells why we ended it."""
    server = FakeServer(replace(APP, rate_limit=RateLimit(1, 60, terminate=True)))
    side = server.connect()
    feed(side, PROBE * 2 + client_frame(close_payload(1000), Opcode.CLOSE))
    assert side.transport.is_closing()
    await turn()
    assert events(frames(side)) == [ALIVE, "pusher:error"]
    assert of_kind(Opcode.CLOSE, frames(side)[-1:]) == [close_payload(1000)]
    assert [fact.close_code for fact in ended(server)] == [4100]

"""What comes over the wire, mutated: frames that no client would send, and publishes that look almost right.

Two promises: a WebSocket ends with a code of RFC 6455 or lives, whatever it is sent; and the short way of a publish
never takes what the ordinary way would refuse.
"""

import asyncio
import json
from time import process_time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reverb_py.cluster.last_events import LastEvents
from reverb_py.conformance.cases_framing import PING
from reverb_py.conformance.target import TargetApp, signed_query
from reverb_py.conformance.wire import Opcode, client_frame
from reverb_py.hub import facts
from reverb_py.hub.app import Apps
from reverb_py.node import Node
from reverb_py.transports.http_auth import Authenticator
from reverb_py.transports.publishing import ShortWay
from tests.transports.fake_transport import FakeServer, Side, turn
from tests.transports.in_process import APP, running

# WebSockets.

PAYLOADS = st.sampled_from(
    [
        PING,
        b'{"event":"pusher:subscribe","data":{"channel":"cache-a"}}',
        b'{"event":"client-e","channel":"private-a","data":{}}',
        b"",
        b"\xff",
        b"\x03\xe8",
        b"x" * 126,
    ]
)
FRAMES = st.builds(
    client_frame,
    PAYLOADS | st.binary(max_size=20),
    st.sampled_from([*Opcode, Opcode.TEXT, Opcode.TEXT, Opcode.CONTINUATION]) | st.integers(0, 15),
    fin=st.booleans(),
    masked=st.sampled_from([True] * 9 + [False]),
    rsv=st.sampled_from([0] * 9 + [1, 2, 4]),
    declared=st.sampled_from([None] * 9 + [0, 5, 65_537, 1 << 62]),
)
SEGMENTS = st.lists(st.lists(FRAMES, max_size=4).map(b"".join) | st.binary(max_size=40), max_size=8)


async def hear(segments: list[bytes]) -> tuple[Side, FakeServer]:
    """A connection that was sent these, as long as it was read."""
    server = FakeServer()
    side = server.connect()
    for segment in segments:
        if not side.transport.is_closing():
            side.websocket.data_received(segment)
        await turn()
    return side, server


@given(SEGMENTS)
@example([client_frame(b"\xff"), client_frame(PING)])
@example([client_frame(b"", fin=False) + client_frame(b"", Opcode.CLOSE)])
def test_any_frames_end_a_connection_with_a_code_for_them_or_leave_it_alive(segments: list[bytes]) -> None:
    side, server = asyncio.run(hear(segments))
    told = [fact for fact in server.world.facts if isinstance(fact, facts.Disconnected)]
    goodbye = side.goodbye()
    assert [fact.close_code for fact in told] == ([goodbye[0]] if goodbye else [])
    assert len(told) == 1 - len(server.node.hub.connections)
    assert all(json.loads(text)["event"] for text in side.texts())


@given(SEGMENTS)
def test_it_makes_no_difference_to_what_is_obeyed_how_frames_are_cut(segments: list[bytes]) -> None:
    """But for a fault and a goodbye in one segment (test_rfc6455), and for the order of PONGs."""
    data = b"".join(segments)
    texts = [asyncio.run(hear(cut))[0].texts()[1:] for cut in ([data], [data[at : at + 1] for at in range(len(data))])]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    "frame",
    [
        client_frame(b"", Opcode.PING),
        client_frame(b"", Opcode.PONG),
        client_frame(PING),
        client_frame(b'{"event":"pusher:subscribe","data":{"channel":"a b"}}'),
        client_frame(b"{{{"),
    ],
    ids=["pings", "pongs", "questions", "refusals", "no JSON"],
)
async def test_a_segment_of_64_kilobytes_takes_no_second(frame: bytes) -> None:
    began = process_time()
    await hear([frame * (65_536 // len(frame))] * 2)
    assert process_time() - began < 2


async def test_a_message_in_as_many_fragments_as_bytes_takes_no_second() -> None:
    began = process_time()
    fragments = client_frame(b"x", Opcode.CONTINUATION, fin=False) * 65_000
    side, _ = await hear([client_frame(b"x", fin=False), fragments, client_frame(b"x", Opcode.CONTINUATION)])
    assert len(side.texts()) == 2
    assert process_time() - began < 2


# The short way of a publish.

KEY = TargetApp(APP.id, APP.key, APP.credentials[0].secret)
LINES = [
    *("Host: x", "Connection: keep-alive", "connection: close", "Proxy-Connection: Keep-Alive", "Expect: 100-continue"),
    *("Transfer-Encoding: chunked", "Upgrade: h2c", "X-Pusher-Library: pusher-http-php 7.2.6", "X: é", "A:b", "A : b"),
    *(" folded: y", "\tfolded: y", "noname", ": novalue", "X: \x00", "X: a\rb", "X: a\x7fb", "content_length: 3", ""),
    *("Content-Length: 1", "Content-Length : 1", "CONTENT-LENGTH:1", "X-Content-Length: 1", "Keep-Alive: 1", "TE: x"),
]
LENGTHS = ["1", " {}", "  {}", "+{}", "0{}", "{} ", "{},{}", "{}.0", "0x{:x}", "{}\t"]
BODIES = st.fixed_dictionaries(
    {"name": st.sampled_from(["e", "", "pusher:e", " ", "é"]), "data": st.sampled_from(["{}", "", "\ud83d\ude00"])},
    optional={
        "channel": st.sampled_from(["a", "private-a", "a b", "", "#server-to-user-1"]),
        "channels": st.lists(st.sampled_from(["a", "b", "x" * 201]), max_size=3),
        "socket_id": st.sampled_from(["1.1", "x", "", None]),
        "info": st.sampled_from(["", "user_count", None]),
    },
).map(json.dumps)


BODY = '{"name":"e","channel":"a","data":"{}"}'
ODD: dict[str, list[str]] = {
    "path": ["/apps/%31/events", "/apps/1/events/", "//apps/1/events", "/apps/1/batch_events", "/apps/2/events"],
    "length": LENGTHS,
    "before": LINES,
    "after": LINES,
    "version": ["HTTP/1.0", "HTTP/2.0", "http/1.1", ""],
    "name": ["content-length: ", "CONTENT-LENGTH:", "Content-Length :", "Content-length:\t"],
    "end": ["\n", "\r"],
    "rest": ["\r\n", "x", "GET /up HTTP/1.1\r\nHost: x\r\n\r\n"],
}


def signed_publish(body: str = BODY, *, path: str = "/apps/1/events", rest: str = "", **odd: str) -> bytes:
    """A publish that is right but for what is given."""
    query = signed_query(KEY, "POST", path, body.encode(), {}, {})
    size = len(body.encode())
    length = odd.get("name", "Content-Length: ") + odd.get("length", "{}").format(size, size)
    first, end = f"POST {path}?{query} {odd.get('version', 'HTTP/1.1')}", odd.get("end", "\r\n")
    lines = [first, odd.get("before", "A: b"), length, odd.get("after", "C: d"), "", ""]
    return (end.join(lines) + body + rest).encode()


ONE_ODD = {f"{part}: {odd!r}": signed_publish(**{part: odd}) for part, odds in ODD.items() for odd in odds}


@st.composite
def publishes(draw: st.DrawFn) -> bytes:
    """A signed publish with up to three oddities; perhaps a byte of it is replaced."""
    parts = draw(st.lists(st.sampled_from(sorted(ODD)), max_size=3, unique=True))
    odd = {part: draw(st.sampled_from(ODD[part])) for part in parts}
    data = signed_publish(draw(st.just(BODY) | BODIES), **odd)
    behind_signature = data.index(b" HTTP/") if b" HTTP/" in data else 0
    at = draw(st.none() | st.none() | st.integers(behind_signature, len(data) - 1))
    return data if at is None else data[:at] + draw(st.binary(min_size=1, max_size=1)) + data[at + 1 :]


def short_way() -> ShortWay:
    node = Node(Apps([APP]), clock=lambda: 0.0, last_events=LastEvents(1_000), tell=lambda fact: None)
    authenticator = Authenticator(node, prefix="", tolerance=0, clock=lambda: 0.0)
    return ShortWay(node, authenticator, prefix="", max_request_size=10_000, max_head=32_768)


async def ordinary(data: bytes) -> tuple[int, list[Any]]:
    """The status of the ordinary way's first answer, and what was published by it."""
    async with running() as server, server.http() as http:
        answer = await http.send(data).answer()
        return answer.status, [(fact.event, list(fact.received)) for fact in server.told(facts.Published)]


def check(data: bytes, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Return True when the short way took it, after a look at what the ordinary way does with it."""
    published = short_way().publish(data)
    if published is None:
        return False
    with monkeypatch.context() as patch:
        patch.setattr(ShortWay, "publish", lambda way, data: None)
        status, told = asyncio.run(ordinary(data))
    assert (status, told) == (200, [(published.event, list(published.received))])
    return True


@pytest.mark.parametrize("data", ONE_ODD.values(), ids=ONE_ODD)
def test_one_oddity_is_not_taken_where_the_ordinary_way_refuses_it(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(data, monkeypatch)


def test_the_short_way_takes_nothing_that_the_ordinary_way_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some mutations are mild enough to be taken, else this would say nothing."""
    taken: list[bool] = []

    @settings(max_examples=200)
    @given(publishes())
    def mutate(data: bytes) -> None:
        taken.append(check(data, monkeypatch))

    mutate()
    assert 0 < sum(taken) < len(taken)


@pytest.mark.parametrize(
    "repeated", [b"a: b\r\n", b"a" * 20, b"a:", b"\r\n", b"content-length: 1\r\n", b"connection: keep-alive\r\n", b"-"]
)
def test_a_head_as_long_as_it_may_be_is_refused_in_no_time(repeated: bytes) -> None:
    query = signed_query(KEY, "POST", "/apps/1/events", b"{}", {}, {}).encode()
    head = b"POST /apps/1/events?" + query + b" HTTP/1.1\r\n" + repeated * (32_768 // len(repeated))
    began = process_time()
    assert short_way().publish(head) is None
    assert short_way().publish(head + b"\r\n\r\n") is None
    assert process_time() - began < 0.2

"""The short way of a publish gives byte for byte what the ordinary way through Starlette gives."""

import asyncio
import json
import re
from dataclasses import dataclass, replace

import pytest

from reverb_py import codes
from reverb_py.conformance.target import Knobs, signed_query
from reverb_py.hub import facts
from reverb_py.transports.publishing import ShortWay
from tests.transports.in_process import Running, running

EVENT = {"name": "ticket.assigned", "data": '{"ticket_id":1}', "channels": ["a"]}
DATE = re.compile(rb"date: [^\r]+")


@dataclass(frozen=True)
class Asked:
    """A request, whether the short way answers it, and how many copies it delivers to a subscriber of `a`."""

    body: bytes
    short: bool
    copies: int = 0
    path: str = "/apps/1/events"
    headers: str = ""
    close: bool = False  # the answer is followed by the end of the connection
    knobs: Knobs | None = None
    in_pieces: bool = False


def body(**fields: object) -> bytes:
    return json.dumps(EVENT | fields).encode()


ASKED = {
    "usual": Asked(body(), True, 1),
    "to nobody": Asked(body(channels=["b"]), True),
    "to a near miss": Asked(body(channels=["private-a"]), True),
    "one channel twice": Asked(body(channels=["a", "a"]), True, 1),
    "channel": Asked(b'{"name":"e","data":"{}","channel":"a"}', True, 1),
    "excluded socket": Asked(body(socket_id="1.1"), True, 1),
    "library": Asked(body(), True, 1, headers="X-Pusher-Library: pusher-http-php 7.2.6\r\n"),
    "in pieces": Asked(body(), False, 1, in_pieces=True),
    "connection: close": Asked(body(), False, 1, headers="Connection: close\r\n", close=True),
    "proxy-connection: close": Asked(body(), False, 1, headers="Proxy-Connection: close\r\n", close=True),
    "keep-alive": Asked(body(), True, 1, headers="Connection: keep-alive\r\n"),
    "chunked too": Asked(body(), False, headers="Transfer-Encoding: chunked\r\n"),
    "two lengths": Asked(body(), False, headers="Content-Length: 1\r\n"),
    "expect": Asked(body(), False, 1, headers="Expect: 100-continue\r\n"),
    "a folded header": Asked(body(), False, headers="X-A: b\r\n c: d\r\n"),
    "a header beyond ascii": Asked(body(), False, 1, headers="X-A: é\r\n"),
    "of a proxy": Asked(body(), True, 1, headers="X-Forwarded-For: 1.2.3.4\r\nvia: 1.1 edge\r\n"),
    "info": Asked(body(info="subscription_count"), False, 1),
    "unknown app": Asked(body(), False, path="/apps/2/events"),
    "another route": Asked(b"data", False, path="/apps/1/channels/a/events"),
    "wrong secret": Asked(body(), False, knobs={"secret": "another"}),
    "no signature": Asked(body(), False, knobs={"omit": ("auth_signature",)}),
    "no body_md5": Asked(body(), False, knobs={"omit": ("body_md5",)}),
    "body of another md5": Asked(body(), False, knobs={"body_md5": "0" * 32}),
    "too late": Asked(body(), False, knobs={"timestamp": 1}),
    "wrong key": Asked(body(), False, 1, knobs={"key": "another"}),
    "not json": Asked(b"{{{", False),
    "no name": Asked(body(name=""), False),
    "data is no string": Asked(body(data={"a": 1}), False),
    "no channel name": Asked(body(channels=["a", "a b"]), False),
    "too large": Asked(body(data="x" * 1_048_576), False),
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
async def test_both_ways_answer_deliver_and_tell_the_same(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[facts.Published | None] = []
    publish = ShortWay.publish

    def counting(way: ShortWay, data: bytes) -> facts.Published | None:
        taken.append(publish(way, data))
        return taken[-1]

    monkeypatch.setattr(ShortWay, "publish", counting)
    async with running() as server:
        short = await outcome(server, asked)
    assert any(taken) is asked.short
    monkeypatch.setattr(ShortWay, "publish", lambda way, data: None)
    async with running() as server:
        ordinary = await outcome(server, asked)
    assert short == ordinary
    assert len(short[1]) == asked.copies


async def outcome(server: Running, asked: Asked) -> tuple[bytes, list[object], list[facts.Fact]]:
    """The bytes of the answer but for its date, what a subscriber of `a` got, and the facts but for times and ids."""
    query = signed_query(server.target.apps["MAIN"], "POST", asked.path, asked.body, {}, asked.knobs or {})
    length = f"Content-Length: {len(asked.body)}\r\n"
    head = f"POST {asked.path}?{query} HTTP/1.1\r\nHost: x\r\n{length}{asked.headers}\r\n"
    async with server.target.client() as subscriber, server.http() as http:
        await subscriber.subscribed("a")
        before = len(server.facts)
        if asked.in_pieces:
            await http.send_bytewise(head.encode() + asked.body)
        else:
            http.send(head.encode() + asked.body)
        answer = await http.rest() if asked.close else await raw_answer(http.reader)
        received = []
        await subscriber.send({"event": "pusher:ping"})
        while (frame := await subscriber.frame())["event"] != "pusher:pong":
            received.append(frame)
        told = [each for each in server.facts[before:] if not isinstance(each, facts.Disconnected)]
    return DATE.sub(b"", answer), list(received), [_timeless(each) for each in told]


async def raw_answer(reader: asyncio.StreamReader) -> bytes:
    """One answer as it came: its head, and as much of a body as that announces."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    return head + await reader.readexactly(int(length[1]) if length else 0)


def _timeless(fact: facts.Fact) -> facts.Fact:
    return replace(fact, seconds=0.0) if isinstance(fact, facts.Published) else fact


async def test_what_a_client_said_at_its_end_is_no_part_of_a_publishers_answer() -> None:
    words = "x\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\nHTTP/1.1 500 Evil\r\nX: y"
    async with running() as server:
        hint = facts.Hint(codes.SUBSCRIBER_LEFT, f"nobody on a; it said {words} é")
        server.node.explain = lambda published: hint
        answer = await server.target.trigger("a")
        assert answer.headers["X-Reverb-Hint"] == f"RVB407 nobody on a; it said {words} é".translate(
            {10: "?", 13: "?", 233: "?"}
        )
        assert "Set-Cookie" not in answer.headers

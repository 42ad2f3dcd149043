"""The connection to Redis: whose answer is whose, also when it ends in the midst of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from reverb_py.cluster.redis.address import RedisAddress
from reverb_py.cluster.redis.link import A_TURN, Link, LinkLost, OutOfMemory, Reply, connect

HELLO = b"%3\r\n+version\r\n+7.0.15\r\n+role\r\n+master\r\n+proto\r\n:3\r\n"


class Lines:
    """What a link was told over its life."""

    def __init__(self) -> None:
        self.pushed: list[tuple[bytes, bytes | None]] = []
        self.lost: list[str] = []
        self.replies: list[Reply] = []
        self.ended = asyncio.Event()

    def on_push(self, channel: bytes, data: bytes | None) -> None:
        self.pushed.append((channel, data))

    def on_lost(self, reason: str) -> None:
        self.lost.append(reason)
        self.ended.set()


@asynccontextmanager
async def linked(lines: Lines, answers: Sequence[bytes]) -> AsyncIterator[Link]:
    """A link to a server that says these bytes, one after the other, each when it has received something."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (HELLO, *answers):
            await reader.read(65_536)
            writer.write(answer)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = await connect(RedisAddress(port=port), lines.on_push, lines.on_lost)
    try:
        yield link
    finally:
        link.end("the test is over")
        await lines.ended.wait()
        server.close()


async def test_what_arrives_at_once_is_taken_a_part_in_each_turn_and_in_its_order() -> None:
    """Clients are written to at the end of a turn; a node that is behind must not hand them seconds of events."""
    lines, many = Lines(), 5 * A_TURN
    messages = b"".join(b">3\r\n+message\r\n+c\r\n+%d\r\n" % number for number in range(many))
    async with linked(lines, [messages + b":1\r\n"]) as link:
        answered = asyncio.Event()
        link.ask(lambda reply: answered.set(), b"A")
        taken: list[int] = []
        while not answered.is_set():
            before = len(lines.pushed)
            await asyncio.sleep(0)
            taken.append(len(lines.pushed) - before)
        assert max(taken) <= A_TURN
        assert [int(data or b"") for _, data in lines.pushed] == list(range(many))
        assert not link._is_paused


async def test_answers_behind_an_error_are_nobody_s() -> None:
    """They may belong to whoever asked next, and the error ends the link."""
    lines = Lines()
    async with linked(lines, [b":1\r\n-READONLY no\r\n:2\r\n:3\r\n>3\r\n+message\r\n+c\r\n+x\r\n"]) as link:
        for command in (b"A", b"B", b"C", b"D"):
            link.ask(lines.replies.append, command)
        await lines.ended.wait()
    first, *rest = lines.replies
    assert first == 1
    assert [str(each) for each in rest] == ["READONLY no"] * 3
    assert all(isinstance(each, LinkLost) for each in rest)
    assert lines.pushed == []


@pytest.mark.parametrize(
    "text", [b"OOM command not allowed when", b"ERR Error running script: -OOM command not allowed"]
)
async def test_full_memory_is_the_answer_to_one_command(text: bytes) -> None:
    lines = Lines()
    async with linked(lines, [b"-%b\r\n:2\r\n" % text]) as link:
        link.ask(lines.replies.append, b"A")
        assert await link.question("B") == 2
    (full,) = lines.replies
    assert isinstance(full, OutOfMemory)


async def test_who_asks_a_link_that_has_ended_hears_so() -> None:
    lines = Lines()
    async with linked(lines, []) as link:
        link.end("a reason")
        link.end("a later one")
        link.ask(lines.replies.append, b"A")
        await lines.ended.wait()
        with pytest.raises(LinkLost, match="a reason"):
            await link.question("B")
    assert lines.lost == ["a reason"]
    assert [str(each) for each in lines.replies] == ["a reason"]


@pytest.mark.parametrize(
    ("garbage", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "what it sent is not Redis's protocol"),
        (b"$5\r\nabcdefgh\r\n", "what it sent is not Redis's protocol"),
        (b":1\r\n:2\r\n", "it answered what nobody asked"),
        (b":1\r\n-OOM command not allowed\r\n", "OOM command not allowed"),
    ],
)
async def test_what_is_not_redis_ends_the_link(garbage: bytes, reason: str) -> None:
    lines = Lines()
    async with linked(lines, [garbage]) as link:
        link.ask(lines.replies.append, b"A")
        await lines.ended.wait()
    assert lines.lost == [reason]


async def test_messages_are_told_from_answers_and_a_lost_subscription_from_an_empty_message() -> None:
    lines = Lines()
    pushes = b">3\r\n+message\r\n+c\r\n$0\r\n\r\n>3\r\n+smessage\r\n+c\r\n+x\r\n>3\r\n+sunsubscribe\r\n+c\r\n:0\r\n"
    async with linked(lines, [pushes + b">3\r\n+subscribe\r\n+c\r\n:1\r\n:7\r\n"]) as link:
        assert await link.question("A") == 7
    assert lines.pushed == [(b"c", b""), (b"c", b"x"), (b"c", None)]

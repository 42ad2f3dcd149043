"""RFC 6455: sizes, fragments, masks, opcodes, close codes."""

import json

from reverb_py.conformance.case import case
from reverb_py.conformance.client import Client
from reverb_py.conformance.target import Target
from reverb_py.conformance.verify import equal, that
from reverb_py.conformance.wire import Opcode, client_frame

PING = b'{"event":"pusher:ping","data":{}}'
PROTOCOL_ERROR, NOT_UTF8, TOO_BIG = 1002, 1007, 1009
MAIN_LIMIT, A_LIMIT = 65_536, 10_000  # bytes of one message


def ping_of(size: int) -> bytes:
    """A pusher:ping of exactly this many bytes."""
    empty = b'{"event":"pusher:ping","padding":"","data":{}}'
    return empty.replace(b'""', b'"%s"' % (b"x" * (size - len(empty))))


async def expect_pong(client: Client) -> None:
    equal((await client.frame())["event"], "pusher:pong", "the answer")


async def expect_close(target: Target, code: int, *raw: bytes, app: str = "MAIN") -> None:
    """On a fresh connection, these bytes must be answered with a close frame of this code."""
    async with target.client(app) as client:
        await client.send_bytes(b"".join(raw))
        equal((await client.closed())[0], code, f"the close code after {b''.join(raw)[:60]!r}")


@case("pp-28", "rb-51")
async def fragments(target: Target) -> None:
    """A message in three fragments, with a WebSocket PING between them, is one message."""
    async with target.client() as client:
        await client.send_bytes(client_frame(PING[:5], fin=False))
        await client.send_bytes(client_frame(b"between", Opcode.PING))
        equal(await client.pong(), b"between", "the PONG in between")
        await client.send_bytes(client_frame(PING[5:9], Opcode.CONTINUATION, fin=False))
        await client.send_bytes(client_frame(PING[9:], Opcode.CONTINUATION))
        await expect_pong(client)
        await client.nothing()


@case("pp-38")
async def size_limit(target: Target) -> None:
    """A message of 65 536 bytes is read; one byte more is closed with 1009."""
    async with target.client() as client:
        await client.send_bytes(client_frame(ping_of(MAIN_LIMIT)))
        await expect_pong(client)
    await expect_close(target, TOO_BIG, client_frame(ping_of(MAIN_LIMIT + 1)))


@case("pp-38", apps=("SMALL",))
async def small_size_limit(target: Target) -> None:
    """An app's own limit of 100 bytes lets 100 pass and closes 101 with 1009."""
    async with target.client("SMALL") as client:
        await client.send_bytes(client_frame(ping_of(100)))
        await expect_pong(client)
    await expect_close(target, TOO_BIG, client_frame(ping_of(101)), app="SMALL")


@case("rb-43", apps=("A",))
async def reverbs_size_limit(target: Target) -> None:
    """Reverb's limit of 10 000 bytes lets 10 000 pass and closes 10 001 with 1009."""
    async with target.client("A") as client:
        await client.send_bytes(client_frame(ping_of(A_LIMIT)))
        await expect_pong(client)
    await expect_close(target, TOO_BIG, client_frame(ping_of(A_LIMIT + 1)), app="A")


@case("rb-44", apps=("A",))
async def size_is_judged_by_the_header(target: Target) -> None:
    """The header of a too-big frame is enough for 1009; its payload need not come."""
    await expect_close(target, TOO_BIG, client_frame(b"", declared=A_LIMIT + 1), app="A")
    await expect_close(target, TOO_BIG, client_frame(b"", declared=1 << 40), app="A")


@case("rb-45", apps=("A",))
async def fragments_add_up(target: Target) -> None:
    """Two fragments of 6 000 bytes are a message of 12 000, and closed with 1009."""
    first = client_frame(b"x" * 6_000, fin=False)
    await expect_close(target, TOO_BIG, first, client_frame(b"x" * 6_000, Opcode.CONTINUATION), app="A")


@case("rb-46", apps=("C",))
async def limit_of_one_byte(target: Target) -> None:
    """With a limit of one byte, two bytes are closed with 1009."""
    async with target.client("C", headers={"Origin": "http://laravel.com"}) as client:
        await client.send_bytes(client_frame(b"{}"))
        equal((await client.closed())[0], TOO_BIG, "the close code")


@case("rb-47", apps=("B",))
async def long_channel_data(target: Target) -> None:
    """A subscription with 20 KB of channel_data is accepted where messages may be that big."""
    channel = target.name("private-long")
    async with target.client("B") as client:
        await client.subscribed(channel, channel_data=json.dumps({"user_id": "1", "user_info": "x" * 20_000}))


@case("rb-58", apps=("WIDE",))
async def no_size_limit(target: Target) -> None:
    """A limit of 0 is none: a message of 300 KB is read."""
    async with target.client("WIDE") as client:
        await client.send_bytes(client_frame(ping_of(300_000)))
        await expect_pong(client)


@case("pp-37", "rb-50")
async def invalid_utf8(target: Target) -> None:
    """A text frame that is not UTF-8 is closed with 1007."""
    for payload in (b'{"event":"\xff"}', b"\xc0\xaf", b"\xed\xa0\x80"):
        await expect_close(target, NOT_UTF8, client_frame(payload))


@case("rb-48")
async def unmasked_frame(target: Target) -> None:
    """An unmasked frame is closed with 1002."""
    await expect_close(target, PROTOCOL_ERROR, client_frame(PING, masked=False))


@case("rb-49")
async def reserved_bits(target: Target) -> None:
    """A reserved bit without an extension, or a reserved opcode, is closed with 1002."""
    for rsv in (4, 2, 1):
        await expect_close(target, PROTOCOL_ERROR, client_frame(PING, rsv=rsv))
    for opcode in (3, 11):
        await expect_close(target, PROTOCOL_ERROR, client_frame(PING, opcode))


@case("rb-49")
async def control_frames_are_short_and_whole(target: Target) -> None:
    """A control frame that is fragmented or longer than 125 bytes is closed with 1002."""
    await expect_close(target, PROTOCOL_ERROR, client_frame(b"", Opcode.PING, fin=False))
    await expect_close(target, PROTOCOL_ERROR, client_frame(b"x" * 126, Opcode.PING))


@case("rb-52")
async def fragments_out_of_order(target: Target) -> None:
    """A continuation of nothing, and a text frame inside a fragmented message, are closed with 1002."""
    await expect_close(target, PROTOCOL_ERROR, client_frame(PING, Opcode.CONTINUATION))
    await expect_close(target, PROTOCOL_ERROR, client_frame(PING[:5], fin=False), client_frame(PING))


@case("rb-54")
async def empty_close(target: Target) -> None:
    """A close frame without a code is answered with 1000, or with an empty one."""
    async with target.client() as client:
        await client.send_close(None)
        code, reason = await client.closed()
        that(code in (1000, 1005), f"expected 1000 or no code, got {code}")
        equal(reason, "", "the reason")


@case("rb-55")
async def forbidden_close_codes(target: Target) -> None:
    """A close frame with a code that must not be sent, or with one byte, is answered with 1002."""
    for code in (999, 1005, 1006):
        await expect_close(target, PROTOCOL_ERROR, client_frame(code.to_bytes(2), Opcode.CLOSE))
    await expect_close(target, PROTOCOL_ERROR, client_frame(b"\x03", Opcode.CLOSE))


@case("rb-56")
async def own_close_code(target: Target) -> None:
    """A client's close with 4000 is echoed."""
    async with target.client() as client:
        await client.send_close(4000, "mine")
        equal(await client.closed(), (4000, "mine"), "the server's close frame")


@case("rb-57")
async def segments_are_not_messages(target: Target) -> None:
    """Two messages in one segment get two answers; one message byte by byte gets one."""
    async with target.client() as client:
        await client.send_bytes(client_frame(PING) * 2)
        await expect_pong(client)
        await expect_pong(client)
        for byte in client_frame(PING):
            await client.send_bytes(bytes([byte]))
        await expect_pong(client)
        await client.nothing()

"""Limits on what one connection sends: hosted Pusher's on client events, Reverb's on messages of every kind.

HOSTED allows ten client events a second. LIMITED allows three messages in two seconds, LIMITEDT too, and closes a
connection that sends a fourth.
"""

import asyncio
import time

from reverb_py.conformance.case import case
from reverb_py.conformance.client import Client, Frame, refusal
from reverb_py.conformance.expect import TURN, heard
from reverb_py.conformance.target import Target
from reverb_py.conformance.verify import Deviation, equal, that, within
from reverb_py.conformance.wire import Opcode, client_frame

RATE_LIMITED = 4301
COMES_BACK_LATER = range(4100, 4200)  # what a close frame may say so that pusher-js comes back, but not at once
A_SECOND = 100  # client events
HOSTED_A_SECOND = 10
ATTEMPTS = 3
WINDOW = 2.0  # seconds
PING = '{"event":"pusher:ping","data":{}}'
PONG = {"event": "pusher:pong", "data": "{}"}


# Client events


async def burst(sender: Client, channel: str, count: int) -> None:
    """Send that many client events in one write; their data counts them."""
    texts = (f'{{"event":"client-n","channel":"{channel}","data":{n}}}' for n in range(count))
    await sender.send_bytes(b"".join(client_frame(text.encode()) for text in texts))


async def numbers(client: Client) -> list[int]:
    """The data of the client events that have come."""
    return [int(frame["data"]) for frame in await heard(client)]


@case("pp-151")
async def too_many_client_events(target: Target) -> None:
    """Of a burst above 100 client events the rest is dropped with one 4301; the connection stays open."""
    channel = target.name("private-x")
    async with target.client() as sender, target.client() as other:
        await sender.subscribed(channel)
        await other.subscribed(channel)
        started = time.monotonic()
        await burst(sender, channel, 2 * A_SECOND)
        await sender.refused(RATE_LIMITED)
        await sender.nothing()
        most = A_SECOND + 1 + int((time.monotonic() - started) * A_SECOND)  # time goes on during the burst
        got = await numbers(other)
        that(A_SECOND <= len(got) <= most, f"expected {A_SECOND} to {most} client events, got {len(got)}")
        equal(got[:A_SECOND], list(range(A_SECOND)), "the first of them")


@case("pp-151", "pp-152", apps=("HOSTED",), slow=True)
async def hosted_rate(target: Target) -> None:
    """With hosted's limit, 10 of 11 client events arrive, the sender is told 4301 once; a second later 10 more do."""
    channel = target.name("private-x")
    async with target.client("HOSTED") as sender, target.client("HOSTED") as other:
        await sender.subscribed(channel)
        await other.subscribed(channel)
        await burst(sender, channel, HOSTED_A_SECOND + 1)
        await sender.refused(RATE_LIMITED)
        await sender.nothing()
        equal(await numbers(other), list(range(HOSTED_A_SECOND)), "the client events of the first second")
        await asyncio.sleep(1.0)
        await burst(sender, channel, HOSTED_A_SECOND)
        await sender.nothing()
        equal(await numbers(other), list(range(HOSTED_A_SECOND)), "the client events of the next second")


@case("pp-153", apps=("HOSTED",))
async def rate_of_each_connection(target: Target) -> None:
    """Every connection may send 10 client events a second, also two of one user at the same time."""
    channel = target.name("presence-x")
    async with target.client("HOSTED") as first, target.client("HOSTED") as second:
        for client in (first, second):
            await client.subscribed(channel, channel_data='{"user_id":"u1"}')
        for client in (first, second):
            await burst(client, channel, HOSTED_A_SECOND)
        for client in (first, second):
            await client.ping()  # the other's burst is through then, and not a frame of it was refused
        for client in (first, second):
            equal(await numbers(client), list(range(HOSTED_A_SECOND)), "the client events of the other")


# Messages


async def unanswered(client: Client) -> None:
    """A pusher:ping must have no pong, at most a 4301 in its place; a WebSocket PING is answered behind it."""
    await client.send(PING)
    await client.ping()
    for frame in client.unread():
        refusal(frame, RATE_LIMITED)


async def answered(client: Client) -> None:
    await client.send(PING)
    equal(await client.frame(), PONG, "the answer to a pusher:ping")


@case("rb-109", apps=("LIMITED",), slow=True)
async def too_many_messages(target: Target) -> None:
    """The fourth message is refused with 4301 and has no effect; after the window the connection may send again."""
    channel = target.name("limited")
    async with target.client("LIMITED") as client, target.client("LIMITED") as other:
        started = time.monotonic()
        for _ in range(ATTEMPTS):
            await answered(client)
        await client.subscribe(channel)
        message = await client.refused(RATE_LIMITED)
        equal(message, "Rate limit exceeded", "the message")
        await answered(other)  # every connection has a window of its own
        await until_answered(client, started)
        await client.subscribed(channel)
        await target.trigger(channel, app="LIMITED")
        equal((await client.frame())["event"], "ev", "the event")


async def until_answered(client: Client, started: float) -> None:
    """Ping all the time until a pong comes: when the window ends that opened at `started`, and not before.

    What is refused meanwhile must not make the window longer.
    """
    while (frame := await answer(client)) is None or frame.get("event") == "pusher:error":
        if time.monotonic() - started > WINDOW + 1:
            raise Deviation(f"expected a pong again after {WINDOW} s, there was none after {WINDOW + 1} s")
        await asyncio.sleep(TURN)
    equal(frame, PONG, "the answer after the window")
    passed = time.monotonic() - started
    that(passed >= WINDOW - TURN, f"expected the window to be {WINDOW} s long, a message passed after {passed:.2f} s")


async def answer(client: Client) -> Frame | None:
    """What a pusher:ping is answered with, None when it is not."""
    await client.send(PING)
    await client.ping()
    frames = client.unread()
    return frames[-1] if frames else None


COUNTED = (  # each of these is one message
    *map(client_frame, (b"{{{", b"", b'{"event":"client-a"}', b'{"event":"pusher:pong"}', b'{"event":"pusher:nope"}')),
    client_frame(b"{{", fin=False)
    + client_frame(b"", Opcode.CONTINUATION, fin=False)
    + client_frame(b"{", Opcode.CONTINUATION),
)


@case("rb-110", apps=("LIMITED",))
async def what_counts(target: Target) -> None:
    """Garbage and messages without an answer count, in fragments once; WebSocket PINGs and PONGs do not."""
    async with target.client("LIMITED") as client:
        for _ in range(2 * ATTEMPTS):
            await client.ping()
            await client.send_bytes(client_frame(b"", Opcode.PONG))
        for _ in range(ATTEMPTS):
            await answered(client)
        await unanswered(client)
    for raw in COUNTED:
        async with target.client("LIMITED") as client:
            await client.send_bytes(raw)
            await client.ping()
            client.unread()  # its refusal, if it had one
            for _ in range(ATTEMPTS - 1):
                await answered(client)
            await unanswered(client)


@case("rb-111", apps=("LIMITEDT",))
async def end_of_the_connection(target: Target) -> None:
    """Where the limit ends connections, the fourth message is answered with 4301, then a close frame with a reason."""
    channel = target.name("limited")
    async with target.client("LIMITEDT") as client:
        for _ in range(ATTEMPTS):
            await answered(client)
        await client.subscribe(channel)
        await client.refused(RATE_LIMITED)
        code, reason = await client.closed()
        within(code, COMES_BACK_LATER, "the code of the close frame")
        that(reason, "expected a reason in the close frame")
        equal(client.unread(), [], "what comes beside")
    async with target.client("LIMITEDT") as client:  # whoever comes back begins anew
        await answered(client)


@case("rb-112")
async def no_limit(target: Target) -> None:
    """Without the limit, ten subscriptions in one write are acknowledged, behind the establishment."""
    channels = [target.name("unlimited") for _ in range(10)]
    async with target.client() as client:
        texts = (f'{{"event":"pusher:subscribe","data":{{"channel":"{channel}"}}}}' for channel in channels)
        await client.send_bytes(b"".join(client_frame(text.encode()) for text in texts))
        for channel in channels:
            await client.acknowledged(channel)
        await client.nothing()

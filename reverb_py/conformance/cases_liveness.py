"""Signs of life: pings of both kinds in both directions, and the end of those who give none.

The app FAST is pinged after 2 seconds of silence and closed 1 second later.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable

from reverb_py.conformance.case import case
from reverb_py.conformance.client import Client, refusal
from reverb_py.conformance.expect import vacated
from reverb_py.conformance.target import Target
from reverb_py.conformance.verify import equal, that, within
from reverb_py.conformance.wire import Opcode, client_frame

LIMIT = 3.0  # seconds of silence that FAST allows
LONG = 4 * LIMIT  # the checklist says 20 s; four times the limit shows the same
STEP = 0.5  # seconds
EMPTY = ('"{}"', "null", '""', "{}", "[]", "false", "0")  # in JSON, what says nothing
PRUNED = 4201


@case("pp-44", "rb-20")
async def ping_is_answered(target: Target) -> None:
    """pusher:ping is answered by pusher:pong with data "{}", which Java reads."""
    async with target.client() as client:
        await client.send({"event": "pusher:ping", "data": {}})
        equal(await client.frame(), {"event": "pusher:pong", "data": "{}"}, "the answer")


@case("pp-45", "pp-46", "rb-21")
async def ping_with_any_data(target: Target) -> None:
    """pusher:ping is answered the same with any empty data and with none, as Java sends it."""
    async with target.client() as client:
        texts = [f'{{"event":"pusher:ping","data":{data}}}' for data in EMPTY]
        for text in ('{"event": "pusher:ping"}', *texts):
            await client.send(text)
            equal(await client.frame(), {"event": "pusher:pong", "data": "{}"}, f"the answer to {text}")


@case("pp-47", "rb-23")
async def websocket_ping(target: Target) -> None:
    """A WebSocket PING is answered by a PONG with the same payload."""
    async with target.client() as client:
        for payload in (b"abc", b"", b"\x00\xff" * 62):
            await client.ping(payload)
        await client.nothing()


@case("pp-48")
async def many_websocket_pings(target: Target) -> None:
    """Sixty WebSocket PINGs, as .NET sends in a minute, are all answered and count against no limit."""
    async with target.client() as client:
        for number in range(60):
            await client.ping(b"%d" % number)
        await client.nothing()


@case("pp-53", "rb-22")
async def unasked_pong(target: Target) -> None:
    """pusher:pong from a client that was not asked is ignored silently."""
    async with target.client() as client:
        for data in EMPTY:
            await client.send(f'{{"event":"pusher:pong","data":{data}}}')
        await client.send('{"event":"pusher:pong"}')
        await client.nothing()


@case("rb-24")
async def unasked_websocket_pong(target: Target) -> None:
    """A WebSocket PONG that nobody asked for is ignored silently."""
    async with target.client() as client:
        await client.send_bytes(client_frame(b"unasked", Opcode.PONG))
        await client.nothing()


async def stays_open(client: Client, sign_of_life: Callable[[], Awaitable[None]], seconds: float = LONG) -> None:
    """Give this sign of life every half second, answer nothing else, and still be connected at the end."""
    client.answers_pings = False
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        await sign_of_life()
        await client.nothing(STEP, by="waiting")
    client.answers_pings = True
    await client.nothing()


@case("pp-49", apps=("FAST",), slow=True)
async def kept_alive_by_websocket_pings(target: Target) -> None:
    """A client that sends nothing but WebSocket PINGs stays connected (12 s here, at a limit of 3 s)."""
    async with target.client("FAST") as client:
        await stays_open(client, lambda: client.send_bytes(client_frame(b"", Opcode.PING)))


@case("rb-24", apps=("FAST",), slow=True)
async def kept_alive_by_websocket_pongs(target: Target) -> None:
    """A client that sends nothing but unasked WebSocket PONGs stays connected."""
    async with target.client("FAST") as client:
        await stays_open(client, lambda: client.send_bytes(client_frame(b"", Opcode.PONG)))


@case("rb-22", "rb-28", apps=("FAST",), slow=True)
async def kept_alive_by_pongs(target: Target) -> None:
    """A client that sends nothing but pusher:pong, and answers no PING, stays connected."""
    async with target.client("FAST") as client:
        await stays_open(client, lambda: client.send('{"event":"pusher:pong","data":{}}'))


@case("pp-54", apps=("FAST",), slow=True)
async def kept_alive_by_traffic(target: Target) -> None:
    """A client that sends client events, and neither pings nor answers PINGs, stays connected."""
    channel = target.name("private-traffic")
    event = json.dumps({"event": "client-tick", "channel": channel, "data": {}})
    async with target.client("FAST") as client:
        await client.subscribed(channel)
        await stays_open(client, lambda: client.send(event))


@case("rb-29", apps=("FAST",), slow=True)
async def busy_client_is_not_pinged(target: Target) -> None:
    """A client that is heard of more often than the ping interval is not pinged."""
    async with target.client("FAST") as client:
        await client.subscribed(target.name("busy"))
        await stays_open(client, lambda: client.send('{"event":"pusher:pong"}'), 2 * LIMIT)
        equal(list(client.pings), [], "the PINGs of the server")


@case("pp-50", "pp-52", "rb-25", "rb-26", apps=("FAST",), slow=True)
async def silent_client_is_pinged(target: Target) -> None:
    """A silent client gets WebSocket PINGs; one that answers those, and never pusher:ping, is not pruned."""
    async with target.client("FAST") as client:
        client.ignored_events.add("pusher:ping")
        await client.subscribed(target.name("silent"))
        await client.nothing(LONG, by="waiting")
        that(len(client.pings) >= 2, f"expected WebSocket PINGs in {LONG:g} s, got {len(client.pings)}")
        await client.nothing()


@case("pp-51", "rb-27", apps=("FAST",), slow=True)
async def deaf_client_is_closed(target: Target) -> None:
    """A client that answers no PING is closed with 4201 after about 3 s; it leaves its channel."""
    channel = target.name("deaf")
    async with target.client("FAST") as client:
        await client.subscribed(channel)
        await pruned(client)
        await vacated(target, channel, "FAST")


@case("rb-30", apps=("FAST",), slow=True)
async def deaf_client_without_subscription_is_closed(target: Target) -> None:
    """A client without any subscription is pinged and closed like the others."""
    async with target.client("FAST") as client:
        await pruned(client)


async def pruned(client: Client) -> None:
    """Say and answer nothing; the close must come when the interval and the wait are over, not much later."""
    client.answers_pings = False
    started = time.monotonic()
    code, reason = await client.closed(4 * LIMIT)
    seconds = time.monotonic() - started
    equal((code, bool(reason)), (PRUNED, True), f"the close frame, after {seconds:.1f} s")
    on_time = LIMIT - 0.5 < seconds < 2.5 * LIMIT
    that(on_time, f"expected the close after about {LIMIT:g} s, got {seconds:.1f} s")
    that(client.pings, "expected a WebSocket PING before the close")
    for frame in client.unread():
        within(frame["event"], ("pusher:ping", "pusher:error"), "what may precede the close frame")
        if frame["event"] == "pusher:error":
            refusal(frame, PRUNED)


@case("rb-23", apps=("FAST",), slow=True)
async def pings_in_between_refresh(target: Target) -> None:
    """After an answered PING the silence is counted anew: a late sign of life is as good as an early one."""
    async with target.client("FAST") as client:
        client.answers_pings = False
        for _ in range(3):
            await asyncio.sleep(LIMIT - 0.7)
            await client.ping(b"late")
        await client.nothing()

"""Clients of other languages, emulated on the wire: what each of them does that pusher-js does not (pp 12.18).

All of them are connected to the app SHORT at the same time, and each stays for twice as long as that app forgives
silence: only what the client really does keeps it alive.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
import pytest_asyncio

from reverb_py.conformance.client import Client, Frame
from reverb_py.conformance.expect import handshake_refused, subscription_refused
from reverb_py.conformance.target import Target
from tests.clients.apps import MAIN, SHORT, SHORT_LIMIT
from tests.clients.emulations import DART, DOTNET, JAVA, SWIFT, SWIFT_SUBPROTOCOL, dart_hears
from tests.server_process import ServerProcess

STAY = 2 * SHORT_LIMIT
STEP = 0.5  # seconds
ANN, BOB = '{"user_id":"100","user_info":{"name":"Ann"}}', '{"user_id":"7","user_info":{"name":"Bob"}}'

Emulation = Callable[[Target], Coroutine[Any, Any, None]]
Conversations = dict[Emulation, asyncio.Task[None]]


async def java(target: Target) -> None:
    """pp-295: it pings without data, never answers `pusher:ping`, and fails on a frame without data."""
    channel = target.name("presence-orders")
    async with target.client("SHORT", JAVA) as client, target.client("SHORT") as other:
        frames: list[Frame] = [await client.subscribed(channel, channel_data=ANN)]
        await other.subscribed(channel, channel_data=BOB)
        await target.trigger(channel, app="SHORT")
        await other.aclose()
        frames += [await client.frame() for _ in ("member_added", "the event", "member_removed")]
        await client.nothing(STAY, by="waiting")
        assert client.pings, "the server asked by WebSocket PINGs whether it lives"
        await client.send('{"event": "pusher:ping"}')
        frames.append(await client.frame())
        assert frames[-1]["event"] == "pusher:pong"
        assert [frame for frame in frames if not isinstance(frame.get("data"), str)] == []


async def swift(target: Target) -> None:
    """pp-296: it insists on its sub-protocol, sends WebSocket pings, and reads string data and error objects only."""
    channel = target.name("orders")
    async with target.client("SHORT", SWIFT, subprotocols=[SWIFT_SUBPROTOCOL]) as client:
        assert client.answer.headers["sec-websocket-protocol"] == SWIFT_SUBPROTOCOL
        await client.subscribed(channel)
        await pings(client, STAY)
        await target.trigger(channel, "shipped", '{"id":1}', "SHORT")
        assert await client.frame() == {"event": "shipped", "channel": channel, "data": '{"id":1}'}
        await client.subscribe("private-orders", f"{SHORT.key}:forged")
        await subscription_refused(client, "private-orders")


async def dotnet(target: Target) -> None:
    """pp-297: its pings are not limited; and it ignores that it was refused, each time as clearly as the first."""
    async with target.client("SHORT", DOTNET) as client:
        for _ in range(10):
            await handshake_refused(target, 4001, query=DOTNET, path="/app/key-of-another-app", told=True)
        await pings(client, STAY)
        for number in range(100):
            await client.ping(b"%d" % number)
        await client.nothing()


async def dart(target: Target) -> None:
    """pp-298: it sends no query, reads `activity_timeout` as an integer, and pings by events."""
    channel = target.name("private-orders")
    async with target.client("SHORT", DART) as client:
        assert type(client.established["activity_timeout"]) is int
        await client.subscribed(channel)
        client.answers_pings = False
        for _ in range(round(STAY / STEP)):
            await client.send({"event": "pusher:ping", "data": {}})
            assert (await dart_hears(client))["event"] == "pusher:pong"
            await client.nothing(STEP, by="waiting")
        await target.trigger(channel, "shipped", '{"id":1}', "SHORT")
        assert (await dart_hears(client))["data"] == '{"id":1}'


async def pings(client: Client, seconds: float) -> None:
    """Send a WebSocket PING twice a second and nothing else, not even a PONG."""
    client.answers_pings = False
    for number in range(round(seconds / STEP)):
        await client.ping(b"%d" % number)
        await client.nothing(STEP, by="waiting")


EMULATIONS: dict[str, Emulation] = {
    "pp-295-java": java,
    "pp-296-swift": swift,
    "pp-297-dotnet": dotnet,
    "pp-298-dart": dart,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def conversations(server: ServerProcess) -> AsyncIterator[Conversations]:
    target = Target(f"ws://127.0.0.1:{server.port}", {"MAIN": MAIN, "SHORT": SHORT})
    tasks = {each: asyncio.create_task(each(target)) for each in EMULATIONS.values()}
    yield tasks
    await asyncio.gather(*tasks.values(), return_exceptions=True)
    await target.aclose()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("emulation", [pytest.param(each, id=name) for name, each in EMULATIONS.items()])
async def test_the_client_is_served(emulation: Emulation, conversations: Conversations) -> None:
    await conversations[emulation]

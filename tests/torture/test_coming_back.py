"""Official pusher-js clients whose server ends, and another that begins: they are back by themselves, with everything.

One process of node plays them all (tests/clients/crowd.mjs). It tells when each is subscribed to its three channels.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from reverb_py.conformance.expect import eventually
from tests.clients.story import Story, play
from tests.server_process import ServerProcess
from tests.torture.clients import flock
from tests.torture.front import front
from tests.torture.publisher import PUBLISHERS, once
from tests.torture.rows import Row
from tests.torture.test_stopping import LAST, at
from tests.torture.watching import APP, CREDENTIALS

CHANNELS = ["flock", "private-flock", "presence-flock"]
EVERYWHERE = ("--host", "0.0.0.0")  # each of them has an address of its own, 127.0.1.1 and so on
PATIENCE = 30.0  # seconds for one thing that the crowd must tell
AGAIN = 15.0  # seconds after which pusher-js tries again where nobody listened (its default_strategy.ts)
LATER = 1.0  # after an end without a close frame (its connection_manager.ts)
SLACK = 3.0  # for handshakes, authorizations and subscriptions on a busy machine


def sizes(big: bool) -> tuple[int, int, float]:
    """How many pusher-js clients, how many raw subscribers beside them, and seconds of drain."""
    return (200, 5_000, 8.0) if big else (20, 100, 1.0)


def serving(drain: float = 0.0, port: int | None = None) -> ServerProcess:
    env = {**CREDENTIALS, "REVERB_DRAIN": str(drain), "REVERB_LOG_RATE": "100000"}
    return ServerProcess(*EVERYWHERE, env=env, port=port)


async def ready(process: ServerProcess) -> float:
    """Wait until it serves; return the seconds that this took."""
    began = asyncio.get_running_loop().time()
    await asyncio.to_thread(process.wait_until_ready)
    return asyncio.get_running_loop().time() - began


@asynccontextmanager
async def crowd(port: int, count: int, process: ServerProcess) -> AsyncIterator[Story]:
    """So many pusher-js clients, subscribed to CHANNELS."""
    world = {"port": port, "id": APP.id, "key": APP.key, "secret": APP.secret, "count": count}
    async with play("crowd", "comesBack", world, lambda: process.output) as story:
        await story.told("all here", PATIENCE)
        yield story
        await story.ended()


@asynccontextmanager
async def publishing(*, big: bool, port: int) -> AsyncIterator[Counter[str]]:
    """Publishers who go on whatever becomes of the server; what became of their triggers."""
    told: Counter[str] = Counter()

    async def publish() -> None:
        while True:
            told[await once(port)] += 1
            await asyncio.sleep(0.5 if big else 0.02)

    async def answered() -> bool:
        return told["answered"] > PUBLISHERS

    publishers = [asyncio.create_task(publish()) for _ in range(PUBLISHERS)]
    try:
        await eventually(answered, "triggers should be answered")
        yield told
    finally:
        for each in publishers:
            each.cancel()


async def all_hear(story: Story, process: ServerProcess, count: int) -> None:
    """Publish to all channels: each client gets it on each, once."""
    target = at(process)
    await target.trigger(CHANNELS, "after")
    assert await story.told("all heard", PATIENCE) == count
    await target.aclose()


def seconds(back: dict[str, Any]) -> str:
    """How long they were away."""
    times = back["milliseconds"]
    return f"away for {times[len(times) // 2] / 1000:.1f} s, at most {times[-1] / 1000:.1f} s"


def attempts_of(back: dict[str, Any]) -> str:
    """How often they tried, the most insistent one."""
    most = back["attempts"][-1]
    return f"{most} {'attempt' if most == 1 else 'attempts'} at most"


@pytest.mark.torture  # 17 seconds, of which pusher-js waits 15; pp-289 has the small form
async def test_pusher_js_comes_back_to_the_next_process(row: Row, big: bool) -> None:
    """SIGTERM under traffic, then the next process on its port: all 20 (200) pusher-js clients subscribe again."""
    count, raw, drain = sizes(big)
    async with AsyncExitStack() as stack:
        old = stack.enter_context(serving(drain))
        await ready(old)
        await stack.enter_async_context(flock(old.port, raw, "flock"))
        story = await stack.enter_async_context(crowd(old.port, count, old))
        told = await stack.enter_async_context(publishing(big=big, port=old.port))
        old.terminate()
        assert await asyncio.to_thread(old.wait, drain + LAST + 10) == 0
        new = stack.enter_context(serving(port=old.port))
        gap = await ready(new)
        await stack.enter_async_context(flock(new.port, raw, "flock"))
        back = await story.told("all here", AGAIN + PATIENCE)
        await all_hear(story, new, count)
        longest, attempts = drain + LAST + gap + AGAIN + SLACK, drain + LAST + gap + SLACK
        assert back["lost"] == 1
        assert {4200} <= set(back["codes"]) <= {4200, 4100}
        assert back["milliseconds"][-1] < longest * 1000
        assert back["attempts"][-1] <= attempts
        assert told["unanswered"] == 0
        row.tells(
            f"{longest:.0f} s ({AGAIN:g} s of them pusher-js's, where nobody listened), {attempts:.0f} attempts each",
            f"{count} {seconds(back)}, {attempts_of(back)}, beside {raw} others",
        )


async def test_pusher_js_moves_to_the_process_beside_it(row: Row, big: bool) -> None:
    """SIGTERM under traffic while the next process serves already: all 20 (200) pusher-js clients move at once."""
    count, raw, drain = sizes(big)
    async with AsyncExitStack() as stack:
        old, new = stack.enter_context(serving(drain)), stack.enter_context(serving())
        await ready(old)
        await ready(new)
        proxy = await stack.enter_async_context(front(old.port))
        await stack.enter_async_context(flock(old.port, raw, "flock"))
        story = await stack.enter_async_context(crowd(proxy.port, count, old))
        told = await stack.enter_async_context(publishing(big=big, port=proxy.port))
        proxy.servers = [new.port]
        old.terminate()
        assert await asyncio.to_thread(old.wait, drain + LAST + 10) == 0
        back = await story.told("all here", PATIENCE)
        await all_hear(story, new, count)
        assert (back["lost"], back["codes"], back["attempts"][-1]) == (1, [4200], 1)
        assert back["milliseconds"][-1] < SLACK * 1000
        assert (told["unanswered"], told["refused"]) == (0, 0)
        published = told["answered"]
        row.tells(
            f"{SLACK:g} s, 1 attempt each, every trigger answered",
            f"{count} {seconds(back)}, 1 attempt each, beside {raw} others; {published} triggers answered",
        )


async def test_kill_9(row: Row, big: bool) -> None:
    """`kill -9` under traffic: a new process on the port serves at once, and 20 (200) pusher-js clients come to it."""
    count, raw, _ = sizes(big)
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        old = stack.enter_context(serving())
        await ready(old)
        await stack.enter_async_context(flock(old.port, raw, "flock"))
        story = await stack.enter_async_context(crowd(old.port, count, old))
        await stack.enter_async_context(publishing(big=big, port=old.port))
        killed = loop.time()
        old.send_signal(signal.SIGKILL)
        assert await asyncio.to_thread(old.wait) == -signal.SIGKILL
        new = stack.enter_context(serving(port=old.port))
        await ready(new)
        gap = loop.time() - killed
        await stack.enter_async_context(flock(new.port, raw, "flock"))
        back = await story.told("all here", AGAIN + PATIENCE)
        await all_hear(story, new, count)
        longest, attempts = gap + LATER + AGAIN + SLACK, gap + SLACK
        assert (back["lost"], back["codes"]) == (1, [1006])
        assert back["milliseconds"][-1] < longest * 1000
        assert back["attempts"][-1] <= attempts
        row.tells(
            f"the first start serves; {longest:.0f} s ({AGAIN:g} s of them pusher-js's, where nobody listened)",
            f"served again after {gap:.1f} s; {count} {seconds(back)}, {attempts_of(back)}, beside {raw} others",
        )

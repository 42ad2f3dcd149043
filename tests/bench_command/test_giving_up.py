"""A listener that is told to stop while it connects: at whatever moment, it ends in order, on both loops."""

import asyncio
from collections.abc import Callable

import pytest
import uvloop

from reverb_py.bench.client import Client, subscribe
from reverb_py.bench.tally import Channel, Listener, Tally
from tests.bench_command.fake_server import FakeServer
from tests.bench_command.plans import plan

TURNS = range(100)  # of the loop, after which it is told; a subscription takes fewer


async def give_up_after(turns: int, url: str) -> bool:
    """Connect, stop after so many turns, leave; True when it was subscribed before."""
    what = plan(url=url)
    tally = Tally([Channel()])
    client = Client(what, 0, Listener(tally, tally.channels[0]), lambda: 0.0)
    task = asyncio.create_task(subscribe(client, what, None))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    client.leave()
    await asyncio.wait_for(client.gone, 1)
    assert tally.closed.count == 0
    return not task.cancelled()


async def give_up_at_every_moment(failures: list[str]) -> list[bool]:
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(str(context)))
    async with FakeServer() as server:
        return [await give_up_after(turns, server.url) for turns in TURNS]


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_at_every_moment_a_listener_can_give_up(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    failures: list[str] = []
    with asyncio.Runner(loop_factory=loop) as runner:
        subscribed = runner.run(give_up_at_every_moment(failures))
    assert failures == []
    assert (subscribed[0], subscribed[-1]) == (False, True)  # from the first moment to the last

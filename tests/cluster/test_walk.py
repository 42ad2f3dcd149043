"""Three nodes, tabs of few users in few channels, and one fault after the other: all agree whenever it is quiet.

With --torture there are more seeds and more rounds: REVERB_WALK=100-140 chooses the seeds.
"""

import os
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from tests.cluster.faults import FAULTS, choose, deaf
from tests.cluster.walk import CALM, HOLD, QUIET, Walk
from tests.nodes import Nodes
from tests.redis_process import RedisProcess


@dataclass(frozen=True, slots=True)
class Size:
    """Of a walk: how many outages, and how many seconds each lasts at most."""

    seeds: str
    outages: int
    longest: float
    limit: float  # seconds for the whole


SMALL = Size("2331", 2, 2.0, 60.0)  # a cut and a kill, then a Redis that comes back empty
BIG = Size("1-3", 12, 10.0, 900.0)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    size = BIG if metafunc.config.getoption("--torture") else SMALL
    first, _, last = os.environ.get("REVERB_WALK", size.seeds).partition("-")
    limit = pytest.mark.timeout(size.limit)
    seeds = range(int(first), int(last or first) + 1)
    metafunc.parametrize(("seed", "size"), [pytest.param(seed, size, id=f"seed {seed}", marks=limit) for seed in seeds])


async def test_all_nodes_and_clients_agree_after_every_fault(seed: int, size: Size, redis: RedisProcess) -> None:
    with Nodes(3, redis, cables=True) as nodes:
        walk = Walk(seed, nodes, redis)
        try:
            await walk.steps(1.0)
            await walk.agree(CALM)
            for _ in range(size.outages):
                await outage(walk, size.longest)
                await walk.steps(1.0)
                await walk.agree(CALM)
            await walk.end()
        except BaseException as error:
            error.add_note(walk.tell())
            raise
        finally:
            await walk.close()
        print(dict(walk.done))


async def outage(walk: Walk, longest: float) -> None:
    """One fault or two, with all that goes on meanwhile, until it is quiet again."""
    fate = walk.fate
    chosen = choose(fate, len(walk.nodes))
    walk.deaf = deaf(chosen, len(walk.nodes))
    async with AsyncExitStack() as all_mended:
        mended = {name: await all_mended.enter_async_context(AsyncExitStack()) for name in chosen}
        for name, number in chosen.items():
            walk.say(name, f"at {number}")
            await mended[name].enter_async_context(FAULTS[name].begin(walk, number))
            await walk.steps(fate.uniform(0.1, 0.5))
        for name in fate.sample(sorted(chosen), len(chosen)):
            await walk.steps(fate.uniform(0.0, min(FAULTS[name].seconds, longest) / len(chosen)))
            walk.say("mended", name)
            await mended[name].aclose()
    await walk.steps(0.5)
    await walk.agree(QUIET, HOLD)
    walk.deaf = None
    await walk.probe()

"""Three nodes, tabs of few users in few channels, and one fault after the other: all agree whenever it is quiet.

With --torture there are more seeds and more rounds: REVERB_WALK=100-140 chooses the seeds.
"""

import os
from contextlib import AsyncExitStack

import pytest

from tests.cluster.faults import FAULTS, choose, deaf
from tests.cluster.walk import CALM, HOLD, QUIET, Walk
from tests.nodes import Nodes
from tests.redis_process import RedisProcess

ROUNDS = 2  # of a walk in its short form
MANY = 12
LONG = 900.0  # seconds for one walk in its long form


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    is_long = metafunc.config.getoption("--torture")
    first, _, last = os.environ.get("REVERB_WALK", "1-6" if is_long else "1-1").partition("-")
    metafunc.parametrize("seed", range(int(first), int(last or first) + 1))


@pytest.fixture
def rounds(pytestconfig: pytest.Config) -> int:
    return MANY if pytestconfig.getoption("--torture") else ROUNDS


@pytest.mark.timeout(LONG)
async def test_all_nodes_and_clients_agree_after_every_fault(seed: int, rounds: int, redis: RedisProcess) -> None:
    with Nodes(3, redis, cables=True) as nodes:
        walk = Walk(seed, nodes, redis)
        try:
            await walk.steps(1.0)
            await walk.agree(CALM)
            for _ in range(rounds):
                await outage(walk)
                await walk.steps(1.0)
                await walk.agree(CALM)
            await walk.end()
        except BaseException as error:
            error.add_note(walk.tell())
            raise
        finally:
            await walk.close()
        print(dict(walk.done))


async def outage(walk: Walk) -> None:
    """One fault or two, with all that goes on meanwhile, until it is quiet again."""
    chosen = choose(walk)
    walk.deaf = deaf(chosen, len(walk.nodes))
    async with AsyncExitStack() as all_mended:
        mended = {name: await all_mended.enter_async_context(AsyncExitStack()) for name in chosen}
        for name, number in chosen.items():
            walk.say(name, f"at {number}")
            await mended[name].enter_async_context(FAULTS[name].begin(walk, number))
            await walk.steps(walk.random.uniform(0.1, 0.5))
        for name in walk.random.sample(sorted(chosen), len(chosen)):
            await walk.steps(walk.random.uniform(0.0, FAULTS[name].seconds / len(chosen)))
            walk.say("mended", name)
            await mended[name].aclose()
    await walk.steps(0.5)
    await walk.agree(QUIET, HOLD)
    walk.deaf = None
    await walk.probe()

"""What the walk does to nodes and to Redis: each fault lasts while its context is open, and is mended at its end."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from enum import Enum

from tests.cluster.walk import Walk
from tests.nodes import LEASE, Node


class Deaf(Enum):
    """Who may miss events that other nodes take meanwhile: docs/scaling.md, "What can be lost"."""

    NOBODY = "nobody"  # no link breaks, or all break with Redis: then what is accepted waits for everybody
    NODE = "node"  # the one whose link breaks
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Fault:
    """`seconds` is how long it lasts alone, at most. `beside` is who may be deaf when it lasts as long as another."""

    begin: Callable[[Walk, int], AbstractAsyncContextManager[None]]
    seconds: float
    deaf: Deaf
    beside: Deaf
    concerns_redis: bool = False


@asynccontextmanager
async def killed(walk: Walk, number: int) -> AsyncIterator[None]:
    """SIGKILL, and later another process in its place."""
    await walk.lose(number)
    walk.forget(number)
    walk.nodes[number].kill()
    yield
    await asyncio.to_thread(walk.nodes[number].restart)
    walk.replace(number)


@asynccontextmanager
async def terminated(walk: Walk, number: int) -> AsyncIterator[None]:
    """SIGTERM, and another process in its place, as in a deployment: what it has accepted still reaches the others."""
    process = walk.nodes[number].process
    process.terminate()
    ended = asyncio.create_task(asyncio.to_thread(process.wait))
    yield
    assert await ended == 0, process.output
    await walk.lose(number)
    if "end with this node" in process.output:
        walk.forget(number)
    await asyncio.to_thread(walk.nodes[number].restart)
    walk.replace(number)


@asynccontextmanager
async def stopped(walk: Walk, number: int) -> AsyncIterator[None]:
    """SIGSTOP, and later SIGCONT."""
    stop(walk.nodes[number])
    yield
    walk.nodes[number].process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def cut(walk: Walk, number: int) -> AsyncIterator[None]:
    walk.nodes[number].cable.cut()
    yield
    walk.nodes[number].cable.heal()


def hung(*, there: bool, back: bool) -> Callable[[Walk, int], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def hung(walk: Walk, number: int) -> AsyncIterator[None]:
        walk.nodes[number].cable.hang(there=there, back=back)
        yield
        walk.nodes[number].cable.heal()

    return hung


@asynccontextmanager
async def dropped(walk: Walk, number: int) -> AsyncIterator[None]:
    """CLIENT KILL."""
    kill_link(walk, walk.nodes[number])
    yield


@asynccontextmanager
async def flapping(walk: Walk, number: int) -> AsyncIterator[None]:
    """Its link breaks again and again, at whatever it is while it comes back."""

    async def flap() -> None:
        while True:
            walk.nodes[number].cable.drop()
            await asyncio.sleep(walk.fate.uniform(0.0, 0.4))

    task = asyncio.create_task(flap())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def restarted(walk: Walk, number: int) -> AsyncIterator[None]:
    walk.redis.kill()
    yield
    await asyncio.to_thread(walk.redis.restart)


@asynccontextmanager
async def frozen(walk: Walk, number: int) -> AsyncIterator[None]:
    walk.redis.pause()
    yield
    walk.redis.resume()


FAULTS = {
    "kill": Fault(killed, 2.0, Deaf.NOBODY, Deaf.NOBODY),
    "SIGTERM": Fault(terminated, 2.0, Deaf.NOBODY, Deaf.NOBODY),
    "stop, shorter than the lease": Fault(stopped, 1.0, Deaf.NOBODY, Deaf.NODE),
    "stop, longer than the lease": Fault(stopped, LEASE + 4.0, Deaf.NODE, Deaf.NODE),
    "cut": Fault(cut, LEASE + 4.0, Deaf.NODE, Deaf.NODE),
    "hang, shorter than four beats": Fault(hung(there=True, back=True), 2.0, Deaf.NOBODY, Deaf.NODE),
    "hang": Fault(hung(there=True, back=True), 8.0, Deaf.NODE, Deaf.NODE),
    "hang on the way there": Fault(hung(there=True, back=False), 8.0, Deaf.NODE, Deaf.NODE),
    "hang on the way back": Fault(hung(there=False, back=True), 8.0, Deaf.NODE, Deaf.NODE),
    "CLIENT KILL": Fault(dropped, 0.5, Deaf.NODE, Deaf.NODE, concerns_redis=True),
    "link dropped again and again": Fault(flapping, 6.0, Deaf.NODE, Deaf.NODE),
    "Redis restarted": Fault(restarted, 2.0, Deaf.NOBODY, Deaf.NOBODY, concerns_redis=True),
    "Redis away for long": Fault(restarted, 8.0, Deaf.NOBODY, Deaf.NOBODY, concerns_redis=True),
    "Redis paused": Fault(frozen, 2.0, Deaf.NOBODY, Deaf.ALL, concerns_redis=True),
    "Redis paused for long": Fault(frozen, 9.0, Deaf.ALL, Deaf.ALL, concerns_redis=True),
}


def stop(node: Node) -> None:
    node.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, node.process.pid, os.WSTOPPED)  # from here on it does nothing


def kill_link(walk: Walk, node: Node) -> None:
    for address in node.cable.far_addresses:
        walk.redis.ask("CLIENT", "KILL", "ADDR", address)


def choose(fate: random.Random, nodes: int) -> dict[str, int]:
    """One fault or two, each with its node. Redis cannot be paused, nor kill a link, while it is away."""
    while True:
        names = fate.sample(sorted(FAULTS), fate.choice((1, 2)))
        if sum(FAULTS[name].concerns_redis for name in names) < 2:
            return dict(zip(names, fate.sample(range(nodes), len(names)), strict=True))


def deaf(chosen: dict[str, int], nodes: int) -> set[int]:
    """The nodes whose clients may miss what other nodes take."""
    found = set[int]()
    for name, number in chosen.items():
        who = FAULTS[name].deaf if len(chosen) == 1 else FAULTS[name].beside
        found |= {Deaf.NOBODY: set[int](), Deaf.NODE: {number}, Deaf.ALL: set(range(nodes))}[who]
    return found

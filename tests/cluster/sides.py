"""What a node sees of the others, over either implementation: for tests that hold for both.

A group of sides is one node twice, or two nodes over a real Redis.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

from reverb_py.cluster.backplane import Backplane, Envelope, LocalBackplane
from reverb_py.cluster.last_events import LastEvent, LastEvents
from reverb_py.cluster.occupancy import Joined, Left, LocalOccupancy, Occupancy, Outcome, Seat
from reverb_py.cluster.redis.address import RedisAddress
from reverb_py.cluster.redis.shards import Shards
from reverb_py.hub import facts
from reverb_py.protocol.members import Member

APP = "3"
_prefixes = count(1)


@dataclass(slots=True, eq=False)
class Side:
    """One node's view. `delivered` is what it must write to its subscribers, `terminated` whom it must close."""

    delivered: list[Envelope] = field(default_factory=list)
    terminated: list[tuple[str, str]] = field(default_factory=list)
    told: list[facts.Fact] = field(default_factory=list)
    backplane: Backplane = field(init=False)
    occupancy: Occupancy = field(init=False)

    def deliver(self, envelope: Envelope) -> int:
        self.delivered.append(envelope)
        return 1

    def announce(self, app_id: str, channel: str, payload: bytes, exclude: str | None) -> int:
        return self.deliver(Envelope(app_id, channel, payload, 0, exclude))

    def terminate(self, app_id: str, user_id: str) -> None:
        self.terminated.append((app_id, user_id))

    def heard(self) -> list[bytes]:
        """The payloads since the last time, in order."""
        payloads = [envelope.payload for envelope in self.delivered]
        self.delivered.clear()
        return payloads

    async def join(self, channel: str, member: Member | None = None, limit: int = 0, socket_id: str = "1.1") -> Outcome:
        return await self.asks_to_join(channel, member, limit, socket_id)

    def asks_to_join(
        self, channel: str, member: Member | None = None, limit: int = 0, socket_id: str = "1.1"
    ) -> "asyncio.Future[Outcome]":
        """As `join`, whose answer may be awaited later."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.occupancy.join(Seat(APP, channel, socket_id, member), limit, future.set_result)
        return future

    async def leave(self, channel: str, member: Member | None = None, socket_id: str = "1.1") -> Left:
        future: asyncio.Future[Left] = asyncio.get_running_loop().create_future()
        self.occupancy.leave(Seat(APP, channel, socket_id, member), future.set_result)
        return await future

    async def look(self, channel: str) -> Outcome:
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.occupancy.look(Seat(APP, channel, "1.1"), future.set_result)
        return await future

    async def count(self, *channels: str) -> list[int]:
        future: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        self.occupancy.count(APP, channels, future.set_result)
        return await future

    def publish(self, channel: str, payload: bytes, exclude: str | None = None, keep: float = 0.0) -> int:
        return self.backplane.publish(Envelope(APP, channel, payload, 1, exclude, keep))


class Group:
    """Two sides; on a single node they are the same."""

    def __init__(self, sides: list[Side]) -> None:
        self.sides = sides
        self.one, self.other = sides

    @property
    def is_shared(self) -> bool:
        return self.one is not self.other

    async def settle(self) -> None:
        """Return when all that was done before has arrived everywhere: Redis answers in order."""
        for side in self.sides:
            if isinstance(side.occupancy, Shards):
                for shard in side.occupancy._shards:
                    await shard.ask(b"PING")
        for side in self.sides:  # those that were asked first may have had news from those that were asked last
            if isinstance(side.occupancy, Shards):
                for shard in side.occupancy._shards:
                    await shard.ask(b"PING")


def local() -> Group:
    side, clock = Side(), asyncio.get_running_loop().time
    events = LastEvents(1 << 20)

    def remember(envelope: Envelope) -> None:
        event = LastEvent(envelope.payload, envelope.sequence, clock() + envelope.keep)
        events.put(envelope.app_id, envelope.channel, event)

    side.backplane = LocalBackplane(side.deliver, remember, side.terminate)
    occupancy = LocalOccupancy()
    occupancy.announce = side.announce
    occupancy.last_event = lambda app_id, channel: events.get(app_id, channel, clock())
    side.occupancy = occupancy
    return Group([side, side])


def shards(side: Side, address: RedisAddress, prefix: str, node: str, *, is_cluster: bool = False) -> Shards:
    """A node's share in what is below a prefix of this Redis; `run` is the caller's."""
    side.backplane = side.occupancy = shared = Shards(
        address,
        prefix,
        is_cluster=is_cluster,
        node=node,
        lease=3.0,
        buffer=1 << 20,
        clock=asyncio.get_running_loop().time,
        deliver=side.deliver,
        tell=side.told.append,
        terminate=side.terminate,
        connected=lambda: {APP: 2},
    )
    return shared


@asynccontextmanager
async def over(address: RedisAddress, *, is_cluster: bool = False) -> AsyncIterator[Group]:
    """Two nodes over this Redis, with keys that nobody else has."""
    prefix, sides = f"contract-{next(_prefixes)}", [Side(), Side()]
    members = [
        shards(side, address, prefix, f"node{number}", is_cluster=is_cluster) for number, side in enumerate(sides)
    ]
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(member.run()) for member in members]
        while any(member.trouble for member in members):  # noqa: ASYNC110  # nothing tells it
            await asyncio.sleep(0.005)
        yield Group(sides)
        for task in running:
            task.cancel()
    for member in members:
        await member.close()


def joined(outcome: Outcome) -> Joined:
    assert isinstance(outcome, Joined), outcome
    return outcome

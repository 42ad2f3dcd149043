"""The backplane and the occupancy of a node that shares them over Redis: one shard, or sixteen in a Redis Cluster."""

import asyncio
from binascii import crc_hqx
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import orjson

from reverb_py.cluster.backplane import Envelope
from reverb_py.cluster.last_events import LastEvent
from reverb_py.cluster.occupancy import Away, Channels, Joined, Left, Outcome, Seat
from reverb_py.cluster.redis.address import RedisAddress
from reverb_py.cluster.redis.cluster import Resolver
from reverb_py.cluster.redis.names import Names
from reverb_py.cluster.redis.shard import Shard
from reverb_py.hub import facts

SHARDS = 16  # of a Redis Cluster; every node must reckon with the same number


class Shards:
    """Both protocols over Redis. What is said of a channel goes to the channel's shard."""

    def __init__(
        self,
        address: RedisAddress,
        prefix: str,
        *,
        is_cluster: bool,
        node: str,
        lease: float,
        buffer: int,
        clock: Callable[[], float],
        deliver: Callable[[Envelope], int],
        tell: Callable[[facts.Fact], None],
        terminate: Callable[[str, str], object],
        connected: Callable[[], Mapping[str, int]],
    ) -> None:
        """As Shard. `buffer` is for all shards together."""
        self._deliver = deliver
        self._terminate = terminate
        self._connected = connected
        self._node = node.encode()
        number = SHARDS if is_cluster else 1
        self._shards = [
            Shard(
                Resolver(address, is_cluster=is_cluster),
                Names(prefix, tag),
                node=node,
                lease=lease,
                buffer=buffer // number,
                clock=clock,
                deliver=deliver,
                tell=tell,
                terminate=terminate,
                connected=connected,
            )
            for tag in range(number)
        ]

    def _of(self, channel: str) -> Shard:
        shards = self._shards
        return shards[0] if len(shards) == 1 else shards[crc_hqx(channel.encode(), 0) % len(shards)]

    async def run(self) -> None:
        """Keep the links, for ever."""
        async with asyncio.TaskGroup() as tasks:
            for shard in self._shards:
                tasks.create_task(shard.run())

    def tick(self) -> None:
        """Once a second."""
        for shard in self._shards:
            shard.tick()

    async def close(self) -> None:
        await asyncio.gather(*[shard.close() for shard in self._shards])

    @property
    def trouble(self) -> str:
        """Why Redis is out of reach, "" while it is not."""
        return next((shard.trouble for shard in self._shards if shard.trouble), "")

    @property
    def health(self) -> dict[str, object]:
        """Whether Redis is there, or for how many seconds not; nodes that share it; bytes that wait; events lost."""
        away = max(shard.away for shard in self._shards)
        state = "away" if away else "connected"
        buses = [shard.bus for shard in self._shards]
        waiting, lost = sum(bus.waiting for bus in buses), sum(bus.lost for bus in buses)
        nodes = max(shard.nodes for shard in self._shards)
        return {"redis": state, "redis_away": round(away, 1), "nodes": nodes, "waiting": waiting, "lost": lost}

    # The backplane.

    def refusal(self, channels: Iterable[str] = ()) -> str:
        if len(self._shards) == 1:
            return self._shards[0].bus.refusal
        shards = {self._of(channel) for channel in channels} or {self._shards[0]}
        return next((shard.bus.refusal for shard in shards if shard.bus.refusal), "")

    def publish(self, envelope: Envelope) -> int:
        received = self._deliver(envelope)
        self._of(envelope.channel).bus.publish(envelope)
        return received

    def terminate(self, app_id: str, user_id: str) -> None:
        self._terminate(app_id, user_id)
        self._shards[0].bus.command(orjson.dumps([app_id, user_id]))

    # The occupancy.

    def join(self, seat: Seat, limit: int, then: Callable[[Outcome], None]) -> None:
        self._of(seat.channel).seats.join(seat, limit, then)

    def look(self, seat: Seat, then: Callable[[Joined | Away], None]) -> None:
        self._of(seat.channel).seats.look(seat, then)

    def leave(self, seat: Seat, then: Callable[[Left], None]) -> None:
        self._of(seat.channel).seats.leave(seat, then)

    def sign_in(self, app_id: str, user_id: str) -> None:
        self._of(user_id).seats.sign_in(app_id, user_id)

    def sign_out(self, app_id: str, user_id: str) -> None:
        self._of(user_id).seats.sign_out(app_id, user_id)

    def count(self, app_id: str, channels: Sequence[str], then: Callable[[list[int]], None]) -> None:
        """The channels of an event may live in several shards: `then` is called when all have answered."""
        counts = [0] * len(channels)
        by_shard: dict[int, list[int]] = {}
        for index, channel in enumerate(channels):
            by_shard.setdefault(self._shards.index(self._of(channel)), []).append(index)
        open_answers = len(by_shard)

        def answer(indexes: list[int], found: list[int]) -> None:
            nonlocal open_answers
            for index, number in zip(indexes, found, strict=True):
                counts[index] = number
            open_answers -= 1
            if not open_answers:
                then(counts)

        for number, indexes in by_shard.items():
            self._shards[number].count(app_id, [channels[each] for each in indexes], partial(answer, indexes))

    async def subscriptions(self, app_id: str, channel: str) -> int:
        return await self._of(channel).questions.subscriptions(app_id, channel)

    async def members(self, app_id: str, channel: str) -> list[str]:
        return await self._of(channel).questions.members(app_id, channel)

    async def channels(self, app_id: str) -> Channels:
        found = await asyncio.gather(*[shard.questions.channels(app_id) for shard in self._shards])
        return {name: counts for each in found for name, counts in each.items()}

    async def last_event_of(self, app_id: str, channel: str) -> LastEvent | None:
        return await self._of(channel).questions.last_event_of(app_id, channel)

    async def connections(self, app_id: str) -> int | None:
        others = await self._shards[0].questions.connections(app_id)
        return sum(others.values(), self._connected().get(app_id, 0)) - others.get(self._node, 0)

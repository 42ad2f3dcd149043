"""What is asked of a shard: each answer is what Redis has at that moment."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import orjson

from reverb_py.cluster.last_events import LastEvent
from reverb_py.cluster.occupancy import Channels
from reverb_py.cluster.redis.link import Reply
from reverb_py.cluster.redis.names import Names
from reverb_py.cluster.redis.places import USERS


class Questions:
    """Of one shard. `ask` sends a command and returns its reply; what it raises, these raise."""

    def __init__(
        self, shard_names: Names, ask: Callable[..., Coroutine[Any, Any, Reply]], clock: Callable[[], float]
    ) -> None:
        self._names = shard_names
        self._ask = ask
        self._clock = clock

    async def subscriptions(self, app_id: str, channel: str) -> int:
        count = await self._ask(b"HGET", self._names.counts(app_id), channel.encode())
        return int(count) if isinstance(count, bytes) else 0

    async def members(self, app_id: str, channel: str) -> list[str]:
        users = await self._ask(b"HKEYS", self._names.infos(app_id, channel))
        assert isinstance(users, list)
        return sorted(user.decode() for user in users)

    async def channels(self, app_id: str) -> Channels:
        counts, users = await asyncio.gather(
            self._ask(b"HGETALL", self._names.counts(app_id)), self._ask(b"HGETALL", self._names.users(app_id))
        )
        assert isinstance(counts, dict)
        assert isinstance(users, dict)
        return {
            name.decode(): (int(count), int(users.get(name, 0)))
            for name, count in counts.items()
            if name != USERS.encode()
        }

    async def last_event_of(self, app_id: str, channel: str) -> LastEvent | None:
        key = self._names.last(app_id, channel)
        payload, ttl = await asyncio.gather(self._ask(b"GET", key), self._ask(b"PTTL", key))
        if not isinstance(payload, bytes) or not isinstance(ttl, int):
            return None
        return LastEvent(payload, 0, self._clock() + ttl / 1000)

    async def connections(self, app_id: str) -> dict[bytes, int]:
        """By node, as each told it with its last beat."""
        nodes = await self._ask(b"HGETALL", self._names.connections)
        assert isinstance(nodes, dict)
        return {node: _connections(told).get(app_id, 0) for node, told in nodes.items()}


def _connections(told: bytes) -> Mapping[str, int]:
    by_app: Mapping[str, int] = orjson.loads(told)
    return by_app

"""Where the Redis of a shard is: the one address, or in a Redis Cluster the primary that has the shard's slot."""

import logging
from collections.abc import Callable
from dataclasses import replace

from reverb_py.cluster.redis.address import RedisAddress
from reverb_py.cluster.redis.link import Link, LinkLost, Pushed, connect
from reverb_py.cluster.redis.names import Names

logger = logging.getLogger(__name__)

Lost = Callable[[str], None]

MOVES = 5  # redirections in a row that are followed


class Resolver:
    """Connects a shard; remembers the nodes of a cluster, so that any of them may be away."""

    def __init__(self, address: RedisAddress, *, is_cluster: bool) -> None:
        self.is_cluster = is_cluster
        self.shown = address.shown
        self._address = address
        self._known: list[RedisAddress] = []

    async def connect(self, names: Names, on_push: Pushed, on_lost: Lost) -> Link:
        """Return a link for this shard. Raise OSError when there is none."""
        if not self.is_cluster:
            return await connect(self._address, on_push, on_lost)
        error: OSError = ConnectionError("no node of the cluster answers")
        for address in (self._address, *self._known):
            try:
                return await self._follow(address, names, on_push, on_lost)
            except OSError as failed:
                error = failed
        raise error

    async def _follow(self, address: RedisAddress, names: Names, on_push: Pushed, on_lost: Lost) -> Link:
        """Connect where the slot of these names is, beginning at any node."""
        for _ in range(MOVES):
            # A first look with a link of its own: what it loses is no loss of the shard's.
            scout = await connect(address, lambda channel, data: None, lambda reason: None)
            try:
                await self._learn(scout)
                await scout.question(b"EXISTS", names.leases)
            except LinkLost as lost:
                moved = str(lost).split()
                if moved[:1] != ["MOVED"]:
                    raise
                host, _, port = moved[2].rpartition(":")
                address = replace(self._address, host=host or address.host, port=int(port), unix_socket="")
                continue
            finally:
                scout.end("it was a look only")
            return await connect(address, on_push, on_lost)
        raise ConnectionError(f"the cluster redirected {MOVES} times in a row")

    async def _learn(self, scout: Link) -> None:
        slots = await scout.question(b"CLUSTER", b"SLOTS")
        if isinstance(slots, list):
            nodes = [node for slot in slots for node in slot[2:] if node[0]]
            self._known = [
                replace(self._address, host=node[0].decode(), port=node[1], unix_socket="") for node in nodes
            ]

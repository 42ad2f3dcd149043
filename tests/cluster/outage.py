"""Nodes over a Redis that fails, in the test's own loop: a cable for each, quick beats, short leases.

What clients see is kept for each of them, and held against Redis and against what the nodes hold.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson
import pytest

from reverb_py.cluster.backplane import Envelope
from reverb_py.cluster.occupancy import Joined, Outcome, Seat
from reverb_py.cluster.redis import scripts, shard
from reverb_py.cluster.redis.address import RedisAddress
from reverb_py.cluster.redis.shard import Shard
from reverb_py.cluster.redis.shards import Shards
from reverb_py.protocol.members import Member
from tests.cable import Cable
from tests.cluster.sides import APP, Side
from tests.redis_binaries import EVERY
from tests.redis_process import RedisProcess

PREFIX = "outage"
ON_EVERY = pytest.mark.parametrize("redis", EVERY, indirect=True)
KEYS = f"{PREFIX}:py:{{0}}:"
LEASE = 0.8  # seconds
BEAT = 0.04  # between two
PATIENCE = 8.0  # for what must become true

# The same waits as in earnest, in their order, and all of them shorter.
QUICK: dict[str, Any] = {
    "RETRY": (0.02, 0.06),
    "SETTLE": 0.5,
    "SETTLE_BEAT": 0.02,
    "REGROUP": 0.3,
    "CONNECT_TIMEOUT": 0.4,
}


class Clock:
    """The loop's, and as much later as a test says."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() + self.ahead


@dataclass(slots=True, eq=False)
class Onlooker:
    """A client in a presence channel: who it believes is there."""

    channel: str
    socket_id: str
    members: set[str]
    announced: list[str] = field(default_factory=list)  # "+ann", "-ben"
    wrong: list[str] = field(default_factory=list)  # of these, who came and was there, or went and was not

    def hear(self, payload: bytes) -> None:
        message = orjson.loads(payload)
        if not message["event"].startswith("pusher_internal:member_"):
            return
        user, came = orjson.loads(message["data"])["user_id"], message["event"].endswith("added")
        self.announced.append(f"{'+' if came else '-'}{user}")
        if (user in self.members) is came:
            self.wrong.append(self.announced[-1])
        (self.members.add if came else self.members.discard)(user)


class Witness(Side):
    """A side whose clients in presence channels follow who is there."""

    def __init__(self) -> None:
        super().__init__()
        self.onlookers: list[Onlooker] = []
        self.slowness = 0.0  # seconds that a delivery costs

    def deliver(self, envelope: Envelope) -> int:
        time.sleep(self.slowness)
        for each in self.onlookers:
            if each.channel == envelope.channel and each.socket_id != envelope.exclude:
                each.hear(envelope.payload)
        return super().deliver(envelope)

    def asks_to_join(
        self, channel: str, member: Member | None = None, limit: int = 0, socket_id: str = "1.1"
    ) -> "asyncio.Future[Outcome]":
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def answered(outcome: Outcome) -> None:
            if isinstance(outcome, Joined) and member is not None:
                self.onlookers.append(Onlooker(channel, socket_id, set(outcome.members)))
            if not future.done():
                future.set_result(outcome)

        self.occupancy.join(Seat(APP, channel, socket_id, member), limit, answered)
        return future

    def leaves(self, channel: str, member: Member | None = None, socket_id: str = "1.1") -> None:
        """As `leave`, whose answer is not waited for: in an outage there is none."""
        self.onlookers = [each for each in self.onlookers if (each.channel, each.socket_id) != (channel, socket_id)]
        self.occupancy.leave(Seat(APP, channel, socket_id, member), lambda left: None)

    def onlooker(self, channel: str, socket_id: str = "1.1") -> Onlooker:
        return next(each for each in self.onlookers if (each.channel, each.socket_id) == (channel, socket_id))


class Peer(Witness):
    """One node of the lab, with its cable to Redis."""

    def __init__(self, name: str, shared: Callable[["Peer"], Shards], cable: Cable) -> None:
        super().__init__()
        self.name = name
        self.cable = cable
        self.beats = True
        self.shared = self.backplane = self.occupancy = shared(self)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def shard(self) -> Shard:
        return self.shared._shards[0]

    @property
    def is_up(self) -> bool:
        return self.shard.is_up

    @property
    def links(self) -> int:
        """How many links to Redis it has had."""
        return self.shard._links

    @property
    def refusal(self) -> str:
        return self.shared.refusal(["a"])

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self.shared.run()), asyncio.create_task(self._beat())]

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            if self.beats:
                self.shared.tick()

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    def die(self) -> None:
        """As by SIGKILL."""
        self._stop()
        self.cable.cut()
        self.onlookers.clear()

    async def leave_all(self) -> None:
        self._stop()
        await self.shared.close()

    def holds(self) -> dict[str, int]:
        """What its ledger must have."""
        places = self.shard.seats._places.values()
        return {name.decode(): count for place in places for name, count in place.fields()}


class Lab:
    """The nodes, and Redis as another client sees it."""

    def __init__(self, redis: RedisProcess, stack: ExitStack) -> None:
        self.redis = redis
        self.clock = Clock()
        self.peers: list[Peer] = []
        self._stack = stack

    async def peer(self) -> Peer:
        """One more node, connected."""
        peer = self.stranger(RedisAddress.parse)
        await until(lambda: peer.is_up)
        return peer

    def stranger(self, address_of: Callable[[str], RedisAddress]) -> Peer:
        """One that may not get in."""
        cable = self._stack.enter_context(Cable(self.redis.port))
        name = f"node{len(self.peers)}"
        peer = Peer(name, partial(self._shards, name, address_of(self.redis.url_at(cable.port))), cable)
        peer.start()
        self.peers.append(peer)
        return peer

    def _shards(self, name: str, address: RedisAddress, peer: Peer) -> Shards:
        return Shards(
            address,
            PREFIX,
            is_cluster=False,
            node=name,
            lease=LEASE,
            buffer=1 << 20,
            clock=self.clock,
            deliver=peer.deliver,
            tell=peer.told.append,
            terminate=peer.terminate,
            connected=lambda: {APP: 1},
        )

    async def up(self) -> None:
        """Every node is connected, and has sent what waited."""
        await until(self._is_up)

    def _is_up(self) -> bool:
        return all(peer.is_up and not peer.shard.bus.waiting for peer in self.peers)

    async def settle(self) -> None:
        """What was done before has arrived everywhere."""
        for _ in range(2):
            for peer in self.peers:
                await peer.shard.ask(b"PING")

    def bury(self, peer: Peer) -> None:
        """Forget a node that died."""
        self.peers.remove(peer)

    # Redis, seen from outside.

    def key(self, name: str) -> dict[str, str]:
        return {field.decode(): value.decode() for field, value in pairs(self.redis.ask("HGETALL", KEYS + name))}

    def names(self) -> set[str]:
        """The keys below our prefix, without it."""
        return {name.decode().removeprefix(KEYS) for name in self.redis.ask("KEYS", f"{PREFIX}:py:*")}

    async def acquainted(self) -> None:
        """Every node has counted all of them with a beat."""
        await until(lambda: all(peer.shard._peers == len(self.peers) for peer in self.peers))

    def bury_page(self, node: str) -> int:
        """Begin to bury a node whose lease has run out: 1 when there is more to do, 0 when its lease runs."""
        keys = KEYS + "leases", f"{KEYS}ledger:{node}"
        more, *_ = self.redis.ask("EVALSHA", scripts.BURY.sha.decode(), "2", *keys, KEYS, node, "200", "PUBLISH", "")
        return int(more)

    def is_told(self) -> None:
        """Fail unless the ledgers have what the nodes hold, and everything else in Redis is their sum."""
        held: Counter[str] = Counter()
        for peer in self.peers:
            assert {name: int(count) for name, count in self.key(f"ledger:{peer.name}").items()} == peer.holds()
            held.update(peer.holds())
        counts, members = Counter[str](), dict[str, dict[str, str]]()
        for name, count in held.items():
            place, is_user, user = name.partition("\n")
            if is_user:
                members.setdefault(place, {})[user] = str(count)
            else:
                counts[place.removeprefix(f"{APP}:")] = count
        assert {name: int(count) for name, count in self.key(f"counts:{APP}").items()} == counts
        assert self.key(f"users:{APP}") == {
            place.removeprefix(f"{APP}:"): str(len(users)) for place, users in members.items()
        }
        for kind in ("members", "infos"):
            assert {name for name in self.names() if name.startswith(f"{kind}:")} == {
                f"{kind}:{each}" for each in members
            }
        for place, users in members.items():
            assert self.key(f"members:{place}") == users
            assert set(self.key(f"infos:{place}")) == set(users)

    def is_seen(self) -> None:
        """Fail unless every node, and every client in a presence channel, believes what Redis has."""
        for peer in self.peers:
            for place in peer.shard.seats._places.values():
                if place.view is not None:
                    assert set(place.view) == set(self.key(f"infos:{APP}:{place.channel}")), (peer.name, place)
            for each in peer.onlookers:
                assert each.members == set(self.key(f"infos:{APP}:{each.channel}")), (peer.name, each)
                assert each.wrong == []

    async def is_right(self) -> None:
        """Wait until all agree; fail when they do not."""
        await until(lambda: self._is_up() and self._agree())
        await self.settle()
        self.is_told()
        self.is_seen()

    def _agree(self) -> bool:
        try:
            self.is_told()
            self.is_seen()
        except AssertionError:
            return False
        return True


def pairs(reply: Any) -> Iterator[tuple[bytes, bytes]]:
    return iter(reply.items()) if isinstance(reply, dict) else zip(reply[::2], reply[1::2], strict=True)


@asynccontextmanager
async def lab(redis: RedisProcess, patch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    for name, value in QUICK.items():
        patch.setattr(shard, name, value)
    with ExitStack() as stack:
        found = Lab(redis, stack)
        yield found
        assert [each.wrong for peer in found.peers for each in peer.onlookers if each.wrong] == []
        for peer in found.peers:
            peer._stop()
            if peer.shard._link is not None:
                peer.shard._link.end("the test is over")
        await until(lambda: all(peer.shard._link is None for peer in found.peers))


async def until(true: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until it is true; raise TimeoutError when it does not become so."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110, what is looked at tells nobody of its change
            await asyncio.sleep(0.003)

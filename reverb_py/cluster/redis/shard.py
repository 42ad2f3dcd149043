"""One shard: a link to Redis, kept up; the bus and the seats on it; the node's lease, and the burial of dead nodes."""

import asyncio
import logging
import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import orjson

from reverb_py import codes
from reverb_py.cluster.backplane import Envelope
from reverb_py.cluster.last_events import LastEvent
from reverb_py.cluster.occupancy import Channels, Unreachable
from reverb_py.cluster.redis import names, scripts
from reverb_py.cluster.redis.bus import SETTLE, Bus
from reverb_py.cluster.redis.cluster import Resolver
from reverb_py.cluster.redis.link import Link, LinkLost, OutOfMemory, Reply, pack
from reverb_py.cluster.redis.names import Names
from reverb_py.cluster.redis.seats import USERS, Seats
from reverb_py.hub import facts

logger = logging.getLogger(__name__)

RETRY = 0.25, 1.0  # seconds between two attempts to connect, at random between them: nodes do not come all at once
CONNECT_TIMEOUT = 5.0  # seconds
DEAF_AFTER = 5.0  # seconds without an answer, after which a link that looks alive is dead
REMIND = 30.0  # seconds between two log lines of one outage
PAGE = 200  # fields of a dead node's ledger at a time


class Shard:
    """`run` keeps the link; `tick`, once a second, beats and looks at what takes too long."""

    def __init__(
        self,
        resolver: Resolver,
        shard_names: Names,
        *,
        node: str,
        lease: float,
        buffer: int,
        clock: Callable[[], float],
        deliver: Callable[[Envelope], int],
        tell: Callable[[facts.Fact], None],
        terminate: Callable[[str, str], object],
        connected: Callable[[], Mapping[str, int]],
    ) -> None:
        """`lease` in seconds, `buffer` in bytes; `connected` returns the connections of this node by app id."""
        self._resolver = resolver
        self._names = shard_names
        self._node = node.encode()
        self._lease = lease
        self._clock = clock
        self._deliver = deliver
        self._tell = tell
        self._terminate = terminate
        self._connected = connected
        self._link: Link | None = None
        self._epoch: bytes | None = None
        self._beats = self._echoed = 0
        self._compare_at: float | None = None
        self._was_buried = False
        self._is_leaving = False
        self._reminded = 0.0
        self._trouble = ""
        self.bus = Bus(shard_names, self._node, buffer, clock)
        self.seats = Seats(shard_names, self._node, clock, deliver, tell)

    @property
    def is_up(self) -> bool:
        return self.bus.down_since is None

    @property
    def away(self) -> float:
        """For how many seconds Redis is out of reach, 0 while it is not."""
        since = self.bus.down_since
        return 0.0 if since is None else max(self._clock() - since, 0.1)

    @property
    def trouble(self) -> str:
        """Why Redis is out of reach, "" while it is not."""
        return "" if self.is_up else self._trouble or "not connected yet"

    # The link.

    async def run(self) -> None:
        """Keep a link, for ever."""
        while True:
            lost = asyncio.Event()
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    await self._begin(partial(self._lost, lost))
            except (OSError, OutOfMemory) as error:
                self._end_attempt(error)
            else:
                await lost.wait()
            await asyncio.sleep(random.uniform(*RETRY))

    def _end_attempt(self, error: Exception) -> None:
        text = str(error) or "no answer within 5 seconds"
        self._drop()
        if self._link is not None:
            self._link.end(text)
            self._link = None
        self._complain(text)

    async def _begin(self, on_lost: Callable[[str], None]) -> None:
        """Connect, listen again, compare what Redis has with what this node holds, go on."""
        self._link = link = await self._resolver.connect(self._names, self._pushed, on_lost)
        if not link.is_primary:
            raise ConnectionError("it is a replica, which takes no writes")
        if self._resolver.is_cluster and link.version >= (7, 0):  # else PUBLISH goes to every node of the cluster
            self.bus.verb = b"SPUBLISH"
            self.seats.verbs = (b"SSUBSCRIBE", b"SUNSUBSCRIBE", b"SPUBLISH")
        for script in scripts.ALL:
            await link.question("SCRIPT", "LOAD", script.text)
        subscribe = self.seats.verbs[0]
        link.send(pack(subscribe, self._names.inbox(self._node), self._names.control))
        self.seats.subscribe(link)
        known, epoch, *dead = _list(await link.question(*self._beat()))
        is_first, was_emptied = self._epoch is None, epoch != self._epoch
        was_buried = not was_emptied and (self._was_buried or not known)
        self._epoch, self._was_buried = epoch, False
        ledger = await link.question(b"HGETALL", self._names.ledger(self._node))
        assert isinstance(ledger, dict)
        self.seats.resume(link, ledger, is_told=was_buried)
        for node in dead:
            self._bury(node)
        if is_first:
            self._flow(link)
        else:
            self.seats.compare_views(link, forget=False)
            self._compare_at = self._clock() + self._lease
            asyncio.get_running_loop().call_later(SETTLE, self._flow, link)

    def _flow(self, link: Link) -> None:
        if self._link is not link or not self.seats.is_current(link):
            return  # lost again
        since, self._trouble = self.bus.down_since, ""
        self.bus.resume(link)
        if since is not None:
            logger.info("Connected to Redis at %s after %.1f seconds", self._resolver.shown, self._clock() - since)

    def _lost(self, lost: asyncio.Event, reason: str) -> None:
        self._link = None
        self._drop()
        self._complain(reason)
        lost.set()

    def _drop(self) -> None:
        self.seats.pause()
        self.bus.pause()

    def _complain(self, reason: str) -> None:
        now = self._clock()
        if self._is_leaving:
            return
        if reason != self._trouble or now - self._reminded > REMIND:
            self._reminded, self._trouble = now, reason
            text = "Redis at %s is out of reach: %s. Events reach the clients of this node alone [%s]"
            logger.error(text, self._resolver.shown, reason, codes.REDIS_AWAY)

    # What comes in.

    def _pushed(self, channel: bytes, data: bytes) -> None:
        try:
            place = self.seats.place_of(channel)
            if not data:
                if channel == self._names.inbox(self._node) and self._link is not None:
                    self._link.end("its slot went to another node of the cluster")
            elif place is not None:
                if data.startswith(names.EVENT):
                    message = names.decode(data)
                    if self.bus.is_new(message):
                        envelope = Envelope(place.app_id, place.channel, message.payload, 0, message.exclude)
                        self._deliver(envelope)
                else:
                    self.seats.changed(place, data)
            elif channel == self._names.control:
                self._obey(names.decode(data))
            elif channel == self._names.inbox(self._node):
                self._echoed = int(data)
        except ValueError:  # garbage of somebody else hurts nobody
            logger.warning("Ignored a message on Redis channel %s that no node wrote", channel.decode(errors="replace"))

    def _obey(self, message: names.Message) -> None:
        if self.bus.is_new(message):
            app_id, user_id = orjson.loads(message.payload)
            self._terminate(app_id, user_id)

    # Once a second.

    def tick(self) -> None:
        link, now = self._link, self._clock()
        self.seats.give_up()
        if link is None or not self.seats.is_current(link):
            return
        if now - link.last_heard > DEAF_AFTER:
            link.end("it has not answered for 5 seconds")
            return
        if self._compare_at is not None and now >= self._compare_at:
            self._compare_at = None
            self.seats.compare_views(link, forget=True)
        link.ask(partial(self._beaten, self._beats), *self._beat())

    def _beat(self) -> tuple[bytes, ...]:
        self._beats += 1
        return (
            *(b"EVALSHA", scripts.BEAT.sha, b"1", self._names.leases, self._names.prefix, self._node),
            *(b"%d" % (self._lease * 1000), secrets.token_hex(8).encode(), orjson.dumps(self._connected())),
            *(self.bus.verb, b"%d" % self._beats),
        )

    def _beaten(self, before: int, reply: Reply) -> None:
        """A beat was answered. The one `before` must have come back as a message."""
        link = self._link
        if not isinstance(reply, list) or link is None:
            return
        known, epoch, *dead = reply
        if self._echoed < before:
            link.end("it answers, but does not pass on what is published")
            return
        if not known or epoch != self._epoch:  # buried while it lived, or Redis was emptied
            self._was_buried = epoch == self._epoch
            link.end("it had forgotten this node, which begins anew")
            return
        for node in dead:
            self._bury(node)

    def _bury(self, node: bytes, force: bytes = b"") -> None:
        if self._link is None:
            return
        keys = (b"2", self._names.leases, self._names.ledger(node))
        arguments = (self._names.prefix, node, b"%d" % PAGE, self.bus.verb, force)
        self._link.ask(partial(self._buried, node, force), b"EVALSHA", scripts.BURY.sha, *keys, *arguments)

    def _buried(self, node: bytes, force: bytes, reply: Reply) -> None:
        if not isinstance(reply, list):
            return
        more, *gone = reply
        for app_id, channel, user_id in zip(gone[::3], gone[1::3], gone[2::3], strict=True):
            place = app_id.decode(), channel.decode()
            if place[1] == USERS:
                continue
            if user_id is None:
                self._tell(facts.ChannelVacated(*place))
            else:
                self._tell(facts.MemberRemoved(*place, user_id.decode()))
        if more:
            self._bury(node, force)

    async def close(self) -> None:
        """Leave: give back what is left, send what waits, close."""
        if self._link is not None:
            link, self._is_leaving = self._link, True
            self._bury(self._node, b"force")
            try:
                async with asyncio.timeout(1):
                    await link.question("PING")
            except (TimeoutError, LinkLost):
                logger.warning("Left Redis at %s without a goodbye", self._resolver.shown)
            link.end("this node left")

    # Questions.

    async def ask(self, *command: bytes) -> Reply:
        """Raise Unreachable when Redis does not answer."""
        if self._link is None or not self.seats.is_current(self._link):
            raise Unreachable(self.trouble)
        try:
            async with asyncio.timeout(DEAF_AFTER):
                return await self._link.question(*command)
        except (LinkLost, TimeoutError) as error:
            raise Unreachable(str(error) or "Redis does not answer") from None

    def count(self, app_id: str, channels: Sequence[str], then: Callable[[list[int]], None]) -> None:
        def answer(reply: Reply) -> None:
            then([int(each or 0) for each in reply] if isinstance(reply, list) else [0] * len(channels))

        if self._link is None:
            answer(None)
        else:
            names = [channel.encode() for channel in channels]
            self._link.ask(answer, b"HMGET", self._names.counts(app_id), *names)

    async def subscriptions(self, app_id: str, channel: str) -> int:
        return _number(await self.ask(b"HGET", self._names.counts(app_id), channel.encode()))

    async def members(self, app_id: str, channel: str) -> list[str]:
        users = await self.ask(b"HKEYS", self._names.infos(app_id, channel))
        return sorted(user.decode() for user in _list(users))

    async def channels(self, app_id: str) -> Channels:
        counts, users = await asyncio.gather(
            self.ask(b"HGETALL", self._names.counts(app_id)), self.ask(b"HGETALL", self._names.users(app_id))
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
        payload, ttl = await asyncio.gather(self.ask(b"GET", key), self.ask(b"PTTL", key))
        if not isinstance(payload, bytes) or not isinstance(ttl, int):
            return None
        return LastEvent(payload, 0, self._clock() + ttl / 1000)

    async def connections(self, app_id: str) -> int:
        nodes = await self.ask(b"HGETALL", self._names.connections)
        assert isinstance(nodes, dict)
        others = [int(orjson.loads(told).get(app_id, 0)) for node, told in nodes.items() if node != self._node]
        return sum(others) + self._connected().get(app_id, 0)


def _list(reply: Reply) -> list[bytes]:
    assert isinstance(reply, list)
    return reply


def _number(reply: Reply) -> int:
    return int(reply) if isinstance(reply, bytes) else 0

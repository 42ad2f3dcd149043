"""One shard: a link to Redis, kept up; the bus and the seats on it; the node's lease, and the burial of dead nodes."""

import asyncio
import logging
import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from reverb_py import codes
from reverb_py.cluster.backplane import Envelope
from reverb_py.cluster.occupancy import Unreachable
from reverb_py.cluster.redis import names, scripts
from reverb_py.cluster.redis.burials import Burials
from reverb_py.cluster.redis.bus import QUIET, Bus
from reverb_py.cluster.redis.cluster import Resolver
from reverb_py.cluster.redis.link import Link, LinkLost, OutOfMemory, Reply, pack
from reverb_py.cluster.redis.names import Names
from reverb_py.cluster.redis.questions import Questions
from reverb_py.cluster.redis.seats import Seats
from reverb_py.cluster.redis.trouble import Trouble
from reverb_py.hub import facts

logger = logging.getLogger(__name__)

RETRY = 0.25, 1.0  # seconds between two attempts to connect, at random between them: nodes do not come all at once
CONNECT_TIMEOUT = 5.0  # seconds
ANSWER_TIMEOUT = 5.0  # seconds for a question
DEAF_AFTER = 4  # beats without an answer, after which a link that looks alive is dead
SETTLE = 3.0  # seconds after an outage, at most, in which the other nodes come back too before what waited is sent
SETTLE_BEAT = 0.1  # seconds between two looks whether they are back
REGROUP = 2.0  # seconds after an outage before members that Redis does not know are told to be gone
GRACE = 5.0  # seconds after an outage in which nobody is buried: what kept this node from Redis kept others too
PAGE = b"1000"  # fields of the own ledger at a time


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
        self._terminate = terminate
        self._connected = connected
        self._link: Link | None = None
        self._links = 0
        self._epoch: bytes | None = None
        self._beats = self._echoed = self._unanswered = 0
        self._since = 0  # Redis's time in ms at which this link began, while it settles
        self._settle_from = 0.0
        self._next_warning = 0.0
        self._settle_until: float | None = None
        self._peers = 0  # nodes that beat when all was well, this one included; one that has just come is not counted
        self._bury_from = 0.0
        self._compare_at: float | None = None
        self._was_buried = False
        self._is_forgotten = False  # Redis itself is well: begin anew at once
        self._is_leaving = False
        self._trouble = Trouble(resolver.shown, shard_names.rights, clock)
        self.bus = Bus(shard_names, self._node, buffer, clock)
        self.seats = Seats(shard_names, self._node, clock, deliver, tell)
        self._burials = Burials(shard_names, tell)
        self.questions = Questions(shard_names, self.ask, clock)

    @property
    def is_up(self) -> bool:
        return self.bus.down_since is None

    @property
    def away(self) -> float:
        """For how many seconds Redis is out of reach, 0 while it is not."""
        since = self.bus.down_since
        return 0.0 if since is None else max(self._clock() - since, 0.1)

    @property
    def nodes(self) -> int:
        """How many nodes there were at the last beat, this one included."""
        return self._peers

    @property
    def trouble(self) -> str:
        """Why Redis is out of reach, "" while it is not."""
        return "" if self.is_up else self._trouble.reason or "not connected yet"

    # The link.

    async def run(self) -> None:
        """Keep a link, for ever."""
        while True:
            lost = asyncio.Event()
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT) as patience:
                    await self._begin(patience, partial(self._lost, lost))
            except (OSError, OutOfMemory, UnicodeError) as error:  # the last one: no host can have such a name
                self._end_attempt(error)
            else:
                await lost.wait()
            if not self._is_forgotten:
                await asyncio.sleep(random.uniform(*RETRY))
            self._is_forgotten = False

    def _end_attempt(self, error: Exception) -> None:
        text = str(error) or f"no answer within {CONNECT_TIMEOUT:g} seconds"
        self._drop()
        if self._link is not None:
            self._link.end(text)
            self._link = None
        self._trouble.begin(text)

    async def _begin(self, patience: asyncio.Timeout, on_lost: Callable[[str], None]) -> None:
        """Connect, listen again, compare what Redis has with what this node holds, go on."""
        self._link = link = await self._resolver.connect(self._names, self._pushed, on_lost)
        if not link.is_primary:
            raise ConnectionError("it is a replica, which takes no writes")
        self._links += 1
        self._unanswered = 0
        if self._resolver.is_cluster and link.version >= (7, 0):  # else PUBLISH goes to every node of the cluster
            self.bus.verb = self._burials.verb = b"SPUBLISH"
            self.seats.verbs = (b"SSUBSCRIBE", b"SUNSUBSCRIBE", b"SPUBLISH")
        for script in scripts.ALL:
            await link.question("SCRIPT", "LOAD", script.text)
        subscribe = self.seats.verbs[0]
        link.send(pack(subscribe, self._names.inbox(self._node), self._names.control))
        self.seats.subscribe(link)
        # From here on this node counts as listening, and what it sent over earlier links is refused.
        known, epoch, self._since, *_ = _list(await link.question(*self._beat()))
        ledger = await self._own_ledger(link, patience)
        is_first, was_emptied = self._epoch is None, epoch != self._epoch
        self._was_buried = not was_emptied and (self._was_buried or not known)
        self._epoch = epoch
        self.seats.resume(link, b"%d" % self._links, ledger, is_told=self._was_buried)
        now = self._clock()
        self._bury_from = now + min(GRACE, self._lease)
        if is_first and not self._trouble.reason:  # else it began in an outage, and the others are on their way back
            self._flow(link)
            return
        self.seats.compare_views(link, forget=False)
        self._compare_at = max(self._compare_at or 0, now + (self._lease if was_emptied else REGROUP))
        self._settle_from, self._settle_until = now + RETRY[1], now + SETTLE
        self._settle(link)

    async def _own_ledger(self, link: Link, patience: asyncio.Timeout) -> dict[bytes, bytes]:
        """Read it a page at a time: Redis drops a listener to which it has to say too much at once."""
        ledger: dict[bytes, bytes] = {}
        name, cursor = self._names.ledger(self._node), b"0"
        while True:
            cursor, page = _list(await link.question(b"HSCAN", name, cursor, b"COUNT", PAGE))
            ledger.update(zip(page[::2], page[1::2], strict=True))
            if cursor == b"0":
                return ledger
            patience.reschedule(asyncio.get_running_loop().time() + CONNECT_TIMEOUT)

    def _settle(self, link: Link) -> None:
        """Look whether the other nodes have beaten since this link began: then they listen again."""
        if self._link is not link or self._settle_until is None:
            return
        if self._clock() >= self._settle_until:
            self._flow(link)
            return
        self._ask_beat(link)
        asyncio.get_running_loop().call_later(SETTLE_BEAT, self._settle, link)

    def _flow(self, link: Link) -> None:
        self._settle_until = None
        self._trouble.end(self.bus.down_since)
        self.bus.resume(link)

    def _lost(self, lost: asyncio.Event, reason: str) -> None:
        self._link = None
        self._drop()
        if not self._is_leaving:
            self._trouble.begin(reason)
        lost.set()

    def _drop(self) -> None:
        self._settle_until = None
        self.seats.pause()
        self.bus.pause()

    # What comes in.

    def _pushed(self, channel: bytes, data: bytes | None) -> None:
        try:
            place = self.seats.place_of(channel)
            if data is None:
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
            elif channel == self._names.inbox(self._node) and self._echoed < int(data) <= self._beats:
                self._echoed = int(data)
        except ValueError:  # garbage of somebody else hurts nobody
            self._warn_of_garbage(channel)

    def _warn_of_garbage(self, channel: bytes) -> None:
        now = self._clock()
        if now >= self._next_warning:
            self._next_warning = now + QUIET
            logger.warning("Ignored a message on Redis channel %s that no node wrote", channel.decode(errors="replace"))

    def _obey(self, message: names.Message) -> None:
        app_id, user_id = names.decode_pair(message.payload)
        if self.bus.is_new(message):
            self._terminate(app_id, user_id)

    # Once a second.

    def tick(self) -> None:
        link, now = self._link, self._clock()
        self.seats.give_up()
        if link is None or not self.seats.is_current(link):
            return
        if link.fell_behind:  # answers wait among what this node has not taken yet
            link.fell_behind, self._unanswered = False, 0
        if self._unanswered >= DEAF_AFTER:  # answers are counted, not seconds: this node itself may have stood still
            link.end(f"it has not answered {DEAF_AFTER} times, once a second")
            return
        if self._compare_at is not None and now >= self._compare_at:
            self._compare_at = None
            self.seats.compare_views(link, forget=True)
        self._unanswered += 1
        self._ask_beat(link)

    def _ask_beat(self, link: Link) -> None:
        link.ask(partial(self._beaten, self._beats), *self._beat())

    def _beat(self) -> tuple[bytes, ...]:
        self._beats += 1
        return (
            *(b"EVALSHA", scripts.BEAT.sha, b"1", self._names.leases, self._names.prefix, self._node),
            *(b"%d" % self._links, b"%d" % (self._lease * 1000), secrets.token_hex(8).encode()),
            *(orjson.dumps(self._connected()), self.bus.verb, b"%d" % self._beats),
            b"" if self._settle_until is None else b"%d" % self._since,
        )

    def _beaten(self, before: int, reply: Reply) -> None:
        """A beat was answered. The one `before` must have come back as a message."""
        link = self._link
        if not isinstance(reply, list) or link is None:
            return
        self._unanswered = 0
        known, epoch, _, beating, *dead = reply
        if self._echoed < before:
            link.end("it answers, but does not pass on what is published")
            return
        if not known or epoch != self._epoch:  # taken for dead while it lived, or Redis was emptied
            self._was_buried = epoch == self._epoch
            self._is_forgotten = True
            link.end("it had forgotten this node, which begins anew")
            return
        self._was_buried = False
        if self._settle_until is None:
            self._peers = beating
        elif self._peers and beating >= self._peers and self._clock() >= self._settle_from:  # 0: it never knew
            self._flow(link)
        if self._clock() >= self._bury_from:
            for node in dead:
                self._burials.bury(link, node)

    async def close(self) -> None:
        """Leave: give back what is left, send what waits, close."""
        if self._link is not None:
            link, self._is_leaving = self._link, True
            if not self.is_up and self.seats.is_current(link):  # some may not listen yet, but later is never
                self._settle_until = None
                self.bus.resume(link)
            self._burials.bury(link, self._node, force=True)
            try:
                async with asyncio.timeout(1):
                    await link.question("PING")
            except (TimeoutError, LinkLost):
                logger.warning("Left Redis at %s without a goodbye", self._resolver.shown)
            link.end("this node left")
        if self.bus.waiting:
            text = "%d bytes of events waited for Redis and end with this node [%s]"
            logger.error(text, self.bus.waiting, codes.REDIS_AWAY)

    # Questions.

    async def ask(self, *command: bytes) -> Reply:
        """Raise Unreachable when Redis does not answer."""
        if self._link is None or not self.seats.is_current(self._link):
            raise Unreachable(self.trouble)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                return await self._link.question(*command)
        except (LinkLost, TimeoutError) as error:
            raise Unreachable(str(error) or "Redis does not answer") from None

    def count(self, app_id: str, channels: Sequence[str], then: Callable[[list[int]], None]) -> None:
        def answer(reply: Reply) -> None:
            then([int(each or 0) for each in reply] if isinstance(reply, list) else [0] * len(channels))

        if self._link is None:
            answer(None)
        else:
            wanted = [channel.encode() for channel in channels]
            self._link.ask(answer, b"HMGET", self._names.counts(app_id), *wanted)


def _list(reply: Reply) -> list[Any]:
    if not isinstance(reply, list):
        raise ConnectionError("it does not answer scripts as Redis does")
    return reply

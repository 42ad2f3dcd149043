"""Events on their way to the other nodes: what waits for Redis, what is sent again, what comes in twice."""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from reverb_py import codes
from reverb_py.cluster.backplane import Envelope
from reverb_py.cluster.redis import names, scripts
from reverb_py.cluster.redis.link import Link, LinkLost, Reply, pack
from reverb_py.cluster.redis.names import Names

logger = logging.getLogger(__name__)

PATIENCE = 5.0  # seconds that an accepted event may wait before the next ones are refused
LOST_AFTER = 60.0  # seconds after which it is no news any more: Laravel Reverb gives up on Redis then
QUIET = 60.0  # seconds between two warnings of the same kind
ORIGINS = 1_000  # nodes whose last sequence number is remembered


@dataclass(slots=True)
class _Waiting:
    at: float
    command: bytes
    is_kept: bool = False  # for later subscribers


class Bus:
    """Of one shard. An event is in the outbox until Redis has answered; after an outage it is sent again.

    A receiver drops what it has seen: the events of an origin come in the order of their sequence.
    """

    def __init__(self, shard_names: Names, origin: bytes, limit: int, clock: Callable[[], float]) -> None:
        """`limit` is how many bytes may wait."""
        self._names = shard_names
        self._origin = origin
        self._limit = limit
        self._clock = clock
        self._outbox: deque[_Waiting] = deque()
        self._size = 0
        self._sequence = 0
        self._warned = -QUIET
        self.lost = 0  # events that waited too long
        self._link: Link | None = None  # while events flow
        self._seen: dict[bytes, int] = {}
        self.verb = b"PUBLISH"
        self.down_since: float | None = clock()

    @property
    def refusal(self) -> str:
        """Why nothing more is accepted, "" when it is."""
        now = self._clock()
        if self.down_since is not None and now - self.down_since > PATIENCE:
            return f"Redis is out of reach for {now - self.down_since:.0f} seconds"
        if self._outbox and now - self._outbox[0].at > PATIENCE:
            return f"Redis has taken no event for {now - self._outbox[0].at:.0f} seconds"
        if self._size > self._limit:
            return f"{self._size} bytes wait for Redis, {self._limit} may (REVERB_SCALING_BUFFER)"
        return ""

    @property
    def waiting(self) -> int:
        """Bytes that Redis has not taken yet."""
        return self._size

    def publish(self, envelope: Envelope) -> None:
        """Send an envelope to the other nodes, now or after the outage."""
        channel = self._names.channel(envelope.app_id, envelope.channel)
        message = self._encode(names.EVENT, envelope.exclude, envelope.payload)
        if envelope.keep:
            last, ms = self._names.last(envelope.app_id, envelope.channel), b"%d" % (envelope.keep * 1000)
            script = (b"EVALSHA", scripts.KEEP.sha, b"2", last, self._names.kept, envelope.payload, ms)
            who = self._origin, b"%d" % self._sequence
            self._put(pack(*script, channel, message, self.verb, *who), is_kept=True)
        else:
            self._put(pack(self.verb, channel, message))

    def command(self, payload: bytes) -> None:
        """Send a command to the other nodes."""
        self._put(pack(self.verb, self._names.control, self._encode(names.COMMAND, None, payload)))

    def _encode(self, kind: bytes, exclude: str | None, payload: bytes) -> bytes:
        self._sequence += 1
        return names.encode(kind, names.Message(self._origin, self._sequence, exclude, payload))

    def is_new(self, message: names.Message) -> bool:
        """Return False for our own echo, and for what came before."""
        if message.origin == self._origin or message.sequence <= self._seen.get(message.origin, 0):
            return False
        if message.origin not in self._seen and len(self._seen) >= ORIGINS:
            self._seen.pop(next(iter(self._seen)))
        self._seen[message.origin] = message.sequence
        return True

    def resume(self, link: Link) -> None:
        """Let events flow over a link, first those that wait."""
        now = self._clock()
        lost = 0
        while self._outbox and now - self._outbox[0].at > LOST_AFTER:
            self._size -= len(self._outbox.popleft().command)
            lost += 1
        self.lost += lost
        if lost:
            text = "%d events waited longer than %d seconds for Redis and were not sent to the other nodes [%s]"
            logger.error(text, lost, LOST_AFTER, codes.REDIS_AWAY)
        self._link = link
        self.down_since = None
        for each in self._outbox:
            link.ask_packed(self._taken, each.command)

    def pause(self) -> None:
        """The link is lost: what it has not answered is kept."""
        self._link = None
        if self.down_since is None:
            self.down_since = self._clock()

    def _put(self, packed: bytes, *, is_kept: bool = False) -> None:
        self._outbox.append(_Waiting(self._clock(), packed, is_kept))
        self._size += len(packed)
        if self._link is not None:
            self._link.ask_packed(self._taken, packed)

    def _taken(self, reply: Reply) -> None:
        if isinstance(reply, LinkLost):
            return  # it stays, and is sent again
        taken = self._outbox.popleft()
        self._size -= len(taken.command)
        if taken.is_kept and reply == 0 and self._clock() - self._warned > QUIET:
            self._warned = self._clock()
            text = "Redis's memory is full: last events of cache channels are not kept [%s]"
            logger.error(text, codes.REDIS_AWAY)

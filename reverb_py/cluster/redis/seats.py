"""Who is where, in Redis: what this node holds, and the members of which its clients were told.

The node states what it holds, never a change, so that to say it again does no harm; a ledger in Redis has what each
node said. After an outage the two are compared, and only what differs is stated.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from reverb_py.cluster.backplane import Envelope
from reverb_py.cluster.last_events import LastEvent
from reverb_py.cluster.occupancy import Away, Full, Joined, Left, Outcome, Seat
from reverb_py.cluster.redis import names, scripts
from reverb_py.cluster.redis.link import Link, LinkLost, OutOfMemory, Reply, pack
from reverb_py.cluster.redis.names import Names
from reverb_py.hub import facts
from reverb_py.protocol import messages
from reverb_py.protocol.members import NULL, Member
from reverb_py.protocol.names import is_cache, is_presence

logger = logging.getLogger(__name__)

USERS = "#"  # no channel can have this name: it holds the signed-in users
PATIENCE = 5.0  # seconds that a subscription may wait for Redis before its connection is sent away (4100)
BATCH = 500  # channels in one SUBSCRIBE

Key = tuple[str, str]  # app id and channel


@dataclass(slots=True, eq=False)
class Place:
    """A channel that this node holds seats in."""

    app_id: str
    channel: str
    seats: int = 0
    users: dict[str, tuple[int, bytes]] = field(default_factory=dict)  # user id -> seats here, user_info
    view: dict[str, bytes] | None = None  # members on all nodes, as the clients here were told


@dataclass(slots=True, eq=False)
class Asked:
    """A subscription that waits for Redis."""

    seat: Seat
    limit: int
    then: Callable[[Outcome], None]
    at: float
    is_look: bool = False


class Seats:
    """Of one shard."""

    def __init__(
        self,
        shard_names: Names,
        node: bytes,
        clock: Callable[[], float],
        deliver: Callable[[Envelope], int],
        tell: Callable[[facts.Fact], None],
    ) -> None:
        self._names = shard_names
        self._ledger = shard_names.ledger(node)
        self._clock = clock
        self._deliver = deliver
        self._tell = tell
        self._places: dict[Key, Place] = {}
        self._by_channel: dict[bytes, Place] = {}
        self._held: deque[Asked] = deque()  # until Redis is back
        self._link: Link | None = None  # while ledger and node agree
        self.verbs = (b"SUBSCRIBE", b"UNSUBSCRIBE", b"PUBLISH")

    def is_current(self, link: Link) -> bool:
        """Return True when what this node holds is stated over this link."""
        return self._link is link

    def place_of(self, channel: bytes) -> Place | None:
        """Return what a Redis channel stands for, None when nobody here listens to it any more."""
        return self._by_channel.get(channel)

    # Joining and leaving.

    def join(self, seat: Seat, limit: int, then: Callable[[Outcome], None]) -> None:
        self._ask(Asked(seat, limit, then, self._clock()))

    def look(self, seat: Seat, then: Callable[[Joined | Away], None]) -> None:
        self._ask(Asked(seat, 0, partial(_never_full, then), self._clock(), is_look=True))

    def leave(self, seat: Seat, then: Callable[[Left], None]) -> None:
        """In an outage `then` is not called: what became true is told when Redis is back."""
        place = self._places[seat.app_id, seat.channel]
        self._release(place, seat)
        if self._link is not None:
            user_id = None if seat.member is None else seat.member.user_id
            self._state(self._link, place, user_id, partial(_left, then))
        self._forget_if_empty(place)

    def sign_in(self, app_id: str, user_id: str) -> None:
        self._count_user(app_id, user_id, self._take)

    def sign_out(self, app_id: str, user_id: str) -> None:
        self._count_user(app_id, user_id, self._release)

    def _count_user(self, app_id: str, user_id: str, change: Callable[[Place, Seat], None]) -> None:
        seat = Seat(app_id, USERS, "", Member(user_id))
        place = self._places.setdefault((app_id, USERS), Place(app_id, USERS))
        change(place, seat)
        if self._link is not None:
            self._state(self._link, place, user_id, _ignore)
        if not place.seats:
            del self._places[app_id, USERS]

    def _ask(self, asked: Asked) -> None:
        if self._link is None:
            self._held.append(asked)
            return
        seat = asked.seat
        place = self._places.get((seat.app_id, seat.channel))
        if place is None and asked.is_look:
            asked.then(Away())  # the connection went while it waited
            return
        place = place or self._listen(self._link, seat)
        if not asked.is_look:
            self._take(place, seat)
        user_id = None if seat.member is None else seat.member.user_id
        self._state(self._link, place, user_id, partial(self._answered, place, asked), asked)

    def _answered(self, place: Place, asked: Asked, reply: Reply) -> None:
        """Redis decided a join, or did not."""
        if isinstance(reply, list) and reply[0]:
            members = _pairs(reply[3])
            if place.view is None and is_presence(place.channel):
                place.view = dict(members)
            event = LastEvent(reply[4], 0, self._clock() + reply[5] / 1000) if reply[4] is not None else None
            asked.then(Joined(reply[1] == 1, reply[2] == 1, members, last_event=event))
            return
        if not asked.is_look:
            self._release(place, asked.seat)
        if isinstance(reply, LinkLost):
            self._held.append(asked)  # it may have been obeyed: the comparison leaves it as it is
        elif self._link is not None and not asked.is_look:  # later joins counted this seat
            self._state(self._link, place, None if asked.seat.member is None else asked.seat.member.user_id, _ignore)
        self._forget_if_empty(place)
        if not isinstance(reply, LinkLost):
            asked.then(Away() if isinstance(reply, OutOfMemory) else Full(asked.limit))

    def _take(self, place: Place, seat: Seat) -> None:
        place.seats += 1
        if seat.member is not None:
            seats, info = place.users.get(seat.member.user_id, (0, seat.member.user_info))
            place.users[seat.member.user_id] = seats + 1, info

    def _release(self, place: Place, seat: Seat) -> None:
        place.seats -= 1
        if seat.member is not None:
            seats, info = place.users[seat.member.user_id]
            if seats > 1:
                place.users[seat.member.user_id] = seats - 1, info
            else:
                del place.users[seat.member.user_id]

    def _listen(self, link: Link, seat: Seat) -> Place:
        place = self._places[seat.app_id, seat.channel] = Place(seat.app_id, seat.channel)
        channel = self._names.channel(seat.app_id, seat.channel)
        self._by_channel[channel] = place
        link.send(pack(self.verbs[0], channel))
        return place

    def _forget_if_empty(self, place: Place) -> None:
        if place.seats or self._places.get((place.app_id, place.channel)) is not place:
            return
        del self._places[place.app_id, place.channel]
        channel = self._names.channel(place.app_id, place.channel)
        self._by_channel.pop(channel, None)
        if self._link is not None:
            self._link.send(pack(self.verbs[1], channel))

    def _state(
        self, link: Link, place: Place, user_id: str | None, then: Callable[[Reply], None], asked: Asked | None = None
    ) -> None:
        """State what this node holds in a place: its seats, and those of one user."""
        theirs, info = (-1, NULL) if user_id is None else place.users.get(user_id, (0, NULL))
        wanted = _wanted(place.channel) if asked is not None else b""
        link.ask(
            then,
            *(b"EVALSHA", scripts.STATE.sha, b"1", self._ledger),
            *(self._names.prefix, place.app_id.encode(), place.channel.encode(), b"%d" % place.seats),
            *((user_id or "").encode(), b"%d" % theirs, info, b"%d" % (asked.limit if asked is not None else 0)),
            *(asked.seat.socket_id.encode() if asked is not None else b"", self.verbs[2], wanted),
        )

    # What comes over the bus.

    def changed(self, place: Place, data: bytes) -> None:
        """Somebody came or went: tell the clients here, unless they know. Raise ValueError when it is garbage."""
        socket_id, user_id, info = names.decode_change(data)
        if place.view is None or (user_id in place.view) is data.startswith(names.CAME):
            return
        if data.startswith(names.CAME):
            self._came(place, user_id, info, socket_id)
        else:
            self._went(place, user_id)

    def _came(self, place: Place, user_id: str, info: bytes, socket_id: str | None = None) -> None:
        assert place.view is not None
        place.view[user_id] = info
        payload = messages.member_added(place.channel, user_id, info)
        self._deliver(Envelope(place.app_id, place.channel, payload, 0, socket_id))

    def _went(self, place: Place, user_id: str) -> None:
        assert place.view is not None
        del place.view[user_id]
        payload = messages.member_removed(place.channel, user_id)
        self._deliver(Envelope(place.app_id, place.channel, payload, 0))

    # Outages.

    def pause(self) -> None:
        """The link is lost. What was asked comes back as LinkLost, and is held."""
        self._link = None

    def give_up(self) -> None:
        """Send away who waited too long."""
        now = self._clock()
        while self._held and now - self._held[0].at > PATIENCE:
            self._held.popleft().then(Away())

    def subscribe(self, link: Link) -> None:
        """Listen to every channel again."""
        channels = list(self._by_channel)
        for start in range(0, len(channels), BATCH):
            link.send(pack(self.verbs[0], *channels[start : start + BATCH]))

    def resume(self, link: Link, ledger: dict[bytes, bytes], *, is_told: bool) -> None:
        """State whatever Redis has otherwise, then obey what was held. `is_told`: all was said to be gone."""
        self._link = link
        expected = dict(self._fields())
        held = {each for asked in self._held if not asked.is_look for each in _fields_of(asked.seat)}
        wrong = {name for name in expected if int(ledger.get(name, 0)) < expected[name]}
        wrong |= {name for name in ledger if int(ledger[name]) > expected.get(name, 0) and name not in held}
        for name in sorted(wrong):  # a channel before its users
            app_id, channel, user_id = _parse(name)
            place = self._places.get((app_id, channel)) or Place(app_id, channel)
            is_less = int(ledger.get(name, 0)) > expected.get(name, 0)
            then = partial(self._restated, place, user_id) if is_less or is_told else _ignore
            self._state(link, place, user_id, then)
        asked, self._held = self._held, deque()
        for each in asked:
            self._ask(each)

    def compare_views(self, link: Link, *, forget: bool) -> None:
        """Ask for the members of each presence channel, and tell the clients here what they have missed.

        Without `forget` nobody is taken away: after a restart of Redis the other nodes are still on their way back.
        """
        for place in self._places.values():
            if place.view is not None:
                then = partial(self._compare, place, forget=forget)
                link.ask(then, b"HGETALL", self._names.infos(place.app_id, place.channel))

    def _compare(self, place: Place, reply: Reply, *, forget: bool) -> None:
        if not isinstance(reply, dict) or place.view is None:
            return
        members = {user.decode(): info for user, info in reply.items()}
        for user_id in [each for each in members if each not in place.view]:
            self._came(place, user_id, members[user_id])
        for user_id in [each for each in place.view if forget and each not in members]:
            self._went(place, user_id)

    def _restated(self, place: Place, user_id: str | None, reply: Reply) -> None:
        """Tell what became true with a statement that nobody waits for."""
        if not isinstance(reply, list) or not reply[0] or place.channel == USERS:
            return
        crowd, member = reply[1], reply[2]
        if crowd == 1:
            self._tell(facts.ChannelOccupied(place.app_id, place.channel))
        if user_id is not None and member:
            kind = facts.MemberAdded if member == 1 else facts.MemberRemoved
            self._tell(kind(place.app_id, place.channel, user_id))
        if crowd == -1:
            self._tell(facts.ChannelVacated(place.app_id, place.channel))

    def _fields(self) -> Iterator[tuple[bytes, int]]:
        """What the ledger must have."""
        for place in self._places.values():
            if place.seats:
                yield _field(place.app_id, place.channel), place.seats
            for user_id, (seats, _) in place.users.items():
                yield _field(place.app_id, place.channel, user_id), seats


def _field(app_id: str, channel: str, user_id: str | None = None) -> bytes:
    place = f"{app_id}:{channel}"
    return (place if user_id is None else f"{place}\n{user_id}").encode()


def _fields_of(seat: Seat) -> Iterator[bytes]:
    yield _field(seat.app_id, seat.channel)
    if seat.member is not None:
        yield _field(seat.app_id, seat.channel, seat.member.user_id)


def _parse(name: bytes) -> tuple[str, str, str | None]:
    place, has_user, user_id = name.decode().partition("\n")
    app_id, _, channel = place.rpartition(":")
    return app_id, channel, user_id if has_user else None


def _wanted(channel: str) -> bytes:
    """What a joiner is told beside its acknowledgement."""
    if is_presence(channel):
        return b"both" if is_cache(channel) else b"members"
    return b"last" if is_cache(channel) else b""


def _pairs(flat: list[bytes]) -> dict[str, bytes]:
    return {user.decode(): info for user, info in zip(flat[::2], flat[1::2], strict=True)}


def _left(then: Callable[[Left], None], reply: Reply) -> None:
    if isinstance(reply, list):
        then(Left(reply[1] == -1, reply[2] == -1))


def _never_full(then: Callable[[Joined | Away], None], outcome: Outcome) -> None:
    if not isinstance(outcome, Full):
        then(outcome)


def _ignore(reply: Reply) -> None:
    pass

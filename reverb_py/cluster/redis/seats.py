"""Who is where, in Redis: what this node holds, and the members of which its clients were told.

The node states what it holds, never a change, so that to say it again does no harm; a ledger in Redis has what each
node said. After an outage the two are compared, and only what differs is stated.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from reverb_py.cluster.backplane import Envelope
from reverb_py.cluster.last_events import LastEvent
from reverb_py.cluster.occupancy import Away, Full, Joined, Left, Outcome, Seat
from reverb_py.cluster.redis import names, scripts
from reverb_py.cluster.redis.link import Link, LinkLost, Reply, pack
from reverb_py.cluster.redis.names import Names
from reverb_py.cluster.redis.places import USERS, Key, Place, fields_of, parse_field
from reverb_py.hub import facts
from reverb_py.protocol import messages
from reverb_py.protocol.members import NULL, Member
from reverb_py.protocol.names import is_presence

logger = logging.getLogger(__name__)

PATIENCE = 5.0  # seconds that a subscription may wait for Redis before its connection is sent away (4100)
BATCH = 500  # channels in one SUBSCRIBE

COMPARED = 10  # channels at a time whose members are asked for


@dataclass(slots=True, eq=False)
class Asked:
    """A subscription that waits for Redis."""

    seat: Seat
    limit: int
    then: Callable[[Outcome], None]
    at: float
    is_look: bool = False

    @property
    def user_id(self) -> str | None:
        return None if self.seat.member is None else self.seat.member.user_id


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
        self._node = node
        self._number = b""  # of the link, by which what comes from earlier ones is told from it
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
        place.release(seat)
        if self._link is not None:
            user_id = None if seat.member is None else seat.member.user_id
            self._state(self._link, place, user_id, partial(_left, then))
        self._forget_if_empty(place)

    def sign_in(self, app_id: str, user_id: str) -> None:
        self._count_user(app_id, user_id, Place.take)

    def sign_out(self, app_id: str, user_id: str) -> None:
        self._count_user(app_id, user_id, Place.release)

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
            place.take(seat)
        self._state(self._link, place, asked.user_id, partial(self._answered, place, asked), asked)

    def _answered(self, place: Place, asked: Asked, reply: Reply) -> None:
        """Redis decided a join, or did not."""
        if not isinstance(reply, list):
            self._undecided(place, asked, reply)
            return
        is_in, occupied, added, members, *last = reply
        if place.view is None and is_presence(place.channel):
            place.view = {user.decode(): info for user, info in zip(members[::2], members[1::2], strict=True)}
        if is_in:
            asked.then(self._joined(place, asked.seat, occupied == 1, added == 1, last))
            return
        if not asked.is_look:
            place.release(asked.seat)
            if self._link is not None:  # later joins counted this seat
                self._state(self._link, place, asked.user_id, _ignore)
            self._forget_if_empty(place)
        asked.then(Full(asked.limit))

    def _undecided(self, place: Place, asked: Asked, reply: Reply) -> None:
        if not asked.is_look:
            place.release(asked.seat)
            self._forget_if_empty(place)
        if isinstance(reply, LinkLost):
            self._held.append(asked)  # it may have been obeyed: the comparison leaves it as it is
        else:
            asked.then(Away())

    def _joined(self, place: Place, seat: Seat, occupied: bool, added: bool, last: list[Any]) -> Joined:
        """What a joiner is told: of the members what the other clients here know, so that all here know the same."""
        user = seat.member
        if place.view is not None and user is not None and user.user_id not in place.view:
            self._came(place, user.user_id, user.user_info, seat.socket_id)  # its message comes, or was missed
        payload, ttl = last
        event = LastEvent(payload, 0, self._clock() + ttl / 1000) if payload is not None else None
        return Joined(occupied, added, dict(place.view or {}), last_event=event)

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
        self,
        link: Link,
        place: Place,
        user_id: str | None,
        then: Callable[[Reply], None],
        asked: Asked | None = None,
        *,
        is_user_only: bool = False,
    ) -> None:
        """State what this node holds in a place: its seats, and those of one user."""
        theirs, info = (-1, NULL) if user_id is None else place.users.get(user_id, (0, NULL))
        wanted = place.wanted() if asked is not None else b""
        link.ask(
            then,
            *(b"EVALSHA", scripts.STATE.sha, b"1", self._ledger, self._names.prefix, self._node, self._number),
            *(place.app_id.encode(), place.channel.encode(), b"-1" if is_user_only else b"%d" % place.seats),
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

    def resume(self, link: Link, number: bytes, ledger: dict[bytes, bytes], *, is_told: bool) -> None:
        """State whatever Redis has otherwise, then obey what was held. `is_told`: all was said to be gone."""
        self._link, self._number = link, number
        expected = dict(field for place in self._places.values() for field in place.fields())
        held = {each for asked in self._held if not asked.is_look for each in fields_of(asked.seat)}
        more = [name for name in expected if int(ledger.get(name, 0)) < expected[name]]
        less = [name for name in ledger if int(ledger[name]) > expected.get(name, 0) and name not in held]
        for name in sorted(more):  # a channel before its users, as the first one occupies it
            self._restate(link, name, is_told=is_told)
        for name in sorted(less, reverse=True):  # and after them, as the last one vacates it
            self._restate(link, name, is_told=True)
        asked, self._held = self._held, deque()
        for each in asked:
            self._ask(each)

    def _restate(self, link: Link, name: bytes, *, is_told: bool) -> None:
        app_id, channel, user_id = parse_field(name)
        place = self._places.get((app_id, channel)) or Place(app_id, channel)
        then = partial(self._restated, place, user_id) if is_told else _ignore
        self._state(link, place, user_id, then, is_user_only=user_id is not None)

    def compare_views(self, link: Link, *, forget: bool) -> None:
        """Ask for the members of each presence channel, and tell the clients here what they have missed.

        Without `forget` nobody is taken away: after a restart of Redis the other nodes are still on their way back.
        """
        places = iter([place for place in self._places.values() if place.view is not None])
        for _ in range(COMPARED):  # Redis drops a listener to which it has to say too much at once
            self._compare_next(link, places, forget=forget)

    def _compare_next(self, link: Link, places: Iterator[Place], *, forget: bool) -> None:
        place = next(places, None)
        if place is None:
            return

        def answer(reply: Reply) -> None:
            if isinstance(reply, dict):
                self._compare(place, reply, forget=forget)
                self._compare_next(link, places, forget=forget)

        link.ask(answer, b"HGETALL", self._names.infos(place.app_id, place.channel))

    def _compare(self, place: Place, reply: Mapping[bytes, bytes], *, forget: bool) -> None:
        if place.view is None or not place.seats:
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


def _left(then: Callable[[Left], None], reply: Reply) -> None:
    if isinstance(reply, list):
        then(Left(reply[1] == -1, reply[2] == -1))


def _never_full(then: Callable[[Joined | Away], None], outcome: Outcome) -> None:
    if not isinstance(outcome, Full):
        then(outcome)


def _ignore(reply: Reply) -> None:
    pass

"""Who is where, over all nodes: how many subscribers a channel has, and which members.

A join may take its time (over Redis), so its answer comes through a callable. The local one answers at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from reverb_py.cluster.last_events import LastEvent
from reverb_py.protocol import messages
from reverb_py.protocol.members import Member

Channels = dict[str, tuple[int, int]]  # name -> subscriptions and members


@dataclass(frozen=True, slots=True)
class Seat:
    """A connection's place in a channel. `member` in presence channels only."""

    app_id: str
    channel: str
    socket_id: str
    member: Member | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """What became true with a join, and what was true at that moment."""

    occupied: bool  # the channel was vacant before
    member_added: bool  # the user was not in it before
    members: dict[str, bytes]  # presence only: user id -> JSON of user_info, the joiner included
    sequence: int = 0  # events up to this one are older than the join
    last_event: LastEvent | None = None  # of a cache channel


@dataclass(frozen=True, slots=True)
class Full:
    """The join was refused: the presence channel has as many members as the app allows."""

    limit: int


@dataclass(frozen=True, slots=True)
class Away:
    """The join could not be decided: what the nodes share is out of reach."""


class Unreachable(Exception):
    """What the nodes share cannot be asked now."""


@dataclass(frozen=True, slots=True)
class Left:
    """What became true with a leave."""

    vacated: bool
    member_removed: bool


Outcome = Joined | Full | Away


class Occupancy(Protocol):
    """Who is where, on all nodes. It announces who comes and goes to the others in the channel by itself."""

    def join(self, seat: Seat, limit: int, then: Callable[[Outcome], None]) -> None:
        """Take a seat and call `then` with the outcome. `limit` counts distinct users; 0 is no limit."""

    def look(self, seat: Seat, then: Callable[[Joined | Away], None]) -> None:
        """Call `then` with what a join would tell, without taking a seat."""

    def leave(self, seat: Seat, then: Callable[[Left], None]) -> None:
        """Give a seat back and call `then` with the outcome."""

    def sign_in(self, app_id: str, user_id: str) -> None:
        """Count a connection of a signed-in user."""

    def sign_out(self, app_id: str, user_id: str) -> None:
        """Count it no longer."""

    def count(self, app_id: str, channels: Sequence[str], then: Callable[[list[int]], None]) -> None:
        """Call `then` with how many connections of all nodes are subscribed to each; 0 when that cannot be known.

        Asked for what nobody of this node listens to.
        """

    async def subscriptions(self, app_id: str, channel: str) -> int:
        """Return how many connections are subscribed."""

    async def members(self, app_id: str, channel: str) -> list[str]:
        """Return the user ids in a presence channel."""

    async def channels(self, app_id: str) -> Channels:
        """Return every occupied channel."""

    async def last_event_of(self, app_id: str, channel: str) -> LastEvent | None:
        """Return the last event of a cache channel, if it has one."""

    async def connections(self, app_id: str) -> int | None:
        """Return how many connections an app has on all nodes; None when only this node knows its own."""


@dataclass(slots=True)
class _Seats:
    """A channel's subscribers, counted; members by user, each with the number of its connections."""

    count: int = 0
    members: dict[str, bytes] = field(default_factory=dict)
    connections: dict[str, int] = field(default_factory=dict)  # user id -> connections


class LocalOccupancy:
    """The occupancy of a single node, where the answer is known in the same turn."""

    def __init__(self) -> None:
        self._seats: dict[str, dict[str, _Seats]] = {}  # app id -> channel -> seats
        # What a node sets: how others are told (app id, channel, payload, excluded socket id), and the last events.
        self.announce: Callable[[str, str, bytes, str | None], object] = lambda *told: None
        self.last_event: Callable[[str, str], LastEvent | None] = lambda app_id, channel: None

    def join(self, seat: Seat, limit: int, then: Callable[[Outcome], None]) -> None:
        channels, member = self._seats.setdefault(seat.app_id, {}), seat.member
        seats = channels.get(seat.channel) or _Seats()
        added = member is not None and member.user_id not in seats.members
        if added and limit and len(seats.members) >= limit:
            then(Full(limit))
            return
        channels[seat.channel] = seats
        seats.count += 1
        if member is not None:
            seats.members.setdefault(member.user_id, member.user_info)
            seats.connections[member.user_id] = seats.connections.get(member.user_id, 0) + 1
        if member is not None and added:
            payload = messages.member_added(seat.channel, member.user_id, member.user_info)
            self.announce(seat.app_id, seat.channel, payload, seat.socket_id)
        last_event = self.last_event(seat.app_id, seat.channel)
        then(Joined(seats.count == 1, added, dict(seats.members), last_event=last_event))

    def look(self, seat: Seat, then: Callable[[Joined], None]) -> None:
        seats = self._seats.get(seat.app_id, {}).get(seat.channel)
        members = dict(seats.members) if seats else {}
        then(Joined(False, False, members, last_event=self.last_event(seat.app_id, seat.channel)))

    def leave(self, seat: Seat, then: Callable[[Left], None]) -> None:
        """Raise KeyError when nobody has one."""
        app_id, channel, member = seat.app_id, seat.channel, seat.member
        seats = self._seats[app_id][channel]
        seats.count -= 1
        removed = False
        if member is not None:
            seats.connections[member.user_id] -= 1
            removed = seats.connections[member.user_id] == 0
            if removed:
                del seats.connections[member.user_id], seats.members[member.user_id]
        if not seats.count:
            del self._seats[app_id][channel]
            if not self._seats[app_id]:
                del self._seats[app_id]
        if member is not None and removed:
            self.announce(app_id, channel, messages.member_removed(channel, member.user_id), None)
        then(Left(not seats.count, removed))

    def sign_in(self, app_id: str, user_id: str) -> None:
        """Nobody asks: the node knows who is signed in."""

    def sign_out(self, app_id: str, user_id: str) -> None:
        """Nobody asks."""

    def count(self, app_id: str, channels: Sequence[str], then: Callable[[list[int]], None]) -> None:
        then([0] * len(channels))

    async def subscriptions(self, app_id: str, channel: str) -> int:
        seats = self._seats.get(app_id, {}).get(channel)
        return seats.count if seats else 0

    async def members(self, app_id: str, channel: str) -> list[str]:
        """In the order in which they came."""
        seats = self._seats.get(app_id, {}).get(channel)
        return list(seats.members) if seats else []

    async def channels(self, app_id: str) -> Channels:
        return {name: (seats.count, len(seats.members)) for name, seats in self._seats.get(app_id, {}).items()}

    async def last_event_of(self, app_id: str, channel: str) -> LastEvent | None:
        return self.last_event(app_id, channel)

    async def connections(self, app_id: str) -> int | None:
        return None

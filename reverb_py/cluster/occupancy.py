"""Who is where, over all nodes: how many subscribers a channel has, and which members.

A join may take its time (over Redis), so its answer comes through a callable. The local one answers at once.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from reverb_py.protocol.members import Member


@dataclass(frozen=True, slots=True)
class Joined:
    """What became true with a join, and what was true at that moment."""

    occupied: bool  # the channel was vacant before
    member_added: bool  # the user was not in it before
    members: dict[str, bytes]  # presence only: user id -> JSON of user_info, the joiner included
    sequence: int = 0  # events up to this one are older than the join


@dataclass(frozen=True, slots=True)
class Full:
    """The join was refused: the presence channel has as many members as the app allows."""

    limit: int


@dataclass(frozen=True, slots=True)
class Left:
    """What became true with a leave."""

    vacated: bool
    member_removed: bool


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

    def join(
        self, app_id: str, channel: str, member: Member | None, limit: int, then: Callable[[Joined | Full], None]
    ) -> None:
        """Take a seat and call `then` with the outcome. `limit` counts distinct users; 0 is no limit."""
        channels = self._seats.setdefault(app_id, {})
        seats = channels.get(channel) or _Seats()
        added = member is not None and member.user_id not in seats.members
        if added and limit and len(seats.members) >= limit:
            then(Full(limit))
            return
        channels[channel] = seats
        seats.count += 1
        if member is not None:
            seats.members.setdefault(member.user_id, member.user_info)
            seats.connections[member.user_id] = seats.connections.get(member.user_id, 0) + 1
        then(Joined(seats.count == 1, added, dict(seats.members)))

    def look(self, app_id: str, channel: str, then: Callable[[Joined], None]) -> None:
        """Call `then` with what a join would tell, without taking a seat."""
        seats = self._seats.get(app_id, {}).get(channel)
        then(Joined(False, False, dict(seats.members) if seats else {}))

    def leave(self, app_id: str, channel: str, member: Member | None, then: Callable[[Left], None]) -> None:
        """Give a seat back and call `then` with the outcome. Raise KeyError when nobody has one."""
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
        then(Left(not seats.count, removed))

    async def subscriptions(self, app_id: str, channel: str) -> int:
        """Return how many connections are subscribed."""
        seats = self._seats.get(app_id, {}).get(channel)
        return seats.count if seats else 0

    async def members(self, app_id: str, channel: str) -> list[str]:
        """Return the user ids in a presence channel, in the order in which they came."""
        seats = self._seats.get(app_id, {}).get(channel)
        return list(seats.members) if seats else []

    async def channels(self, app_id: str) -> dict[str, tuple[int, int]]:
        """Return every occupied channel with its number of subscriptions and of members."""
        return {name: (seats.count, len(seats.members)) for name, seats in self._seats.get(app_id, {}).items()}

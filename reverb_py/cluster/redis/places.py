"""A channel that a node holds seats in, and how a ledger in Redis names it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from reverb_py.cluster.occupancy import Seat
from reverb_py.protocol.names import is_cache, is_presence

USERS = "#"  # no channel can have this name: it holds the signed-in users

Key = tuple[str, str]  # app id and channel


@dataclass(slots=True, eq=False)
class Place:
    """A channel that this node holds seats in."""

    app_id: str
    channel: str
    seats: int = 0
    users: dict[str, tuple[int, bytes]] = field(default_factory=dict)  # user id -> seats here, user_info
    view: dict[str, bytes] | None = None  # members on all nodes, as the clients here were told
    is_asked: bool = False  # for the members: their answer comes before those of later joins

    def take(self, seat: Seat) -> None:
        self.seats += 1
        if seat.member is not None:
            seats, info = self.users.get(seat.member.user_id, (0, seat.member.user_info))
            self.users[seat.member.user_id] = seats + 1, info

    def release(self, seat: Seat) -> None:
        self.seats -= 1
        if seat.member is not None:
            seats, info = self.users[seat.member.user_id]
            if seats > 1:
                self.users[seat.member.user_id] = seats - 1, info
            else:
                del self.users[seat.member.user_id]

    def wanted(self) -> bytes:
        """What a joiner must be told that this node does not know: the members once, the last event each time."""
        asks_members = is_presence(self.channel) and not self.is_asked
        self.is_asked = True
        if asks_members:
            return b"both" if is_cache(self.channel) else b"members"
        return b"last" if is_cache(self.channel) else b""

    def fields(self) -> Iterator[tuple[bytes, int]]:
        """What the ledger must have of it."""
        if self.seats:
            yield _field(self.app_id, self.channel), self.seats
        for user_id, (seats, _) in self.users.items():
            yield _field(self.app_id, self.channel, user_id), seats


def fields_of(seat: Seat) -> Iterator[bytes]:
    """The names in the ledger under which a seat counts."""
    yield _field(seat.app_id, seat.channel)
    if seat.member is not None:
        yield _field(seat.app_id, seat.channel, seat.member.user_id)


def parse_field(name: bytes) -> tuple[str, str, str | None]:
    """Read app id, channel and user id, or None for the channel itself, from a name in the ledger."""
    place, has_user, user_id = name.decode().partition("\n")
    app_id, _, channel = place.rpartition(":")
    return app_id, channel, user_id if has_user else None


def _field(app_id: str, channel: str, user_id: str | None = None) -> bytes:
    place = f"{app_id}:{channel}"
    return (place if user_id is None else f"{place}\n{user_id}").encode()

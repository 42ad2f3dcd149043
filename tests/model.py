"""What a node must do, in plain dicts: who hears what, and which facts are told.

A model of sessions and node together, written from the protocol and not from their code. Nothing here is fast.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reverb_py.hub import facts
from reverb_py.hub.app import App, ClientEventsFrom
from reverb_py.protocol import names

Seen = tuple[Any, ...]  # a message: ("error",), or its event and what else is in it
Place = tuple[str, str]  # app id and channel
Claim = tuple[str, int]  # user id and user_info


@dataclass(slots=True, eq=False)
class Peer:
    """One client. `inbox` is what it must have heard since the last look."""

    app_id: str
    socket_id: str
    user: Claim | None = None
    channels: dict[str, str | None] = field(default_factory=dict)  # and the user id in presence channels
    inbox: list[Seen] = field(default_factory=list)
    joining: "Join | None" = None
    waiting: deque[Callable[[], None]] = field(default_factory=deque)  # said during a join
    is_gone: bool = False
    next_error: float = 0.0


@dataclass(slots=True, eq=False)
class Join:
    """A subscription on its way. `members` and `cached` are what was true when it began; members None: no room."""

    peer: Peer
    channel: str
    claim: Claim | None
    members: dict[str, int] | None
    occupied: bool = False
    added: bool = False
    is_repeated: bool = False
    kept: dict[int, Seen] = field(default_factory=dict)
    cached: tuple[int, Seen] | None = None


def brief(fact: facts.Fact) -> Seen | None:
    """A fact as the model writes it; None for those that it knows nothing of."""
    name = type(fact).__name__
    match fact:
        case facts.Subscribed() | facts.Unsubscribed():
            return (name, fact.app_id, fact.socket_id, fact.channel)
        case facts.ChannelOccupied() | facts.ChannelVacated() | facts.CacheMissed():
            return (name, fact.app_id, fact.channel)
        case facts.MemberAdded() | facts.MemberRemoved():
            return (name, fact.app_id, fact.channel, fact.user_id)
        case facts.SignedIn():
            return (name, fact.app_id, fact.socket_id, fact.user_id)
        case facts.Disconnected():
            return (name, fact.app_id, fact.socket_id)
        case _:
            return None


class Model:
    """`answers_later`: a join is done when `finish` is called with the oldest of `pending`."""

    def __init__(self, apps: Mapping[str, App], *, answers_later: bool) -> None:
        self.apps = dict(apps)
        self.now = 0.0
        self.peers: list[Peer] = []
        self.seats: Counter[Place] = Counter()
        self.members: dict[Place, dict[str, int]] = {}  # user id -> user_info of the first connection
        self.connections: Counter[tuple[Place, str]] = Counter()  # of a member
        self.cached: dict[Place, tuple[int, Seen, float]] = {}
        self.facts: list[Seen] = []
        self.pending: deque[Join] = deque()
        self._answers_later = answers_later
        self._sequence = 0

    def say(self, peer: Peer, command: Callable[[], None]) -> None:
        """One message after the other: what is said during a join waits for its end."""
        if peer.joining is not None:
            peer.waiting.append(command)
        else:
            command()

    # What clients do.

    def connect(self, app_id: str, socket_id: str) -> Peer:
        peer = Peer(app_id, socket_id)
        self.peers.append(peer)
        return peer

    def leave(self, peer: Peer) -> None:
        """Whatever the reason was, it is as if the peer had unsubscribed from everything."""
        peer.is_gone = True
        self.peers.remove(peer)
        for channel, user_id in peer.channels.items():
            self._unsubscribed(peer, channel, user_id)
        self.facts.append(("Disconnected", peer.app_id, peer.socket_id))

    def subscribe(self, peer: Peer, channel: str, claim: Claim | None, *, is_signed: bool) -> None:
        owner = names.user_of(channel)
        if owner is not None and (peer.user is None or peer.user[0] != owner):
            self._refuse(peer, channel)
            return
        if names.needs_authorization(channel) and not is_signed:
            self._refuse(peer, channel)
            return
        who = (claim or peer.user) if names.is_presence(channel) else None
        stranger = who is not None and peer.channels.get(channel, who[0]) != who[0]
        if stranger or (names.is_presence(channel) and who is None):
            self._refuse(peer, channel)
            return
        join = peer.joining = self._begin(peer, channel, who)
        if self._answers_later:
            self.pending.append(join)
        else:
            self.finish(join)

    def unsubscribe(self, peer: Peer, channel: str) -> None:
        if channel in peer.channels:
            self._unsubscribed(peer, channel, peer.channels.pop(channel))

    def client_event(self, peer: Peer, event: str, channel: str, data: str) -> None:
        is_closed = names.is_encrypted(channel) or names.user_of(channel) is not None
        senders = self.apps[peer.app_id].accept_client_events_from
        is_closed = is_closed or senders is ClientEventsFrom.NONE
        is_open = senders is ClientEventsFrom.ALL
        if is_closed or not (is_open or (names.needs_authorization(channel) and channel in peer.channels)):
            self._error(peer)
            return
        message = (event, channel, data, peer.channels.get(channel))
        self._deliver((peer.app_id, channel), message, peer.socket_id)

    def sign_in(self, peer: Peer, who: Claim, answer: str, *, is_signed: bool) -> None:
        if not is_signed or (peer.user is not None and peer.user[0] != who[0]):
            self._error(peer)
            return
        if peer.user is None:
            self.facts.append(("SignedIn", peer.app_id, peer.socket_id, who[0]))
        peer.user = who
        peer.inbox.append(("pusher:signin_success", None, answer, None))

    # What the application does.

    def publish(
        self, app_id: str, event: str, data: str, channels: tuple[str, ...], exclude: str | None
    ) -> dict[str, int]:
        """Return how many received it in each channel."""
        received = {}
        for channel in channels:
            message = (event, channel, data, None)
            received[channel] = self._deliver((app_id, channel), message, exclude)
            if names.is_cache(channel):
                expires = self.now + self.apps[app_id].cache_ttl
                self.cached[app_id, channel] = (self._sequence, message, expires)
        return received

    def terminate(self, app_id: str, user_id: str) -> list[Peer]:
        """Return who had to go."""
        members_too = self.apps[app_id].terminate_members
        theirs = [
            peer
            for peer in self.peers
            if peer.app_id == app_id
            and ((peer.user or ("",))[0] == user_id or (members_too and user_id in peer.channels.values()))
        ]
        for peer in theirs:
            self.leave(peer)
        return theirs

    def reload(self, apps: Mapping[str, App]) -> list[Peer]:
        """Return who had to go."""
        self.apps = dict(apps)
        lost = [peer for peer in self.peers if peer.app_id not in apps or not apps[peer.app_id].enabled]
        for peer in lost:
            self.leave(peer)
        return lost

    # Joins.

    def _begin(self, peer: Peer, channel: str, who: Claim | None) -> Join:
        place = (peer.app_id, channel)
        members = self.members.get(place, {})
        sequence, message, expires = self.cached.get(place, (0, (), 0.0))
        cached = (sequence, message) if expires > self.now else None
        if channel in peer.channels:
            return Join(peer, channel, who, dict(members), is_repeated=True, cached=cached)
        limit = self.apps[peer.app_id].max_presence_members
        added = who is not None and who[0] not in members
        if added and limit and len(members) >= limit:
            return Join(peer, channel, who, None)
        self.seats[place] += 1
        if who is not None:
            self.members.setdefault(place, {}).setdefault(*who)
            self.connections[place, who[0]] += 1
        if added and who is not None:
            data = f'{{"user_id":"{who[0]}","user_info":{who[1]}}}'
            self._deliver(place, ("pusher_internal:member_added", channel, data, None), peer.socket_id)
        everybody = dict(self.members.get(place, {}))
        return Join(peer, channel, who, everybody, self.seats[place] == 1, added, cached=cached)

    def finish(self, join: Join) -> None:
        """Let the answer to a join arrive, and what the peer said meanwhile be obeyed."""
        peer, channel, user_id = join.peer, join.channel, join.claim and join.claim[0]
        peer.joining = None
        if peer.is_gone:
            if join.members is not None and not join.is_repeated:
                self._tell(join)
                self._give_back((peer.app_id, channel), user_id)
            return
        if join.members is None:
            self._refuse(peer, channel)
        elif join.is_repeated:
            self._acknowledge(join, join.members)
        else:
            peer.channels[channel] = user_id
            self._acknowledge(join, join.members)
            self._tell(join)
            self.facts.append(("Subscribed", peer.app_id, peer.socket_id, channel))
        while peer.waiting and peer.joining is None and not peer.is_gone:
            peer.waiting.popleft()()

    def _acknowledge(self, join: Join, members: dict[str, int]) -> None:
        peer, channel = join.peer, join.channel
        listed = tuple(members.items()) if names.is_presence(channel) else None
        peer.inbox.append(("pusher_internal:subscription_succeeded", channel, listed))
        if join.cached is not None:
            sequence, message = join.cached
            join.kept[sequence] = message
        elif names.is_cache(channel):
            peer.inbox.append(("pusher:cache_miss", channel, "{}", None))
            if not join.is_repeated:
                self.facts.append(("CacheMissed", peer.app_id, channel))
        peer.inbox += [join.kept[each] for each in sorted(join.kept)]

    def _tell(self, join: Join) -> None:
        place = (join.peer.app_id, join.channel)
        if join.occupied:
            self.facts.append(("ChannelOccupied", *place))
        if join.added and join.claim is not None:
            self.facts.append(("MemberAdded", *place, join.claim[0]))

    # What follows from it.

    def _unsubscribed(self, peer: Peer, channel: str, user_id: str | None) -> None:
        self.facts.append(("Unsubscribed", peer.app_id, peer.socket_id, channel))
        self._give_back((peer.app_id, channel), user_id)

    def _give_back(self, place: Place, user_id: str | None) -> None:
        self.seats -= Counter([place])
        if user_id is not None:
            self.connections -= Counter([(place, user_id)])
            if not self.connections[place, user_id]:
                del self.members[place][user_id]
                removed = ("pusher_internal:member_removed", place[1], f'{{"user_id":"{user_id}"}}', None)
                self._deliver(place, removed, None)
                self.facts.append(("MemberRemoved", *place, user_id))
        if not self.seats[place]:
            self.members.pop(place, None)
            self.facts.append(("ChannelVacated", *place))

    def _deliver(self, place: Place, message: Seen, exclude: str | None) -> int:
        """Return how many subscribers heard it; those who are joining hear it later."""
        self._sequence += 1
        app_id, channel = place
        others = [peer for peer in self.peers if peer.app_id == app_id and peer.socket_id != exclude]
        listening = [peer for peer in others if channel in peer.channels]
        for peer in listening:
            peer.inbox.append(message)
        for peer in others:
            join = peer.joining
            if join is not None and join.channel == channel and join.members is not None and not join.is_repeated:
                join.kept[self._sequence] = message
        return len(listening)

    def _error(self, peer: Peer) -> None:
        """At most one a second."""
        if self.now >= peer.next_error:
            peer.next_error = self.now + 1
            peer.inbox.append(("error",))

    def _refuse(self, peer: Peer, channel: str) -> None:
        self._error(peer)
        peer.inbox += [(f"{prefix}:subscription_error", channel) for prefix in ("pusher", "pusher_internal")]

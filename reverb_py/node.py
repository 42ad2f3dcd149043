"""One server process: its apps, its connections, and the way of every event through them.

trigger -> publish -> deliver -> broadcast -> write: one verb per hop. Synchronous; the backplane and the occupancy
answer through callables, at once on a single node.
"""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from reverb_py.cluster.backplane import Backplane, Envelope, LocalBackplane
from reverb_py.cluster.last_events import LastEvent, LastEvents
from reverb_py.cluster.occupancy import Away, Joined, Left, LocalOccupancy, Occupancy, Outcome, Seat
from reverb_py.hub import facts
from reverb_py.hub.app import App, Apps
from reverb_py.hub.connection import Connection
from reverb_py.hub.hub import Hub
from reverb_py.hub.rate import Bucket
from reverb_py.hub.users import Users
from reverb_py.protocol import messages
from reverb_py.protocol.errors import ErrorCode
from reverb_py.protocol.frames import text_frame
from reverb_py.protocol.members import Member, User
from reverb_py.protocol.names import is_cache, is_presence
from reverb_py.protocol.triggers import Trigger
from reverb_py.redaction import Redaction

REMEMBERED = 20  # socket ids that went away, and guesses a second: what a refusal may cost is bounded


class Node:
    """What sessions and HTTP routes act on. `tell` is called with every fact; `clock` gives monotonic seconds."""

    def __init__(
        self,
        apps: Apps,
        *,
        clock: Callable[[], float],
        last_events: LastEvents,
        tell: Callable[[facts.Fact], None],
        occupancy: LocalOccupancy | None = None,
        id: str = "",
    ) -> None:
        """`id` tells this process from every other one; it begins the ids of its events."""
        self.id = id
        self.apps = apps
        self.redacted = Redaction(apps.secrets)  # for what repeats what others sent
        self.clock = clock
        self.last_events = last_events
        self.tell = tell
        self.hub = Hub()
        self.users = Users()
        local = occupancy or LocalOccupancy()
        local.announce, local.last_event = self.publish, self._last_event
        self.occupancy: Occupancy = local
        self.backplane: Backplane = LocalBackplane(self.deliver, self._remember, self.terminate_here)
        self.capacity = 0  # connections; 0 is no limit
        self.draining = False
        self.keeps_payloads = False  # receipts have the beginning of each event's data
        self.debug = False  # refusals repeat what should have been signed
        self.explain: Callable[[facts.Published], facts.Hint | None] = lambda published: None
        self.departed: deque[tuple[str, str]] = deque(maxlen=REMEMBERED)  # (app id, socket id), newest last
        self.guesses = Bucket(REMEMBERED, clock())
        self._sequence = 0
        self._events = 0

    def use(self, apps: Apps) -> None:
        """Replace the apps. Connections stay with their app; those of one that is gone or disabled are closed."""
        self.redacted = Redaction([*self.apps.secrets, *apps.secrets])  # clients may send the old ones for a while
        self.apps = apps
        for connection in list(self.hub.connections.values()):
            app = apps.by_id(connection.app.id)
            if app is None:
                connection.close(ErrorCode.UNKNOWN_APP, "Application does not exist any more")
            elif not app.enabled:
                connection.close(ErrorCode.APP_DISABLED, "Application is disabled")
            else:
                connection.app = app

    # An event's way.

    def trigger(self, app: App, trigger: Trigger) -> dict[str, int]:
        """Publish an event that was checked; return for each channel how many connections received it."""
        received = {}
        for channel in trigger.channels:
            payload = messages.event(trigger.event, channel, trigger.data)
            keep = app.cache_ttl if is_cache(channel) else 0.0
            received[channel] = self.publish(app.id, channel, payload, trigger.socket_id, keep)
        return received

    def new_event_id(self) -> str:
        self._events += 1
        return f"{self.id}-{self._events}"

    def publish(self, app_id: str, channel: str, payload: bytes, exclude: str | None = None, keep: float = 0.0) -> int:
        """Hand a payload to every node; return how many connections of this one received it."""
        self._sequence += 1
        return self.backplane.publish(Envelope(app_id, channel, payload, self._sequence, exclude, keep))

    def deliver(self, envelope: Envelope) -> int:
        """Write an envelope's payload to its subscribers on this node; return how many there are."""
        return self.hub.broadcast(
            envelope.app_id, envelope.channel, envelope.payload, envelope.sequence, envelope.exclude
        )

    def _remember(self, envelope: Envelope) -> None:
        event = LastEvent(envelope.payload, envelope.sequence, self.clock() + envelope.keep)
        self.last_events.put(envelope.app_id, envelope.channel, event)

    def _last_event(self, app_id: str, channel: str) -> LastEvent | None:
        return self.last_events.get(app_id, channel, self.clock())  # only cache channels have one

    # A connection's way.

    def connect(self, connection: Connection) -> None:
        """Take in a connection whose handshake was accepted, and greet it."""
        self.hub.add(connection)
        connection.send(messages.connection_established(connection.socket_id, connection.app.activity_timeout))
        self.tell(facts.Connected(connection.app.id, connection.socket_id))

    def disconnect(self, connection: Connection, code: int, reason: str, *, is_ours: bool = False) -> None:
        """Forget a connection, for whatever reason it went; harmless when it was forgotten before.

        `is_ours` when this server ended it.
        """
        left = self.hub.remove(connection)
        if left is None:
            return
        self.users.leave(connection)
        if connection.user is not None:
            self.occupancy.sign_out(connection.app.id, connection.user.id)
        self.departed.append((connection.app.id, connection.socket_id))
        for channel, member in left.items():
            self._leave(connection, channel, member)
        self.tell(facts.Disconnected(connection.app.id, connection.socket_id, code, reason, tuple(left), is_ours))

    def subscribe(
        self, connection: Connection, channel: str, member: Member | None, then: Callable[[Outcome], None]
    ) -> None:
        """Subscribe a connection that may: acknowledge, snapshot, then what arrived meanwhile; then call `then`.

        Nothing overtakes the acknowledgement (Java and .NET drop what comes before it).
        """
        self.hub.hold(connection, channel)
        seat = Seat(connection.app.id, channel, connection.socket_id, member)
        joined = partial(self._joined, connection, seat, then)
        self.occupancy.join(seat, connection.app.max_presence_members, joined)

    def acknowledge(self, connection: Connection, channel: str, then: Callable[[Outcome], None]) -> None:
        """Answer a repeated subscription: as the first one, but nothing changes and nobody else is told."""

        def answer(outcome: Joined | Away) -> None:
            if isinstance(outcome, Joined) and connection.socket_id in self.hub.connections:
                self._succeed(connection, channel, outcome)
            then(outcome)

        seat = Seat(connection.app.id, channel, connection.socket_id, connection.channels[channel])
        self.occupancy.look(seat, answer)

    def unsubscribe(self, connection: Connection, channel: str) -> None:
        """End a subscription. Raise KeyError when there is none."""
        member = self.hub.unsubscribe(connection, channel)
        self._leave(connection, channel, member)

    def sign_in(self, connection: Connection, user: User) -> None:
        self.users.sign_in(connection, user)
        self.occupancy.sign_in(connection.app.id, user.id)
        self.tell(facts.SignedIn(connection.app.id, connection.socket_id, user.id))

    def terminate(self, app: App, user_id: str) -> None:
        """Close whatever belongs to a user, on every node."""
        self.backplane.terminate(app.id, user_id)

    def terminate_here(self, app_id: str, user_id: str) -> int:
        """Close what belongs to a user here (4009): signed in as it, or a member of a presence channel under its id.

        Return how many were closed.
        """
        app = self.apps.by_id(app_id)
        signed_in = set(self.users.of(app_id, user_id))
        theirs = [  # in the order in which they came, so that what others hear of it has an order too
            each
            for each in self.hub.of_app(app_id)
            if each in signed_in or (app is not None and app.terminate_members and _is_member(each, user_id))
        ]
        for connection in theirs:
            connection.close(ErrorCode.UNAUTHORIZED, "Terminated by the application")
        return len(theirs)

    def _joined(self, connection: Connection, seat: Seat, then: Callable[[Outcome], None], outcome: Outcome) -> None:
        channel, member = seat.channel, seat.member
        if not isinstance(outcome, Joined):
            self.hub.release(connection, channel)
        elif connection.socket_id in self.hub.connections:
            kept = self.hub.admit(connection, channel, member)
            if not self._succeed(connection, channel, outcome, kept):
                self.tell(facts.CacheMissed(seat.app_id, channel))
            self._tell_joined(seat, outcome)
            self.tell(facts.Subscribed(seat.app_id, connection.socket_id, channel))
        else:  # it went away while it joined; others may have seen its seat meanwhile
            self.hub.release(connection, channel)
            self._tell_joined(seat, outcome)
            self._give_back(seat)
        then(outcome)

    def _tell_joined(self, seat: Seat, joined: Joined) -> None:
        """Tell what became true with a join."""
        if joined.occupied:
            self.tell(facts.ChannelOccupied(seat.app_id, seat.channel))
        if seat.member is not None and joined.member_added:
            self.tell(facts.MemberAdded(seat.app_id, seat.channel, seat.member.user_id))

    def _succeed(
        self, connection: Connection, channel: str, joined: Joined, kept: Sequence[tuple[int, bytes]] = ()
    ) -> bool:
        """Write the acknowledgement, then the cached event and what was kept since the join, in their order.

        Return False when a cache channel has no event: the client is told of that too.
        """
        if is_presence(channel):
            connection.send(messages.presence_succeeded(channel, joined.members))
        else:
            connection.send(messages.subscription_succeeded(channel))
        frames = {sequence: frame for sequence, frame in kept if sequence > joined.sequence}
        event = joined.last_event
        missed = is_cache(channel) and event is None
        if missed:
            connection.send(messages.cache_miss(channel))
        elif event is not None:
            frames[event.sequence] = text_frame(event.payload)
        for sequence in sorted(frames):
            connection.write(frames[sequence])
        return not missed

    def _leave(self, connection: Connection, channel: str, member: Member | None) -> None:
        self.tell(facts.Unsubscribed(connection.app.id, connection.socket_id, channel))
        self._give_back(Seat(connection.app.id, channel, connection.socket_id, member))

    def _give_back(self, seat: Seat) -> None:
        """Give a seat back, and tell what became true with that."""

        def after(left: Left) -> None:
            if seat.member is not None and left.member_removed:
                self.tell(facts.MemberRemoved(seat.app_id, seat.channel, seat.member.user_id))
            if left.vacated:
                self.tell(facts.ChannelVacated(seat.app_id, seat.channel))

        self.occupancy.leave(seat, after)


def _is_member(connection: Connection, user_id: str) -> bool:
    return any(member is not None and member.user_id == user_id for member in connection.channels.values())

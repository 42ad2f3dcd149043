"""One server process: its apps, its connections, and the way of every event through them.

trigger -> publish -> deliver -> broadcast -> write: one verb per hop. Synchronous; the backplane and the occupancy
answer through callables, at once on a single node.
"""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from reverb_py.cluster.backplane import Envelope, LocalBackplane
from reverb_py.cluster.last_events import LastEvent, LastEvents
from reverb_py.cluster.occupancy import Full, Joined, Left, LocalOccupancy
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
        self.clock = clock
        self.last_events = last_events
        self.tell = tell
        self.hub = Hub()
        self.users = Users()
        self.occupancy = occupancy or LocalOccupancy()
        self.backplane = LocalBackplane(self.deliver)
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
            if is_cache(channel):
                event = LastEvent(payload, self._sequence + 1, self.clock() + app.cache_ttl)
                self.last_events.put(app.id, channel, event)
            received[channel] = self.publish(app.id, channel, payload, trigger.socket_id)
        return received

    def new_event_id(self) -> str:
        self._events += 1
        return f"{self.id}-{self._events}"

    def publish(self, app_id: str, channel: str, payload: bytes, exclude: str | None = None) -> int:
        """Hand a payload to every node; return how many connections are known to have received it."""
        self._sequence += 1
        return self.backplane.publish(Envelope(app_id, channel, payload, self._sequence, exclude))

    def deliver(self, envelope: Envelope) -> int:
        """Write an envelope's payload to its subscribers on this node; return how many there are."""
        return self.hub.broadcast(
            envelope.app_id, envelope.channel, envelope.payload, envelope.sequence, envelope.exclude
        )

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
        self.departed.append((connection.app.id, connection.socket_id))
        for channel, member in left.items():
            self._leave(connection, channel, member)
        self.tell(facts.Disconnected(connection.app.id, connection.socket_id, code, reason, tuple(left), is_ours))

    def subscribe(
        self, connection: Connection, channel: str, member: Member | None, then: Callable[[Joined | Full], None]
    ) -> None:
        """Subscribe a connection that may: acknowledge, snapshot, then what arrived meanwhile; then call `then`.

        Nothing overtakes the acknowledgement (Java and .NET drop what comes before it).
        """
        self.hub.hold(connection, channel)
        limit = connection.app.max_presence_members
        joined = partial(self._joined, connection, channel, member, then)
        self.occupancy.join(connection.app.id, channel, member, limit, joined)

    def acknowledge(self, connection: Connection, channel: str, then: Callable[[Joined], None]) -> None:
        """Answer a repeated subscription: as the first one, but nothing changes and nobody else is told."""

        def answer(joined: Joined) -> None:
            if connection.socket_id in self.hub.connections:
                self._succeed(connection, channel, joined)
            then(joined)

        self.occupancy.look(connection.app.id, channel, answer)

    def unsubscribe(self, connection: Connection, channel: str) -> None:
        """End a subscription. Raise KeyError when there is none."""
        member = self.hub.unsubscribe(connection, channel)
        self._leave(connection, channel, member)

    def sign_in(self, connection: Connection, user: User) -> None:
        self.users.sign_in(connection, user)
        self.tell(facts.SignedIn(connection.app.id, connection.socket_id, user.id))

    def terminate(self, app: App, user_id: str) -> int:
        """Close whatever belongs to a user (4009): signed in as it, or a member of a presence channel under its id.

        Return how many were closed.
        """
        signed_in = set(self.users.of(app.id, user_id))
        theirs = [  # in the order in which they came, so that what others hear of it has an order too
            each
            for each in self.hub.of_app(app.id)
            if each in signed_in or (app.terminate_members and _is_member(each, user_id))
        ]
        for connection in theirs:
            connection.close(ErrorCode.UNAUTHORIZED, "Terminated by the application")
        return len(theirs)

    def _joined(
        self,
        connection: Connection,
        channel: str,
        member: Member | None,
        then: Callable[[Joined | Full], None],
        outcome: Joined | Full,
    ) -> None:
        if isinstance(outcome, Full):
            self.hub.release(connection, channel)
        elif connection.socket_id in self.hub.connections:
            kept = self.hub.admit(connection, channel, member)
            if not self._succeed(connection, channel, outcome, kept):
                self.tell(facts.CacheMissed(connection.app.id, channel))
            self._announce(connection, channel, member, outcome)
            self.tell(facts.Subscribed(connection.app.id, connection.socket_id, channel))
        else:  # it went away while it joined; others may have seen its seat meanwhile
            self.hub.release(connection, channel)
            self._announce(connection, channel, member, outcome)
            self._give_back(connection.app.id, channel, member)
        then(outcome)

    def _announce(self, connection: Connection, channel: str, member: Member | None, joined: Joined) -> None:
        """Tell everybody else what became true with a join."""
        app_id = connection.app.id
        if joined.occupied:
            self.tell(facts.ChannelOccupied(app_id, channel))
        if member is not None and joined.member_added:
            added = messages.member_added(channel, member.user_id, member.user_info)
            self.publish(app_id, channel, added, connection.socket_id)
            self.tell(facts.MemberAdded(app_id, channel, member.user_id))

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
        event = self.last_events.get(connection.app.id, channel, self.clock())  # only cache channels have one
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
        self._give_back(connection.app.id, channel, member)

    def _give_back(self, app_id: str, channel: str, member: Member | None) -> None:
        """Give a seat back, and tell everybody what became true with that."""

        def after(left: Left) -> None:
            if member is not None and left.member_removed:
                self.publish(app_id, channel, messages.member_removed(channel, member.user_id))
                self.tell(facts.MemberRemoved(app_id, channel, member.user_id))
            if left.vacated:
                self.tell(facts.ChannelVacated(app_id, channel))

        self.occupancy.leave(app_id, channel, member, after)


def _is_member(connection: Connection, user_id: str) -> bool:
    return any(member is not None and member.user_id == user_id for member in connection.channels.values())

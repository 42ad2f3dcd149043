"""The state of one node: connections and channels, indexed both ways. Synchronous, in memory, no I/O.

The two indexes (connection to channels, channel to connections) change together, in the functions below and nowhere
else; an emptied channel is forgotten at once, so that millions of short-lived ones stay harmless.
"""

from collections.abc import Iterator, Mapping

from reverb_py.hub.channel import Channel
from reverb_py.hub.connection import Connection
from reverb_py.protocol.frames import text_frame
from reverb_py.protocol.members import Member


class Hub:
    """Who is connected, who listens to what, and how a payload reaches them."""

    def __init__(self) -> None:
        self.connections: dict[str, Connection] = {}  # by socket_id
        self._channels: dict[str, dict[str, Channel]] = {}  # app id -> name -> channel
        self._connected: dict[str, int] = {}  # app id -> connections

    def add(self, connection: Connection) -> None:
        self.connections[connection.socket_id] = connection
        self._connected[connection.app.id] = self.connected(connection.app.id) + 1

    def remove(self, connection: Connection) -> dict[str, Member | None] | None:
        """Forget a connection; return what it was subscribed to, None when it was gone already."""
        if self.connections.pop(connection.socket_id, None) is None:
            return None
        self._connected[connection.app.id] -= 1
        left, connection.channels = connection.channels, {}
        for name in left:
            self._drop(connection, name)
        return left

    def connected(self, app_id: str) -> int:
        """Return how many connections an app has here, subscribed or not."""
        return self._connected.get(app_id, 0)

    def hold(self, connection: Connection, name: str) -> None:
        """Begin a subscription: what arrives for the channel from now on is kept for the connection."""
        channels = self._channels.setdefault(connection.app.id, {})
        channel = channels.get(name)
        if channel is None:
            channel = channels[name] = Channel(name)
        channel.joining[connection] = []

    def admit(self, connection: Connection, name: str, member: Member | None) -> list[tuple[int, bytes]]:
        """Complete a subscription; return the (sequence, frame) pairs that were kept meanwhile."""
        channel = self._channels[connection.app.id][name]
        channel.subscribers[connection] = connection.write
        connection.channels[channel.name] = member  # one string for all subscribers, not one for each
        return channel.joining.pop(connection)

    def release(self, connection: Connection, name: str) -> None:
        """Give up a subscription that was begun: it was refused, or the connection went away."""
        channel = self._channels[connection.app.id][name]
        channel.joining.pop(connection)
        self._forget_if_empty(connection.app.id, channel)

    def unsubscribe(self, connection: Connection, name: str) -> Member | None:
        """End a subscription; return its member. Raise KeyError when there is none."""
        member = connection.channels.pop(name)
        self._drop(connection, name)
        return member

    def broadcast(self, app_id: str, name: str, payload: bytes, sequence: int, exclude: str | None = None) -> int:
        """Write `payload` to every subscriber on this node but `exclude` (a socket id); return how many there are."""
        channel = self._channels.get(app_id, {}).get(name)
        if channel is None:
            return 0
        frame = text_frame(payload)
        left_out = self.connections.get(exclude) if exclude else None
        if left_out in channel.subscribers:
            for connection, write in channel.subscribers.items():
                if connection is not left_out:
                    write(frame)
        else:
            for write in channel.subscribers.values():
                write(frame)
        for joiner, kept in channel.joining.items():
            if joiner is not left_out:
                kept.append((sequence, frame))
        return len(channel.subscribers) - (left_out in channel.subscribers)

    def channels(self, app_id: str) -> Mapping[str, Channel]:
        """Return the channels of an app that somebody here listens to, by name."""
        return self._channels.get(app_id, {})

    def subscribers(self, app_id: str, channel: str) -> int:
        """Return how many connections of this node are subscribed."""
        found = self._channels.get(app_id, {}).get(channel)
        return len(found.subscribers) if found is not None else 0

    def of_app(self, app_id: str) -> Iterator[Connection]:
        return (connection for connection in self.connections.values() if connection.app.id == app_id)

    def _drop(self, connection: Connection, name: str) -> None:
        channel = self._channels[connection.app.id][name]
        del channel.subscribers[connection]
        self._forget_if_empty(connection.app.id, channel)

    def _forget_if_empty(self, app_id: str, channel: Channel) -> None:
        if channel.empty:
            del self._channels[app_id][channel.name]
            if not self._channels[app_id]:
                del self._channels[app_id]

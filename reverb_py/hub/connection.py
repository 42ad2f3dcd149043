"""One client's connection as the hub sees it: who it is, what it listens to, and two callables to reach it."""

from collections.abc import Callable

from reverb_py.hub.app import App
from reverb_py.protocol.frames import text_frame
from reverb_py.protocol.members import Member, User


class Connection:
    """`write` takes a frame (bytes) and never raises or blocks; `close` takes a code and a reason, once."""

    __slots__ = ("app", "channels", "close", "last_seen", "pinged_at", "socket_id", "user", "write")

    def __init__(
        self, app: App, socket_id: str, write: Callable[[bytes], None], close: Callable[[int, str], None]
    ) -> None:
        self.app = app
        self.socket_id = socket_id
        self.write = write
        self.close = close
        self.channels: dict[str, Member | None] = {}  # subscribed channels; the member in presence channels
        self.user: User | None = None
        self.last_seen = 0.0  # seconds of the loop's clock; any whole frame that comes is a sign of life
        self.pinged_at = 0.0  # when the PING went out that nothing has followed; 0 for none

    def send(self, payload: bytes) -> None:
        """Write one message (JSON) to this connection alone."""
        self.write(text_frame(payload))

    def __repr__(self) -> str:
        return f"<Connection {self.socket_id} of app {self.app.id}, {len(self.channels)} channels>"

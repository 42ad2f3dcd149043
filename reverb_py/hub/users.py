"""Who is signed in on this node, by app and user id."""

from collections.abc import Iterator

from reverb_py.hub.connection import Connection
from reverb_py.protocol.members import User


class Users:
    """An index of signed-in connections. A connection signs in once and leaves with its end."""

    def __init__(self) -> None:
        self._connections: dict[tuple[str, str], set[Connection]] = {}

    def sign_in(self, connection: Connection, user: User) -> None:
        connection.user = user
        self._connections.setdefault((connection.app.id, user.id), set()).add(connection)

    def leave(self, connection: Connection) -> None:
        """Forget a connection; harmless when it never signed in."""
        if connection.user is None:
            return
        key = (connection.app.id, connection.user.id)
        connections = self._connections.get(key, set())
        connections.discard(connection)
        if not connections:
            self._connections.pop(key, None)

    def of(self, app_id: str, user_id: str) -> Iterator[Connection]:
        return iter(self._connections.get((app_id, user_id), ()))

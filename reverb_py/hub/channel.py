"""One channel on this node: who listens, and who is on the way in."""

from collections.abc import Callable

from reverb_py.hub.connection import Connection


class Channel:
    """`subscribers` have their `write` beside them: a broadcast touches nothing else of a connection.

    `joining` keeps what arrives for a connection until its acknowledgement was written: (sequence, frame).
    """

    __slots__ = ("joining", "name", "subscribers")

    def __init__(self, name: str) -> None:
        self.name = name
        self.subscribers: dict[Connection, Callable[[bytes], None]] = {}
        self.joining: dict[Connection, list[tuple[int, bytes]]] = {}

    @property
    def empty(self) -> bool:
        return not self.subscribers and not self.joining

    def __repr__(self) -> str:
        return f"<Channel {self.name}, {len(self.subscribers)} subscribers, {len(self.joining)} joining>"

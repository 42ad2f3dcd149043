"""What nodes share when an event is published: the envelope, and the way it takes. On one node it is a call."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, Protocol


@dataclass(slots=True)  # not frozen: that would double what making one costs, on the way of every event
class Envelope:
    """One payload (JSON bytes) for one channel. `sequence` grows with every envelope of its origin."""

    app_id: str
    channel: str
    payload: bytes
    sequence: int
    exclude: str | None = None  # a socket id
    keep: float = 0.0  # seconds for which it is its channel's last event; 0: it is none


class Backplane(Protocol):
    """The way to every node, this one included."""

    def refusal(self, channels: Iterable[str] = ()) -> str:
        """Why nothing can be published there now, "" when it can: asked before, so that a publish is refused whole.

        Without channels: why no command can be sent.
        """

    @property
    def health(self) -> dict[str, object]:
        """What `/up?detail` tells about it; nothing that strangers may not know."""

    def publish(self, envelope: Envelope) -> int:
        """Hand it to every node; return how many connections of this one received it, which is at once."""

    def terminate(self, app_id: str, user_id: str) -> None:
        """Have every node close what belongs to a user."""


class LocalBackplane:
    """The backplane of a single node: publishing delivers, in the same turn."""

    health: ClassVar[dict[str, object]] = {"redis": "off"}

    def __init__(
        self,
        deliver: Callable[[Envelope], int],
        remember: Callable[[Envelope], None],
        terminate: Callable[[str, str], object],
    ) -> None:
        """`remember` keeps a channel's last event; `terminate` closes what belongs to a user of an app."""
        self._deliver = deliver
        self._remember = remember
        self._terminate = terminate

    def refusal(self, channels: Iterable[str] = ()) -> str:
        return ""

    def publish(self, envelope: Envelope) -> int:
        """Deliver; return how many connections received it."""
        if envelope.keep:
            self._remember(envelope)
        return self._deliver(envelope)

    def terminate(self, app_id: str, user_id: str) -> None:
        self._terminate(app_id, user_id)

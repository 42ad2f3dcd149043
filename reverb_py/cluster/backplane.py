"""What nodes share when an event is published: the envelope, and the way it takes. On one node it is a call."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)  # not frozen: that would double what making one costs, on the way of every event
class Envelope:
    """One payload (JSON bytes) for one channel. `sequence` grows with every envelope of its origin."""

    app_id: str
    channel: str
    payload: bytes
    sequence: int
    exclude: str | None = None  # a socket id


class LocalBackplane:
    """The backplane of a single node: publishing delivers, in the same turn."""

    def __init__(self, deliver: Callable[[Envelope], int]) -> None:
        self._deliver = deliver

    def publish(self, envelope: Envelope) -> int:
        """Deliver; return how many connections received it."""
        return self._deliver(envelope)

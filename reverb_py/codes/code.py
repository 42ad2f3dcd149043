"""What a code is, and which of the six hops between an event and a screen it belongs to."""

from dataclasses import dataclass
from enum import StrEnum


class Hop(StrEnum):
    """The way of an event. Each hop loses events in ways of its own."""

    FIRE = "fire"  # the application dispatches the event
    QUEUE = "queue"  # a worker takes the job
    PUBLISH = "publish"  # the signed POST arrives and is accepted
    MATCH = "match"  # the server finds the channel's subscribers
    DELIVER = "deliver"  # the frame reaches a client that is connected and subscribed
    HANDLE = "handle"  # the client's own code shows it


@dataclass(frozen=True, slots=True)
class Code:
    """One reason why an event does not arrive. All texts are one or two plain sentences, and hold no secret."""

    id: str
    title: str  # what is wrong
    cause: str  # how it comes to that
    seen: str  # where it shows: in the server's log, by the doctor, in the client
    fix: str
    reference: str = ""  # issues and documents in which others met it

    @property
    def hop(self) -> Hop:
        """The hop at which the event is lost."""
        return HOPS.get(self.id[3:5]) or HOPS[self.id[3]]

    def __str__(self) -> str:
        return self.id


HOPS = {
    "1": Hop.FIRE,
    "11": Hop.QUEUE,
    "2": Hop.PUBLISH,
    "3": Hop.PUBLISH,
    "4": Hop.MATCH,
    "5": Hop.HANDLE,
    "6": Hop.DELIVER,
}

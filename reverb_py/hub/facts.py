"""Things that happened on this node, for whoever listens: the log now, counters and webhooks too.

A fact is told after it is true. Listeners must be quick and must not change the hub.
"""

from dataclasses import dataclass, field

from reverb_py.codes import Code


@dataclass(frozen=True, slots=True)
class Hint:
    """Why nobody received an event, as far as it can be seen, and what is near it."""

    code: Code
    text: str  # a sentence without its full stop, as "nobody on a; 1 on private-a"
    near: dict[str, int] = field(default_factory=dict)  # channels that may be meant -> their subscribers
    is_likely: bool = True  # else it is one of several harmless reasons, and no warning


@dataclass(frozen=True, slots=True)
class Connected:
    app_id: str
    socket_id: str


@dataclass(frozen=True, slots=True)
class Disconnected:
    app_id: str
    socket_id: str
    close_code: int  # that was sent or received; 1006 when there was none
    reason: str
    channels: tuple[str, ...] = ()  # that it was subscribed to until then
    is_ours: bool = False  # this server ended it, so that code and reason are its own words


@dataclass(frozen=True, slots=True)
class HandshakeRefused:
    path: str
    remote: str
    close_code: int  # or the HTTP status of an upgrade that was not one
    reason: str
    code: Code | None = None


@dataclass(frozen=True, slots=True)
class Subscribed:
    app_id: str
    socket_id: str
    channel: str


@dataclass(frozen=True, slots=True)
class SubscriptionRefused:
    app_id: str
    socket_id: str
    channel: str
    reason: str
    code: Code | None = None


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    app_id: str
    socket_id: str
    channel: str


@dataclass(frozen=True, slots=True)
class ChannelOccupied:
    app_id: str
    channel: str


@dataclass(frozen=True, slots=True)
class ChannelVacated:
    app_id: str
    channel: str


@dataclass(frozen=True, slots=True)
class MemberAdded:
    app_id: str
    channel: str
    user_id: str


@dataclass(frozen=True, slots=True)
class MemberRemoved:
    app_id: str
    channel: str
    user_id: str


@dataclass(frozen=True, slots=True)
class CacheMissed:
    app_id: str
    channel: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    app_id: str
    socket_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class SignInRefused:
    app_id: str
    socket_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ClientEventSent:
    app_id: str
    socket_id: str
    channel: str
    event: str
    received: int


@dataclass(frozen=True, slots=True)
class MessageRefused:
    """A client's message was answered with `pusher:error`."""

    app_id: str
    socket_id: str
    error_code: int | None
    reason: str
    code: Code | None = None


@dataclass(slots=True)  # not frozen: that would double what making one costs, on the way of every event
class Published:
    """One event over HTTP was accepted."""

    app_id: str
    event: str
    received: dict[str, int]  # channel -> how many connections of this node it was written to
    size: int  # bytes of its data
    seconds: float  # from the end of the request's head to the last write
    publisher: str  # its X-Pusher-Library, or ""
    id: str = ""  # unique among the events of all nodes
    excluded: str | None = None  # the socket id that the publisher wanted left out
    left_out: tuple[str, ...] = ()  # the channels in which it was
    hint: Hint | None = None  # when nobody received it
    data: str = ""  # its beginning, where that was asked for
    is_elsewhere: bool = False  # nobody here listened, and `received` is who was subscribed on other nodes
    is_known: bool = True  # False until that is known


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """A request to the HTTP API was refused."""

    app_id: str
    method: str
    path: str
    status: int
    code: Code | None
    reason: str
    publisher: str = ""  # its X-Pusher-Library, or what else it calls itself
    size: int = 0  # announced bytes of its body
    event: str = ""  # what its body asked for, when the signature was right and the parameters were not
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something works, but will surprise somebody: it names the app, and says what to change."""

    app_id: str
    what: str
    code: Code | None = None
    is_warning: bool = True
    key: str = ""  # what is said once a minute, when the text holds numbers that change


Fact = (
    Connected
    | Disconnected
    | HandshakeRefused
    | Subscribed
    | SubscriptionRefused
    | Unsubscribed
    | ChannelOccupied
    | ChannelVacated
    | MemberAdded
    | MemberRemoved
    | CacheMissed
    | SignedIn
    | SignInRefused
    | ClientEventSent
    | MessageRefused
    | Published
    | RequestRefused
    | Noticed
)

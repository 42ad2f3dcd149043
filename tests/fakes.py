"""A node without a transport: what clients are sent is kept in lists, time is set by hand, a join may be slow.

What a client is sent is read back by websockets' own parser, from the bytes of the frames.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from reverb_py.cluster.last_events import LastEvents
from reverb_py.cluster.occupancy import Joined, LocalOccupancy, Outcome, Seat
from reverb_py.conformance.signing import channel_auth, user_auth
from reverb_py.hub import facts
from reverb_py.hub.app import App, Apps, Credential
from reverb_py.hub.connection import Connection
from reverb_py.node import Node
from reverb_py.protocol.triggers import Trigger
from reverb_py.session import Session

Message = dict[str, Any]

APP = App("3", (Credential("key", "hunter2"),))
START = 1_000.0  # seconds; what the clock shows first


def payloads(data: bytes) -> list[bytes]:
    """The payload of every text frame in `data`; fail when there is anything else in it."""
    peer = ClientProtocol(parse_uri("ws://localhost/"), state=State.OPEN, max_size=None)
    peer.receive_data(data)
    frames = [event for event in peer.events_received() if isinstance(event, Frame)]
    assert all(frame.opcode is Opcode.TEXT and frame.fin for frame in frames)
    assert peer.parser_exc is None
    return [bytes(frame.data) for frame in frames]


class Clock:
    """Shows `now`, which only a test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class SlowOccupancy(LocalOccupancy):
    """Takes a seat at once, as another process would, and lets the joiner know when `answer` is called."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: deque[Callable[[], None]] = deque()
        self.immediate = False  # from now on, as on a single node
        self.sequence = 0  # of the newest event that is older than the joins

    def join(self, seat: Seat, limit: int, then: Callable[[Outcome], None]) -> None:
        if self.immediate:
            super().join(seat, limit, then)
        else:
            super().join(seat, limit, lambda outcome: self._keep(outcome, then))

    def look(self, seat: Seat, then: Callable[[Joined], None]) -> None:
        super().look(seat, lambda seen: self.answers.append(partial(then, seen)))

    def answer(self) -> None:
        """Let the oldest answer arrive."""
        self.answers.popleft()()

    def _keep(self, outcome: Outcome, then: Callable[[Outcome], None]) -> None:
        if isinstance(outcome, Joined):
            outcome = replace(outcome, sequence=self.sequence)
        self.answers.append(partial(then, outcome))


class Client:
    """One client: `says` is its side of the conversation, `heard` the server's."""

    def __init__(self, node: Node, app: App, socket_id: str) -> None:
        self._node = node
        self._sent: list[bytes] = []
        self._gone = False
        self.held: list[bool] = []  # what the transport was told about reading
        self.goodbyes: list[tuple[int, str]] = []
        self.connection = Connection(app, socket_id, write=self._write, close=self._close)
        self.failed_signatures = 0
        self.session = Session(node, self.connection, self.held.append, self._signature_failed)
        node.connect(self.connection)
        assert self.heard()[0]["event"] == "pusher:connection_established"

    @property
    def socket_id(self) -> str:
        return self.connection.socket_id

    def _write(self, frame: bytes) -> None:
        """Nothing is written after goodbye, as by a transport."""
        if not self._gone:
            self._sent.append(frame)

    def _close(self, code: int, reason: str) -> None:
        """Say goodbye once, and have the connection forgotten in the same turn, as a transport does."""
        self.goodbyes.append((code, reason))
        self.leaves(code, reason)

    def _signature_failed(self) -> None:
        self.failed_signatures += 1

    def leaves(self, code: int = 1006, reason: str = "") -> None:
        self._gone = True
        self._node.disconnect(self.connection, code, reason)

    def says(self, event: str, data: object = None, **more: object) -> None:
        self.session.receive(json.dumps({"event": event, "data": data, **more}))

    def subscribes(self, channel: str, channel_data: str | None = None, auth: str | None = None) -> None:
        """Ask for a channel, signed with the app's secret unless `auth` says otherwise."""
        first = self.connection.app.credentials[0]
        if auth is None:
            auth = channel_auth(first.key, first.secret, self.socket_id, channel, channel_data)
        self.says("pusher:subscribe", {"channel": channel, "auth": auth, "channel_data": channel_data})

    def joins(self, channel: str, user_id: str, user_info: object = None) -> None:
        """Ask for a presence channel as a user."""
        self.subscribes(channel, json.dumps({"user_id": user_id, "user_info": user_info}))

    def unsubscribes(self, channel: str) -> None:
        self.says("pusher:unsubscribe", {"channel": channel})

    def signs_in(self, user_data: str) -> None:
        first = self.connection.app.credentials[0]
        auth = user_auth(first.key, first.secret, self.socket_id, user_data)
        self.says("pusher:signin", {"auth": auth, "user_data": user_data})

    def heard(self) -> list[Message]:
        """Every message since the last time, in order."""
        data = b"".join(self._sent)
        self._sent.clear()
        return [json.loads(payload) for payload in payloads(data)]


class World:
    """One node with its clients, and everything that was told."""

    def __init__(self, app: App = APP, *more: App, occupancy: LocalOccupancy | None = None) -> None:
        self.app = app
        self.clock = Clock()
        self.facts: list[facts.Fact] = []
        self.last_events = LastEvents(1 << 20)
        self.occupancy = occupancy or LocalOccupancy()
        self.node = Node(
            Apps((app, *more)),
            clock=self.clock,
            last_events=self.last_events,
            tell=self.facts.append,
            occupancy=self.occupancy,
        )
        self._ids = count(1)

    def client(self, app: App | None = None) -> Client:
        """A client that is connected and has been greeted."""
        return Client(self.node, app or self.app, f"{next(self._ids)}.1")

    def publishes(self, channel: str, event: str = "e", data: str = "{}", socket_id: str | None = None) -> int:
        """Publish over HTTP's way; return how many received it."""
        return self.node.trigger(self.app, Trigger(event, data, (channel,), socket_id))[channel]

    def told(self, *kinds: type) -> list[facts.Fact]:
        """The facts of these kinds so far; of every kind but Connected and Noticed when none is named."""
        if kinds:
            return [fact for fact in self.facts if isinstance(fact, kinds)]
        return [fact for fact in self.facts if not isinstance(fact, facts.Connected | facts.Noticed)]


def subscribed(channel: str) -> Message:
    """The acknowledgement of a channel without members."""
    return {"event": "pusher_internal:subscription_succeeded", "channel": channel, "data": "{}"}


def present(channel: str, members: Mapping[str, object]) -> Message:
    """The acknowledgement of a presence channel with these members, compared after `opened`."""
    presence = {"count": len(members), "ids": list(members), "hash": dict(members)}
    event = "pusher_internal:subscription_succeeded"
    return {"event": event, "channel": channel, "data": {"presence": presence}}


def opened(messages: Iterable[Message]) -> list[Message]:
    """The messages with `data` decoded; fail when it is no string, as only that of `pusher:error` may be."""
    read = []
    for message in messages:
        if message["event"] == "pusher:error":
            assert isinstance(message["data"], dict)
            read.append(message)
        else:
            assert isinstance(message["data"], str)
            read.append({**message, "data": json.loads(message["data"])})
    return read

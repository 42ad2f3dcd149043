"""Tabs of users that stay connected whatever becomes of the nodes, as pusher-js does, and judge what they are told.

A tab that was cut off goes to the next node. What it wants to be subscribed to is decided by the walk alone.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from reverb_py.client.reach import Unreachable
from reverb_py.client.signing import Credentials, channel_auth
from reverb_py.client.socket import Closed, Message, Refused, Socket, connect
from reverb_py.protocol.names import is_presence, needs_authorization
from tests.clients.apps import MAIN

CREDENTIALS = Credentials(MAIN.id, MAIN.key, MAIN.secret)
HANDSHAKE = 4.0  # seconds that a handshake may take: a node that is stopped accepts, and says nothing
AGAIN = 0.2  # seconds before a tab that was cut off comes back
OUTAGE = (1006, 4100, 4200)  # how an outage or a deployment may end a connection

Event = tuple[str, int]  # the process that took it, and its number there


@dataclass(slots=True, eq=False)
class Life:
    """One connection of a tab. `sure` has the channels in which it is subscribed beyond doubt, each with a token."""

    node: int
    socket_id: str
    sure: dict[str, object] = field(default_factory=dict)
    views: dict[str, set[str]] = field(default_factory=dict)  # who is there, by channel that was ever acknowledged
    heard: dict[str, set[Event]] = field(default_factory=dict)
    barred: set[Event] = field(default_factory=set)  # that must not come
    wrong: list[str] = field(default_factory=list)
    is_over: bool = False
    out: "asyncio.Queue[tuple[str, dict[str, str]]]" = field(default_factory=asyncio.Queue)
    _open: Counter[str] = field(default_factory=Counter)  # subscriptions that are not acknowledged
    _newest: dict[tuple[str, str], int] = field(default_factory=dict)

    def subscribe(self, channel: str, user: str) -> None:
        self._open[channel] += 1
        data = {"channel": channel}
        who = json.dumps({"user_id": user, "user_info": {"name": user}}) if is_presence(channel) else None
        if who is not None:
            data["channel_data"] = who
        if needs_authorization(channel):
            data["auth"] = channel_auth(CREDENTIALS, self.socket_id, channel, who)
        self.out.put_nowait(("pusher:subscribe", data))

    def unsubscribe(self, channel: str) -> None:
        self.sure.pop(channel, None)
        self.out.put_nowait(("pusher:unsubscribe", {"channel": channel}))

    def hear(self, message: Message, wanted: set[str]) -> None:
        """Take in what the server says, and note what it must not say."""
        channel = message.channel
        if message.event == "pusher_internal:subscription_succeeded":
            self._acknowledged(channel, message, wanted)
            return
        self._note(channel in self.views, f"heard of {channel} before it was subscribed: {message.text}")
        view = self.views.setdefault(channel, set())
        match message.event:
            case "numbered":
                self._count(channel, *message.content)
            case "pusher_internal:member_added":
                user = message.content["user_id"]
                self._note(user not in view, f"{user} was added to {channel} twice")
                view.add(user)
            case "pusher_internal:member_removed":
                user = message.content["user_id"]
                self._note(user in view, f"{user} was removed from {channel}, and was not there")
                view.discard(user)
            case _:
                self._note(False, f"was sent {message.text}")

    def _acknowledged(self, channel: str, message: Message, wanted: set[str]) -> None:
        self._open[channel] -= 1
        if channel in wanted and not self._open[channel]:
            self.sure[channel] = object()
        ids = message.content["presence"]["ids"] if is_presence(channel) else []
        self._note(len(set(ids)) == len(ids), f"was told a member of {channel} twice: {ids}")
        self.views[channel] = set(ids)

    def _count(self, channel: str, stream: str, number: int) -> None:
        newest = self._newest.get((stream, channel), 0)
        self._note(number > newest, f"event {number} of {stream} came to {channel} after {newest}")
        self._newest[stream, channel] = max(number, newest)
        self._note((stream, number) not in self.barred, f"event {number} of {stream} came to whom it excludes")
        self.heard.setdefault(channel, set()).add((stream, number))

    def _note(self, is_right: bool, what: str) -> None:
        if not is_right:
            self.wrong.append(what)


class Tab:
    """Connected until `close`. `ended` is called with how a connection ended that nobody here has ended."""

    def __init__(self, name: str, user: str, node: int, ports: list[int], ended: Callable[["Tab", str], None]) -> None:
        self.name, self.user, self.node = name, user, node
        self.wanted: set[str] = set()
        self.life: Life | None = None
        self._ports = ports
        self._ended = ended
        self._wrong: list[str] = []
        self._heard: set[Event] = set()
        self._task = asyncio.create_task(self._run())

    def __repr__(self) -> str:
        return f"{self.name} of {self.user} at {self.node}"

    @property
    def wrong(self) -> list[str]:
        """What it was told and must not have been."""
        return [*self._wrong, *(self.life.wrong if self.life is not None else ())]

    @property
    def heard(self) -> set[Event]:
        """All events that came, over whatever connection."""
        return self._heard.union(*(self.life.heard.values() if self.life is not None else ()))

    def subscribe(self, channel: str) -> None:
        self.wanted.add(channel)
        if self.life is not None:
            self.life.subscribe(channel, self.user)

    def unsubscribe(self, channel: str) -> None:
        self.wanted.remove(channel)
        if self.life is not None:
            self.life.unsubscribe(channel)

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def fail(self) -> None:
        """Raise what ended the tab itself, a fault of the test."""
        if self._task.done():
            self._task.result()

    async def _run(self) -> None:
        while True:
            try:
                url = f"ws://127.0.0.1:{self._ports[self.node]}"
                async with connect(url, MAIN.key, timeout=HANDSHAKE) as socket:
                    await self._live(socket)
            except (Closed, Refused, Unreachable, TimeoutError) as end:
                self._ended(self, f"{type(end).__name__}: {end}")
            self.node = (self.node + 1) % len(self._ports)
            await asyncio.sleep(AGAIN)

    async def _live(self, socket: Socket) -> None:
        life = self.life = Life(self.node, socket.socket_id)
        for channel in sorted(self.wanted):
            life.subscribe(channel, self.user)
        speaking = asyncio.create_task(_speak(socket, life))
        try:
            while True:
                life.hear(await socket.receive(), self.wanted)
        except Closed as end:
            if end.code not in OUTAGE:
                life.wrong.append(f"was closed with {end.code} {end.reason}")
            raise
        finally:
            speaking.cancel()
            self._heard = self.heard
            life.is_over, self.life = True, None
            self._wrong += [f"{self!r} {each}" for each in life.wrong]


async def _speak(socket: Socket, life: Life) -> None:
    while True:
        try:
            await socket.send(*await life.out.get())
        except Closed:
            return  # who reads knows too

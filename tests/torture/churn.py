"""Everything that clients and publishers do all day, each kind as one round that the soak repeats."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from itertools import count
from random import Random

from reverb_py.conformance.client import Client
from reverb_py.conformance.expect import eventually
from reverb_py.conformance.target import Target
from reverb_py.conformance.wire import client_frame
from tests.torture.clients import deaf, hello
from tests.torture.killers import MESSAGES, subscribing
from tests.torture.watching import APP, Watched

Round = Callable[["Churn"], Awaitable[None]]
PAUSE = 0.02  # seconds between two rounds of a kind
SIZE = 50_000  # bytes of an event that is to be too much for a slow reader


class Churn:
    """Rounds of every kind against one server. Names are new each time, so that nothing may be kept by name."""

    def __init__(self, server: Watched, target: Target, random: Random, numbers: "count[int]") -> None:
        self.server = server
        self.target = target
        self.random = random
        self._numbers = numbers

    def name(self, prefix: str) -> str:
        return f"{prefix}-{next(self._numbers)}"

    async def come_and_go(self) -> None:
        """Connect, subscribe to a few channels, leave some, and go, politely or not."""
        async with self.target.client() as client:
            names = [self.name(kind) for kind in ("news", "private-news", "cache-news")]
            for name in names:
                await client.subscribe(name)
            for name in names[:2]:
                await client.unsubscribe(name)
            await said_all(client)
            if self.random.random() < 0.3:
                client.abort()

    async def join_and_leave(self) -> None:
        """Two members of a presence channel, one of whom comes twice."""
        async with self.target.client() as first, self.target.client() as second:
            room = self.name("presence-room")
            for client, user in ((first, "1"), (second, self.name("u"))):
                await client.subscribed(room, channel_data=json.dumps({"user_id": user, "user_info": {"n": user}}))
            await second.unsubscribe(room)
            await said_all(second)
            await said_all(first)

    async def whisper(self) -> None:
        """Client events from one member to another."""
        async with self.target.client() as one, self.target.client() as other:
            room = self.name("private-room")
            for client in (one, other):
                await client.subscribed(room)
            for _ in range(20):
                await one.send({"event": "client-typing", "channel": room, "data": {"by": "one"}})
            for _ in range(20):
                assert (await other.frame())["event"] == "client-typing"

    async def trigger(self) -> None:
        """Events to channels that nobody knows, and questions about them."""
        for _ in range(20):
            await self.target.trigger([self.name("nobody"), self.name("cache-nobody")], data="x" * 500)
        assert (await self.target.get("/channels", {"filter_by_prefix": "presence-"})).status_code == 200

    async def batch(self) -> None:
        """Ten events at once, one of them to a subscriber."""
        async with self.target.client() as client:
            mine = self.name("batch")
            await client.subscribed(mine)
            events = [{"name": "ev", "channel": name, "data": "{}"} for name in [mine, *map(self.name, "abcdefghi")]]
            assert (await self.target.post("/batch_events", {"batch": events})).status_code == 200
            assert (await client.frame())["channel"] == mine

    async def be_refused(self) -> None:
        """Wrong keys, secrets, signatures, paths; more of them than an address may send without being slowed."""
        async with self.target.open(path=f"/app/{self.name('wrong')}"):
            pass
        async with self.target.client() as client:
            await client.subscribe(self.name("private-x"), auth=f"{APP.key}:{'0' * 64}")
            await said_all(client)
        assert (await self.target.get("/channels", secret=self.name("wrong"))).status_code in (401, 429)
        assert (await self.target.http("GET", f"/apps/{self.name('no')}/channels")).status_code == 404

    async def talk_nonsense(self) -> None:
        """One of the known killers."""
        async with self.target.client() as client:
            await client.send_bytes(self.random.choice(list(MESSAGES.values())))
            await client.send_bytes(client_frame(b"}{") * 50)
            client.abort()

    async def sign_in(self) -> None:
        """A user signs in, and is sent away."""
        async with self.target.client() as client:
            user = self.name("user")
            await client.signin(json.dumps({"id": user}))
            await client.frame()
            assert (await self.target.post(f"/users/{user}/terminate_connections", b"{}")).status_code == 200
            assert (await client.closed())[0] == 4009

    async def be_slow(self) -> None:
        """A subscriber that reads nothing, until it is closed for that."""
        channel = self.name("slow")

        async def closed() -> bool:
            await self.target.trigger(channel, "ev", "x" * SIZE)
            answer = await self.target.get(f"/channels/{channel}")
            return not answer.json()["occupied"]

        async with deaf(self.server.process.port, channel):
            await eventually(closed, "it should be closed", 30)

    async def vanish(self) -> None:
        """Bare connections that end in the middle of everything."""
        for sent in (b"", hello()[:50], hello(), hello() + subscribing(channel=self.name("gone")), b"\x16\x03\x01"):
            _, writer = await self.server.dial()
            writer.write(sent)
            await writer.drain()
            writer.transport.abort()


async def said_all(client: Client) -> None:
    """Read until the pong: all that was asked before has its answer."""
    await client.send({"event": "pusher:ping", "data": {}})
    while (await client.frame())["event"] != "pusher:pong":
        pass


KINDS: tuple[Round, ...] = (
    *(Churn.come_and_go, Churn.join_and_leave, Churn.whisper, Churn.trigger, Churn.batch),
    *(Churn.be_refused, Churn.talk_nonsense, Churn.sign_in, Churn.be_slow, Churn.vanish),
)


async def repeat(kind: Round, churn: Churn, counts: dict[str, int], ending: asyncio.Event) -> None:
    """Rounds of one kind, counted by its name; the one that has begun when it is to end is finished."""
    while not ending.is_set():
        await kind(churn)
        counts[kind.__name__] = counts.get(kind.__name__, 0) + 1
        await asyncio.sleep(PAUSE)

"""The cases in which nodes and Redis end: two real servers, real clients on both. Each test leaves both running."""

import asyncio
import itertools
import json
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from reverb_py.conformance.client import Client, data_of
from reverb_py.conformance.expect import eventually, joins, member, vacated
from reverb_py.conformance.target import Target
from tests.clients.story import Story, play
from tests.cluster.pair import SETTINGS, connections, logged, marked, told_by
from tests.nodes import LEASE, Node, Nodes
from tests.redis_process import RedisProcess
from tests.torture.front import front
from tests.torture.publisher import once
from tests.torture.watching import APP as FLOCK

AT_MOST = LEASE + 1.0 + 2.0  # seconds until a node is buried: a beat later than its lease, and a busy machine
LISTENERS = 20
PACE = 0.005  # seconds between two events
LATE = 0.5  # seconds after which a busy client has surely seen its end
PATIENCE = 15.0  # seconds for one thing that the listeners must tell
GARBAGE = (
    "",
    "e",
    "x",
    "+",
    "-",
    "hello",
    "e a 1 -",
    "e a one -\n{}",
    "x a 1 -\n{",
    'O:8:"stdClass":0:{}',
    '{"a":1}',
    "ü",
)


# Nodes.


@asynccontextmanager
async def killed(node: Node) -> AsyncIterator[None]:
    """It is gone, without a word, and runs again afterwards."""
    node.kill()
    try:
        yield
    finally:
        await asyncio.to_thread(node.restart)


@asynccontextmanager
async def hung(node: Node) -> AsyncIterator[Callable[[], None]]:
    """It does nothing, until the function is called that this is about."""

    def wake() -> None:
        node.process.send_signal(signal.SIGCONT)

    node.process.send_signal(signal.SIGSTOP)
    try:
        yield wake
    finally:
        wake()


async def changes(client: Client, *expected: str, seconds: float = AT_MOST) -> None:
    """The next frames must tell that these came ("+ann") and went ("-ann"), in any order."""
    found = []
    async with asyncio.timeout(seconds):
        for _ in expected:
            frame = await client.frame(seconds)
            sign = {"pusher_internal:member_added": "+", "pusher_internal:member_removed": "-"}[frame["event"]]
            found.append(sign + data_of(frame)["user_id"])
    assert sorted(found) == sorted(expected)


async def test_a_killed_node_takes_its_members_and_channels_with_it(pair: Nodes, a: Target, b: Target) -> None:
    """pp-317: each is removed once, at the end of the lease, and told as a fact once; who is on both nodes stays."""
    room, alone, others = a.name("presence-room"), a.name("alone"), [pair[1]]
    async with AsyncExitStack() as stack:
        watcher, elsewhere = [await stack.enter_async_context(b.client()) for _ in range(2)]
        await joins(watcher, room, member("watcher"))
        await joins(elsewhere, room, member("cy"))
        clients = [await stack.enter_async_context(a.client()) for _ in range(4)]
        await clients[0].subscribed(alone)
        for client, name in zip(clients, ("ann", "ann", "ben", "cy"), strict=True):
            await joins(client, room, member(name))
        await changes(watcher, "+cy", "+ann", "+ben")
        async with killed(pair[0]):
            await changes(watcher, "-ann", "-ben")
            for client in clients:
                assert await client.closed() == (1006, "")
            await vacated(b, alone)
            await marked(b, room, watcher)
            users = (await b.get(f"/channels/{room}/users")).json()["users"]
            assert sorted(each["id"] for each in users) == ["cy", "watcher"]
            lines = [f"Member removed: {name} from {room}\n" for name in ("ann", "ben")]
            lines.append(f"Channel vacated: {alone}\n")
            for line in lines:
                await logged(others, line)
        await marked(a, room, watcher)
        assert [told_by(others, line) for line in lines] == [1, 1, 1]
        assert told_by(others, f"Member removed: cy from {room}") == 0


async def test_a_hung_node_delays_no_answer_and_is_a_part_of_the_whole_again(pair: Nodes, a: Target, b: Target) -> None:
    """rb-168: what it holds counts until its lease ends, and again when it wakes, as its clients are still there."""
    room = a.name("presence-room")
    async with a.client() as watcher, b.client() as client:
        await joins(watcher, room, member("ann"))
        await joins(client, room, member("ben"))
        await changes(watcher, "+ben")
        async with hung(pair[1]) as wake:
            assert await asked(a, room) == 2
            await changes(watcher, "-ben")
            assert await asked(a, room) == 1
            wake()
            await changes(watcher, "+ben")
            assert await asked(a, room) == 2
        await a.trigger(room, "back")
        assert (await watcher.frame())["event"] == "back"
        frames = [await client.frame()]
        while frames[-1]["event"] != "back":
            frames.append(await client.frame())


async def asked(target: Target, room: str) -> int:
    """How many users there are, by questions that a dead node must not delay."""
    began = time.monotonic()
    info = (await target.get(f"/channels/{room}", {"info": "user_count"})).json()
    users = (await target.get(f"/channels/{room}/users")).json()["users"]
    assert (await target.get("/channels")).json()["channels"].keys() >= {room}
    assert (await target.get("/connections")).status_code == 200
    assert time.monotonic() - began < 2
    assert info["user_count"] == len(users)
    return len(users)


# Redis.


async def test_garbage_on_the_bus_is_ignored(pair: Nodes, a: Target, b: Target) -> None:
    """rb-172: on every channel that the nodes listen to; both go on, and lose nothing."""
    channel = a.name("private-x")
    redis = pair.redis
    assert isinstance(redis, RedisProcess)
    async with a.client() as here, b.client() as there:
        for client in (here, there):
            await client.subscribed(channel)
        listened = [name.decode() for name in redis.ask("PUBSUB", "CHANNELS", "*")]
        assert [name for name in listened if name.endswith(channel)]
        for name, text in itertools.product(listened, GARBAGE):
            assert redis.ask("PUBLISH", name, text) >= 1
        for target in (a, b):
            await marked(target, channel, here, there)
        for node in pair:
            await logged([node], "Ignored a message on Redis channel")
            assert node.process.returncode is None


async def test_what_is_published_while_redis_is_away_arrives_when_it_is_back(pair: Nodes, a: Target, b: Target) -> None:
    """rb-173: it is delivered on its own node at once, on the other one later, on both once and in order."""
    channel = a.name("news")
    redis = pair.redis
    assert isinstance(redis, RedisProcess)
    async with a.client() as here, b.client() as there, a.client(), b.client():
        for client in (here, there):
            await client.subscribed(channel)
        for target in (a, b):
            await connections(target, 4)  # both have beaten, and know that they must wait for each other
        redis.kill()
        for target in (a, b):
            await redis_becomes(target, "away")
        for number in range(20):
            await a.trigger(channel, "ev", str(number))
        assert [data_of(await here.frame()) for _ in range(20)] == list(range(20))
        await there.nothing()
        await asyncio.to_thread(redis.restart)
        assert [data_of(await there.frame()) for _ in range(20)] == list(range(20))
        for target in (a, b):
            await redis_becomes(target, "connected")
            await marked(target, channel, here, there)


async def redis_becomes(target: Target, state: str) -> None:
    async def is_so() -> bool:
        return bool((await target.http("GET", "/up?detail")).json()["redis"] == state)

    await eventually(is_so, f"Redis should be {state}")


async def test_a_node_that_starts_before_redis_serves_and_finds_it_later() -> None:
    """rb-174: /up and pings are answered; a subscription waits, and is acknowledged when Redis has come."""
    redis = RedisProcess()
    try:
        with Nodes(1, redis, env=SETTINGS) as nodes:
            async with nodes.targets() as (target,), target.client() as client, target.client() as other:
                await redis_becomes(target, "away")
                await client.subscribe("news")
                await other.nothing()
                await client.nothing(by="waiting")
                await asyncio.to_thread(lambda: redis.start().wait_until_ready())
                await client.acknowledged("news")
                await marked(target, "news", client)
    finally:
        redis.remove()


# A deployment.


@dataclass(slots=True)
class Load:
    """Numbered events, published over a node until nobody listens there any more, then over the other one."""

    ports: list[int]
    times: list[tuple[float, float]] = field(default_factory=list)  # of each, asked and answered: JavaScript's ms
    is_over: bool = False

    async def goes_on(self) -> None:
        """Return when fifty events more were published."""
        due = len(self.times) + 50

        async def is_there() -> bool:
            return len(self.times) >= due

        await eventually(is_there, "events should be published")

    async def publish(self) -> None:
        """Until it is over."""
        while not self.is_over:
            event = {"name": "numbered", "channel": "rolling", "data": str(len(self.times))}
            asked = time.time() * 1000
            outcome = await once(self.ports[0], json.dumps(event).encode())
            if outcome == "refused":
                self.ports.append(self.ports.pop(0))
                continue
            assert outcome == "answered"
            self.times.append((asked, time.time() * 1000))
            await asyncio.sleep(PACE)


@asynccontextmanager
async def publishing(load: Load) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(load.publish())
        yield
        load.is_over = True


async def replace(node: Node) -> None:
    """As a deployment does: SIGTERM, and a new process on the port when the old one has ended."""
    node.process.terminate()
    assert await asyncio.to_thread(node.process.wait) == 0
    await asyncio.to_thread(node.restart)


async def lost(story: Story, connections: int) -> None:
    """Wait until so many connections have ended and all are here again."""
    while await story.told("all here", PATIENCE) < connections:
        pass


async def test_a_rolling_restart_under_load(pair: Nodes) -> None:
    """pp-321: both nodes in turn; each pusher-js client sees 4200, is back, and misses only the events of its gap."""
    one, other = pair
    ports = [node.process.port for node in pair]
    load = Load(ports[:])
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(front(*ports))
        world = {"port": proxy.port, "id": FLOCK.id, "key": FLOCK.key, "secret": FLOCK.secret, "count": LISTENERS}
        story = await stack.enter_async_context(play("rolling", "listen", world, lambda: one.process.output))
        await lost(story, 0)
        async with publishing(load):
            await load.goes_on()
            proxy.servers = ports[1:]
            await replace(one)
            await lost(story, LISTENERS // 2)
            await load.goes_on()
            proxy.servers = ports[:1]
            await replace(other)
            await lost(story, LISTENERS // 2 + LISTENERS)
            await load.goes_on()
        assert await once(load.ports[0], b'{"name":"last","channel":"rolling","data":"{}"}') == "answered"
        listeners = [await story.told("listener", PATIENCE) for _ in range(LISTENERS)]
        await story.ended()
    for each in listeners:
        heard_all_but_the_gaps(each, load.times)
    assert sorted(len(each) for each in listeners) == [2] * (LISTENERS // 2) + [3] * (LISTENERS // 2)


def heard_all_but_the_gaps(heard: list[dict[str, Any]], times: list[tuple[float, float]]) -> None:
    """Over each connection every event came once; what is missing between two was published between them."""
    runs = [sorted(each["numbers"]) for each in heard]
    for run in runs:
        assert run == list(range(run[0], run[-1] + 1))
    assert runs[-1][-1] == len(times) - 1
    for (before, run), (after, following) in itertools.pairwise(zip(heard, runs, strict=True)):
        assert set(before["codes"]) == {4200}
        assert following[0] > run[-1]
        for number in range(run[-1] + 1, following[0]):
            asked, answered = times[number]
            assert answered > before["until"] - LATE * 1000
            assert asked <= after["since"]
    assert heard[-1]["codes"] == []

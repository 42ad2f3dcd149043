"""A random walk over real nodes: clients, publishers and faults, and a plain model of what must come of it.

The model is what each tab wants. At a quiet point every node and every client must say the same as the model, and each
event that is due must have come.
"""

import asyncio
import json
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from reverb_py.conformance.target import Target
from reverb_py.conformance.verify import Deviation
from reverb_py.protocol.names import is_presence
from tests.cluster.tabs import Event, Life, Tab
from tests.nodes import Nodes
from tests.redis_process import RedisProcess

CHANNELS = ("news", "chat", "private-a", "presence-a", "presence-b")
USERS = ("ann", "bob", "cid", "dan")
TABS = 14
PACE = 0.015  # seconds between two steps, on average
LOOK = 0.05  # seconds between two looks whether all agree
QUIET = 40.0  # seconds within which all must agree after the last fault
CALM = 10.0  # and when there was none
HOLD = 1.5  # seconds for which they must: by then every node has beaten over its link


@dataclass(slots=True, eq=False, repr=False)
class Due:
    """An event that a subscriber must get, as long as it is subscribed."""

    event: Event
    channel: str
    life: Life
    token: object

    def __repr__(self) -> str:
        return f"{self.event} in {self.channel} to {self.life.socket_id} at {self.life.node}"

    @property
    def is_missing(self) -> bool:
        is_there = not self.life.is_over and self.life.sure.get(self.channel) is self.token
        return is_there and self.event not in self.life.heard.get(self.channel, ())


@dataclass(slots=True, eq=False)
class Publisher:
    """Of one server process: one event after the other, so that it has an order there."""

    stream: str
    node: int
    target: Target
    wanted: "asyncio.Queue[tuple[tuple[str, ...], Tab | None]]" = field(default_factory=asyncio.Queue)
    number: int = 0
    task: "asyncio.Task[None] | None" = None

    async def close(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        await self.target.aclose()


class Walk:
    """`deaf` has the nodes that may miss events now; it is None while there is no fault and nothing to mend.

    Faults are chosen by a random of their own, `fate`: how many steps there are depends on the machine's speed.
    """

    def __init__(self, seed: int, nodes: Nodes, redis: RedisProcess) -> None:
        self.nodes, self.redis = nodes, redis
        self.random, self.fate = random.Random(seed), random.Random(seed)
        self.tabs: list[Tab] = []
        self.deaf: set[int] | None = None
        self.done: Counter[str] = Counter()
        self.last: deque[str] = deque(maxlen=80)
        self.wrong: list[str] = []
        self._seed = seed
        self._ports = [node.process.port for node in nodes]
        self._dues: list[Due] = []
        self._refused: set[Event] = set()
        self._born = Counter[int]()
        self._publishers = [self._publisher(number) for number in range(len(nodes))]
        self._leaving: set[asyncio.Task[None]] = set()
        self._began = asyncio.get_running_loop().time()

    # Steps.

    async def steps(self, seconds: float) -> None:
        """So many seconds of what clients and publishers do."""
        ends = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < ends:
            self.step()
            await asyncio.sleep(self.random.expovariate(1 / PACE))

    def step(self) -> None:
        kinds: dict[Callable[[], str], int] = {
            self._connect: 2 if len(self.tabs) < TABS else 0,
            self._disconnect: 1 if len(self.tabs) > TABS // 2 else 0,
            self._subscribe: 5,
            self._unsubscribe: 3,
            self._publish: 14,
        }
        [kind] = self.random.choices(list(kinds), list(kinds.values()))
        said = kind()
        if said:
            self.say(kind.__name__.removeprefix("_"), said)

    def say(self, kind: str, said: str) -> None:
        self.done[kind] += 1
        self.last.append(f"{asyncio.get_running_loop().time() - self._began:7.2f} {kind} {said}")

    def _connect(self) -> str:
        name = f"tab {self.done['connect']}"
        user, node = self.random.choice(USERS), self.random.randrange(len(self.nodes))
        self.tabs.append(tab := Tab(name, user, node, self._ports, self._ended))
        for channel in self.random.sample(CHANNELS, 2):
            tab.subscribe(channel)
        return f"{tab!r}, {sorted(tab.wanted)}"

    def _disconnect(self) -> str:
        tab = self.tabs.pop(self.random.randrange(len(self.tabs)))
        task = asyncio.create_task(tab.close())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        self.wrong += tab.wrong
        return repr(tab)

    def _subscribe(self) -> str:
        free = [(tab, channel) for tab in self.tabs for channel in CHANNELS if channel not in tab.wanted]
        if not free:
            return ""
        tab, channel = self.random.choice(free)
        tab.subscribe(channel)
        return f"{tab!r} to {channel}"

    def _unsubscribe(self) -> str:
        taken = [(tab, channel) for tab in self.tabs for channel in CHANNELS if channel in tab.wanted]
        if not taken:
            return ""
        tab, channel = self.random.choice(taken)
        tab.unsubscribe(channel)
        return f"{tab!r} from {channel}"

    def _publish(self) -> str:
        publisher = self.random.choice(self._publishers)
        channels = tuple(self.random.sample(CHANNELS, self.random.choice((1, 1, 2))))
        but = self.random.choice(self.tabs) if self.tabs and self.random.random() < 0.2 else None
        publisher.wanted.put_nowait((channels, but))
        return f"over {publisher.stream} to {', '.join(channels)}{f', but not to {but!r}' if but else ''}"

    def _ended(self, tab: Tab, how: str) -> None:
        self.say("cut off", f"{tab!r}: {how}")
        if self.deaf is None:
            self.wrong.append(f"{tab!r} was cut off without a fault: {how}")

    # Publishing.

    def _publisher(self, number: int) -> Publisher:
        self._born[number] += 1
        publisher = Publisher(f"{number}.{self._born[number]}", number, self.nodes[number].target())
        publisher.task = asyncio.create_task(self._work(publisher))
        return publisher

    async def _work(self, publisher: Publisher) -> None:
        while True:
            channels, but = await publisher.wanted.get()
            try:
                await self._post(publisher, channels, but.life if but is not None else None)
            finally:
                publisher.wanted.task_done()

    async def _post(self, publisher: Publisher, channels: tuple[str, ...], but: Life | None) -> None:
        publisher.number += 1
        event = (publisher.stream, publisher.number)
        dues = [
            Due(event, channel, tab.life, tab.life.sure[channel])
            for tab in self.tabs
            for channel in channels
            if tab.life is not None and tab.life is not but and channel in tab.life.sure
        ]
        calm, body = self.deaf is None, {"name": "numbered", "data": json.dumps(event), "channels": channels}
        if but is not None:
            body["socket_id"] = but.socket_id
            but.barred.add(event)
        try:
            status = (await publisher.target.post("/events", body)).status_code
        except Deviation as end:
            self.say("no answer", f"to {event}: {end}")
            status = 0
        if status == 200:
            deaf = self.deaf or set[int]()
            self._dues += [due for due in dues if due.life.node == publisher.node or due.life.node not in deaf]
        elif status == 503:
            self._refused.add(event)
            self.say("refused", str(event))
        if status != 200 and (calm or status not in (0, 503)):
            self.wrong.append(f"event {event} was answered with {status}")

    async def lose(self, number: int) -> None:
        """A node ends: nobody publishes there any more."""
        await self._publishers[number].close()
        self._check_log(number)

    def forget(self, number: int) -> None:
        """It had no time to send what it took: nothing of that is due any more."""
        self._dues = [due for due in self._dues if due.event[0] != self._publishers[number].stream]

    def replace(self, number: int) -> None:
        """A node has a successor."""
        self._publishers[number] = self._publisher(number)

    # The model, and what nodes and clients say.

    def model(self) -> tuple[dict[str, dict[str, int]], dict[str, list[str]]]:
        """The channels with their counts, and the members of the presence channels."""
        counts = Counter(channel for tab in self.tabs for channel in tab.wanted)
        users = {
            channel: sorted({tab.user for tab in self.tabs if channel in tab.wanted})
            for channel in CHANNELS
            if is_presence(channel)
        }
        return {
            channel: {"subscription_count": count, **({"user_count": len(users[channel])} if channel in users else {})}
            for channel, count in counts.items()
        }, users

    async def difference(self) -> str:
        """What is not yet as the model says, "" when all is."""
        channels, users = self.model()
        for tab in self.tabs:
            tab.fail()
            if tab.life is None or set(tab.life.sure) != tab.wanted:
                return f"{tab!r} is subscribed to {tab.life and sorted(tab.life.sure)}, not {sorted(tab.wanted)}"
            for channel in tab.wanted & set(users):
                if sorted(tab.life.views[channel]) != users[channel]:
                    return f"{tab!r} sees {sorted(tab.life.views[channel])} in {channel}, not {users[channel]}"
        for publisher in self._publishers:
            if said := await self._disagreement(publisher.target, channels, users):
                return f"node {publisher.stream} {said}"
        self._dues = [due for due in self._dues if due.is_missing]
        return f"{len(self._dues)} events are missing: {self._dues[:5]}" if self._dues else self._left_over()

    async def _disagreement(
        self, target: Target, channels: dict[str, dict[str, int]], users: dict[str, list[str]]
    ) -> str:
        health = (await target.http("GET", "/up?detail")).json()
        if health["redis"] != "connected" or health["waiting"]:
            return f"says {health}"
        if (counted := await _channels(target)) != channels:
            return f"has {counted}, not {channels}"
        for channel, expected in users.items():
            answer = await target.get(f"/channels/{channel}/users")
            found = sorted(user["id"] for user in answer.json().get("users", ()))
            if answer.status_code == 503 or found != expected:
                return f"answers {answer.text} for {channel}, not {expected}"
        connections = (await target.get("/connections")).json()
        return "" if connections == {"connections": len(self.tabs)} else f"has {connections}, not {len(self.tabs)}"

    def _left_over(self) -> str:
        """What of the dead is still in Redis, and, when all tabs are gone, of the living."""
        prefix = f"{self.nodes.channel}:py:{{0}}:"
        by_node = (("ZCARD", "leases"), ("HLEN", "links"), ("HLEN", "connections"))
        counts = {name: self.redis.ask(count, prefix + name) for count, name in by_node}
        if set(counts.values()) != {len(self.nodes)}:
            return f"Redis knows of other nodes: {counts}"
        keys = {key.decode().removeprefix(prefix) for key in self.redis.ask("KEYS", f"{self.nodes.channel}:py:*")}
        left = keys - {*counts, "epoch"}
        return f"nobody is here, and Redis has {left}" if left and not self.tabs else ""

    async def agree(self, seconds: float, hold: float = 0.0) -> None:
        """Wait until all agree, and go on to for a while; raise AssertionError when they do not."""
        loop = asyncio.get_running_loop()
        ends, since = loop.time() + seconds, None
        for publisher in self._publishers:
            await publisher.wanted.join()
        while since is None or loop.time() < since + hold:
            self.check()
            what = await _answered(self.difference)
            since = None if what else since or loop.time()
            assert loop.time() < ends, what
            await asyncio.sleep(LOOK)

    def check(self) -> None:
        """Raise AssertionError when something was said that must not be."""
        wrong = [*self.wrong, *(f"{tab!r} {each}" for tab in self.tabs for each in tab.wrong)]
        refused = [event for tab in self.tabs for event in tab.heard & self._refused]
        assert not wrong, wrong
        assert not refused, f"came though they were refused: {refused}"
        ended = {number: node.process.returncode for number, node in enumerate(self.nodes)}
        assert set(ended.values()) == {None}, f"processes ended by themselves: {ended}"

    async def probe(self) -> None:
        """An event on each node to each channel must reach every subscriber."""
        for publisher in self._publishers:
            for channel in CHANNELS:
                publisher.wanted.put_nowait(((channel,), None))
        await self.agree(CALM)

    def _check_log(self, number: int) -> None:
        output = self.nodes[number].process.output
        assert "Traceback" not in output, output

    async def end(self) -> None:
        """All tabs leave. Raise AssertionError when something is left of them, or a node had a fault of its own."""
        leaving, self.tabs = self.tabs, []
        await asyncio.gather(*[tab.close() for tab in leaving], *self._leaving)
        await self.agree(CALM)
        for number in range(len(self.nodes)):
            self._check_log(number)

    async def close(self) -> None:
        await asyncio.gather(*[publisher.close() for publisher in self._publishers])
        await asyncio.gather(*[tab.close() for tab in self.tabs], *self._leaving)

    def tell(self) -> str:
        """For whoever looks into a failure."""
        logs = [f"node {number} said last:\n{node.process.output[-3000:]}" for number, node in enumerate(self.nodes)]
        return "\n".join([f"seed {self._seed}, the last steps:", *self.last, *logs])


async def _channels(target: Target) -> dict[str, dict[str, int]]:
    """Every channel with its counts. Of presence channels the list has no subscription_count."""
    answer = await target.get("/channels", {"info": "user_count,subscription_count"})
    found: dict[str, dict[str, int]] = answer.json().get("channels", {})
    for channel, counts in found.items():
        if is_presence(channel):
            counts["subscription_count"] = (await target.get(f"/channels/{channel}/stats")).json()["connection_count"]
    return found


async def _answered(difference: Callable[[], Awaitable[str]]) -> str:
    try:
        return await difference()
    except Deviation as end:
        return str(end)

"""Several real server processes over one Redis, and what clients and publishers see of each.

with RedisProcess() as redis, Nodes(2, redis, cables=True) as nodes:
    async with nodes.clients() as (ann, bob):  # one on each node
        ...
    nodes[0].cable.cut()
"""

import signal
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import pusher  # type: ignore[import-untyped]

from reverb_py.conformance.client import Client
from reverb_py.conformance.target import Target
from tests.cable import Cable
from tests.clients.apps import ENVIRONMENT, MAIN, publisher
from tests.ports import lasting_port
from tests.redis_cluster import RedisCluster
from tests.redis_process import RedisProcess
from tests.server_process import ServerProcess

LEASE = 3  # seconds until a node that says nothing is dead; a test waits for it


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One server process, with the app MAIN. `lead` is the cable to Redis, if it has one of its own."""

    process: ServerProcess
    lead: Cable | None

    @property
    def cable(self) -> Cable:
        assert self.lead is not None, "this needs Nodes(…, cables=True)"
        return self.lead

    def target(self) -> Target:
        """A view of this node with HTTP connections of its own, until `aclose`."""
        return Target(f"ws://127.0.0.1:{self.process.port}", {"MAIN": MAIN})

    def client(self) -> AbstractAsyncContextManager[Client]:
        """A client that is connected to this node."""
        return self.target().client()

    def publisher(self) -> pusher.Pusher:
        """PyPI's `pusher`, for the app MAIN of this node."""
        return publisher(self.process.port)

    def kill(self) -> None:
        """SIGKILL: its clients are cut off, and it says farewell to nobody."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def restart(self) -> None:
        """Kill it, if it runs, and start it anew on the same port."""
        if self.process.returncode is None:
            self.kill()
        self.process.start().wait_until_ready()


class Nodes:
    """So many nodes of one cluster, under a channel name that no other test uses on that Redis."""

    def __init__(
        self,
        count: int,
        redis: RedisProcess | RedisCluster,
        *,
        cables: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """With `cables`, each node reaches Redis through its own. `env` goes over the settings that all have."""
        self.redis = redis
        self.channel = f"nodes-{uuid.uuid4().hex[:8]}"
        self._count = count
        self._cables = cables
        self._env = env or {}
        self._nodes: list[Node] = []
        self._running = ExitStack()

    def __getitem__(self, number: int) -> Node:
        return self._nodes[number]

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def add(self) -> Node:
        """Start one more node; return when it answers."""
        node = self._start()
        node.process.wait_until_ready()
        return node

    @asynccontextmanager
    async def targets(self) -> AsyncIterator[list[Target]]:
        """A view of each node."""
        async with AsyncExitStack() as stack:
            views = [node.target() for node in self]
            for view in views:
                stack.push_async_callback(view.aclose)
            yield views

    @asynccontextmanager
    async def clients(self) -> AsyncIterator[list[Client]]:
        """A client on each node."""
        async with AsyncExitStack() as stack:
            yield [await stack.enter_async_context(node.client()) for node in self]

    def _start(self) -> Node:
        url, lead = self.redis.url, None
        if self._cables:
            # The nodes of a Redis Cluster name each other to whoever asks: he would go past the cable.
            assert isinstance(self.redis, RedisProcess), "there are no cables to a Redis Cluster"
            lead = self._running.enter_context(Cable(self.redis.port))
            url = self.redis.url_at(lead.port)
        process = self._running.enter_context(ServerProcess(env=self._settings(url), port=lasting_port()))
        self._nodes.append(node := Node(process, lead))
        return node

    def _settings(self, url: str) -> dict[str, str]:
        scaling = {
            "REVERB_SCALING_ENABLED": "true",
            "REVERB_SCALING_CHANNEL": self.channel,
            "REVERB_SCALING_LEASE": str(LEASE),
            "REDIS_URL": url,
        }
        if isinstance(self.redis, RedisCluster):
            scaling["REVERB_SCALING_CLUSTER"] = "true"
        return {**ENVIRONMENT, **scaling, **self._env}

    def __enter__(self) -> Self:
        try:
            started = [self._start() for _ in range(self._count)]
            for node in started:
                node.process.wait_until_ready()
        except BaseException:
            self._running.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

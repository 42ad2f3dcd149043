"""What clients, publishers and probes are told while a server cannot reach Redis, by a real server behind a cable."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import closing

import pytest

from reverb_py.conformance.expect import eventually
from tests.nodes import Nodes
from tests.redis_process import RedisProcess
from tests.server_process import free_port
from tests.test_metrics import Asked


@pytest.fixture
def metrics_port() -> int:
    return free_port()


@pytest.fixture
def nodes(redis: RedisProcess, metrics_port: int) -> Iterator[Nodes]:
    with Nodes(1, redis, cables=True, env={"REVERB_METRICS_PORT": str(metrics_port)}) as nodes:
        yield nodes


def detail(nodes: Nodes) -> dict[str, object]:
    url = f"http://127.0.0.1:{nodes[0].process.port}/up?detail"
    with closing(urllib.request.urlopen(url, timeout=5)) as answer:
        assert answer.status == 200
        found: dict[str, object] = json.load(answer)
        return found


async def test_an_outage_is_told_to_everybody_and_ends(nodes: Nodes, metrics_port: int) -> None:
    """Publishers get 503 with Retry-After, questions too; a client event an error; a subscription ends with 4100."""
    target = nodes[0].target()
    async with target.client() as member, target.client() as newcomer, target.client() as later:
        await member.subscribed("private-a")
        await eventually(lambda: is_connected(nodes), "it should connect", 10)
        assert Asked(metrics_port).values["reverb_redis_up",] == 1
        nodes[0].cable.cut()

        async def is_away() -> bool:
            return detail(nodes)["redis"] == "away"

        await eventually(is_away, "the loss should be noticed", 5)
        assert Asked(metrics_port).values["reverb_redis_up",] == 0
        asking = {"name": "e", "channel": "private-a", "data": "1", "info": "subscription_count"}
        taken = await target.post("/events", asking)
        assert (taken.status_code, taken.json()) == (200, {"channels": {"private-a": {}}})
        assert (await member.frame())["data"] == "1"
        await newcomer.subscribe("a")  # it waits

        async def is_refused() -> bool:
            return (await target.post("/events", {"name": "e", "channel": "a", "data": "2"})).status_code == 503

        await eventually(is_refused, "publishes should be refused", 10)
        batch = {"batch": [{"name": "e", "channel": "private-a", "data": "3"}] * 2}
        for answer in (
            await target.post("/events", {"name": "e", "channel": "private-a", "data": "3"}),
            await target.post("/batch_events", batch),
            await target.post("/users/ann/terminate_connections", {}),
            await target.get("/channels"),
        ):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert "[RVB405]" in answer.text
        assert (await newcomer.closed())[0] == 4100
        assert member.unread() == []
        await member.send({"event": "client-e", "channel": "private-a", "data": "4"})
        await member.refused(None, "Not sent, try again")
        nodes[0].cable.heal()
        await eventually(lambda: is_connected(nodes), "it should come back", 10)
        await later.subscribed("a")
        await target.trigger("a", data="5")
        assert (await later.frame())["data"] == "5"
        assert Asked(metrics_port).values["reverb_redis_up",] == 1
        assert "Traceback" not in nodes[0].process.output
    await target.aclose()


async def is_connected(nodes: Nodes) -> bool:
    return detail(nodes)["redis"] == "connected"

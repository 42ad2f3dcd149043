"""Nodes of the tests are real servers that share a Redis, each by a way of its own, and can be killed one by one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reverb_py.conformance.client import data_of
from tests.nodes import Node, Nodes
from tests.redis_process import RedisProcess


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisProcess]:
    with RedisProcess(password="secret-of-the-bus") as redis:
        yield redis


@pytest.fixture(scope="module")
def nodes(redis: RedisProcess) -> Iterator[Nodes]:
    with Nodes(2, redis, cables=True, env={"REVERB_LOG_FORMAT": "json"}) as nodes:
        yield nodes


def environment(node: Node) -> dict[str, str]:
    """With what settings the process really runs."""
    pairs = Path(f"/proc/{node.process.pid}/environ").read_text().rstrip("\0").split("\0")
    return dict(pair.split("=", 1) for pair in pairs)


def test_all_have_the_same_settings_and_each_its_own_way_to_redis(redis: RedisProcess, nodes: Nodes) -> None:
    one, two = (environment(node) for node in nodes)
    assert one["REVERB_SCALING_CHANNEL"] == nodes.channel
    assert one["REVERB_LOG_FORMAT"] == "json"
    assert one.pop("REDIS_URL") == redis.url_at(nodes[0].cable.port)
    assert two.pop("REDIS_URL") == redis.url_at(nodes[1].cable.port)
    assert one == two


async def test_each_serves_a_client_and_a_publisher_of_its_own(nodes: Nodes) -> None:
    async with nodes.clients() as clients:
        for number, (node, client) in enumerate(zip(nodes, clients, strict=True)):
            await client.subscribed(f"news-{number}")
            assert node.publisher().trigger(f"news-{number}", "hello", {"from": number}) == {}
            assert data_of(await client.frame()) == {"from": number}


async def test_each_answers_questions_of_its_own(nodes: Nodes) -> None:
    async with nodes.targets() as targets, nodes[0].client() as client:
        await client.subscribed("asked-about")
        assert len(targets) == len(nodes)
        assert (await targets[0].get("/channels/asked-about")).json()["occupied"]


async def test_one_that_is_killed_comes_back_where_it_was(redis: RedisProcess) -> None:
    with Nodes(1, redis) as nodes:
        node = nodes[0]
        async with node.client() as client:
            node.kill()
            assert await client.closed() == (1006, "")
        node.restart()
        async with node.client() as client:
            await client.nothing()


async def test_one_more_joins_under_the_same_settings(redis: RedisProcess) -> None:
    with Nodes(1, redis) as nodes:
        added = nodes.add()
        assert len(nodes) == 2
        assert environment(added) == environment(nodes[0])
        async with added.client() as client:
            await client.nothing()


def test_no_test_hears_the_nodes_of_another(redis: RedisProcess) -> None:
    assert Nodes(1, redis).channel != Nodes(1, redis).channel

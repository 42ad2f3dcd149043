"""The Redis Cluster of the tests is whole when it is there, and its replicas take over."""

from collections.abc import Iterator

import pytest
from redis.exceptions import MovedError, ResponseError

from tests.redis_binaries import EVERY, Binary
from tests.redis_cluster import PRIMARIES, RedisCluster

TAGS = [f"{{{number}}}" for number in range(16)]


@pytest.fixture(scope="module", params=EVERY)
def cluster(request: pytest.FixtureRequest) -> Iterator[RedisCluster]:
    binary: Binary = request.param
    with RedisCluster(replicas=True, binary=binary) as cluster:
        yield cluster


def tag_of(cluster: RedisCluster, number: int) -> str:
    """A hash tag of this shard."""
    first, second = cluster.nodes[number], cluster.nodes[PRIMARIES + number]
    return next(tag for tag in TAGS if cluster.owner(tag) in (first, second))


def test_each_primary_has_its_part_and_sends_the_rest_to_the_others(cluster: RedisCluster) -> None:
    owners = {tag: cluster.owner(tag) for tag in TAGS}
    assert len(set(owners.values())) == PRIMARIES
    for tag, owner in owners.items():
        assert owner.ask("SET", tag, "1") == b"OK"
        for other in set(owners.values()) - {owner}:
            with pytest.raises(MovedError) as moved:
                other.ask("SET", tag, "1")
            assert (moved.value.slot_id, moved.value.port) == (cluster.slot(tag), owner.port)


def test_a_message_of_sharded_pubsub_reaches_who_is_subscribed_at_the_owner(cluster: RedisCluster) -> None:
    channel = f"news{tag_of(cluster, 1)}"
    owner = cluster.owner(channel)
    if not owner.binary.has_sharded_pubsub:
        with pytest.raises(ResponseError, match="unknown command"):
            owner.ask("SPUBLISH", channel, "hello")
        return
    subscriber = owner.subscriber(channel, sharded=True)
    assert owner.ask("SPUBLISH", channel, "hello") == 1
    message = subscriber.get_message(timeout=5)
    assert message is not None
    assert (message["type"], message["data"]) == ("smessage", b"hello")


def test_a_replica_takes_over_from_one_that_lives(cluster: RedisCluster) -> None:
    key = f"name{tag_of(cluster, 1)}"
    before, heir = cluster.owner(key), cluster.replica(key)
    before.ask("SET", key, "Ann")
    assert cluster.failover(key) is heir
    assert heir.ask("GET", key) == b"Ann"
    assert cluster.replica(key) is before


def test_a_replica_takes_over_from_one_that_was_killed(cluster: RedisCluster) -> None:
    key = f"name{tag_of(cluster, 2)}"
    before, heir = cluster.owner(key), cluster.replica(key)
    before.ask("SET", key, "Ann")
    before.kill()
    assert cluster.wait_for_owner(key) is heir
    assert heir.ask("GET", key) == b"Ann"

"""What a Redis may do to its nodes: forget, refuse, fill up, fail over, pass on garbage. None of it hurts for long."""

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import ResponseError

from reverb_py.cluster.occupancy import Joined, Seat
from reverb_py.cluster.redis.address import RedisAddress
from reverb_py.protocol.members import Member
from tests.cluster.outage import BEAT, KEYS, LEASE, ON_EVERY, Lab, Peer, until
from tests.cluster.sides import APP, joined
from tests.redis_process import RedisProcess

X = "presence-x"
ANN, BEN = Member("ann", b'{"n":1}'), Member("ben")


async def two(lab: Lab) -> tuple[Peer, Peer]:
    one, other = await lab.peer(), await lab.peer()
    await one.join(X, ANN)
    await other.join(X, BEN, socket_id="2.1")
    await lab.acquainted()
    await lab.is_right()
    for peer in (one, other):
        peer.onlookers[0].announced.clear()
    return one, other


async def works(lab: Lab, one: Peer, other: Peer) -> None:
    """All is as before: nobody was announced, an event arrives, a join is answered."""
    await lab.is_right()
    assert [each.announced for peer in (one, other) for each in peer.onlookers] == [[], []]
    one.publish(X, b'{"event":"e"}')
    await lab.settle()
    assert other.heard().count(b'{"event":"e"}') == 1
    assert isinstance(await one.join("a"), Joined)


@ON_EVERY
@pytest.mark.parametrize(
    "command",
    [
        ["SCRIPT", "FLUSH"],
        ["FLUSHALL"],
        ["DEL", f"{KEYS}links", f"{KEYS}leases"],
        ["CLIENT", "KILL", "TYPE", "pubsub"],
        ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"],
    ],
    ids=" ".join,
)
async def test_what_redis_forgets_is_stated_again(lab: Lab, command: list[str]) -> None:
    one, other = await two(lab)
    with suppress(RedisGone):  # it may kill the one who asks
        lab.redis.ask(*command)
    await one.join("b", socket_id="1.2")  # each node says something, at the latest with its beat
    one.leaves("b", socket_id="1.2")
    one.cable.drop()
    await until(lambda: not one.is_up)
    await works(lab, one, other)


async def test_a_script_that_keeps_redis_busy_is_an_outage(lab: Lab) -> None:
    one, other = await two(lab)
    lab.redis.ask("CONFIG", "SET", "lua-time-limit", "20")
    slow = asyncio.create_task(asyncio.to_thread(lab.redis.ask, "EVAL", "while true do end", "0"))
    await until(lambda: not one.is_up and not other.is_up)
    waiting = one.asks_to_join("a")
    await until(lambda: "BUSY" in one.shard.trouble or "no answer" in one.shard.trouble)
    lab.redis.client().script_kill()
    with pytest.raises(ResponseError):
        await slow
    assert isinstance(await waiting, Joined)
    await lab.is_right()


@ON_EVERY
async def test_full_memory_stops_neither_presence_nor_events(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """Only last events of cache channels are not kept, and the log says so, once."""
    one, other = await two(lab)
    links = one.links, other.links
    await other.join("cache-a")
    one.publish("cache-a", b"1", keep=60)
    lab.redis.ask("CONFIG", "SET", "maxmemory", "1")
    assert isinstance(await one.join(X, Member("cy"), socket_id="1.2"), Joined)
    await one.join("b")
    one.publish("b", b"x")
    for payload in (b"2", b"3"):
        one.publish("cache-a", payload, keep=60)
    other.leaves(X, BEN, "2.1")
    await asyncio.sleep(LEASE * 1.5)  # leases are renewed too
    await lab.is_right()
    assert one.onlooker(X).announced == ["+cy", "-ben"]
    assert [each for each in other.heard() if each in (b"1", b"2", b"3")] == [b"1", b"2", b"3"]
    assert caplog.text.count("Redis's memory is full: last events of cache channels are not kept") == 1
    lab.redis.ask("CONFIG", "SET", "maxmemory", "0")
    one.publish("cache-a", b"4", keep=60)
    event = joined(await one.join("cache-a")).last_event
    assert event is not None
    assert event.payload == b"4"
    assert (one.links, other.links) == links


@ON_EVERY
async def test_a_primary_that_became_a_replica_is_left(lab: Lab, redis: RedisProcess) -> None:
    """It closes no connection and takes events that reach nobody: a beat, which writes, finds out."""
    with RedisProcess(binary=redis.binary) as replica:
        redis.ask("CONFIG", "SET", "repl-diskless-sync-delay", "0")
        replica.ask("REPLICAOF", "127.0.0.1", redis.port)
        await until(lambda: b"master_link_status:up" in replica.ask("INFO", "replication"))
        one, other = await two(lab)
        redis.ask("FAILOVER")
        await until(lambda: b"role:master" in replica.ask("INFO", "replication"))
        await until(lambda: not one.is_up and not other.is_up)
        await until(lambda: "it is a replica" in one.shard.trouble and "it is a replica" in other.shard.trouble)
        one.publish(X, b'{"event":"in between"}')
        for peer in (one, other):
            peer.cable.leads_to = replica.port
        lab.redis = replica
        await lab.is_right()
        assert other.heard() == [b'{"event":"in between"}']
        await works(lab, one, other)


GARBAGE = [
    *(b"", b"\n", b"e", b"x", b"+", b"-", b"\xff\xfe", b"e a 1 -", b"e a b -\n{}", b"e a 1\n{}", b"e a 1 - -\n{}"),
    *(b"x a 1 -\n7", b"x a 1 -\n[]", b'x a 1 -\n["a"]', b"x a 1 -\n[1,2]", b'x a 1 -\n{"a":1,"b":2}', b"x a 1 -\n\xff"),
    *(b"+1.1\n7", b'+1.1\n["u"]', b'+1.1\n["u","{"]', b'+\xff\n["u","1"]', b'?\n["ann","null"]', b"7" * 5_000),
    *(b"99999999", b"-1", b"0", b'{"type":"message","application":"x","payload":{}}', b"x" * 100_000),
]


@ON_EVERY
@pytest.mark.parametrize("place", [f"channel:{APP}:{X}", f"channel:{APP}:unknown", "control", "node:node0"])
async def test_garbage_on_a_channel_of_ours_hurts_nobody(
    lab: Lab, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = await two(lab)
    links = one.links, other.links
    for _ in range(10):  # between beats and their echoes too
        for garbage in GARBAGE:
            lab.redis.ask("PUBLISH", KEYS + place, garbage)  # type: ignore[arg-type]
        await asyncio.sleep(BEAT / 3)
    await works(lab, one, other)
    assert (one.links, other.links) == links
    assert one.terminated == []
    assert "Traceback" not in caplog.text


async def test_a_wrong_password_is_told_and_the_right_one_is_found_when_redis_has_it(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    lab.redis.ask("CONFIG", "SET", "requirepass", "another")
    one = lab.stranger(lambda url: replace(RedisAddress.parse(url), password="hunter2"))
    await until(lambda: "WRONGPASS" in one.shard.trouble)
    lab.redis.ask("CONFIG", "SET", "requirepass", "hunter2")
    await until(lambda: one.is_up)
    assert caplog.text.count("WRONGPASS") == 1
    assert "hunter2" not in caplog.text


async def test_a_password_that_redis_wants_all_at_once_is_asked_for_in_the_log(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    one = await lab.peer()
    lab.redis.ask("CONFIG", "SET", "requirepass", "hunter2")
    one.cable.drop()
    await until(lambda: "NOAUTH" in one.shard.trouble)
    assert "NOAUTH" in caplog.text


@ON_EVERY
async def test_rights_that_lack_are_named_in_the_log(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    lab.redis.ask("ACL", "SETUSER", "node", "on", ">pw", "~outage:py:*", "+@all", "-@admin", "resetchannels")
    one = lab.stranger(lambda url: replace(RedisAddress.parse(url), username="node", password="pw"))
    await until(lambda: "NOPERM" in one.shard.trouble)
    assert "the rights ~outage:py:* &outage:py:* +@all -@admin" in caplog.text
    lab.redis.ask("ACL", "SETUSER", "node", "&outage:py:*")
    await until(lambda: one.is_up)
    assert isinstance(await one.join(X, ANN), Joined)


async def test_what_is_left_of_a_join_that_never_was_is_nothing(lab: Lab) -> None:
    one, other = await two(lab)
    one.occupancy.join(Seat(APP, "a", "9.9"), 0, lambda outcome: None)
    lab.redis.kill()
    await until(lambda: not one.is_up)
    lab.redis.start().wait_until_ready()
    await lab.is_right()
    one.leaves("a", socket_id="9.9")
    await works(lab, one, other)

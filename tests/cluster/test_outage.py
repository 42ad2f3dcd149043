"""Events while Redis is out of reach: what is accepted arrives, once, in order; what is not is refused."""

import asyncio
import logging

import pytest

from reverb_py.cluster.redis import bus, link, trouble
from reverb_py.cluster.redis.address import RedisAddress
from reverb_py.cluster.redis.link import pack
from tests.cluster.outage import BEAT, KEYS, LEASE, ON_EVERY, Lab, Peer, until
from tests.cluster.sides import APP, joined


async def two(lab: Lab, channel: str = "a") -> tuple[Peer, Peer]:
    """Two nodes, both of which listen to a channel."""
    one, other = await lab.peer(), await lab.peer()
    for each in (one, other):
        await each.join(channel)
    await lab.acquainted()
    return one, other


def numbers(first: int, end: int) -> list[bytes]:
    return [b'{"n":%d}' % number for number in range(first, end)]


@ON_EVERY
async def test_what_was_accepted_in_a_cut_arrives_once_and_in_order(lab: Lab) -> None:
    one, other = await two(lab)
    sent = numbers(0, 300)
    for payload in sent[:100]:  # written, and not answered when the cut comes
        assert one.publish("a", payload) == 1
    await asyncio.sleep(0)
    one.cable.cut()
    await until(lambda: not one.is_up)
    for payload in sent[100:200]:
        assert one.refusal == ""
        assert one.publish("a", payload) == 1
    one.cable.heal()
    await until(lambda: one.shard._link is not None)
    for payload in sent[200:]:  # while it settles
        one.publish("a", payload)
    await lab.up()
    await lab.settle()
    assert other.heard() == sent
    assert one.heard() == sent


async def test_what_was_obeyed_and_not_answered_is_sent_again_and_arrives_once(lab: Lab) -> None:
    one, other = await two(lab)
    one.cable.hang(there=False)
    sent = numbers(0, 50)
    for payload in sent:
        one.publish("a", payload)
    await until(lambda: len(other.delivered) == 50)
    one.cable.drop()
    one.publish("a", b'"last"')
    one.cable.heal()
    await lab.up()
    await lab.settle()
    assert other.heard() == [*sent, b'"last"']


async def test_a_last_event_that_is_sent_again_does_not_replace_a_newer_one(lab: Lab) -> None:
    one, other = await two(lab, "cache-a")
    one.cable.hang(there=False)
    one.publish("cache-a", b"1", keep=60)
    await until(lambda: other.delivered)
    other.publish("cache-a", b"2", keep=60)
    await until(lambda: lab.redis.ask("GET", f"{KEYS}last:{APP}:cache-a") == b"2")
    one.cable.drop()
    one.cable.heal()
    await lab.up()
    await lab.settle()
    event = joined(await one.join("cache-a")).last_event
    assert event is not None
    assert event.payload == b"2"


async def test_nodes_that_come_back_later_than_the_publisher_still_hear_what_waited(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restart cuts all of them off; one that was back would else speak to nobody."""
    one, other = await two(lab)
    other.cable.cut()
    lab.redis.restart()
    await until(lambda: not one.is_up)
    one.publish("a", b"{}")
    await until(lambda: one.shard._link is not None)
    await asyncio.sleep(0.1)  # the other is late
    other.cable.heal()
    await lab.up()
    await lab.settle()
    assert other.heard() == [b"{}"]


async def test_a_node_that_began_while_redis_was_away_holds_its_events_back_too(lab: Lab) -> None:
    other = await lab.peer()
    await other.join("a")
    lab.redis.stop()
    other.cable.cut()
    one = lab.stranger(RedisAddress.parse)
    await until(lambda: one.shard._trouble.reason)
    one.publish("a", b"{}")
    lab.redis.restart()
    await until(lambda: one.shard._link is not None)
    await asyncio.sleep(0.1)  # the other is late
    other.cable.heal()
    await lab.up()
    await lab.settle()
    assert other.heard() == [b"{}"]


async def test_a_node_that_leaves_while_it_waits_for_the_others_sends_what_it_has(lab: Lab) -> None:
    one, other = await two(lab)
    late = await lab.peer()
    await lab.acquainted()
    late.cable.cut()
    one.cable.drop()
    await until(lambda: one.shard._settle_until is not None)
    one.publish("a", b"{}")
    assert one.shard.bus.waiting
    await one.leave_all()
    lab.bury(one)
    await until(lambda: other.heard() == [b"{}"])


async def test_what_ends_with_a_node_is_told_in_its_log(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    one, _ = await two(lab)
    lab.redis.stop()
    await until(lambda: not one.is_up)
    await one.leave_all()
    assert "end with this node" not in caplog.text
    one.publish("a", b"{}")
    await one.leave_all()
    assert "bytes of events waited for Redis and end with this node [RVB405]" in caplog.text


async def test_who_never_comes_back_is_not_waited_for_longer_than_a_moment(lab: Lab) -> None:
    one, other = await two(lab)
    other.die()
    lab.bury(other)
    one.cable.drop()
    one.publish("a", b"{}")
    await lab.up()
    assert one.shard.bus.waiting == 0


async def test_an_outage_is_told_in_the_log_and_so_is_its_end(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    one = await lab.peer()
    caplog.set_level(logging.INFO, "reverb_py.cluster")
    caplog.clear()
    lab.redis.stop()
    await until(lambda: not one.is_up)
    attempts = one.cable.connections
    await until(lambda: one.cable.connections > attempts + 10)
    told = [record.getMessage() for record in caplog.records]
    assert 1 <= len(told) <= 3  # what the attempts hear differs by where they are when they fail
    assert "is out of reach: it closed the connection" in told[0]
    assert told[0].endswith(". What happens meanwhile stands in docs/scaling.md [RVB405]")
    lab.clock.ahead += trouble.REMIND
    await until(lambda: len(caplog.records) > len(told))
    lab.redis.restart()
    await lab.up()
    assert caplog.records[-1].getMessage().startswith("Connected to Redis at redis://127.0.0.1:")


async def test_publishing_is_refused_when_redis_is_away_for_longer_than_five_seconds(lab: Lab) -> None:
    one, other = await two(lab)
    lab.redis.stop()
    await until(lambda: not one.is_up)
    assert one.refusal == ""
    one.publish("a", b"1")
    lab.clock.ahead += 4.9
    assert one.refusal == ""
    lab.clock.ahead += 0.2
    assert "Redis is out of reach for 5 seconds" in one.refusal
    lab.redis.restart()
    await lab.up()
    await lab.settle()
    assert one.refusal == ""
    assert other.heard() == [b"1"]


async def test_publishing_is_refused_when_more_waits_than_may(lab: Lab) -> None:
    one, other = await two(lab)
    lab.redis.pause()
    for _ in range(11):
        assert one.refusal == ""
        one.publish("a", b'"%b"' % (b"x" * 100_000))
    assert "bytes wait for Redis, 1048576 may (REVERB_SCALING_BUFFER)" in one.refusal
    lab.redis.resume()
    await until(lambda: one.refusal == "")
    await lab.up()
    await lab.settle()
    assert len(other.heard()) == 11


async def test_a_redis_that_takes_nothing_though_it_is_linked_is_told_in_the_refusal(lab: Lab) -> None:
    one, _ = await two(lab)
    one.beats = False
    one.cable.hang(there=False)
    one.publish("a", b"1")
    lab.clock.ahead += bus.PATIENCE + 1
    assert "Redis has taken no event for 6 seconds" in one.refusal
    one.cable.heal()
    await until(lambda: one.refusal == "")


async def test_what_waited_for_a_minute_is_lost_and_the_log_says_so(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    one, other = await two(lab)
    one.cable.cut()
    await until(lambda: not one.is_up)
    for payload in numbers(0, 3):
        one.publish("a", payload)
    lab.clock.ahead += bus.LOST_AFTER
    one.publish("a", b'"late"')
    one.cable.heal()
    await lab.up()
    await lab.settle()
    assert other.heard() == [b'"late"']
    assert "3 events waited longer than 60 seconds for Redis and were not sent to the other nodes" in caplog.text
    assert one.shared.health["lost"] == 3


@pytest.mark.parametrize("ways", [{"there": True, "back": True}, {"there": True, "back": False}, {"there": False}])
async def test_a_link_that_hangs_is_found_dead_and_rebuilt(lab: Lab, ways: dict[str, bool]) -> None:
    """In one direction only it may seem alive: what the others publish still comes."""
    one, other = await two(lab)
    links = one.links
    one.cable.hang(**ways)
    one.publish("a", b'"mine"')

    async def talk() -> None:
        while True:
            other.publish("a", b'"theirs"')
            await asyncio.sleep(0.01)

    talking = asyncio.create_task(talk())
    await until(lambda: not one.is_up)
    assert "has not answered 4 times" in one.shard.trouble
    talking.cancel()
    one.cable.drop()
    one.cable.heal()
    await lab.up()
    assert one.links == links + 1
    await lab.settle()
    assert other.heard().count(b'"mine"') == 1


async def test_a_node_that_stood_still_itself_keeps_its_link(lab: Lab) -> None:
    one, _ = await two(lab)
    links = one.links
    one.beats = False
    await asyncio.sleep(LEASE / 3)
    one.beats = True
    lab.clock.ahead += 60
    await asyncio.sleep(LEASE / 3)
    assert one.links == links


async def test_a_node_that_falls_behind_keeps_its_link(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers wait among what it has not taken yet."""
    one, other = await two(lab)
    links = one.links
    monkeypatch.setattr(link, "A_TURN", 1)
    monkeypatch.setattr(one, "slowness", BEAT / 20)  # of a delivery
    sent = numbers(0, 200)
    for payload in sent:
        other.publish("a", payload)
    await until(lambda: len(one.delivered) == 200)
    assert one.links == links
    assert one.heard() == sent


async def test_a_link_that_passes_on_no_messages_is_found_by_the_echo_of_a_beat(lab: Lab) -> None:
    one, _ = await two(lab)
    links = one.links
    assert one.shard._link is not None
    one.shard._link.send(pack(b"UNSUBSCRIBE"))  # behind its back
    await until(lambda: one.links == links + 1)
    await lab.up()


async def test_all_waits_and_refusals_are_of_this_outage_alone(lab: Lab) -> None:
    one, other = await two(lab)
    for number in range(3):
        one.cable.drop()
        await until(lambda: not one.is_up)
        one.publish("a", b"%d" % number)
        await lab.up()
    await lab.settle()
    assert other.heard() == [b"0", b"1", b"2"]

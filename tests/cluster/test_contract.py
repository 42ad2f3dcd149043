"""What holds for one node and for many over Redis alike: each test runs over both implementations."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reverb_py.cluster.last_events import LastEvent
from reverb_py.cluster.occupancy import Full, Joined, Left
from reverb_py.cluster.redis.address import RedisAddress
from reverb_py.protocol import messages
from reverb_py.protocol.members import Member
from tests.cluster.sides import APP, Group, joined, local, over
from tests.redis_binaries import MISSING, binaries
from tests.redis_cluster import RedisCluster
from tests.redis_process import RedisProcess

ANN, BEN, CY = Member("ann", b'{"n":1}'), Member("ben"), Member("ü\n\"'/", b'"\xc3\xbc"')

Over = Callable[[], AbstractAsyncContextManager[Group]]


@asynccontextmanager
async def one_node() -> AsyncIterator[Group]:
    yield local()


def servers() -> list[Any]:
    """One node alone, a Redis of each version that is here, and a Redis Cluster with and without sharded pub/sub."""
    alone = [pytest.param(None, id="one node")]
    if not binaries():
        return [*alone, pytest.param(None, id="redis", marks=pytest.mark.skip(reason=MISSING))]
    plain = [pytest.param(partial(RedisProcess, binary=each), id=each.name) for each in binaries()]
    clusters = {each.has_sharded_pubsub: each for each in reversed(binaries())}.values()
    return [
        *(*alone, *plain),
        *[pytest.param(partial(RedisCluster, binary=each), id=f"cluster of {each.name}") for each in clusters],
    ]


@pytest.fixture(scope="module", params=servers())
def nodes(request: pytest.FixtureRequest) -> Iterator[Over]:
    if request.param is None:
        yield one_node
        return
    with request.param() as redis:
        address = RedisAddress.parse(redis.url)
        yield partial(over, address, is_cluster=isinstance(redis, RedisCluster))


@pytest.fixture
async def group(nodes: Over) -> AsyncIterator[Group]:
    async with nodes() as group:
        yield group


# Who is where.


async def test_a_channel_is_occupied_by_the_first_and_vacated_by_the_last(group: Group) -> None:
    assert await group.one.join("a") == Joined(occupied=True, member_added=False, members={})
    assert await group.other.join("a") == Joined(occupied=False, member_added=False, members={})
    assert await group.one.leave("a") == Left(vacated=False, member_removed=False)
    assert await group.other.leave("a") == Left(vacated=True, member_removed=False)


async def test_of_first_subscribers_at_the_same_time_exactly_one_occupies_the_channel(group: Group) -> None:
    """pp-318."""
    asked = [side.asks_to_join("a") for _ in range(50) for side in (group.one, group.other)]
    outcomes = [joined(outcome) for outcome in await asyncio.gather(*asked)]
    assert Counter(outcome.occupied for outcome in outcomes) == {True: 1, False: 99}
    left = [await side.leave("a") for _ in range(50) for side in (group.one, group.other)]
    assert [each.vacated for each in left] == [False] * 99 + [True]


async def test_a_user_is_added_with_its_first_connection_and_removed_with_its_last(group: Group) -> None:
    one, other = group.one, group.other
    assert await one.join("presence-x", ANN) == Joined(True, True, {"ann": b'{"n":1}'})
    assert await other.join("presence-x", CY) == Joined(False, True, {"ann": b'{"n":1}', CY.user_id: CY.user_info})
    assert joined(await other.join("presence-x", ANN)).member_added is False
    assert await one.leave("presence-x", ANN) == Left(False, False)
    assert await other.leave("presence-x", ANN) == Left(False, True)
    assert await other.leave("presence-x", CY) == Left(True, True)


async def test_the_first_info_of_a_user_stays_while_the_user_stays(group: Group) -> None:
    newer = Member("ann", b'{"n":2}')
    await group.one.join("presence-x", ANN)
    assert joined(await group.other.join("presence-x", newer)).members == {"ann": b'{"n":1}'}
    await group.one.leave("presence-x", ANN)
    await group.other.leave("presence-x", newer)
    assert await group.one.join("presence-x", newer) == Joined(True, True, {"ann": b'{"n":2}'})


async def test_a_full_channel_refuses_further_users_and_takes_further_connections(group: Group) -> None:
    one, other = group.one, group.other
    await one.join("presence-x", ANN, limit=2)
    await other.join("presence-x", BEN, limit=2)
    before = joined(await one.look("presence-x")).members
    assert await one.join("presence-x", CY, limit=2) == Full(2)
    assert joined(await one.look("presence-x")).members == before
    assert await one.occupancy.subscriptions(APP, "presence-x") == 2
    assert await one.join("presence-x", BEN, limit=2) == Joined(False, False, before)
    await one.leave("presence-x", ANN)
    assert isinstance(await other.join("presence-x", CY, limit=2), Joined)


async def test_of_many_users_at_the_same_time_a_limited_channel_takes_as_many_as_it_may(group: Group) -> None:
    asked = [side.asks_to_join("presence-x", Member(f"{number}"), 7) for number in range(20) for side in group.sides]
    outcomes = await asyncio.gather(*asked)
    members = await group.one.occupancy.members(APP, "presence-x")
    assert len(members) == 7
    assert sum(isinstance(outcome, Joined) and outcome.member_added for outcome in outcomes) == 7
    assert sum(isinstance(outcome, Joined) for outcome in outcomes) == await group.one.occupancy.subscriptions(
        APP, "presence-x"
    )


async def test_everybody_else_is_told_once_who_comes_and_who_goes(group: Group) -> None:
    one, other = group.one, group.other
    await one.join("presence-x", ANN, socket_id="1.1")
    await other.join("presence-x", BEN, socket_id="1.2")
    await other.join("presence-x", BEN, socket_id="1.3")
    await group.settle()
    for side in dict.fromkeys(group.sides):
        side.delivered.clear()
    await other.join("presence-x", CY, socket_id="1.4")
    await other.leave("presence-x", BEN, socket_id="1.2")
    await other.leave("presence-x", BEN, socket_id="1.3")
    await group.settle()
    came = messages.member_added("presence-x", CY.user_id, CY.user_info)
    went = messages.member_removed("presence-x", "ben")
    for side in dict.fromkeys(group.sides):
        assert [(each.payload, each.exclude or None) for each in side.delivered] == [(came, "1.4"), (went, None)]


async def test_questions_are_answered_with_connections_and_distinct_users_of_all_nodes(group: Group) -> None:
    one, other = group.one, group.other
    assert await one.occupancy.channels(APP) == {}
    for side, member in ((one, BEN), (other, ANN), (other, BEN)):
        await side.join("presence-x", member)
    await other.join("my-channel")
    one.occupancy.sign_in(APP, "ann")
    for side in group.sides:
        occupancy = side.occupancy
        assert await occupancy.channels(APP) == {"presence-x": (3, 2), "my-channel": (1, 0)}
        assert sorted(await occupancy.members(APP, "presence-x")) == ["ann", "ben"]
        assert await occupancy.subscriptions(APP, "presence-x") == 3
        assert await occupancy.channels("4") == {}
        assert (await occupancy.members(APP, "no"), await occupancy.subscriptions(APP, "no")) == ([], 0)
    one.occupancy.sign_out(APP, "ann")
    assert await one.occupancy.connections(APP) == (4 if group.is_shared else None)


async def test_nobody_here_is_counted_elsewhere(group: Group) -> None:
    await group.other.join("a")
    await group.other.join("a")
    assert await group.one.count("a", "b") == ([2, 0] if group.is_shared else [0, 0])


async def test_what_was_left_is_gone_without_a_trace(group: Group) -> None:
    for side in group.sides:
        await side.join("presence-x", ANN)
        await side.join("a")
    for side in group.sides:
        await side.leave("presence-x", ANN)
        await side.leave("a")
    assert await group.one.occupancy.channels(APP) == {}
    assert joined(await group.one.join("presence-x", BEN)).members == {"ben": b"null"}


# Events.


async def test_an_event_is_delivered_once_on_every_node_in_its_order(group: Group) -> None:
    """pp-314."""
    for side in group.sides:
        await side.join("a")
    payloads = [b'{"n":%d}' % number for number in range(500)]
    assert [group.one.publish("a", payload) for payload in payloads] == [1] * 500
    await group.settle()
    for side in dict.fromkeys(group.sides):
        assert side.heard() == payloads


async def test_the_excluded_socket_is_named_to_every_node(group: Group) -> None:
    """pp-315."""
    await group.other.join("a")
    for exclude in ("123.456", None):
        group.one.publish("a", b"{}", exclude)
    await group.settle()
    assert [envelope.exclude for envelope in group.other.delivered] == ["123.456", None]


@pytest.mark.parametrize("odd", ["a b\nc", "", "-", "ü", "1.1 1.2"])
async def test_an_excluded_socket_id_that_is_none_excludes_nobody(group: Group, odd: str) -> None:
    await group.other.join("a")
    group.one.publish("a", b"{}", odd)
    group.one.publish("a", b"[]")
    await group.settle()
    assert group.other.heard() == [b"{}", b"[]"]


async def test_the_last_event_of_a_cache_channel_comes_with_a_subscription_on_any_node(group: Group) -> None:
    """pp-316."""
    assert joined(await group.other.join("cache-x")).last_event is None
    group.one.publish("cache-x", b'{"n":1}', keep=60)
    group.one.publish("cache-x", b'{"n":2}', keep=60)
    await group.settle()
    for side in group.sides:
        for outcome in (await side.join("cache-x"), await side.look("cache-x")):
            event = joined(outcome).last_event
            assert event is not None
            assert event.payload == b'{"n":2}'
        kept = await side.occupancy.last_event_of(APP, "cache-x")
        assert isinstance(kept, LastEvent)
        assert 55 < kept.expires - asyncio.get_running_loop().time() <= 60
    assert await group.one.occupancy.last_event_of(APP, "cache-y") is None


async def test_the_last_event_outlives_its_subscribers_and_ends_with_its_time(group: Group) -> None:
    await group.one.join("cache-x")
    group.one.publish("cache-x", b'{"n":1}', keep=60)
    group.one.publish("cache-y", b'{"n":1}', keep=0.05)
    await group.one.leave("cache-x")
    await asyncio.sleep(0.06)  # the time itself is what is tested
    assert joined(await group.other.join("cache-x")).last_event is not None
    assert joined(await group.other.join("cache-y")).last_event is None


async def test_a_user_is_terminated_once_on_every_node(group: Group) -> None:
    group.one.backplane.terminate(APP, "ann")
    await group.settle()
    for side in group.sides:
        assert side.terminated == [(APP, "ann")]


async def test_all_is_accepted_while_all_is_well(group: Group) -> None:
    assert group.one.backplane.refusal() == group.one.backplane.refusal(["a", "b"]) == ""


# Whatever the order is.

Step = tuple[bool, bool, str | None]  # joins or leaves, on which side, as whom


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from([None, "a", "b"])), max_size=30))
@settings(max_examples=25, deadline=None)
def test_facts_come_exactly_on_the_way_from_none_to_one_and_back(nodes: Over, steps: list[Step]) -> None:
    asyncio.run(_walk(nodes, steps))


async def _walk(nodes: Over, steps: list[Step]) -> None:
    async with nodes() as group:
        await _walk_over(group, steps)


async def _walk_over(group: Group, steps: list[Step]) -> None:
    here: Counter[tuple[bool, str | None]] = Counter()
    for joins, on_other, user_id in steps:
        side, member = group.sides[on_other], Member(user_id) if user_id else None
        total, theirs = here.total(), here[False, user_id] + here[True, user_id]
        if joins:
            outcome = joined(await side.join("presence-x", member))
            assert outcome.occupied == (total == 0)
            assert outcome.member_added == (member is not None and theirs == 0)
            here[on_other, user_id] += 1
        elif here[on_other, user_id]:
            left = await side.leave("presence-x", member)
            assert left == Left(total == 1, member is not None and theirs == 1)
            here[on_other, user_id] -= 1
    users = {user_id for (_, user_id), number in here.items() if number and user_id}
    assert set(await group.one.occupancy.members(APP, "presence-x")) == users

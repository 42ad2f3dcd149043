"""Who is where while Redis is out of reach, and after: every node, every client and Redis say the same in the end."""

import asyncio

from reverb_py.cluster.occupancy import Away, Full, Joined, Seat
from reverb_py.cluster.redis import seats
from reverb_py.hub.facts import ChannelOccupied, ChannelVacated, Fact, MemberAdded, MemberRemoved
from reverb_py.protocol.members import Member
from tests.cluster.outage import BEAT, LEASE, ON_EVERY, QUICK, Lab, Peer, until
from tests.cluster.sides import APP, joined

X = "presence-x"
ANN, BEN, CY, DORA = Member("ann", b'{"n":1}'), Member("ben"), Member("cy"), Member("dora")


def told(*peers: Peer) -> list[Fact]:
    """The facts of presence and occupancy that these nodes told since the last time."""
    kinds = ChannelOccupied | ChannelVacated | MemberAdded | MemberRemoved
    found: list[Fact] = [fact for peer in peers for fact in peer.told if isinstance(fact, kinds)]
    for peer in peers:
        peer.told.clear()
    return found


async def two_with_members(lab: Lab) -> tuple[Peer, Peer]:
    """Ann and Ben on one node, Cy, and Ben once more, on the other."""
    one, other = await lab.peer(), await lab.peer()
    await one.join(X, ANN, socket_id="1.1")
    await one.join(X, BEN, socket_id="1.2")
    await other.join(X, CY, socket_id="2.1")
    await other.join(X, BEN, socket_id="2.2")
    await lab.acquainted()
    await lab.settle()
    await lab.is_right()
    for peer in lab.peers:
        for each in peer.onlookers:
            each.announced.clear()
    return one, other


def announced(*peers: Peer) -> list[list[str]]:
    return [each.announced for peer in peers for each in peer.onlookers]


@ON_EVERY
async def test_after_a_restart_with_all_lost_nobody_is_announced_who_was_known(lab: Lab) -> None:
    one, other = await two_with_members(lab)
    lab.redis.restart()
    await until(lambda: not one.is_up and not other.is_up)
    await lab.is_right()
    await until(lambda: one.shard._compare_at is None and other.shard._compare_at is None)
    await lab.settle()
    await lab.is_right()
    assert announced(one, other) == [[]] * 4
    assert told(one, other) == []


@ON_EVERY
async def test_who_leaves_in_an_outage_in_which_all_was_lost_is_gone_after_the_lease(lab: Lab) -> None:
    one, other = await two_with_members(lab)
    lab.redis.restart()
    await until(lambda: not one.is_up)
    one.leaves(X, ANN, "1.1")
    one.leaves(X, BEN, "1.2")
    await lab.is_right()
    assert announced(other) == [["-ann"], ["-ann"]]


async def test_who_joins_while_the_nodes_come_back_is_told_what_the_others_here_know(lab: Lab) -> None:
    one, other = await two_with_members(lab)
    other.cable.cut()
    lab.redis.restart()
    await until(lambda: one.shard._link is not None and one.shard.seats.is_current(one.shard._link))
    outcome = joined(await one.join(X, DORA, socket_id="1.3"))
    assert set(outcome.members) == {"ann", "ben", "cy", "dora"}
    await asyncio.sleep(QUICK["REGROUP"] * 1.2)  # the other is later than after a short cut; its lease runs
    other.cable.heal()
    await lab.is_right()
    assert announced(other) == [["+dora"], ["+dora"]]
    assert announced(one) == [["+dora"], ["+dora"], []]


@ON_EVERY
async def test_a_cut_node_learns_who_came_and_went_meanwhile(lab: Lab) -> None:
    one, other = await two_with_members(lab)
    one.cable.cut()
    await until(lambda: not one.is_up)
    await other.join(X, DORA, socket_id="2.3")
    other.leaves(X, CY, "2.1")
    waiting = one.asks_to_join(X, Member("eve"), socket_id="1.3")
    one.cable.heal()
    assert isinstance(await waiting, Joined)
    await until(lambda: "dora" in one.onlooker(X).members)
    assert one.shard._compare_at is not None  # who came is told at once, who went a moment later
    await lab.is_right()
    assert {tuple(sorted(each)) for each in announced(one)[:2]} == {("+dora", "+eve", "-cy")}


async def test_who_leaves_a_cut_node_is_gone_when_it_is_back_and_so_are_the_facts(lab: Lab) -> None:
    one, other = await two_with_members(lab)
    await one.join("a", socket_id="1.1")
    told(one, other)
    one.cable.cut()
    await until(lambda: not one.is_up)
    one.leaves("a", socket_id="1.1")
    one.leaves(X, ANN, "1.1")
    one.leaves(X, BEN, "1.2")
    one.cable.heal()
    await lab.is_right()
    assert announced(other) == [["-ann"], ["-ann"]]
    assert sorted(told(one, other), key=str) == [ChannelVacated(APP, "a"), MemberRemoved(APP, X, "ann")]


async def test_the_last_who_leave_a_cut_node_are_told_before_their_channel(lab: Lab) -> None:
    one = await lab.peer()
    await one.join(X, ANN, socket_id="1.1")
    await one.join(X, BEN, socket_id="1.2")
    told(one)
    one.cable.cut()
    await until(lambda: not one.is_up)
    one.leaves(X, ANN, "1.1")
    one.leaves(X, BEN, "1.2")
    one.cable.heal()
    await lab.is_right()
    *removed, vacated = told(one)
    assert vacated == ChannelVacated(APP, X)
    assert set(removed) == {MemberRemoved(APP, X, "ann"), MemberRemoved(APP, X, "ben")}


@ON_EVERY
async def test_a_killed_node_s_members_are_announced_gone_once_within_the_lease(lab: Lab) -> None:
    """pp-317."""
    one, other = await two_with_members(lab)
    third = await lab.peer()
    await third.join(X, DORA)
    await one.join("a")
    told(one, other, third)
    one.die()
    lab.bury(one)
    started = asyncio.get_running_loop().time()
    await lab.is_right()
    assert asyncio.get_running_loop().time() - started < LEASE + 1
    assert [each[-1] for each in announced(other, third)] == ["-ann"] * 3
    assert sorted(told(other, third), key=str) == [ChannelVacated(APP, "a"), MemberRemoved(APP, X, "ann")]


async def test_a_large_dead_node_is_given_back_in_pages(lab: Lab) -> None:
    one, other = await lab.peer(), await lab.peer()
    await other.join(X, ANN)
    for number in range(700):  # whom nobody follows: that would be half a million messages
        one.occupancy.join(Seat(APP, X, f"5.{number}", Member(f"{number}")), 0, lambda outcome: None)
    await lab.settle()
    one.die()
    lab.bury(one)
    await lab.is_right()
    removed = [fact for fact in told(other) if isinstance(fact, MemberRemoved)]
    assert len(removed) == len(set(removed)) == 700


@ON_EVERY
async def test_a_dead_node_of_thousands_of_channels_is_given_back_whole(lab: Lab) -> None:
    one, other = await lab.peer(), await lab.peer()
    for number in range(5_000):
        one.occupancy.join(Seat(APP, f"c{number}", "5.1"), 0, lambda outcome: None)
        if number % 500 == 499:  # its beats are awaited not for long
            await lab.settle()
    one.die()
    lab.bury(one)
    await until(lambda: len([fact for fact in other.told if isinstance(fact, ChannelVacated)]) == 5_000)
    await lab.is_right()


@ON_EVERY
async def test_a_node_that_was_buried_while_it_lived_states_everything_again(lab: Lab) -> None:
    one, other = await two_with_members(lab)
    await one.join("a")
    told(one, other)
    one.beats = False
    await until(lambda: announced(one, other) == [["-ann"]] * 4)  # it has heard so itself
    await lab.settle()
    assert set(told(other)) == {MemberRemoved(APP, X, "ann"), ChannelVacated(APP, "a")}
    one.beats = True
    await until(lambda: announced(other) == [["-ann", "+ann"]] * 2)
    await lab.is_right()
    assert announced(one) == [["-ann", "+ann"]] * 2
    assert set(told(one, other)) == {MemberAdded(APP, X, "ann"), ChannelOccupied(APP, "a")}


async def test_what_a_buried_node_says_before_it_knows_is_said_again_after(lab: Lab) -> None:
    one, other = await two_with_members(lab)
    one.beats = False
    await until(lambda: announced(other) == [["-ann"], ["-ann"]])
    assert isinstance(await one.join(X, DORA, socket_id="1.3"), Joined)  # refused as stale, and asked again
    one.beats = True
    await lab.is_right()
    assert set(other.onlooker(X, "2.1").members) == {"ann", "ben", "cy", "dora"}


async def test_a_burial_that_was_not_finished_is_noticed_by_the_node_that_lives(lab: Lab) -> None:
    one = await lab.peer()
    for number in range(700):
        one.occupancy.join(Seat(APP, X, f"5.{number}", Member(f"{number}")), 0, lambda outcome: None)
    await lab.settle()
    one.beats = False
    await until(lambda: lab.bury_page("node0") == 1)
    one.beats = True
    await lab.is_right()


async def test_nobody_is_buried_because_redis_stood_still_for_longer_than_the_lease(lab: Lab) -> None:
    one, other = await two_with_members(lab)
    lab.redis.pause()
    await asyncio.sleep(LEASE * 1.5)  # the time itself is what is tested
    lab.redis.resume()
    await lab.is_right()
    await until(lambda: lab.clock() > max(peer.shard._bury_from for peer in lab.peers))
    await lab.is_right()
    assert announced(one, other) == [[]] * 4
    assert told(one, other) == []


async def test_nobody_is_buried_because_the_network_was_away_for_longer_than_the_lease(lab: Lab) -> None:
    one, other = await two_with_members(lab)
    for each in (one, other):
        each.cable.cut()
    await asyncio.sleep(LEASE * 1.5)  # the time itself is what is tested
    for each in (one, other):
        each.cable.heal()
    await lab.is_right()
    await until(lambda: lab.clock() > max(peer.shard._bury_from for peer in lab.peers))
    await lab.is_right()
    assert announced(one, other) == [[]] * 4


async def test_a_node_that_dies_together_with_redis_loses_its_members_after_the_lease(lab: Lab) -> None:
    one, other = await two_with_members(lab)
    one.die()
    lab.bury(one)
    lab.redis.restart()
    await lab.is_right()
    assert announced(other) == [["-ann"], ["-ann"]]


async def test_statements_while_redis_stands_still_are_obeyed_once(lab: Lab) -> None:
    one, other = await two_with_members(lab)
    links = one.links
    lab.redis.pause()
    joining = [one.asks_to_join(X, Member(f"{number}"), socket_id=f"3.{number}") for number in range(100)]
    one.leaves(X, ANN, "1.1")
    await until(lambda: not one.is_up and not other.is_up)
    lab.redis.resume()
    assert all(isinstance(each, Joined) for each in await asyncio.gather(*joining))
    assert one.links > links
    await lab.is_right()
    ben = other.onlooker(X, "2.2").announced
    assert sorted(ben) == sorted(["-ann", *[f"+{number}" for number in range(100)]])


# Joins.


async def test_a_join_waits_for_redis_and_is_answered_when_it_is_back_in_time(lab: Lab) -> None:
    one, other = await two_with_members(lab)
    lab.redis.stop()
    await until(lambda: not one.is_up)
    waiting = one.asks_to_join("a"), one.asks_to_join(X, DORA, 3, "1.3"), one.asks_to_join(X, BEN, 3, "1.4")
    looking = asyncio.create_task(one.look(X))
    lab.clock.ahead += seats.PATIENCE - 0.5
    await asyncio.sleep(2 * BEAT)
    assert not any(each.done() for each in waiting)
    lab.redis.restart()
    outcomes = await asyncio.gather(*waiting)
    assert isinstance(outcomes[0], Joined)
    assert isinstance(await looking, Joined)
    assert all(isinstance(each, Joined | Full) for each in outcomes)
    await lab.is_right()
    assert announced(other)[0] in ([], ["+dora"])  # the limit is of what Redis has: the other may not be back


async def test_a_join_is_given_up_after_five_seconds_and_leaves_nothing_behind(lab: Lab) -> None:
    one, other = await two_with_members(lab)
    one.cable.hang(there=False)
    waiting = one.asks_to_join("a"), one.asks_to_join(X, DORA, socket_id="1.3")
    await until(lambda: announced(other) == [["+dora"], ["+dora"]])
    one.cable.cut()
    await until(lambda: not one.is_up)
    lab.clock.ahead += seats.PATIENCE
    assert [await each for each in waiting] == [Away(), Away()]
    one.cable.heal()
    await lab.is_right()
    assert announced(other) == [["+dora", "-dora"]] * 2


async def test_a_join_that_was_obeyed_and_not_answered_is_answered_later(lab: Lab) -> None:
    one, other = await two_with_members(lab)
    one.cable.hang(there=False)
    waiting = one.asks_to_join(X, DORA, 4, "1.3")
    await until(lambda: announced(other) == [["+dora"], ["+dora"]])
    one.cable.drop()
    one.cable.heal()
    assert isinstance(await waiting, Joined)
    await lab.is_right()
    assert announced(other) == [["+dora"], ["+dora"]]


# At the end.


async def test_when_everybody_has_left_no_key_remains_but_the_epoch(lab: Lab) -> None:
    one, other = await two_with_members(lab)
    await one.join("cache-x")
    one.publish("cache-x", b"{}", keep=0.05)
    one.occupancy.sign_in(APP, "ann")
    one.occupancy.sign_out(APP, "ann")
    one.cable.drop()
    await until(lambda: not one.is_up)
    one.leaves(X, ANN, "1.1")
    await lab.up()
    one.leaves(X, BEN, "1.2")
    one.leaves("cache-x")
    other.leaves(X, CY, "2.1")
    other.leaves(X, BEN, "2.2")
    await lab.settle()
    await until(lambda: lab.names() == {"epoch", "leases", "links", "connections", "kept"})
    await one.leave_all()
    await other.leave_all()
    assert lab.names() == {"epoch"}


async def test_a_node_that_leaves_gives_back_what_it_holds_at_once(lab: Lab) -> None:
    one, other = await two_with_members(lab)
    one.publish("a", b"1")
    await one.leave_all()
    lab.bury(one)
    await lab.is_right()
    assert announced(other) == [["-ann"], ["-ann"]]

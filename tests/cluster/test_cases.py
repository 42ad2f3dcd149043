"""The cases for several nodes: two real servers over one Redis, and real clients and publishers on both.

What is tried lies across them: `a` is told something, and it must be so for whoever is on `b`. What happens when nodes
and Redis end is in test_cases_of_ends.py.
"""

import asyncio
from contextlib import AsyncExitStack

import pytest

from reverb_py.conformance.cases_rate_limit import RATE_LIMITED, burst
from reverb_py.conformance.client import Client, data_of
from reverb_py.conformance.expect import joins, member, signs_in, terminate, vacated
from reverb_py.conformance.target import Target
from tests.cluster.pair import A_SECOND, connections, logged, marked, told_by, until_event
from tests.nodes import Nodes
from tests.torture.clients import deaf

MANY = 500
BATCH = 10
SIZE = 50_000  # bytes of an event that a slow client does not read
BEHIND = 200  # of these, 10 MB: more than the kernel keeps of them


# Events.


async def test_an_event_reaches_the_subscribers_of_both_nodes_once_and_in_order(a: Target, b: Target) -> None:
    """pp-314, rb-164: 500 events, one after the other, and batches behind them."""
    channel = a.name("private-news")
    async with a.client() as here, b.client() as there:
        for client in (here, there):
            await client.subscribed(channel)
        for number in range(MANY):
            await a.trigger(channel, "numbered", str(number))
        for first in range(MANY, 2 * MANY, BATCH):
            events = [{"name": "numbered", "channel": channel, "data": str(first + each)} for each in range(BATCH)]
            assert (await a.post("/batch_events", {"batch": events})).status_code == 200
        for client in (here, there):
            assert [data_of(await client.frame()) for _ in range(2 * MANY)] == list(range(2 * MANY))
        await marked(a, channel, here, there)
        await marked(b, channel, here, there)


async def test_an_event_for_several_channels_reaches_those_of_each_on_either_node(a: Target, b: Target) -> None:
    names = [a.name("news") for _ in range(3)]
    async with a.client() as here, b.client() as there:
        await here.subscribed(names[0])
        for name in names[1:]:
            await there.subscribed(name)
        await a.trigger(names, "ev")
        assert (await here.frame())["channel"] == names[0]
        assert {(await there.frame())["channel"] for _ in range(2)} == set(names[1:])
        await marked(a, names[0], here)
        await marked(a, names[1], there)


async def test_who_published_is_left_out_on_whatever_node_the_connection_is(a: Target, b: Target) -> None:
    """pp-315, rb-165: with `socket_id` of an event, and with that of an entry in a batch."""
    channel = a.name("news")
    async with a.client() as here, b.client() as there, b.client() as beside:
        for client in (here, there, beside):
            await client.subscribed(channel)
        await a.trigger(channel, "ev", socket_id=there.socket_id)
        entry = {"name": "entry", "channel": channel, "data": "{}", "socket_id": there.socket_id}
        assert (await a.post("/batch_events", {"batch": [entry]})).status_code == 200
        for client in (here, beside):
            assert [(await client.frame())["event"] for _ in range(2)] == ["ev", "entry"]
        await marked(a, channel, here, there, beside)


async def test_a_client_event_crosses_the_nodes_once_and_does_not_come_back(a: Target, b: Target) -> None:
    """pp-157, rb-166: it names its sender, where the channel has members."""
    channel = a.name("presence-typing")
    async with b.client() as there, b.client() as beside, a.client() as sender:
        for client, name in ((there, "ben"), (beside, "ben"), (sender, "ann")):
            await joins(client, channel, member(name))
        for client in (there, beside):
            assert (await client.frame())["event"] == "pusher_internal:member_added"
        sent = {"event": "client-typing", "channel": channel, "data": '{"n":1}'}
        await sender.send(sent)
        for client in (there, beside):
            frame = await client.frame()
            assert frame == {**sent, "user_id": "ann"}
        await sender.nothing()
        await marked(a, channel, sender, there, beside)


@pytest.mark.parametrize("kind", ["cache-", "private-cache-", "private-encrypted-cache-", "presence-cache-"])
async def test_the_last_event_of_a_cache_channel_is_told_by_either_node(a: Target, b: Target, kind: str) -> None:
    """pp-316: what was published over one is the first thing that a subscriber of the other hears."""
    channel = a.name(f"{kind}x")
    data = member("ann") if kind.startswith("presence") else None
    for target in (a, b):  # each in its turn replaces the last one
        name = "first" if target is a else "second"
        await target.trigger(channel, name, '{"n":1}')
        for each in (a, b):
            async with each.client() as client:
                await client.subscribed(channel, channel_data=data)
                assert await client.frame() == {"event": name, "channel": channel, "data": '{"n":1}'}
                await client.nothing()
            kept = (await each.get(f"/channels/{channel}", {"info": "cache"})).json()["cache"]
            assert (kept["event"], kept["data"]) == (name, '{"n":1}')


async def test_an_event_for_a_user_reaches_the_connections_that_signed_in_on_either_node(a: Target, b: Target) -> None:
    ann, ben = a.name("ann"), a.name("ben")
    async with a.client() as here, b.client() as there, b.client() as other:
        for client, user in ((here, ann), (there, ann), (other, ben)):
            await signs_in(client, user)
            await client.subscribed(f"#server-to-user-{user}", auth="")
        await a.trigger(f"#server-to-user-{ann}", "for-you", '{"n":1}')
        for client in (here, there):
            frame = await client.frame()
            assert (frame["event"], data_of(frame)) == ("for-you", {"n": 1})
        await marked(a, f"#server-to-user-{ben}", other)


# Who is where.


async def test_a_user_on_both_nodes_is_one_member_and_both_nodes_have_one_list(a: Target, b: Target) -> None:
    """pp-112, rb-169, rb-170, rb-171: added and removed once, user_count 1, and `/users` tells the same on both."""
    channel = a.name("presence-room")
    async with AsyncExitStack() as stack:
        watchers = [await stack.enter_async_context(each.client()) for each in (a, b)]
        assert set(await joins(watchers[0], channel, member("watcher"))) == {"watcher"}
        assert set(await joins(watchers[1], channel, member("watcher"))) == {"watcher"}
        async with a.client() as here:
            assert set(await joins(here, channel, member("u1"))) == {"watcher", "u1"}
            for client in watchers:
                frame = await client.frame()
                assert (frame["event"], data_of(frame)["user_id"]) == ("pusher_internal:member_added", "u1")
            async with b.client() as there:
                assert set(await joins(there, channel, member("u1"))) == {"watcher", "u1"}
                await marked(b, channel, here, there, *watchers)
                for target in (a, b):
                    users = (await target.get(f"/channels/{channel}/users")).json()["users"]
                    info = {"info": "user_count,subscription_count"}
                    assert sorted(each["id"] for each in users) == ["u1", "watcher"]
                    assert (await target.get(f"/channels/{channel}", info)).json()["user_count"] == 2
            await marked(b, channel, here, *watchers)
        for client in watchers:
            frame = await client.frame()
            assert (frame["event"], data_of(frame)["user_id"]) == ("pusher_internal:member_removed", "u1")
        await marked(a, channel, *watchers)


async def test_both_nodes_tell_the_same_numbers_which_are_those_of_both(a: Target, b: Target) -> None:
    """pp-241, rb-167: summed connections and subscriptions, distinct users, in every question that there is."""
    public, presence = a.name("counted"), a.name("presence-counted")
    prefix = {"filter_by_prefix": presence, "info": "user_count"}
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(target.client()) for target in (a, a, b, b, b)]
        for client, user in zip(clients, ("ann", "ben", "ann", "cy", "cy"), strict=True):
            await client.subscribed(public)
            await joins(client, presence, member(user))
        for target in (a, b):
            info = {"info": "subscription_count"}
            assert (await target.get(f"/channels/{public}", info)).json() == {"occupied": True, "subscription_count": 5}
            assert (await target.get("/channels", prefix)).json() == {"channels": {presence: {"user_count": 3}}}
            assert public in (await target.get("/channels")).json()["channels"]
            users = (await target.get(f"/channels/{presence}/users")).json()["users"]
            assert sorted(each["id"] for each in users) == ["ann", "ben", "cy"]
            answer = await target.trigger(presence, "ev", info="user_count,subscription_count")
            assert answer.json()["channels"][presence]["user_count"] == 3
            await connections(target, 5)
    for target in (a, b):
        await vacated(target, public)
        assert (await target.get("/channels", prefix)).json() == {"channels": {}}
        await connections(target, 0)


async def test_of_simultaneous_first_subscriptions_one_occupies_the_channel(pair: Nodes, a: Target, b: Target) -> None:
    """pp-318: twenty channels, ten clients at the same time on each; the logs of both nodes are read."""
    names = [a.name("occupied") for _ in range(20)]
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(target.client()) for _ in range(5) for target in (a, b)]
        for name in names:
            await asyncio.gather(*[client.subscribed(name) for client in clients])
            await logged(list(pair), f"Channel occupied: {name}\n")
    for name in names:
        await logged(list(pair), f"Channel vacated: {name}\n")
    counts = [told_by(list(pair), f"Channel {what}: {name}\n") for name in names for what in ("occupied", "vacated")]
    assert counts == [1] * 40


# Users.


async def test_the_connections_of_a_user_are_closed_on_both_nodes(a: Target, b: Target) -> None:
    """pp-175: who signed in, and who is a member under that id; over one node, then over the other."""
    for over in (a, b):
        user, channel = a.name("ann"), a.name("presence-x")
        async with AsyncExitStack() as stack:
            signed_in = [await stack.enter_async_context(target.client()) for target in (a, b)]
            members = [await stack.enter_async_context(target.client()) for target in (a, b)]
            others = [await stack.enter_async_context(target.client()) for target in (a, b)]
            for client in signed_in:
                await signs_in(client, user)
            for client, name in zip([*members, *others], (user, user, "ben", "cy"), strict=True):
                await joins(client, channel, member(name))
            await terminate(over, user)
            for client in (*signed_in, *members):
                await closed_as_terminated(client)
            for client in others:
                before = await until_event(client, "pusher_internal:member_removed")
                assert [each["event"] for each in before] == ["pusher_internal:member_added"] * len(before)
            await marked(over, channel, *others)


async def closed_as_terminated(client: Client) -> None:
    """What came before it was for members."""
    code, reason = await client.closed()
    assert (code, bool(reason)) == (4009, True)


# Limits.


async def test_the_rate_of_client_events_is_that_of_a_connection_whatever_its_node(a: Target, b: Target) -> None:
    """pp-319: ten a second from one on each node, of one channel; only who sends the eleventh is told 4301."""
    channel = a.name("private-x")
    async with a.client("LIMITED") as one, b.client("LIMITED") as other, b.client("LIMITED") as listener:
        for client in (one, other, listener):
            await client.subscribed(channel)
        await burst(one, channel, A_SECOND + 1)
        await one.refused(RATE_LIMITED)
        await burst(other, channel, A_SECOND)
        for client, expected in ((one, 1), (other, 1), (listener, 2)):
            numbers = [int((await client.frame())["data"]) for _ in range(expected * A_SECOND)]
            assert sorted(numbers) == sorted(list(range(A_SECOND)) * expected)
        await marked(a, channel, one, other, listener, app="LIMITED")


async def test_a_client_that_does_not_read_what_the_other_node_publishes(pair: Nodes, a: Target, b: Target) -> None:
    """pp-320: 10 MB over one node: on the other it is closed with 4100, and whoever reads gets everything, in order."""
    channel = a.name("flood")
    async with AsyncExitStack() as stack:
        slow = await stack.enter_async_context(deaf(pair[1].process.port, channel))
        readers = [await stack.enter_async_context(target.client("FLOCK")) for target in (a, b, b)]
        for client in readers:
            await client.subscribed(channel)
        for number in range(BEHIND):
            await a.trigger(channel, f"n{number}", "x" * SIZE, app="FLOCK")
            assert [(await client.frame())["event"] for client in readers] == [f"n{number}"] * len(readers)
        async with asyncio.timeout(10):
            close = await slow.last_words()
        assert close is not None
        assert (close[0], close[1].startswith("Too slow: ")) == (4100, True)
        await marked(b, channel, *readers, app="FLOCK")


async def test_two_keys_of_one_app_are_one_app_on_both_nodes(a: Target, b: Target) -> None:
    """pp-322: whoever connects by either key, on either node, hears what is published by either, over either."""
    channel = a.name("private-x")
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(target.client(key)) for target in (a, b) for key in ("MAIN", "OLD")]
        for client in clients:
            await client.subscribed(channel)
        for target in (a, b):
            for key in ("MAIN", "OLD"):
                await marked(target, channel, *clients, app=key)
        for sender in clients:
            await sender.send({"event": "client-x", "channel": channel, "data": {}})
            for client in clients:
                if client is not sender:
                    assert (await client.frame())["event"] == "client-x"

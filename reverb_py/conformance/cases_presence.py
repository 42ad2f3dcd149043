"""Presence channels: who is told of whom. A user with many connections is one member."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from reverb_py.conformance.case import case
from reverb_py.conformance.client import Client, Frame, data_of
from reverb_py.conformance.expect import joins, member, not_allowed, signs_in, terminate
from reverb_py.conformance.target import Target
from reverb_py.conformance.verify import equal

ANN, BOB = {"name": "Ann"}, {"name": "Bob"}
PRUNED_AFTER = 12.0  # seconds that the end of a deaf member may take on FAST, whose limit is 3 s
SHAPES: tuple[tuple[Any, Any], ...] = (("u1", "u2"), (1, 2))  # as Pusher's documentation has ids, and as Reverb's tests


async def told(client: Client, event: str, channel: str, said: dict[str, Any]) -> None:
    """The next frame must be this event of the channel, its data a string that says exactly this."""
    frame = await client.frame()
    equal(sorted(frame), ["channel", "data", "event"], f"the members of {frame!r}")
    found = (frame["event"], frame["channel"], data_of(frame))
    equal(found, (f"pusher_internal:{event}", channel, said), "what a member is told")


async def told_added(client: Client, channel: str, user_id: str, user_info: Any) -> None:
    await told(client, "member_added", channel, {"user_id": user_id, "user_info": user_info})


async def told_removed(client: Client, channel: str, user_id: str) -> None:
    await told(client, "member_removed", channel, {"user_id": user_id})


async def users(target: Target, channel: str, app: str = "MAIN") -> list[str]:
    """The ids of the members, sorted, by the HTTP API."""
    response = await target.get(f"/channels/{channel}/users", app=app)
    equal(response.status_code, 200, f"the status of the question for users, {response.text[:200]!r}")
    return sorted(user["id"] for user in response.json()["users"])


# Coming and going.


@case("pp-92", "rb-78")
async def first_member(target: Target) -> None:
    """The first member is acknowledged with itself: count 1, its id, and its info in hash."""
    for given in ("u1", 1):
        channel, user_id = target.name("presence-x"), str(given)
        async with target.client() as client:
            frame = await client.subscribed(channel, channel_data=member(given, name="Test User"))
            equal(sorted(frame), ["channel", "data", "event"], "the members of the acknowledgement")
            presence = {"count": 1, "ids": [user_id], "hash": {user_id: {"name": "Test User"}}}
            equal(data_of(frame), {"presence": presence}, "the data of the acknowledgement")
            await client.nothing()


@case("pp-93", "rb-79")
async def second_member(target: Target) -> None:
    """The second member is told of both, the first one of the second, nobody of itself."""
    for first, second in SHAPES:
        channel = target.name("presence-x")
        async with target.client() as one, target.client() as two:
            await joins(one, channel, member(first, **ANN))
            found = await joins(two, channel, member(second, **BOB))
            equal(found, {str(first): ANN, str(second): BOB}, "the members")
            await told_added(one, channel, str(second), BOB)
            await two.nothing()
            await one.nothing()


@case("pp-94", "pp-95", "pp-96", "rb-80", "rb-81")
async def second_connection_of_a_user(target: Target) -> None:
    """A user's second connection is not announced, nor its end; only the user's last one is, once."""
    for first, second in SHAPES:
        channel = target.name("presence-x")
        async with target.client() as one, target.client() as two, target.client() as tab:
            equal(await joins(one, channel, member(first)), {str(first): {}}, "the first list")
            await joins(two, channel, member(second))
            await told_added(one, channel, str(second), {})
            equal(await joins(tab, channel, member(first)), {str(first): {}, str(second): {}}, "the tab's list")
            await tab.unsubscribe(channel)
            for client in (tab, one, two):
                await client.nothing()
            await one.unsubscribe(channel)
            await one.nothing()
            await told_removed(two, channel, str(first))
            await two.nothing()
            await tab.nothing()


@case("rb-80", "rb-81")
async def first_connection_leaves_first(target: Target) -> None:
    """It does not matter which of a user's connections is the last one, and the first info stays in hash."""
    channel = target.name("presence-x")
    async with target.client() as watcher, target.client() as first, target.client() as tab:
        await joins(watcher, channel, member("w"))
        await joins(first, channel, member("u1", **ANN))
        await told_added(watcher, channel, "u1", ANN)
        expected = {"w": {}, "u1": ANN}
        equal(await joins(tab, channel, member("u1", **BOB)), expected, "the list that the second connection gets")
        await first.send_close()
        await first.closed()
        await watcher.nothing()
        await tab.send_close()
        await told_removed(watcher, channel, "u1")
        await watcher.nothing()


async def by_close_frame(target: Target, client: Client, user_id: str) -> None:
    await client.send_close()


async def by_end_of_stream(target: Target, client: Client, user_id: str) -> None:
    await client.link.aclose()


async def by_reset(target: Target, client: Client, user_id: str) -> None:
    client.abort()


async def by_termination(target: Target, client: Client, user_id: str) -> None:
    await terminate(target, user_id)


WAYS: tuple[Callable[[Target, Client, str], Awaitable[None]], ...]
WAYS = (by_close_frame, by_end_of_stream, by_reset, by_termination)


@case("pp-97", "rb-82")
async def ends_of_a_connection(target: Target) -> None:
    """A member whose connection ends, in whatever way, is removed at once, from each of its channels."""
    for leave in WAYS:
        channels, user_id = [target.name("presence-x") for _ in range(2)], target.name("u")
        async with target.client() as watcher, target.client() as client:
            for channel in channels:
                await joins(watcher, channel, member("watcher"))
                await joins(client, channel, member(user_id))
                await told_added(watcher, channel, user_id, {})
            await leave(target, client, user_id)
            frames = sorted([await watcher.frame() for _ in channels], key=lambda frame: str(frame.get("channel")))
            said = [(frame["event"], frame["channel"], data_of(frame)) for frame in frames]
            expected = [("pusher_internal:member_removed", each, {"user_id": user_id}) for each in sorted(channels)]
            equal(said, expected, f"what the watcher is told of an end {leave.__name__.replace('_', ' ')}")
            await watcher.nothing()


@case("pp-97", "rb-82", apps=("FAST",), slow=True)
async def end_of_a_deaf_member(target: Target) -> None:
    """A member that gives no sign of life any more is removed when the liveness time is over."""
    channel = target.name("presence-x")
    async with target.client("FAST") as watcher, target.client("FAST") as deaf:
        watcher.ignored_events.add("pusher:ping")
        await joins(watcher, channel, member("watcher"))
        await joins(deaf, channel, member("deaf"))
        await told_added(watcher, channel, "deaf", {})
        removed: Frame = await watcher.frame(PRUNED_AFTER)  # the deaf one is not read, so it answers no PING
        equal(data_of(removed), {"user_id": "deaf"}, f"the data of {removed!r}")
        equal(removed["event"], "pusher_internal:member_removed", "what the watcher is told")
        equal(await users(target, channel, "FAST"), ["watcher"], "the users that are left")


@case("pp-113")
async def leaving_and_coming_back(target: Target) -> None:
    """Unsubscribe and subscribe in one burst: the others are told removed, then added, at once."""
    channel = target.name("presence-x")
    async with target.client() as watcher, target.client() as client:
        await joins(watcher, channel, member("watcher"))
        for _ in range(3):
            await joins(client, channel, member("u1"))
            await told_added(watcher, channel, "u1", {})
            await client.unsubscribe(channel)
            await client.subscribe(channel, channel_data=member("u1", **ANN))
            await client.acknowledged(channel)
            await told_removed(watcher, channel, "u1")
            await told_added(watcher, channel, "u1", ANN)
            await client.unsubscribe(channel)
            await told_removed(watcher, channel, "u1")
            await watcher.nothing()


@case("rb-71")
async def joining_twice(target: Target) -> None:
    """A connection that joins again is told the list again, nobody else anything; as another user it is refused."""
    channel = target.name("presence-x")
    async with target.client() as watcher, target.client() as client:
        await joins(watcher, channel, member("watcher"))
        await joins(client, channel, member("u1", **ANN))
        await told_added(watcher, channel, "u1", ANN)
        expected = {"watcher": {}, "u1": ANN}
        equal(await joins(client, channel, member("u1", **BOB)), expected, "the second list")
        await client.subscribe(channel, channel_data=member("u2"))
        await not_allowed(client, channel)
        await watcher.nothing()
        equal(await users(target, channel), ["u1", "watcher"], "the users")
        await client.unsubscribe(channel)
        await told_removed(watcher, channel, "u1")
        await watcher.nothing()


@case("rb-89")
async def cached_event_and_a_leaving_member(target: Target) -> None:
    """On presence-cache channels members who come and go are never the cached event."""
    channel = target.name("presence-cache-x")
    miss = {"event": "pusher:cache_miss", "channel": channel, "data": "{}"}
    event = {"event": "ev", "channel": channel, "data": '{"n":1}'}
    async with target.client() as watcher, target.client() as client:
        await joins(watcher, channel, member("watcher"))
        equal(await watcher.frame(), miss, "what the first one is told")
        for entry in (miss, event):
            if entry is event:
                await target.trigger(channel, "ev", '{"n":1}')
                equal(await watcher.frame(), event, "the event")
            for _ in range(2):
                await joins(client, channel, member("u1"))
                equal(await client.frame(), entry, "what follows the acknowledgement")
                await client.unsubscribe(channel)
                await told_added(watcher, channel, "u1", {})
                await told_removed(watcher, channel, "u1")


# Signed in.


@case("pp-110")
async def signed_in_member(target: Target) -> None:
    """A signed-in connection may join without channel_data: its member is the user, with the user's info."""
    channel, user_id = target.name("presence-x"), target.name("u")
    async with target.client() as watcher, target.client() as client, target.client() as bare:
        await joins(watcher, channel, member("watcher"))
        await signs_in(client, user_id, user_info=ANN, watchlist=[])
        equal(await joins(client, channel, None), {"watcher": {}, user_id: ANN}, "the members")
        await told_added(watcher, channel, user_id, ANN)
        other = target.name("u")
        await signs_in(bare, other)
        equal(await joins(bare, channel, None), {"watcher": {}, user_id: ANN, other: None}, "the members")
        await client.unsubscribe(channel)
        await told_added(watcher, channel, other, None)
        await told_removed(watcher, channel, user_id)


@case("pp-111")
async def signed_in_as_somebody_else(target: Target) -> None:
    """With channel_data, a signed-in connection joins as the member that channel_data names."""
    channel, user_id = target.name("presence-x"), target.name("u")
    async with target.client() as client:
        await signs_in(client, user_id, user_info=ANN)
        equal(await joins(client, channel, json.dumps({"user_id": "other"})), {"other": None}, "the members")
        equal(await users(target, channel), ["other"], "the users")

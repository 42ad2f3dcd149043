"""What a member of a presence channel may be: ids, infos, sizes, and what is refused though it is signed."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from reverb_py.conformance.case import case
from reverb_py.conformance.cases_presence import told_added, told_removed, users
from reverb_py.conformance.client import Client
from reverb_py.conformance.expect import joins, member, not_allowed
from reverb_py.conformance.target import Target
from reverb_py.conformance.verify import equal

SEATS = 100  # hosted's limit of members
LONGEST_ID = 128  # characters
LARGEST = 1_024  # bytes of user_id and user_info together
INFOS: tuple[Any, ...] = ({}, [], True, False, "x", "", [1], 0, 1.5, None, {"a": {"b": [{}]}})
NO_IDS: tuple[Any, ...] = (None, "", False, True, {}, [], ["u1"], {"id": "u1"})
NO_MEMBERS = ("not json", "{", "{}", "[]", '["u1"]', "5", "null", '"u1"', '{"id":"u1"}', '{"user_info":{"a":1}}')
TEXTS = ("Ænne Müller 🚗", "日本語", "a\u2028b\u2029", "\x00\x1f", '"\\/', "</script>", "👩‍👩‍👧", "\x7f")


@case("pp-98", "rb-83")
async def numbers_as_ids(target: Target) -> None:
    """A user_id that is a number is its decimal text, wherever it appears; "7" and 7 are one user."""
    for number in (10, 0, -7, 1.5, 9_007_199_254_740_993, 18_446_744_073_709_551_616):
        channel, text = target.name("presence-x"), str(number)
        async with target.client() as watcher, target.client() as client, target.client() as tab:
            await joins(watcher, channel, member("watcher"))
            equal(await joins(client, channel, member(number)), {"watcher": {}, text: {}}, "the members")
            await told_added(watcher, channel, text, {})
            equal(await joins(tab, channel, member(text)), {"watcher": {}, text: {}}, "the members")
            equal(await users(target, channel), sorted(["watcher", text]), "the users")
            event = {"event": "client-a", "channel": channel, "data": "{}"}
            await client.send(event)
            equal(await watcher.frame(), {**event, "user_id": text}, "a client event of that user")
            await client.unsubscribe(channel)
            await client.nothing()
            await watcher.nothing()
            await tab.unsubscribe(channel)
            await told_removed(watcher, channel, text)


@case("pp-99", "rb-86")
async def hash_of_small_numbers(target: Target) -> None:
    """hash is an object, also when the ids are "0", "1" and "2"."""
    for shape in (str, int):
        channel = target.name("presence-x")
        async with target.client() as first, target.client() as second, target.client() as third:
            expected: dict[str, Any] = {}
            for number, client in enumerate((first, second, third)):
                expected[str(number)] = {"n": number}
                equal(await joins(client, channel, member(shape(number), n=number)), expected, "the members")
            await told_added(first, channel, "1", {"n": 1})
            await first.unsubscribe(channel)
            await told_added(second, channel, "2", {"n": 2})
            await told_removed(second, channel, "0")


@case("pp-100", "rb-85")
async def no_user_info(target: Target) -> None:
    """A member without user_info is listed with null, to itself and to those who come later."""
    channel = target.name("presence-x")
    async with target.client() as watcher, target.client() as client, target.client() as late:
        await joins(watcher, channel, member("watcher"))
        found = await joins(client, channel, '{"user_id":"u1"}')
        equal(found, {"watcher": {}, "u1": None}, "the members")
        await told_added(watcher, channel, "u1", None)
        equal(await joins(late, channel, member("late")), {"watcher": {}, "u1": None, "late": {}}, "the members")


@case("pp-101", "rb-87")
async def any_user_info(target: Target) -> None:
    """user_info may be any JSON (a Laravel callback returns true), and reaches everybody unchanged: {} stays {}."""
    channel = target.name("presence-x")
    async with target.client() as watcher, target.client() as client:
        await joins(watcher, channel, member("watcher"))
        for info in INFOS:
            data = json.dumps({"user_id": "u1", "user_info": info})
            equal(await joins(client, channel, data), {"watcher": {}, "u1": info}, "the members")
            await told_added(watcher, channel, "u1", info)
            await client.unsubscribe(channel)
            await told_removed(watcher, channel, "u1")


@case("pp-102", "rb-84", "rb-88")
async def anonymous_member(target: Target) -> None:
    """Without channel_data and without a sign-in nobody joins, though signed; it does not hide who joins later."""
    channel = target.name("presence-x")
    async with target.client() as watcher, target.client() as anonymous, target.client() as named:
        await joins(watcher, channel, member("watcher"))
        await anonymous.subscribe(channel)
        await not_allowed(anonymous, channel)
        await watcher.nothing()
        expected = {"watcher": {}, "u1": {"name": "Ann"}}
        equal(await joins(named, channel, member("u1", name="Ann")), expected, "the members")
        equal(await users(target, channel), ["u1", "watcher"], "the users")
        await anonymous.nothing()


@case("pp-103", "pp-104")
async def data_without_a_member(target: Target) -> None:
    """channel_data that is no JSON object, or has no user_id, is refused though it is signed."""
    channel = target.name("presence-x")
    without = [json.dumps({"user_id": user_id, "user_info": {}}) for user_id in NO_IDS]
    async with target.client() as watcher:
        await joins(watcher, channel, member("watcher"))
        for data in (*NO_MEMBERS, *without):
            async with target.client() as client:
                await client.subscribe(channel, channel_data=data)
                await not_allowed(client, channel)
                await target.trigger(channel)
                await client.nothing()
            equal((await watcher.frame())["event"], "ev", f"what the watcher is told after {data}")
        equal(await users(target, channel), ["watcher"], "the users")


@case("pp-108")
async def data_is_signed_as_it_is(target: Target) -> None:
    """channel_data with odd spaces, order of keys, escapes and further keys is signed and read as it is."""
    channel = target.name("presence-x")
    data = '\n{ "x":[1,{"user_id":"no"}],\t"user_info" : { "b" :1,"a":"\\u00e9\\/" } , "user_id"\r: "u1" }  '
    async with target.client() as watcher, target.client() as client:
        await joins(watcher, channel, member("watcher"))
        info = {"b": 1, "a": "é/"}
        equal(await joins(client, channel, data), {"watcher": {}, "u1": info}, "the members")
        await told_added(watcher, channel, "u1", info)


@case("pp-109")
async def any_text(target: Target) -> None:
    """Letters of any script and emoji arrive unchanged, in the info and in the id, escaped or not."""
    channel = target.name("presence-x")
    async with target.client() as watcher, target.client() as client:
        await joins(watcher, channel, member("watcher"))
        for text in TEXTS:
            for escaped in (True, False):
                fields = {"user_id": text, "user_info": {text: text}}
                data = json.dumps(fields, ensure_ascii=escaped)
                equal(await joins(client, channel, data), {"watcher": {}, text: {text: text}}, "the members")
                await told_added(watcher, channel, text, {text: text})
                await client.unsubscribe(channel)
                await told_removed(watcher, channel, text)


# Limits: hosted's, which an app may have; and none, which is the default.


async def accepted(target: Target, app: str, *members: str) -> None:
    for data in members:
        async with target.client(app) as client:
            await joins(client, target.name("presence-x"), data)


async def refused(target: Target, app: str, *members: str) -> None:
    for data in members:
        channel = target.name("presence-x")
        async with target.client(app) as client:
            await client.subscribe(channel, channel_data=data)
            await not_allowed(client, channel)
            equal(await users(target, channel, app), [], "the users")


def of_size(size: int, letter: str = "x") -> str:
    """A member whose user_id and user_info have this many bytes together, the latter with odd spaces."""
    start = f'{{  "a":"{letter}'
    return f'{{"user_id":"u1","user_info":{start}{"x" * (size - len("u1") - len(start.encode()) - 2)}"}}}}'


@case("pp-105", apps=("HOSTED",))
async def hosted_longest_id(target: Target) -> None:
    """With hosted's limit a user_id of 128 characters is accepted and one of 129 is refused."""
    await accepted(target, "HOSTED", member("x" * LONGEST_ID), member("é" * LONGEST_ID))
    await refused(target, "HOSTED", member("x" * (LONGEST_ID + 1)), member(10**LONGEST_ID))


@case("pp-106", apps=("HOSTED",))
async def hosted_largest_user(target: Target) -> None:
    """With hosted's limit user_id and user_info of 1 kB together are accepted, and of a byte more refused."""
    await accepted(target, "HOSTED", of_size(LARGEST), of_size(LARGEST, "é"))
    await refused(target, "HOSTED", of_size(LARGEST + 1), of_size(LARGEST + 1, "é"))


@case("pp-105", "pp-106")
async def no_limit_on_a_user(target: Target) -> None:
    """Without such a limit, ids of 129 and 1 000 characters and a user of 10 kB are accepted."""
    await accepted(target, "MAIN", member("x" * (LONGEST_ID + 1)), member("x" * 1_000), of_size(10 * LARGEST))


@asynccontextmanager
async def crowd(target: Target, app: str, channel: str, size: int) -> AsyncIterator[list[Client]]:
    """So many users in a presence channel, with the ids 1, 2, 3…"""
    async with AsyncExitStack() as stack:
        clients = []
        for number in range(1, size + 1):
            clients.append(await stack.enter_async_context(target.client(app)))
            found = await joins(clients[-1], channel, member(number))
            equal(len(found), number, "the number of members")
        yield clients


@case("pp-107", apps=("HOSTED",))
async def full_channel(target: Target) -> None:
    """With hosted's limit the 101st user is refused, until one leaves; further connections of a member are not."""
    channel = target.name("presence-x")
    app = "HOSTED"
    async with crowd(target, app, channel, SEATS) as clients, target.client(app) as late, target.client(app) as tab:
        await late.subscribe(channel, channel_data=member("late"))
        await not_allowed(late, channel)
        equal(len(await joins(tab, channel, member(1))), SEATS, "the number of members")
        await clients[-1].unsubscribe(channel)
        await told_removed(tab, channel, str(SEATS))
        equal(len(await joins(late, channel, member("late"))), SEATS, "the number of members")
        await told_added(tab, channel, "late", {})


@case("pp-107")
async def no_limit_on_members(target: Target) -> None:
    """Without such a limit the 101st user is accepted."""
    channel = target.name("presence-x")
    async with crowd(target, "MAIN", channel, SEATS + 1):
        equal(len(await users(target, channel)), SEATS + 1, "the number of users")

"""Questions to the HTTP API: which channels are occupied, by how many, by whom, and what a cache holds."""

import json
from typing import Any
from urllib.parse import quote

from reverb_py.conformance.case import case
from reverb_py.conformance.expect import eventually, request_refused, vacated
from reverb_py.conformance.target import Target
from reverb_py.conformance.verify import equal, that

ANN, BOB = '{"user_id":"ann","user_info":{"name":"Ann"}}', '{"user_id":2}'
CACHE_TTL = 1_800  # seconds
MEMBERSHIP = {"pusher_internal:member_added", "pusher_internal:member_removed"}
EVERY_INFO = "user_count,subscription_count,cache"


async def ask(target: Target, path: str, app: str = "MAIN", **params: str) -> Any:
    """The JSON of the answer to a GET, which must be 200."""
    response = await target.get(path, params, app)
    equal(response.status_code, 200, f"the status of GET {path}, {response.text[:300]!r}")
    kind = response.headers.get("content-type", "")
    that(kind.startswith("application/json"), f"expected JSON, got {kind!r}")
    return response.json()


@case("pp-222", "rb-147", apps=("MAIN", "MIN"))
async def nothing_occupied(target: Target) -> None:
    """When nothing is occupied, or nothing with the prefix, `channels` is an empty object, never a list."""

    async def vacant() -> bool:
        return bool((await target.get("/channels", app="MIN")).content == b'{"channels":{}}')

    await eventually(vacant, "the answer for an app that nobody uses should be an empty object")
    found = await ask(target, "/channels", filter_by_prefix=target.name("nothing"))
    equal(found, {"channels": {}}, "the answer to a prefix that fits nothing")


@case("pp-223", "rb-145")
async def list_of_channels(target: Target) -> None:
    """Occupied channels are listed with {} each, and vanish when they are vacated; users' own are not listed."""
    start = target.name("list")
    first, second = f"{start}-a", f"{start}-b"
    user = target.name("listed")
    async with target.client() as client:
        await client.signin(f'{{"id":"{user}"}}')
        equal((await client.frame())["event"], "pusher:signin_success", "the answer to the sign-in")
        await client.subscribed(f"#server-to-user-{user}")
        await client.subscribed(first)
        await client.subscribed(second)
        listed = await ask(target, "/channels", filter_by_prefix=start)
        equal(listed, {"channels": {first: {}, second: {}}}, "two occupied channels")
        everything = (await ask(target, "/channels"))["channels"]
        that({first, second} <= set(everything), f"expected both channels in {sorted(everything)!r}")
        users = [name for name in everything if name.startswith("#")]
        equal(users, [], "the channels of users")
        equal(await ask(target, "/channels", filter_by_prefix="#"), {"channels": {}}, "the channels of users")
        await client.unsubscribe(first)
        await client.nothing()
        left = await ask(target, "/channels", filter_by_prefix=start)
        equal(left, {"channels": {second: {}}}, "the channels after one was left")
    await vacated(target, second)
    equal(await ask(target, "/channels", filter_by_prefix=start), {"channels": {}}, "the channels at the end")


@case("pp-224", "rb-146")
async def prefix(target: Target) -> None:
    """filter_by_prefix lists the channels that begin so, and an empty one lists all."""
    private, presence, public = (target.name(name) for name in ("private-p", "presence-p", "p"))
    async with target.client() as client:
        await client.subscribed(private)
        await client.subscribed(presence, channel_data=ANN)
        await client.subscribed(public)
        for asked in ("private-", "presence-", private, private[:-1], "p"):
            listed = (await ask(target, "/channels", filter_by_prefix=asked))["channels"]
            wrong = [name for name in listed if not name.startswith(asked)]
            equal(wrong, [], f"channels that do not begin with {asked}")
            expected = {name for name in (private, presence, public) if name.startswith(asked)}
            that(expected <= set(listed), f"expected {expected!r} among those with {asked}, got {sorted(listed)!r}")
        everything = set((await ask(target, "/channels", filter_by_prefix=""))["channels"])
        that({private, presence, public} <= everything, "expected every channel for an empty prefix")


@case("pp-225", "pp-226", "pp-227", "rb-144")
async def counts_in_the_list(target: Target) -> None:
    """The list counts distinct users where there are any, and connections elsewhere, with every prefix and none."""
    public, presence = target.name("counted"), target.name("presence-counted")
    async with target.client() as one, target.client() as two, target.client() as three:
        two.ignored_events |= MEMBERSHIP
        for client, member in ((one, ANN), (two, ANN), (three, BOB)):
            await client.subscribed(presence, channel_data=member)
            await client.subscribed(public)
        users, connections = {"user_count": 2}, {"subscription_count": 3}
        table: tuple[tuple[str, dict[str, int], dict[str, int]], ...] = (
            ("user_count", {}, users),
            ("subscription_count", connections, {}),
            ("user_count,subscription_count", connections, users),
            (EVERY_INFO, connections, users),
            ("foo", {}, {}),
        )
        for wanted, of_public, of_presence in table:
            everything = (await ask(target, "/channels", info=wanted))["channels"]
            equal(everything[public], of_public, f"{wanted} of a public channel")
            equal(everything[presence], of_presence, f"{wanted} of a presence channel")
            for start in ("presence-", presence, "pre"):
                listed = await ask(target, "/channels", filter_by_prefix=start, info=wanted)
                equal(listed["channels"][presence], of_presence, f"{wanted} with the prefix {start}")
        await two.unsubscribe(presence)
        await two.nothing()
        listed = await ask(target, "/channels", filter_by_prefix=presence, info="user_count")
        equal(listed, {"channels": {presence: users}}, "users, when one of two connections has left")


@case("pp-228", "pp-229", "pp-230", "pp-234", "rb-141", "rb-142")
async def public_channel(target: Target) -> None:
    """A public channel is occupied or not, and has a subscription_count; no other info applies to it."""
    channel = target.name("t")
    path = f"/channels/{channel}"
    equal(await ask(target, path), {"occupied": False}, "an unknown channel")
    empty = {"occupied": False, "subscription_count": 0}
    equal(await ask(target, path, info=EVERY_INFO), empty, "an unknown channel, with every info")
    async with target.client() as first, target.client() as second:
        await first.subscribed(channel)
        await second.subscribed(channel)
        two = {"occupied": True, "subscription_count": 2}
        equal(await ask(target, path), {"occupied": True}, "an occupied channel")
        for info in ("subscription_count", "user_count,subscription_count", EVERY_INFO):
            equal(await ask(target, path, info=info), two, f"an occupied channel, with {info}")
        for info in ("user_count", "cache", "user_count,cache", "foo", ""):
            equal(await ask(target, path, info=info), {"occupied": True}, f"an occupied channel, with {info!r}")
    await vacated(target, channel)


@case("pp-230", apps=("MIN",))
async def count_of_a_plain_app(target: Target) -> None:
    """Subscriptions are counted for every app, whatever it has switched off."""
    channel = target.name("counted")
    async with target.client("MIN") as client:
        await client.subscribed(channel)
        found = await ask(target, f"/channels/{channel}", "MIN", info="subscription_count")
        equal(found, {"occupied": True, "subscription_count": 1}, "the answer")


@case("pp-229", "pp-231", "rb-143")
async def presence_channel(target: Target) -> None:
    """A presence channel counts its distinct users; a subscription_count does not apply to it."""
    channel = target.name("presence-t")
    path = f"/channels/{channel}"
    equal(await ask(target, path, info=EVERY_INFO), {"occupied": False, "user_count": 0}, "an unoccupied one")
    async with target.client() as first, target.client() as second:
        await first.subscribed(channel, channel_data=ANN)
        await second.subscribed(channel, channel_data=ANN)
        for info in ("user_count", "user_count,subscription_count", EVERY_INFO):
            found = await ask(target, path, info=info)
            equal(found, {"occupied": True, "user_count": 1}, f"the same user twice, with {info}")


@case("pp-232", slow=True)
async def cached_event(target: Target) -> None:
    """`cache` is the last event with the whole seconds that it will still be kept, of which there are ever less."""
    for kind in ("cache-x", "private-cache-x", "presence-cache-x", "private-encrypted-cache-x"):
        channel = target.name(kind)
        path = f"/channels/{channel}"
        await target.trigger(channel, "forgotten", "1")
        await target.trigger(channel, "ev", '{"a": "é"}')
        found = await ask(target, path, info="cache")
        equal((found["occupied"], set(found)), (False, {"occupied", "cache"}), "what is told")
        first = found["cache"].pop("ttl")
        equal(found["cache"], {"event": "ev", "channel": channel, "data": '{"a": "é"}'}, "the event")
        that(type(first) is int and 0 < first <= CACHE_TTL, f"expected seconds up to {CACHE_TTL}, got {first!r}")

    async def less() -> bool:
        return bool((await ask(target, path, info="cache"))["cache"]["ttl"] < first)

    await eventually(less, f"a ttl of {first} should become less")


@case("pp-233")
async def empty_cache(target: Target) -> None:
    """The `cache` of a cache channel without an event is null, and left out where nobody asks."""
    for kind in ("cache-x", "private-cache-x", "presence-cache-x", "private-encrypted-cache-x"):
        path = f"/channels/{target.name(kind)}"
        equal(await ask(target, path, info="cache"), {"occupied": False, "cache": None}, "an empty cache")
        equal(await ask(target, path), {"occupied": False}, "without info")
    await target.trigger(channel := target.name("cache-x"))
    equal(await ask(target, f"/channels/{channel}"), {"occupied": False}, "without info, when there is an event")


@case("pp-235")
async def odd_channel_in_the_path(target: Target) -> None:
    """A channel name with every sign that is legal may stand raw or percent-encoded in the path, signed either way."""
    app = target.apps["MAIN"]
    channel = target.name("presence-a@b;c,d=e_-.X")
    start = f"/apps/{app.id}/channels/"
    encoded = quote(channel, safe="")
    async with target.client() as client:
        await client.subscribed(channel, channel_data=ANN)
        for sent in (channel, encoded, encoded.replace("%2C", "%2c")):
            for signed in {channel, sent}:
                params = {"info": "user_count"}
                response = await target.get(f"/channels/{sent}", params, signed_path=start + signed)
                equal(response.status_code, 200, f"the status of {sent}, signed as {signed}, {response.text!r}")
                equal(response.json(), {"occupied": True, "user_count": 1}, "the answer")
                response = await target.get(f"/channels/{sent}/users", signed_path=f"{start}{signed}/users")
                equal(response.json(), {"users": [{"id": "ann"}]}, "the users")


@case("pp-236")
async def illegal_channel_in_the_path(target: Target) -> None:
    """A question about a channel that cannot exist is refused with 422."""
    for name in ("a%20b", "%C3%A9", "a%3Ab", "%23foo", "x" * 201):
        for path in (f"/channels/{name}", f"/channels/{name}/users", f"/channels/{name}/stats"):
            request_refused(await target.get(path), 422, "Invalid channel name", "RVB307")


@case("pp-237", "rb-148")
async def users(target: Target) -> None:
    """The users of a presence channel are told once each, by ids that are strings, in the order of joining."""
    channel = target.name("presence-users")
    path = f"/channels/{channel}/users"
    members = ("1", '"é"', '"1"', "3")
    async with target.client() as one, target.client() as two, target.client() as three, target.client() as four:
        clients = (one, two, three, four)
        for client, member in zip(clients, members, strict=True):
            client.ignored_events |= MEMBERSHIP
            await client.subscribed(channel, channel_data=f'{{"user_id":{member},"user_info":{{}}}}')
        expected = [{"id": "1"}, {"id": "é"}, {"id": "3"}]
        equal(await ask(target, path), {"users": expected}, "the users")
        await one.unsubscribe(channel)
        await one.nothing()
        equal(await ask(target, path), {"users": expected}, "the users, when one of two connections has left")
        await three.unsubscribe(channel)
        await three.nothing()
        equal(await ask(target, path), {"users": expected[1:]}, "the users, when the other has left")


@case("pp-238", "pp-239", "rb-149")
async def users_of_others(target: Target) -> None:
    """An unoccupied presence channel has no users; of a channel of another kind nobody may ask (422)."""
    found = await ask(target, f"/channels/{target.name('presence-empty')}/users")
    equal(found, {"users": []}, "the users of an unoccupied channel")
    for kind in ("my-ch", "private-x", "cache-x", "presencefoo"):
        channel = target.name(kind)
        async with target.client() as client:
            request_refused(await target.get(f"/channels/{channel}/users"), 422, "", "presence")
            await client.subscribed(channel)
            request_refused(await target.get(f"/channels/{channel}/users"), 422, "", "presence")


@case("pp-240")
async def stats(target: Target) -> None:
    """The deprecated stats tell occupied and connection_count, and user_count of a presence channel."""
    public, presence = target.name("stats"), target.name("presence-stats")
    equal(await ask(target, f"/channels/{public}/stats"), {"occupied": False, "connection_count": 0}, "of nobody")
    empty = {"occupied": False, "user_count": 0, "connection_count": 0}
    equal(await ask(target, f"/channels/{presence}/stats"), empty, "of a presence channel without members")
    async with target.client() as first, target.client() as second:
        for client in (first, second):
            await client.subscribed(public)
            await client.subscribed(presence, channel_data=ANN)
        found = await ask(target, f"/channels/{public}/stats")
        equal(found, {"occupied": True, "connection_count": 2}, "of a public channel")
        found = await ask(target, f"/channels/{presence}/stats")
        equal(found, {"occupied": True, "user_count": 1, "connection_count": 2}, "of a presence channel")


@case("rb-150", apps=("A",))
async def connections(target: Target) -> None:
    """/connections counts each connection once, on however many channels it is."""

    async def number(expected: int) -> None:
        async def so() -> bool:
            return bool(await ask(target, "/connections", "A") == {"connections": expected})

        await eventually(so, f"/connections should be {expected}")

    await number(0)
    async with target.client("A") as first:
        for _ in range(3):
            await first.subscribed(target.name("connected"))
        await number(1)
        async with target.client("A") as second:
            await second.subscribed(target.name("connected"))
            equal((await target.get("/connections", app="A")).content, b'{"connections":2}', "the body")
        await number(1)


@case("rb-151")
async def unsigned_questions(target: Target) -> None:
    """Every question without a signature, or with a wrong one, is refused with 401 and tells nothing."""
    app = target.apps["MAIN"]
    channel = target.name("presence-secret")
    async with target.client() as client:
        await client.subscribed(channel, channel_data=ANN)
        for path in ("/channels", f"/channels/{channel}", "/channels/no-such-channel", "/connections"):
            await refused_without_signature(target, app.id, path)
        for tail in ("/users", "/stats"):
            await refused_without_signature(target, app.id, f"/channels/{channel}{tail}")


async def refused_without_signature(target: Target, app_id: str, path: str) -> None:
    sentence = "Authentication signature invalid."
    request_refused(await target.http("GET", f"/apps/{app_id}{path}"), 401, sentence, "RVB211")
    request_refused(await target.get(path, secret="another secret"), 401, sentence, "RVB302")
    request_refused(await target.get(path, omit=("auth_signature",)), 401, sentence, "auth_signature")


@case("pp-223", "pp-225")
async def questions_in_a_crowd(target: Target) -> None:
    """Names and counts are right for each of a hundred channels of one connection."""
    start = target.name("presence-crowd")
    names = [f"{start}-{number}" for number in range(100)]
    async with target.client() as client:
        for name in names:
            await client.subscribe(name, channel_data=json.dumps({"user_id": name[-20:]}))
        for name in names:
            await client.acknowledged(name)
        listed = await ask(target, "/channels", filter_by_prefix=start, info="user_count")
        equal(listed, {"channels": {name: {"user_count": 1} for name in names}}, "the channels")

"""Publishing one event: what a body may hold, what it may not, and who receives what."""

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from reverb_py.conformance import signing
from reverb_py.conformance.case import case
from reverb_py.conformance.client import Client
from reverb_py.conformance.expect import request_refused
from reverb_py.conformance.target import Target
from reverb_py.conformance.verify import equal, that

HOSTED_SIZE, HOSTED_CHANNELS, HOSTED_NAME = 10_240, 100, 200  # bytes, channels, characters
CAR = "🚗"  # four bytes in UTF-8
LEFT_OUT = object()


def event(to: str, /, **changes: Any) -> dict[str, Any]:
    """The fields of a right publish to this channel, changed; LEFT_OUT takes one away."""
    fields = {"name": "ev", "data": "{}", "channels": [to], **changes}
    return {name: value for name, value in fields.items() if value is not LEFT_OUT}


async def next_event(client: Client) -> tuple[str, str]:
    """Channel and data of the next frame, which must be an event called ev."""
    frame = await client.frame()
    equal(frame["event"], "ev", "the event")
    return frame["channel"], frame["data"]


@case("pp-191", "rb-113")
async def documented_example(target: Target) -> None:
    """The documented publish is answered 200 with {} in JSON, and its subscriber gets event, channel and data."""
    channel = target.name("project-3")
    body = '{"name":"foo","channels":["%s"],"data":"{\\"some\\":\\"data\\"}"}' % channel  # noqa: UP031
    async with target.client() as client:
        await client.subscribed(channel)
        response = await target.post("/events", body.encode())
        equal((response.status_code, response.content), (200, b"{}"), "status and body")
        equal(response.headers.get("content-length"), "2", "the length")
        kind = response.headers.get("content-type", "")
        that(kind.startswith("application/json"), f"expected JSON, got {kind!r}")
        expected = {"event": "foo", "channel": channel, "data": '{"some":"data"}'}
        equal(await client.frame(), expected, "the frame")


@case("pp-192")
async def one_channel(target: Target) -> None:
    """A publish that names its only `channel`, as PHP's library does, is delivered."""
    channel = target.name("single")
    async with target.client() as client:
        await client.subscribed(channel)
        headers = {"X-Pusher-Library": "pusher-http-php 7.2.6"}
        fields = event(channel, channels=LEFT_OUT, channel=channel)
        response = await target.post("/events", fields, headers=headers)
        equal((response.status_code, response.content), (200, b"{}"), "status and body")
        equal(await next_event(client), (channel, "{}"), "what arrives")


@case("rb-114", "pp-208")
async def several_channels(target: Target) -> None:
    """Every channel of the list is served in its order, each once, though one is listed twice."""
    first, second, third = (target.name(name) for name in ("one", "two", "three"))
    async with target.client() as both, target.client() as single:
        for channel in (third, first, second):
            await both.subscribed(channel)
        await single.subscribed(second)
        await target.trigger([first, second, first, third, second])
        arrived = [await next_event(both) for _ in range(3)]
        equal(arrived, [(first, "{}"), (second, "{}"), (third, "{}")], "what arrives on three channels")
        equal(await next_event(single), (second, "{}"), "what arrives on one")
        await both.nothing()
        await single.nothing()


@case("rb-121")
async def channels_win(target: Target) -> None:
    """Of `channels` and `channel` together, `channels` is obeyed."""
    wanted, other = target.name("wanted"), target.name("other")
    async with target.client() as client:
        await client.subscribed(wanted)
        await client.subscribed(other)
        await target.trigger(wanted, channel=other)
        equal(await next_event(client), (wanted, "{}"), "what arrives")
        await client.nothing()


NO_TEXTS: tuple[Any, ...] = ({"a": 1}, {}, [], 5, 1.5, False)
NO_CHANNELS = "The channels field is required when channel is not present."
WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    *(({"name": value}, "The name field is required.") for value in (LEFT_OUT, None, "", "   ")),
    *(({"name": value}, "The name field must be a string.") for value in (5, True, ["ev"], {"a": 1})),
    *(({"data": value}, "The data field is required.") for value in (LEFT_OUT, None)),
    *(({"data": value}, "The data field must be a string.") for value in NO_TEXTS),
    *(({"channels": value}, NO_CHANNELS) for value in (LEFT_OUT, None, [])),
    *(({"channels": value}, "The channels field must be an array.") for value in ("x", 5, True)),
    *(({"channels": LEFT_OUT, "channel": value}, "The channel field must be a string.") for value in (5, ["x"])),
    *(({"channels": LEFT_OUT, "channel": value}, NO_CHANNELS) for value in ("", None)),
    *(({"socket_id": value}, "The socket id field must be a string.") for value in (1234, ["1.1"])),
    *(({"info": value}, "The info field must be a string.") for value in (1234, ["user_count"])),
)


@case("pp-193", "pp-195", "pp-196", "pp-212", "rb-119")
async def wrong_parameters(target: Target) -> None:
    """A parameter that is missing or of a wrong type is refused with 422 and Reverb's sentence."""
    channel = target.name("wrong")
    async with target.client() as client:
        await client.subscribed(channel)
        for changes, sentence in WRONG:
            request_refused(await target.post("/events", event(channel, **changes)), 422, sentence, "RVB307")
        await client.nothing()
        await target.trigger(channel, data="")  # which Reverb refuses, and hosted accepts
        equal(await next_event(client), (channel, ""), "an event with empty data")


@case("pp-209", "rb-120")
async def body_that_is_no_object(target: Target) -> None:
    """A body that cannot be parsed is refused with 400, and JSON that is no object with 422."""
    name = target.name("parsed").encode()
    lone = b'{"name":"ev","data":"\\ud800","channels":["%b"]}' % name
    unparsable = (b"", b"not json", b"{", b"{'name':'ev'}", b'{"name":"\xff"}', b"[" * 100_000, b"NaN", lone)
    for body in unparsable:
        request_refused(await target.post("/events", body), 400, "The body ")
    for body in (b"[]", b'["name"]', b'"x"', b"5", b"null", b"true"):
        request_refused(await target.post("/events", body), 422, "The body must be a JSON object.")
    request_refused(await target.post("/events", b"{}"), 422, "The name field is required.")


@case("pp-195")
async def long_event_name(target: Target) -> None:
    """Without hosted's limit an event name of 300 characters is accepted, as by Reverb."""
    channel = target.name("long")
    async with target.client() as client:
        await client.subscribed(channel)
        for length in (HOSTED_NAME + 1, 300):
            await target.trigger(channel, "n" * length)
            equal((await client.frame())["event"], "n" * length, "the event")


@case("pp-195", apps=("HOSTED",))
async def hosted_event_name(target: Target) -> None:
    """With hosted's limit an event name of 200 characters is accepted, and one of 201 refused with 422."""
    channel = target.name("long")
    await target.trigger(channel, "n" * HOSTED_NAME, app="HOSTED")
    response = await target.post("/events", event(channel, name="n" * (HOSTED_NAME + 1)), "HOSTED")
    request_refused(response, 422, "The name field must not be greater than 200 characters.")


@case("pp-194", apps=("MAIN", "HOSTED"))
async def many_channels(target: Target) -> None:
    """With hosted's limit 100 channels are accepted and 101 refused with 422; without it there is no limit."""
    channels = [target.name("many") for _ in range(HOSTED_CHANNELS + 1)]
    async with target.client("HOSTED") as client:
        await client.subscribed(channels[0])
        response = await target.post("/events", event("", channels=channels), "HOSTED")
        limit = "The channels field must not have more than 100 items"
        request_refused(response, 422, limit, "101", "REVERB_APP_MAX_EVENT_CHANNELS")
        await client.nothing()
        await target.trigger(channels[:HOSTED_CHANNELS], app="HOSTED")
        equal(await next_event(client), (channels[0], "{}"), "what arrives")
    await target.trigger(channels)


@case("pp-197", "pp-198", apps=("HOSTED",))
async def hosted_data(target: Target) -> None:
    """With hosted's limit 10 240 bytes of data are accepted, and 10 241 refused with a 413 that says so."""
    channel = target.name("large")
    async with target.client("HOSTED") as client:
        await client.subscribed(channel)
        for character, count in (("x", HOSTED_SIZE), (CAR, HOSTED_SIZE // 4)):
            await target.trigger(channel, "ev", character * count, "HOSTED")
            equal(await next_event(client), (channel, character * count), "what arrives")
            too_much = character * (count + 1)
            response = await target.post("/events", event(channel, data=too_much), "HOSTED")
            limit = f"The data content of this event exceeds the allowed maximum ({HOSTED_SIZE} bytes"
            size = str(len(too_much.encode()))
            request_refused(response, 413, limit, size, "REVERB_APP_MAX_EVENT_SIZE", "RVB306")
            await client.nothing()


@case("pp-197", "pp-198")
async def large_data(target: Target) -> None:
    """Without hosted's limit data of more than 10 240 bytes is delivered whole, as by Reverb."""
    channel = target.name("large")
    async with target.client() as client:
        await client.subscribed(channel)
        for data in ("x" * (HOSTED_SIZE + 1), CAR * (HOSTED_SIZE // 4 + 1), CAR * 20_000):
            await target.trigger(channel, "ev", data)
            equal(await next_event(client), (channel, data), "what arrives")


@case("pp-199", apps=("MAIN", "HOSTED"))
async def large_body(target: Target) -> None:
    """10 240 bytes of data that JSON escapes, to 100 channels of the longest names, are accepted."""
    for app, longest in (("MAIN", 200), ("HOSTED", 164)):
        channels = [target.name("long").ljust(longest, "x") for _ in range(HOSTED_CHANNELS)]
        async with target.client(app) as client:
            await client.subscribed(channels[-1])
            for data in ('"' * HOSTED_SIZE, "\x01" * HOSTED_SIZE, CAR * (HOSTED_SIZE // 4)):
                await target.trigger(channels, "ev", data, app)
                equal(await next_event(client), (channels[-1], data), "what arrives")


ILLEGAL: tuple[Any, ...] = ("a b", "a/b", "x" * 201, "#foo", "", "é", "a:b", "a\n", "#server-to-user-", ["a"], {}, None)


@case("pp-200")
async def illegal_channel(target: Target) -> None:
    """One illegal channel name among legal ones is refused with 422, and nobody receives anything."""
    channel = target.name("legal")
    async with target.client() as client:
        await client.subscribed(channel)
        for name in ILLEGAL:
            response = await target.post("/events", event(channel, channels=[channel, name, channel]))
            request_refused(response, 422, "", "channel")
        await client.nothing()


@case("pp-201", "rb-115")
async def excluded_connection(target: Target) -> None:
    """The connection that socket_id names receives nothing, on no channel; the others do."""
    channels = [target.name("exclusive"), target.name("exclusive")]
    async with target.client() as sender, target.client() as other:
        for channel in channels:
            await sender.subscribed(channel)
            await other.subscribed(channel)
        await target.trigger(channels, socket_id=sender.socket_id)
        equal([(await next_event(other))[0] for _ in channels], channels, "what the other receives")
        await sender.nothing()


@case("pp-202", "rb-116")
async def unknown_socket_id(target: Target) -> None:
    """A socket_id that nobody has, well formed or not, excludes nobody."""
    channel = target.name("everybody")
    async with target.client() as client:
        await client.subscribed(channel)
        for socket_id in ("1.1", "123123", "invalid-socket-id", "", "é", f"{client.socket_id} ", None):
            await target.trigger(channel, socket_id=socket_id)
            equal(await next_event(client), (channel, "{}"), f"what arrives, with the socket_id {socket_id!r}")


@case("pp-203", "pp-204", "pp-206", "rb-117", "rb-118")
async def info(target: Target) -> None:
    """`info` is answered for each channel with what applies to it; the rest and the unknown is left out."""
    presence, public, empty = (target.name(name) for name in ("presence-a", "test-b", "presence-empty"))
    nobody = target.name("nobody")
    member = '{"user_id":"1"}'
    users, connections = {"user_count": 1}, {"subscription_count": 1}
    no_users, no_connections = {"user_count": 0}, {"subscription_count": 0}
    table: Sequence[tuple[str, Sequence[Mapping[str, int]]]] = (
        ("user_count,subscription_count", (users, connections, no_users, no_connections)),
        ("user_count", (users, {}, no_users, {})),
        ("subscription_count", ({}, connections, {}, no_connections)),
        ("foo", ({}, {}, {}, {})),
        ("foo,user_count", (users, {}, no_users, {})),
    )
    channels = [presence, public, empty, nobody]
    async with target.client() as first, target.client() as second:
        await first.subscribed(presence, channel_data=member)
        await second.subscribed(presence, channel_data=member)
        await first.subscribed(public)
        for wanted, answers in table:
            response = await target.trigger([*channels, public], info=wanted)
            expected = dict(zip(channels, answers, strict=True))
            equal(response.json(), {"channels": expected}, f"the answer to info={wanted}")
        equal((await target.trigger(channels, info="")).json(), {}, "the answer to an empty info")


@case("pp-205", apps=("MIN",))
async def info_of_a_plain_app(target: Target) -> None:
    """Subscriptions are counted over HTTP for every app, whatever it has switched off."""
    channel = target.name("counted")
    async with target.client("MIN") as client:
        await client.subscribed(channel)
        response = await target.trigger(channel, app="MIN", info="subscription_count")
        equal(response.json(), {"channels": {channel: {"subscription_count": 1}}}, "the answer")


async def publish_by_query(
    target: Target, sent: Sequence[tuple[str, str]], signed: Mapping[str, str | Sequence[str]]
) -> httpx.Response:
    """POST to /events without a body; `signed` is what the signature covers, lists as `name[]` repeated."""
    app = target.apps["MAIN"]
    auth = {"auth_key": app.key, "auth_timestamp": str(int(time.time())), "auth_version": "1.0"}
    path = f"/apps/{app.id}/events"
    covered: dict[str, str | Sequence[str]] = {**signed, **auth}
    lines = []
    for name in sorted(covered):
        value = covered[name]
        lines += [f"{name}={value}"] if isinstance(value, str) else [f"{name}[]={each}" for each in value]
    signature = signing.hexdigest(app.secret, f"POST\n{path}\n{'&'.join(lines)}")
    pairs = [*sent, *auth.items(), ("auth_signature", signature)]
    query = "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs)
    return await target.http("POST", f"{path}?{query}", headers={"Content-Length": "0"})


@case("pp-207")
async def publish_in_the_query(target: Target) -> None:
    """An event in the query string, without a body, is published, with one channel or a list of them."""
    first, second = target.name("query"), target.name("query")
    fields = {"name": "ev", "data": '{"a": "é&+ "}'}
    pairs = list(fields.items())
    lists = [("channels[]", second), ("channels[]", first)]
    numbered = [("channels[0]", second), ("channels[1]", first)]
    joined = {"channels": f"{second},{first}"}
    async with target.client() as client:
        await client.subscribed(first)
        await client.subscribed(second)
        one = await publish_by_query(target, [*pairs, ("channel", first)], {**fields, "channel": first})
        ruby = await publish_by_query(target, [*pairs, *lists], {**fields, "channels": [second, first]})
        php = await publish_by_query(target, [*pairs, *numbered], {**fields, **joined})
        for response in (one, ruby, php):
            equal((response.status_code, response.content), (200, b"{}"), f"the answer, {response.text!r}")
        arrived = [await next_event(client) for _ in range(5)]
        order = [first, second, first, second, first]
        equal(arrived, [(channel, fields["data"]) for channel in order], "what arrives")


@case("pp-207")
async def unsigned_channel_in_the_query(target: Target) -> None:
    """A channel of the query that the signature does not cover is refused with 401, and nothing is published."""
    signed, added = target.name("signed"), target.name("added")
    fields = {"name": "ev", "data": "{}"}
    covered = {**fields, "channels": [signed]}
    async with target.client() as client:
        await client.subscribed(signed)
        await client.subscribed(added)
        for names in ([added, signed], [signed, added]):
            lists = [("channels[]", name) for name in names]
            response = await publish_by_query(target, [*fields.items(), *lists], covered)
            request_refused(response, 401, "Authentication signature invalid.")
        await client.nothing()


@case("pp-211")
async def protocol_names(target: Target) -> None:
    """An event of the protocol's own cannot be published, on no endpoint: clients would obey it."""
    channel = target.name("obeyed")
    async with target.client() as client:
        await client.subscribed(channel)
        for name in ("pusher:error", "pusher_internal:x", "pusher:", "pusher_internal:member_added"):
            fields = event(channel, name=name)
            entry = {"name": name, "data": "{}", "channel": channel}
            query = {"name": name, "data": "{}", "channel": channel}
            request_refused(await target.post("/events", fields), 422, "The name field", name)
            request_refused(await target.post("/batch_events", {"batch": [entry]}), 422, "", name)
            request_refused(await publish_by_query(target, list(query.items()), query), 422, "The name field", name)
            response = await target.post(f"/channels/{channel}/events", b"{}", params={"name": name})
            request_refused(response, 422, "The name field", name)
        await client.nothing()


@case("pp-214")
async def endpoint_of_2012(target: Target) -> None:
    """The deprecated publish takes its body as the data, answers 202, and obeys socket_id."""
    channel = target.name("my-ch")
    path = f"/channels/{channel}/events"
    async with target.client() as first, target.client() as second:
        await first.subscribed(channel)
        await second.subscribed(channel)
        for body in ("x", '{"a":1}', CAR, ""):
            response = await target.post(path, body.encode(), params={"name": "ev"})
            equal(response.status_code, 202, f"the status, {response.text!r}")
            for client in (first, second):
                equal(await next_event(client), (channel, body), "what arrives")
        await target.post(path, b"x", params={"name": "ev", "socket_id": first.socket_id})
        equal(await next_event(second), (channel, "x"), "what arrives")
        request_refused(await target.post(path, b"\xff\xfe", params={"name": "ev"}), 400)
        request_refused(await target.post(path, b"x"), 422, "The name field is required.")
        request_refused(await target.post("/channels/a%20b/events", b"x", params={"name": "ev"}), 422)
        await first.nothing()
        await second.nothing()


@case("rb-134")
async def any_alphabet(target: Target) -> None:
    """A name with backslashes and data of every plane of Unicode are delivered as they were published."""
    channel = target.name("alphabet")
    async with target.client() as client:
        await client.subscribed(channel)
        for name, data in ((r"App\Events\X", f'{{"car":"{CAR}"}}'), ("Größe", "ю\u2028\U0010ffff"), (CAR, "\\u00e9")):
            await target.trigger(channel, name, data)
            equal(await client.frame(), {"event": name, "channel": channel, "data": data}, "the frame")

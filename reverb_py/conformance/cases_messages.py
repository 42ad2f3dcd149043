"""What a client may send as text; what is malformed is refused with an error, and the connection stays."""

import json
from collections import Counter
from typing import Any

from reverb_py.conformance.case import case
from reverb_py.conformance.client import AUTO, Client, refusal
from reverb_py.conformance.expect import UNAUTHORIZED, refuses
from reverb_py.conformance.target import Target
from reverb_py.conformance.verify import Deviation, equal, that, within
from reverb_py.conformance.wire import Opcode, client_frame

PING = '{"event":"pusher:ping","data":{}}'
GARBAGE = 1_000
NO_NAMES: tuple[Any, ...] = ([], {}, None, 5, True, "", "   ")
NO_OBJECTS: tuple[Any, ...] = (5, ["a"], [], True, None, "sfsfsfs", "5", "[]", {})
NO_TEXTS: tuple[Any, ...] = ([], {}, {"user_id": "1"}, 5, True)


@case("pp-29", "pp-30", "rb-31")
async def text_that_is_no_message(target: Target) -> None:
    """Text that is no JSON object is refused with an error without a code; the connection stays."""
    for text in ("{{{", "Hi", "", "5", "null", "true", '"abc"', "[]", "[1]", "{}", '{"event":"pusher:ping"'):
        await refuses(target, text)


@case("pp-31", "pp-32", "rb-32")
async def event_that_is_no_name(target: Target) -> None:
    """A message whose event is missing, empty or no string is refused; the connection stays."""
    await refuses(target, {"data": {}})
    for event in NO_NAMES:
        await refuses(target, {"event": event, "data": {}})


@case("pp-33", "rb-37")
async def unknown_protocol_event(target: Target) -> None:
    """An unknown pusher: event is refused with a text that names it."""
    for event in ("pusher:foo", "pusher:error", "pusher:pusher:ping", "pusher:Subscribe"):
        await refuses(target, {"event": event, "data": {}}, naming=event)


@case("pp-34", "rb-39")
async def event_without_client_prefix(target: Target) -> None:
    """Any other event that does not begin with client- is refused, so that the developer sees it."""
    await refuses(target, {"event": "hello", "channel": "private-x", "data": {}}, naming="hello")
    await refuses(target, {"event": "pusher_internal:foo", "channel": "private-x", "data": {}})


@case("pp-35")
async def forged_internal_event(target: Target) -> None:
    """pusher_internal:member_added from a member is refused, and the other members see nothing of it."""
    channel = target.name("presence-forged")
    forged = {"event": "pusher_internal:member_added", "channel": channel, "data": '{"user_id":"ghost"}'}
    async with target.client() as forger, target.client() as other:
        await other.subscribed(channel, channel_data='{"user_id":"other"}')
        await forger.subscribed(channel, channel_data='{"user_id":"forger"}')
        equal((await other.frame())["event"], "pusher_internal:member_added", "the forger's own arrival")
        await forger.send(forged)
        await forger.refused()
        await forger.nothing()
        await other.nothing()


@case("pp-36")
async def binary_frame(target: Target) -> None:
    """A binary frame that is no text is refused or closed, and harms nobody else."""
    async with target.client() as client, target.client() as other:
        await client.send_bytes(client_frame(b"\xff\xfe\x00\x01", Opcode.BINARY))
        try:
            await client.refused()
        except Deviation:
            within((await client.closed())[0], (1003, 1007), "the code of the close frame")
        await other.nothing()


@case("rb-41")
async def binary_frame_of_text(target: Target) -> None:
    """A binary frame that holds a message is read as if it were text."""
    async with target.client() as client:
        await client.send_bytes(client_frame(PING.encode(), Opcode.BINARY))
        equal((await client.frame())["event"], "pusher:pong", "the answer")


@case("pp-39", "rb-42")
async def data_as_json_text(target: Target) -> None:
    """pusher:subscribe with its data as a string of JSON is understood."""
    channel = target.name("stringified")
    async with target.client() as client:
        await client.send({"event": "pusher:subscribe", "data": json.dumps({"channel": channel})})
        await client.acknowledged(channel)


@case("pp-40", "rb-33")
async def data_that_is_no_object(target: Target) -> None:
    """pusher:subscribe without data, or with data that is no object, is refused."""
    await refuses(target, {"event": "pusher:subscribe"})
    for data in NO_OBJECTS:
        await refuses(target, {"event": "pusher:subscribe", "data": data})


@case("rb-35")
async def auth_that_is_no_text(target: Target) -> None:
    """A subscription to a private channel whose auth is no string is refused, and not subscribed."""
    for auth in NO_TEXTS:
        await not_subscribed(target, target.name("private-typed"), auth, None)


@case("rb-36")
async def channel_data_that_is_no_member(target: Target) -> None:
    """channel_data that is no JSON object in a string is refused on a presence channel, though signed."""
    for text in ("Hello", '"Hello"', "5", "null", "[]", ""):
        await not_subscribed(target, target.name("presence-typed"), AUTO, text)
    for value in NO_TEXTS:
        await not_subscribed(target, target.name("presence-typed"), AUTO, value)


async def not_subscribed(target: Target, channel: str, auth: Any, channel_data: Any) -> None:
    """This subscription must be refused, as malformed or as unauthorized, and have no effect."""
    async with target.client() as client:
        if auth == AUTO:  # what cannot be signed goes out with the signature of the rest
            auth = client.sign(channel, channel_data if isinstance(channel_data, str) else None)
        await client.subscribe(channel, auth, channel_data)
        frames = [await client.frame()]
        await client.send({"event": "pusher:ping"})
        while frames[-1]["event"] != "pusher:pong":
            frames.append(await client.frame())
        sort = f"after subscribing with auth {auth!r}, channel_data {channel_data!r}: {frames!r}"
        events = Counter(frame["event"] for frame in frames)
        equal(events["pusher_internal:subscription_succeeded"], 0, sort)
        equal(events["pusher:error"], 1, sort)
        error = next(frame for frame in frames if frame["event"] == "pusher:error")
        within(error["data"]["code"], (None, UNAUTHORIZED), sort)


@case("pp-41", "rb-38")
async def establishment_sent_by_client(target: Target) -> None:
    """pusher:connection_established sent by a client is refused, and establishes nothing."""
    await refuses(target, {"event": "pusher:connection_established", "data": {}})
    await refuses(target, {"event": "pusher:connection_established"})


@case("rb-40")
async def ping_with_odd_data(target: Target) -> None:
    """pusher:ping with a word or a number as data is answered or refused; the connection stays."""
    for data in ("foo", 5):
        async with target.client() as client:
            await client.send({"event": "pusher:ping", "data": data})
            frame = await client.frame()
            if frame["event"] != "pusher:pong":
                refusal(frame)
            await client.nothing()


@case("pp-42")
async def flood_of_garbage(target: Target) -> None:
    """1 000 frames of garbage are answered sparingly or end in a close; other clients notice nothing."""
    channel = target.name("calm")
    async with target.client() as other, target.client() as flooder:
        await other.subscribed(channel)
        await flooder.send_bytes(b"".join(client_frame(b"{{{ %d" % n) for n in range(GARBAGE)))
        await target.trigger(channel)
        equal((await other.frame())["channel"], channel, "what the other client receives meanwhile")
        await other.nothing()
        await flooder.send(PING)
        await answered_sparingly(flooder)


async def answered_sparingly(flooder: Client) -> None:
    """Read errors up to the pong, or up to the end of the connection."""
    errors = 0
    try:
        while (frame := await flooder.frame(10))["event"] != "pusher:pong":
            refusal(frame)
            errors += 1
    except Deviation:
        await flooder.closed()
        return
    that(0 < errors < GARBAGE, f"expected some errors, but not one for each frame, got {errors}")


@case("pp-43")
async def shape_of_errors(target: Target) -> None:
    """The data of every pusher:error is an object whose code is an integer or null, its message a text."""
    signed = {"channel": target.name("private-shape"), "auth": f"{target.apps['MAIN'].key}:0"}
    expected = [
        ("{{{", None),
        ('{"event":"pusher:nope"}', None),
        (json.dumps({"event": "pusher:subscribe", "data": signed}), UNAUTHORIZED),
        ('{"event":"pusher:signin","data":{"auth":"nothing","user_data":"{}"}}', None),
    ]
    for text, code in expected:
        async with target.client() as client:
            await client.send(text)
            await client.refused(code)

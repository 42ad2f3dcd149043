"""Client events: who may send them, where, and how they arrive at the others."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from reverb_py.conformance.case import case
from reverb_py.conformance.client import Client, Frame
from reverb_py.conformance.expect import heard
from reverb_py.conformance.target import Target
from reverb_py.conformance.verify import Deviation, equal

MAX_DATA = 10_240  # bytes
MAX_NAME = 200  # characters
MEMBERS = ('{"user_id":"u1"}', '{"user_id":"u2"}')
VALUES = (  # JSON texts that are no strings: they arrive as they are written here
    *('{"k":1}', "{}", "[]", "[1, 2]", "5", "-0", "1.0", "12345678901234567890123", "true", "false", "null"),
    *('{"b":1,"a":{}}', '{ "lat" : 1.0,\t"name":"\\u00e9\\/é" }', '{"a":1,"a":2}', '{"data":"inner","event":"e"}'),
)
TEXTS = ("hello", "", " ", '{"a":1}', '"quoted"', "5", "null", "é 🚗", "\x00", "a\nb", "</script>", "\u2028")
WITHOUT_CHANNEL: tuple[dict[str, Any], ...] = (
    *({}, {"channel": None}, {"channel": ""}, {"channel": 5}, {"channel": True}, {"channel": []}, {"channel": {}}),
    {"channels": ["private-x"]},
)


def whisper(channel: str, data: str | None = '{"k":1}', event: str = "client-a", more: str = "") -> str:
    """The text of a client event; `data` is JSON, None leaves it out. `more` is JSON members that follow."""
    given = "" if data is None else f',"data":{data}'
    return f'{{"event":{json.dumps(event)},"channel":"{channel}"{given}{more}}}'


def relayed(channel: str, data: str = '{"k":1}', event: str = "client-a", **more: str) -> Frame:
    """The frame that the others get: `data` is a string there."""
    return {"event": event, "channel": channel, "data": data, **more}


async def join(client: Client, channel: str, channel_data: str) -> None:
    await client.subscribed(channel, channel_data=channel_data if channel.startswith("presence-") else None)


@asynccontextmanager
async def two_on(target: Target, channel: str, app: str = "MAIN") -> AsyncIterator[tuple[Client, Client]]:
    """Two subscribers of the channel, u1 and u2 where it has users, who have read all that joining brought them."""
    async with target.client(app) as first, target.client(app) as second:
        for client, channel_data in zip((first, second), MEMBERS, strict=True):
            await join(client, channel, channel_data)
        for client in (first, second):
            await heard(client)
        yield first, second


async def nobody_hears(text: str, sender: Client, *others: Client) -> None:
    """This message must be refused with a code of null, reach nobody, and leave the sender's connection open."""
    try:
        await sender.send(text)
        await sender.refused()
        for client in (sender, *others):
            await client.nothing()
    except Deviation as deviation:
        raise Deviation(f"after {text:.200}: {deviation}") from None


# What arrives


@case("pp-142", "rb-90")
async def private_channel(target: Target) -> None:
    """A client event reaches the others of a private channel, its data as a string; the sender is told nothing."""
    channel = target.name("private-x")
    data = '{"id":123,"name":"Joe Dixon"}'
    async with two_on(target, channel) as (sender, other):
        await sender.send(whisper(channel))
        await sender.send(whisper(channel, data, "client-start-typing"))
        await sender.nothing()
        equal(await other.frame(), relayed(channel), "the first frame")
        equal(await other.frame(), relayed(channel, data, "client-start-typing"), "the second frame")
        await other.nothing()


@case("pp-143", "pp-144", "rb-97", "rb-98", "rb-99")
async def data_is_not_touched(target: Target) -> None:
    """Data that is a string arrives as that string, anything else as the JSON text that the sender wrote."""
    channel = target.name("private-x")
    sent = [(value, value) for value in VALUES] + [(json.dumps(text), text) for text in TEXTS]
    async with two_on(target, channel) as (sender, other):
        for written, arrives in sent:
            await sender.send(whisper(channel, written))
            equal(await other.frame(), relayed(channel, arrives), f"what arrives of {written}")
        await sender.nothing()


@case("pp-147", "rb-96", "rb-100")
async def members_left_out(target: Target) -> None:
    """A client event without data arrives with "null"; one without the name of a channel is refused."""
    channel = target.name("private-x")
    async with two_on(target, channel) as (sender, other):
        await sender.send(whisper(channel, None))
        await sender.nothing()
        equal(await other.frame(), relayed(channel, "null"), "the frame")
    for wrong in WITHOUT_CHANNEL:
        async with two_on(target, channel) as (sender, other):
            await nobody_hears(json.dumps({"event": "client-a", "data": {}, **wrong}), sender, other)


@case("pp-145", "rb-91")
async def presence_channel(target: Target) -> None:
    """On a presence channel the frame has the sender's user_id beside the data, as a string."""
    channel = target.name("presence-x")
    async with two_on(target, channel) as (sender, other), target.client() as fifth:
        await sender.send(whisper(channel))
        equal(await other.frame(), relayed(channel, user_id="u1"), "the frame")
        await sender.nothing()
        await join(fifth, channel, '{"user_id":5}')
        for client in (sender, other):
            equal((await client.frame())["event"], "pusher_internal:member_added", "the third one's arrival")
        await fifth.send(whisper(channel))
        for client in (sender, other):
            equal(await client.frame(), relayed(channel, user_id="5"), "the frame of user 5")


@case("pp-146", "rb-92")
async def forged_members(target: Target) -> None:
    """Whatever else a client event holds is dropped: nobody can speak as another user, or choose who is left out."""
    private, presence = target.name("private-x"), target.name("presence-x")
    async with two_on(target, private) as (_, other), two_on(target, presence) as (sender, member):
        await sender.subscribed(private, channel_data=MEMBERS[0])
        forged = f',"user_id":"admin","userId":"admin","socket_id":"{other.socket_id}","foo":1,"channels":["x"]'
        await sender.send(whisper(presence, more=forged))
        equal(await member.frame(), relayed(presence, user_id="u1"), "the frame on the presence channel")
        await sender.send(whisper(private, more=forged))
        equal(await other.frame(), relayed(private), "the frame on the private channel")
        await sender.nothing()


@case("pp-156")
async def second_connection_of_the_sender(target: Target) -> None:
    """Another connection of the same user gets the event, with the user's id."""
    channel = target.name("presence-x")
    async with two_on(target, channel) as (sender, other), target.client() as third:
        await join(third, channel, MEMBERS[0])
        await sender.send(whisper(channel))
        for client in (third, other):
            equal(await client.frame(), relayed(channel, user_id="u1"), "the frame")
        await sender.nothing()


@case("pp-158")
async def cache_channels(target: Target) -> None:
    """Client events are relayed on guarded cache channels as on the others."""
    for kind, more in (("private-cache-x", {}), ("presence-cache-x", {"user_id": "u1"})):
        channel = target.name(kind)
        async with two_on(target, channel) as (sender, other):
            await sender.send(whisper(channel))
            equal(await other.frame(), relayed(channel, **more), "the frame")
            await sender.nothing()


@case("rb-102", apps=("MAIN", "A"))
async def traffic_in_another_app(target: Target) -> None:
    """What happens in another app does not make a member a stranger: its client event is delivered."""
    channel = target.name("private-x")
    async with two_on(target, channel) as (sender, other), two_on(target, channel, "A") as (foreign, listening):
        await foreign.send(whisper(channel, event="client-foreign"))
        equal((await listening.frame())["event"], "client-foreign", "the event in the other app")
        await target.trigger(channel, "published", app="A")
        for client in (foreign, listening):
            equal((await client.frame())["event"], "published", "the event in the other app")
        await sender.send(whisper(channel))
        equal(await other.frame(), relayed(channel), "the frame")
        for client in (sender, foreign, listening):
            await client.nothing()


# Who may not


@case("pp-148", "rb-90")
async def public_channel(target: Target) -> None:
    """A client event on a public channel, the sender subscribed, is refused and reaches nobody."""
    for kind in ("test-channel", "cache-x", "privatefoo"):
        channel = target.name(kind)
        async with two_on(target, channel) as (sender, other):
            await nobody_hears(whisper(channel), sender, other)


@case("rb-103", apps=("MAIN", "EVERYBODY"))
async def claim_on_a_public_channel(target: Target) -> None:
    """A user_id that a client claimed when it joined a public channel never stands in a client event."""
    for app in ("MAIN", "EVERYBODY"):
        channel = target.name("public")
        async with target.client(app) as sender, target.client(app) as other:
            await other.subscribed(channel)
            await sender.subscribed(channel, channel_data='{"user_id":"admin"}')
            await sender.send(whisper(channel))
            await heard(sender)  # a refusal, where public channels have no client events
            for frame in await heard(other):
                equal(frame, relayed(channel), "the frame")


@case("pp-149", "rb-93")
async def not_subscribed(target: Target) -> None:
    """A client event from outside is refused with a text that names the channel: never joined, or left."""
    for kind in ("private-x", "presence-x"):
        channel = target.name(kind)
        async with two_on(target, channel) as (inside, other), target.client() as outside:
            await outside.send(whisper(channel))
            await outside.refused(None, naming=channel)
            await outside.nothing()
            await inside.unsubscribe(channel)
            await inside.send(whisper(channel))
            await inside.refused(None, naming=channel)
            await inside.nothing()
            frames = [frame for frame in await heard(other) if str(frame.get("event")).startswith("client-")]
            equal(frames, [], "the client events that arrived")
    async with target.client() as nowhere:
        await nobody_hears(whisper(target.name("private-vacant")), nowhere)


@case("pp-150", "rb-94", apps=("MIN",))
async def switched_off(target: Target) -> None:
    """An app that accepts client events from nobody refuses them, members' own too."""
    for kind in ("private-x", "presence-x"):
        channel = target.name(kind)
        async with two_on(target, channel, "MIN") as (sender, other):
            await nobody_hears(whisper(channel), sender, other)


@case("rb-95", apps=("EVERYBODY",))
async def from_everybody(target: Target) -> None:
    """An app that accepts client events from all delivers those of strangers, but never under a user_id."""
    for kind in ("private-x", "presence-x"):
        channel = target.name(kind)
        async with two_on(target, channel, "EVERYBODY") as members, target.client("EVERYBODY") as stranger:
            await stranger.send(whisper(channel, more=',"user_id":"u1","foo":"bar"'))
            await stranger.nothing()
            for client in members:
                equal(await client.frame(), relayed(channel), "the frame")
                await client.nothing()


@case("rb-101")
async def other_names(target: Target) -> None:
    """An event of a member whose name does not begin with client- is refused, and reaches nobody."""
    channel = target.name("private-x")
    for name in ("foo", "client_x", "client", "Client-x", " client-x", "-client-x", "pusher:client-x"):
        async with two_on(target, channel) as (sender, other):
            await nobody_hears(whisper(channel, event=name), sender, other)


@case("pp-159")
async def server_to_user(target: Target) -> None:
    """A client event on a user's own channel is refused, and the user's other connections see nothing of it."""
    await refused_on_a_users_channel(target, "MAIN")


@case("pp-119", "pp-159", apps=("EVERYBODY",))
async def closed_to_everybody(target: Target) -> None:
    """Encrypted channels and users' own take no client event either where an app accepts them from all."""
    await refused_on_a_users_channel(target, "EVERYBODY")
    channel = target.name("private-encrypted-x")
    async with two_on(target, channel, "EVERYBODY") as (sender, other), target.client("EVERYBODY") as stranger:
        await nobody_hears(whisper(channel), sender, other)
        await nobody_hears(whisper(channel), stranger, other)


async def refused_on_a_users_channel(target: Target, app: str) -> None:
    user_id = target.name("u")
    channel = f"#server-to-user-{user_id}"
    async with target.client(app) as sender, target.client(app) as other, target.client(app) as stranger:
        for client in (sender, other):
            await client.signin(json.dumps({"id": user_id}))
            equal((await client.frame())["event"], "pusher:signin_success", "the answer to the sign-in")
            await client.subscribed(channel)
        await nobody_hears(whisper(channel), sender, other)
        await nobody_hears(whisper(channel), stranger, other)


# How long


@case("pp-154")
async def size_of_data(target: Target) -> None:
    """Data of 10 240 bytes of UTF-8 is relayed; one byte more is refused, and the connection stays."""
    channel = target.name("private-x")
    fitting = [json.dumps("x" * MAX_DATA), f'"{"é" * (MAX_DATA // 2)}"', f'["{"x" * (MAX_DATA - 4)}"]']
    async with two_on(target, channel) as (sender, other):
        for data in fitting:
            await sender.send(whisper(channel, data))
            equal(len((await other.frame())["data"].encode()), MAX_DATA, "the size of the data that arrived")
    for data in fitting:
        async with two_on(target, channel) as (sender, other):
            await nobody_hears(whisper(channel, data[:2] + "x" + data[2:]), sender, other)


@case("pp-155")
async def length_of_a_name(target: Target) -> None:
    """A name of 200 characters is relayed, of any alphabet; one of 201 is refused."""
    channel = target.name("private-x")
    for letter in ("x", "é"):
        name = "client-".ljust(MAX_NAME, letter)
        async with two_on(target, channel) as (sender, other):
            await sender.send(whisper(channel, event=name))
            equal(await other.frame(), relayed(channel, event=name), "the frame")
            await nobody_hears(whisper(channel, event=name + letter), sender, other)

"""Signed-in users: who may sign in, and who gets what is sent to a user."""

import json
from collections.abc import Mapping
from typing import Any

from reverb_py.conformance.case import case
from reverb_py.conformance.client import Client, data_of, refusal
from reverb_py.conformance.expect import heard, not_allowed, signs_in, terminate
from reverb_py.conformance.signing import channel_auth, user_auth
from reverb_py.conformance.target import Target
from reverb_py.conformance.verify import equal, that

ODD_TEXT = '{ "user_info":{"name":"Ann \\u00e9\\/ 🚗", "big":1.0},\n"id" :"%s" , "more":[{"id":"other"}]}'
ILLEGAL_IDS: tuple[Any, ...] = (
    *("", 5, 0, None, True, [], ["u1"], {}, {"id": "u1"}),
    *("a b", "é", "a:b", "a#b", "a/b", "a\n", "x" * 129),  # they do not fit into the name of the user's channel
)
NO_USERS = ("not json", "{", "{}", "[]", '["u1"]', "5", "null", "true", '"u1"', '{"user_id":"u1"}')


def channel_of(user_id: str) -> str:
    """The channel of what is sent to a user."""
    return f"#server-to-user-{user_id}"


async def listens(client: Client, user_id: str) -> None:
    """Sign in and subscribe to the user's channel, as pusher-js does."""
    await signs_in(client, user_id)
    await client.subscribed(channel_of(user_id), auth="")


async def receives_nothing_of(target: Target, client: Client, user_id: str) -> None:
    """The connection may not subscribe to the user's channel, so it gets nothing that is sent there."""
    await client.subscribe(channel_of(user_id), auth="")
    await not_acknowledged(client, f"a subscription to the channel of {user_id}")
    await target.trigger(channel_of(user_id))
    await client.nothing()


async def not_acknowledged(client: Client, what: str) -> None:
    """What was sent must not be acknowledged; how it is refused is not looked at: errors may be few in a second."""
    events = [frame.get("event") for frame in await heard(client)]
    that("pusher_internal:subscription_succeeded" not in events, f"expected {what} to be refused, got {events!r}")


async def sign_in_refused(client: Client, what: str) -> None:
    """What was sent must be answered by one `pusher:error` without a code; the connection goes on."""
    frames = await heard(client)
    equal([frame.get("event") for frame in frames], ["pusher:error"], f"the answer to {what}, {frames!r}")
    refusal(frames[0])


# Signing in.


@case("pp-160")
async def sign_in(target: Target) -> None:
    """A signed sign-in is answered by pusher:signin_success with the user_data exactly as it was sent."""
    for text in ('{"id":"%s"}', ODD_TEXT):
        user_data = text % target.name("u")
        async with target.client() as client:
            await client.signin(user_data)
            frame = await client.frame()
            equal(sorted(frame), ["data", "event"], "the members of the answer")
            equal(frame["event"], "pusher:signin_success", "the answer")
            equal(data_of(frame), {"user_data": user_data}, "the data of the answer")
            await client.nothing()


def forgeries(client: Client, user_data: str) -> dict[str, Mapping[str, Any]]:
    """The data of a pusher:signin in every way that is wrong, by what is wrong with it."""
    right = user_auth(client.key, client.secret, client.socket_id, user_data)
    signature = right.partition(":")[2]

    def signed(key: str, secret: str, socket_id: str, text: str) -> dict[str, str]:
        return {"auth": user_auth(key, secret, socket_id, text), "user_data": user_data}

    return {
        "the signature": {"auth": f"{client.key}:{'0' * 64}", "user_data": user_data},
        "its case": {"auth": f"{client.key}:{signature.upper()}", "user_data": user_data},
        "the secret": signed(client.key, "another secret", client.socket_id, user_data),
        "the socket_id": signed(client.key, client.secret, "1.1", user_data),
        "the signed text": signed(client.key, client.secret, client.socket_id, user_data + " "),
        "the key": {"auth": f"another-key:{signature}", "user_data": user_data},
        "no colon": {"auth": signature, "user_data": user_data},
        "the documentation's old form": {"auth": f"{client.key}::user::{signature}", "user_data": user_data},
        "no signature": {"auth": f"{client.key}:", "user_data": user_data},
        "an empty auth": {"auth": "", "user_data": user_data},
        "no auth": {"user_data": user_data},
        "an auth that is no text": {"auth": [right], "user_data": user_data},
        "no user_data": {"auth": right},
        "a user_data of null": {"auth": right, "user_data": None},
        "a user_data that is no text": {"auth": right, "user_data": json.loads(user_data)},
    }


@case("pp-161")
async def forged_sign_in(target: Target) -> None:
    """A wrong signature, key or form, and a missing part, are refused without a code; nobody is signed in."""
    user_id = target.name("u")
    user_data = json.dumps({"id": user_id})
    async with target.client() as client:
        wrongs = list(forgeries(client, user_data))
    for wrong in wrongs:
        async with target.client() as client:
            await client.send({"event": "pusher:signin", "data": forgeries(client, user_data)[wrong]})
            await sign_in_refused(client, f"a sign-in; wrong is {wrong}")
            await receives_nothing_of(target, client, user_id)


@case("pp-162")
async def user_without_an_id(target: Target) -> None:
    """user_data that is no JSON object, or whose id is no text that a channel name can hold, is refused."""
    for user_data in (*NO_USERS, *[json.dumps({"id": user_id}) for user_id in ILLEGAL_IDS]):
        async with target.client() as client:
            await client.signin(user_data)
            await sign_in_refused(client, f"a sign-in with {user_data}")
            await client.subscribe(target.name("presence-x"))  # without channel_data: for signed-in connections only
            await not_acknowledged(client, f"a presence subscription after a sign-in with {user_data}")


@case("pp-163")
async def signature_of_a_channel(target: Target) -> None:
    """The signature of a channel's authorization is no sign-in, and that of a sign-in authorizes no channel."""
    user_id, channel = target.name("u"), target.name("presence-x")
    user_data = json.dumps({"id": user_id, "user_id": user_id})
    for name, channel_data in ((channel, user_data), (target.name("private-x"), None), (channel_of(user_id), None)):
        async with target.client() as client:
            auth = channel_auth(client.key, client.secret, client.socket_id, name, channel_data)
            await client.signin(user_data, auth)
            await sign_in_refused(client, f"a sign-in with the signature of {name}")
            await receives_nothing_of(target, client, user_id)
    async with target.client() as client:
        auth = user_auth(client.key, client.secret, client.socket_id, user_data)
        await client.subscribe(channel, auth, user_data)
        await not_acknowledged(client, "a subscription with the signature of a sign-in")


@case("pp-164")
async def sign_in_again(target: Target) -> None:
    """Signing in again as the same user, after a token was refreshed, is a success; the user stays who it is."""
    user_id = target.name("u")
    async with target.client() as client:
        await listens(client, user_id)
        for info in ({}, {"name": "Ann"}):
            await signs_in(client, user_id, user_info=info)
        await target.trigger(channel_of(user_id))
        equal((await client.frame())["event"], "ev", "what is sent to the user")
        await client.nothing()


@case("pp-165")
async def sign_in_as_another(target: Target) -> None:
    """Signing in as another user on the same connection is refused, and it stays the first one's."""
    user_id, other = target.name("u"), target.name("u")
    async with target.client() as client:
        await signs_in(client, user_id)
        await client.signin(json.dumps({"id": other}))
        await sign_in_refused(client, "a sign-in as another user")
        await receives_nothing_of(target, client, other)
        await terminate(target, other)
        await client.subscribed(channel_of(user_id), auth="")
        await target.trigger(channel_of(user_id))
        equal((await client.frame())["event"], "ev", "what is sent to the first user")


# What is sent to a user.


@case("pp-166")
async def channel_of_ones_own(target: Target) -> None:
    """A signed-in connection may subscribe to the channel of its user; the acknowledgement is the usual one."""
    channel = channel_of(user_id := target.name("u"))
    async with target.client() as client:
        await signs_in(client, user_id)
        expected = {"event": "pusher_internal:subscription_succeeded", "channel": channel, "data": "{}"}
        equal(await client.subscribed(channel, auth=""), expected, "the acknowledgement")
        equal(await client.subscribed(channel, auth=None), expected, "the acknowledgement of a second one")


@case("pp-167")
async def channel_of_somebody_else(target: Target) -> None:
    """Before a sign-in, or signed in as another user, nobody joins a user's channel, signed or not, or hears of it."""
    user_id = target.name("u")
    channel = channel_of(user_id)
    for other in (None, target.name("u"), user_id.upper(), user_id[:-1], f"{user_id}-more"):
        for signed in (False, True):
            async with target.client() as client:
                if other is not None:
                    await signs_in(client, other)
                await client.subscribe(channel, auth=client.sign(channel) if signed else "")
                await not_allowed(client, channel)
                await target.trigger(channel)
                await client.nothing()
    async with target.client() as client:
        await client.subscribe(channel, auth="")
        await not_allowed(client, channel)
        await listens(client, user_id)  # the refusal was not for ever


@case("pp-168")
async def sent_to_a_user(target: Target) -> None:
    """What is published to a user's channel reaches every subscribed connection of the user, and no other."""
    user_id, other = target.name("u"), target.name("u")
    async with target.client() as one, target.client() as two, target.client() as deaf, target.client() as stranger:
        await listens(one, user_id)
        await listens(two, user_id)
        await signs_in(deaf, user_id)
        await listens(stranger, other)
        await target.trigger(channel_of(user_id), "notice", '{"n":1}')
        expected = {"event": "notice", "channel": channel_of(user_id), "data": '{"n":1}'}
        for client in (one, two):
            equal(await client.frame(), expected, "what the user is told")
            await client.nothing()
        for client in (deaf, stranger):
            await client.nothing()


@case("pp-177")
async def sent_to_a_user_who_left(target: Target) -> None:
    """What is sent to a user who unsubscribed, or went away, reaches nobody, and is no error."""
    user_id = target.name("u")
    async with target.client() as gone:
        await listens(gone, user_id)
    async with target.client() as client:
        await target.trigger(channel_of(user_id))
        await listens(client, user_id)
        await client.nothing()
        await client.unsubscribe(channel_of(user_id))
        await client.nothing()
        await target.trigger(channel_of(user_id))
        await client.nothing()

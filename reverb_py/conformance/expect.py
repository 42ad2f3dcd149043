"""Expectations that many cases share, in the protocol's terms."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from reverb_py.conformance.client import Client, Frame, data_of, refusal
from reverb_py.conformance.target import LIKE_PUSHER_JS, Headers, Target
from reverb_py.conformance.verify import Deviation, equal, that, within

UNAUTHORIZED = 4009
SUBSCRIPTION_ERRORS = ("pusher:subscription_error", "pusher_internal:subscription_error")
TURN = 0.02  # seconds between two looks at something that must become true


async def eventually(look: Callable[[], Awaitable[bool]], what: str, seconds: float = 5.0) -> None:
    """Look until it is true; raise Deviation with the text (what should be) when it does not become so."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await look():
        if asyncio.get_running_loop().time() > deadline:
            raise Deviation(f"{what}, but it was not so after {seconds:g} s")
        await asyncio.sleep(TURN)


async def occupied(target: Target, channel: str, app: str = "MAIN") -> bool:
    """Whether somebody is subscribed to the channel, by the HTTP API."""
    response = await target.get(f"/channels/{channel}", app=app)
    equal(response.status_code, 200, f"the status of a channel query, {response.text[:200]!r}")
    return bool(response.json()["occupied"])


async def vacated(target: Target, channel: str, app: str = "MAIN", seconds: float = 5.0) -> None:
    """Wait until nobody is subscribed to the channel."""

    async def empty() -> bool:
        return not await occupied(target, channel, app)

    await eventually(empty, f"{channel} should have been vacated", seconds)


async def handshake_refused(
    target: Target,
    code: int,
    app: str = "MAIN",
    query: str | None = LIKE_PUSHER_JS,
    path: str | None = None,
    headers: Headers | None = None,
    told: bool = False,
) -> str:
    """The reason of the close frame with this code that must follow the 101.

    `pusher:error` with the same code may come before it, and with `told` must; nothing else may.
    """
    async with target.open(app, query, path, headers) as client:
        equal(client.answer.status, 101, "a refusal must complete the upgrade, or browsers retry for ever")
        found, reason = await client.closed()
        equal(found, code, f"the code of the close frame, after {(frames := client.unread())!r}")
        that(reason, f"expected a reason in the close frame {code}")
        for frame in frames:
            refusal(frame, code)
        that(len(frames) <= 1, f"expected one pusher:error at most, got {frames!r}")
        that(frames or not told, f"expected pusher:error with {code} before the close frame")
        return reason


async def refuses(
    target: Target, message: dict[str, Any] | list[Any] | str, naming: str = "", app: str = "MAIN"
) -> None:
    """Sent on a fresh connection, this must be answered by `pusher:error`, code null, and harm nothing."""
    async with target.client(app) as client:
        await client.send(message)
        try:
            await client.refused(None, naming)
            await client.nothing()
        except Deviation as deviation:
            raise Deviation(f"after {message!r:.200}: {deviation}") from None


async def subscription_refused(client: Client, channel: str) -> None:
    """The three frames of a failed authorization, in any order; the connection goes on, without the channel.

    `pusher:error` 4009 is what Reverb's clients know, `pusher:subscription_error` what Echo's `.error()`
    hears, `pusher_internal:subscription_error` what the .NET client hears.
    """
    frames = [await client.frame() for _ in range(3)]
    found = {frame.get("event"): frame for frame in frames}
    expected = {"pusher:error", "pusher:subscription_error", "pusher_internal:subscription_error"}
    equal(sorted(map(str, found)), sorted(expected), f"the frames of a failed authorization, {frames!r}")
    refusal(found["pusher:error"], UNAUTHORIZED)
    for event in expected - {"pusher:error"}:
        equal(found[event].get("channel"), channel, f"the channel of {event}")
        that(isinstance(data_of(found[event]), dict), f"expected an object in the data of {event}")
    await client.nothing()


async def heard(client: Client) -> list[Frame]:
    """The frames up to the pong of a ping that is sent now: for what may come, or may come in some number."""
    await asyncio.sleep(client.settle)
    await client.send({"event": "pusher:ping", "data": {}})
    frames = [await client.frame()]
    while frames[-1].get("event") != "pusher:pong":
        frames.append(await client.frame())
    return frames[:-1]


def request_refused(response: httpx.Response, status: int, sentence: str = "", *naming: str) -> str:
    """The text of a refusal: plain text that begins with the sentence and mentions all of `naming`."""
    text = response.text
    equal(response.status_code, status, f"the status, with the text {text[:300]!r}")
    kind = response.headers.get("content-type", "")
    that(kind.startswith("text/plain"), f"expected a refusal in plain text, got {kind!r}: {text[:300]!r}")
    that(text.startswith(sentence), f"expected a text that begins with {sentence!r}, got {text[:300]!r}")
    for name in naming:
        that(name in text, f"expected the text to mention {name!r}, got {text[:600]!r}")
    return text


def member(user_id: Any, **user_info: Any) -> str:
    """The `channel_data` of a member with this id and info."""
    return json.dumps({"user_id": user_id, "user_info": user_info})


async def joins(client: Client, channel: str, channel_data: str | None) -> dict[str, Any]:
    """Join a presence channel; the `hash` of the acknowledgement, whose count and ids must say the same."""
    presence = data_of(await client.subscribed(channel, channel_data=channel_data))["presence"]
    that(isinstance(presence["hash"], dict), f"expected hash to be an object, got {presence!r}")
    equal(sorted(presence["ids"]), sorted(presence["hash"]), f"the ids, {presence!r}")
    equal(presence["count"], len(presence["hash"]), f"the count, {presence!r}")
    found: dict[str, Any] = presence["hash"]
    return found


async def not_allowed(client: Client, channel: str) -> None:
    """A subscription whose signature fits is refused all the same: `pusher:error` without a code, once.

    The frames that name the channel (for Echo and .NET) may come with it. The connection goes on.
    """
    frames = await heard(client)
    errors = [frame for frame in frames if frame.get("event") == "pusher:error"]
    equal(len(errors), 1, f"the number of errors after a subscription that is not allowed, {frames!r}")
    refusal(errors[0])
    for frame in frames:
        if frame not in errors:
            within(frame.get("event"), SUBSCRIPTION_ERRORS, f"what may come with the refusal, {frame!r}")
            equal(frame.get("channel"), channel, "the channel of the refusal")


async def signs_in(client: Client, user_id: str, **more: Any) -> None:
    """Sign in as this user, with `more` in the user_data; the success must be the next frame."""
    await client.signin(json.dumps({"id": user_id, **more}))
    equal((await client.frame()).get("event"), "pusher:signin_success", "the answer to a sign-in")


async def terminate(target: Target, user_id: Any, app: str = "MAIN") -> None:
    """Ask for the end of a user's connections; the answer must be 200 and `{}`, whoever is there."""
    response = await target.post(f"/users/{user_id}/terminate_connections", {}, app)
    equal((response.status_code, response.text), (200, "{}"), "the answer to terminate_connections")


async def terminated(client: Client) -> None:
    """The connection must be closed with 4009 and a reason; `pusher:error` with that code may come before."""
    code, reason = await client.closed()
    equal((code, bool(reason)), (UNAUTHORIZED, True), f"the close frame of a terminated connection, {reason!r}")
    for frame in client.unread():
        refusal(frame, UNAUTHORIZED)

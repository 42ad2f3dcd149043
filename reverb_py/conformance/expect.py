"""Expectations that many cases share, in the protocol's terms."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from reverb_py.conformance.client import Client, data_of, refusal
from reverb_py.conformance.target import LIKE_PUSHER_JS, Headers, Target
from reverb_py.conformance.verify import Deviation, equal, that

UNAUTHORIZED = 4009
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

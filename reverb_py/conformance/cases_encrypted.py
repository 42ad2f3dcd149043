"""Encrypted channels: private ones whose ciphertext the server passes on, and cannot read."""

from reverb_py.conformance.case import case
from reverb_py.conformance.expect import subscription_refused
from reverb_py.conformance.target import Target
from reverb_py.conformance.verify import equal

# Spaces, order of keys and escapes are to be kept: a server that parses it does not notice, a test on bytes does.
CIPHERTEXT = r'{"ciphertext": "9mYtm3WVRrLBSCYFwJgoaSM\/Q+5v3XtHyJE=","nonce":"q4k0n0PbIO4e\u002bqBU0k1b7Q3P2lYb5v0T"}'
KINDS = ("private-encrypted-x", "private-encrypted-cache-x")


@case("pp-114")
async def authorization(target: Target) -> None:
    """An encrypted channel is acknowledged with a right signature, and refused without one."""
    for kind in KINDS:
        channel = target.name(kind)
        await target.trigger(channel, "secret", CIPHERTEXT)
        async with target.client() as allowed, target.client() as refused:
            event = "pusher_internal:subscription_succeeded"
            expected = {"event": event, "channel": channel, "data": "{}"}
            equal(await allowed.subscribed(channel), expected, "the acknowledgement")
            await refused.subscribe(channel, None)
            await subscription_refused(refused, channel)


@case("pp-118")
async def plain_data(target: Target) -> None:
    """What is published in plain on an encrypted channel is passed on unchanged, as ciphertext is."""
    channel = target.name("private-encrypted-x")
    async with target.client() as client:
        await client.subscribed(channel)
        for data in (CIPHERTEXT, '{"plain" : true}', "no JSON", ""):
            await target.trigger(channel, "secret", data)
            equal(await client.frame(), {"event": "secret", "channel": channel, "data": data}, "the frame")


@case("pp-119")
async def client_event(target: Target) -> None:
    """A client event on an encrypted channel is refused, and nobody receives it."""
    for kind in KINDS:
        channel = target.name(kind)
        async with target.client() as sender, target.client() as other:
            for client in (other, sender):
                await client.subscribed(channel)
                if "-cache-" in kind:
                    equal((await client.frame())["event"], "pusher:cache_miss", "what follows the acknowledgement")
            await sender.send({"event": "client-a", "channel": channel, "data": {"k": 1}})
            await sender.refused()
            await sender.nothing()
            await other.nothing()


@case("pp-120")
async def cached_ciphertext(target: Target) -> None:
    """Who subscribes to an encrypted cache channel gets the last ciphertext, or learns that there is none."""
    channel = target.name("private-encrypted-cache-x")
    async with target.client() as early, target.client() as late:
        await early.subscribed(channel)
        miss = {"event": "pusher:cache_miss", "channel": channel, "data": "{}"}
        equal(await early.frame(), miss, "what follows the acknowledgement before a publish")
        await target.trigger(channel, "secret", CIPHERTEXT)
        await late.subscribed(channel)
        for client in (early, late):
            equal(await client.frame(), {"event": "secret", "channel": channel, "data": CIPHERTEXT}, "the event")
            await client.nothing()


@case("pp-121")
async def question_for_the_ciphertext(target: Target) -> None:
    """info=cache on an encrypted cache channel tells the ciphertext as it was published."""
    channel = target.name("private-encrypted-cache-x")
    await target.trigger(channel, "secret", CIPHERTEXT)
    response = await target.get(f"/channels/{channel}", {"info": "cache"})
    equal(response.status_code, 200, "the status")
    equal(response.json()["cache"]["data"], CIPHERTEXT, "the cached data")

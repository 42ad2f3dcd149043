"""Public channels: subscribing, leaving, names, and what an event looks like when it arrives."""

import asyncio
from typing import Any

from reverb_py.conformance.case import case
from reverb_py.conformance.expect import eventually, occupied, refuses, vacated
from reverb_py.conformance.target import Target
from reverb_py.conformance.verify import equal, that

PUBLISHES = 1_000


@case("pp-56", "pp-57", "rb-59")
async def subscribing(target: Target) -> None:
    """A public channel is acknowledged with data "{}", with an empty auth and with none."""
    async with target.client() as client:
        for auth in ("", None):
            channel = target.name("my-ch")
            frame = await client.subscribed(channel, auth)
            event = "pusher_internal:subscription_succeeded"
            equal(frame, {"event": event, "channel": channel, "data": "{}"}, "the acknowledgement")


@case("pp-58")
async def shape_of_an_event(target: Target) -> None:
    """A published event arrives with exactly event, channel and data, the latter a string."""
    channel = target.name("shape")
    async with target.client() as client:
        await client.subscribed(channel)
        await target.trigger(channel, "order.shipped", '{"id":1}')
        expected = {"event": "order.shipped", "channel": channel, "data": '{"id":1}'}
        equal(await client.frame(), expected, "the frame")


@case("pp-59", "pp-60", "pp-61")
async def data_is_not_touched(target: Target) -> None:
    """Data arrives as it was published: text that is no JSON, none, emoji, U+2028, NUL, a script tag."""
    channel = target.name("untouched")
    plain = ["not json", '"quoted"', "123", "", " ", '{"a" : 1.0}', "null"]
    async with target.client() as client:
        await client.subscribed(channel)
        for data in [*plain, "🚗 Ajay", "a\u2028b\u2029", "\x00", "</script>", "\\u0041", "\x7f\r\n\t"]:
            await target.trigger(channel, "ev", data)
            equal((await client.frame())["data"], data, "the data")


@case("pp-62")
async def names_of_events(target: Target) -> None:
    """Event names of any alphabet arrive as they were published."""
    channel = target.name("names")
    async with target.client() as client:
        await client.subscribed(channel)
        for name in (r"App\Events\X", "order.shipped", "a b", "é", ".x", "client-from-the-server", "x" * 200):
            await target.trigger(channel, name)
            equal((await client.frame())["event"], name, "the event")


@case("pp-63")
async def subscribers_and_nobody_else(target: Target) -> None:
    """Every subscriber receives an event, and nobody else."""
    channel = target.name("theirs")
    async with target.client() as first, target.client() as second, target.client() as other:
        await first.subscribed(channel)
        await second.subscribed(channel)
        await other.subscribed(target.name("other"))
        await target.trigger(channel)
        for client in (first, second):
            equal((await client.frame())["channel"], channel, "the channel")
        await other.nothing()


@case("pp-64", "rb-72")
async def unsubscribing(target: Target) -> None:
    """Unsubscribing is not answered; the channel is vacated, and no event arrives any more."""
    channel = target.name("left")
    async with target.client() as client:
        await client.subscribed(channel)
        await client.unsubscribe(channel)
        await client.nothing()
        await vacated(target, channel)
        await target.trigger(channel)
        await client.nothing()


@case("pp-65", "rb-73")
async def unsubscribing_from_nothing(target: Target) -> None:
    """Unsubscribing from a channel that was never joined is ignored."""
    async with target.client() as client:
        await client.unsubscribe(target.name("never-joined"))
        await client.nothing()


@case("pp-66", "rb-71")
async def subscribing_twice(target: Target) -> None:
    """A second subscription is acknowledged again, and an event still arrives once."""
    channel = target.name("twice")
    async with target.client() as client:
        await client.subscribed(channel)
        await client.subscribed(channel)
        await target.trigger(channel)
        equal((await client.frame())["event"], "ev", "the event")
        await client.nothing()
        await client.unsubscribe(channel)
        await client.nothing()
        that(not await occupied(target, channel), "expected one unsubscribe to end both subscriptions")


@case("pp-67")
async def burst(target: Target) -> None:
    """Subscribe, unsubscribe, subscribe in one burst: two acknowledgements, and subscribed at the end."""
    channel = target.name("burst")
    async with target.client() as client:
        await client.subscribe(channel)
        await client.unsubscribe(channel)
        await client.subscribe(channel)
        await client.acknowledged(channel)
        await client.acknowledged(channel)
        await target.trigger(channel)
        equal((await client.frame())["event"], "ev", "the event")


@case("pp-68", "pp-69", "pp-72")
async def legal_names(target: Target) -> None:
    """Names of up to 200 characters from the whole alphabet are accepted."""
    start = target.name("n")
    async with target.client() as client:
        for name in (start.ljust(164, "x"), start.ljust(200, "x"), f"{start}A-Za_-=@,.;0", start + ALPHABET):
            await client.subscribed(name)


ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-=@,.;"


@case("pp-69", apps=("HOSTED",))
async def hosted_name_limit(target: Target) -> None:
    """With hosted's limit of 164 characters, 164 are accepted and 165 are refused."""
    start = target.name("n")
    async with target.client("HOSTED") as client:
        await client.subscribed(start.ljust(164, "x"))
    for length in (165, 200):
        subscribe = {"event": "pusher:subscribe", "data": {"channel": start.ljust(length, "x")}}
        await refuses(target, subscribe, app="HOSTED")


ILLEGAL: tuple[Any, ...] = (
    *("x" * 201, "my ch", "a/b", "é", "a#b", "a:b", "a*", "a\nb", "a\x00", "a%20b", ':user:{"id":"admin"}'),
    *("#foo", "#", "#server-to-users", "", 5, None, [], {}, True),
)


@case("pp-70", "pp-71", "pp-73", "pp-74", "rb-34", "rb-60")
async def illegal_names(target: Target) -> None:
    """Names that are too long, hold other characters or are no text are refused; the connection stays."""
    for channel in ILLEGAL:
        await refuses(target, {"event": "pusher:subscribe", "data": {"channel": channel}})
    await refuses(target, {"event": "pusher:subscribe", "data": {"auth": ""}})


@case("pp-75", "rb-75")
async def names_without_the_dash(target: Target) -> None:
    """privatefoo, presencefoo and cachefoo are public channels, and the last one is no cache."""
    async with target.client() as client:
        for prefix in ("privatefoo", "presencefoo", "cachefoo", "private", "presence", "cache"):
            await client.subscribed(target.name(prefix).replace(f"{prefix}-", f"{prefix}_"), None)
            await client.nothing()


@case("pp-76")
async def prefixes_have_a_case(target: Target) -> None:
    """PRIVATE-x is a public channel: prefixes are lower case."""
    async with target.client() as client:
        for prefix in ("PRIVATE-x", "Presence-x", "CACHE-x"):
            await client.subscribed(target.name(prefix), None)
        await client.nothing()


@case("pp-77", "rb-77", apps=("MAIN", "MIN"))
async def apps_are_apart(target: Target) -> None:
    """The same channel name in two apps is two channels."""
    channel = target.name("same")
    async with target.client("MAIN") as main, target.client("MIN") as minor:
        await main.subscribed(channel)
        await minor.subscribed(channel)
        await target.trigger(channel, "for-main", app="MAIN")
        await target.trigger(channel, "for-min", app="MIN")
        equal((await main.frame())["event"], "for-main", "the event in MAIN")
        equal((await minor.frame())["event"], "for-min", "the event in MIN")
        await main.nothing()
        await minor.nothing()


@case("pp-78", patience=60)
async def order_and_completeness(target: Target) -> None:
    """1 000 publishes, one after the other, arrive in order and without a gap."""
    channel = target.name("sequence")
    async with target.client() as client:
        await client.subscribed(channel)
        for number in range(PUBLISHES):
            await target.trigger(channel, "n", str(number))
        for number in range(PUBLISHES):
            equal((await client.frame())["data"], str(number), "the data of the next event")


@case("rb-70", apps=("A",))
async def one_socket_on_four_channels(target: Target) -> None:
    """A connection on four channels gets an event of each once, and is counted as one connection."""
    channels = [target.name("four") for _ in range(4)]

    async def alone() -> bool:
        return bool((await target.get("/connections", app="A")).json() == {"connections": 1})

    async with target.client("A") as client:
        for channel in channels:
            await client.subscribed(channel)
        await eventually(alone, "/connections should be 1")
        await target.trigger(channels, app="A")
        got = [(await client.frame())["channel"] for _ in channels]
        equal(sorted(got), sorted(channels), "the channels of the events")
        await client.nothing()


@case("pp-63")
async def concurrent_publishes(target: Target) -> None:
    """Publishes that run at the same time all arrive, each once, at each of three subscribers."""
    channel = target.name("crowd")
    async with target.client() as one, target.client() as two, target.client() as three:
        for client in (one, two, three):
            await client.subscribed(channel)
        await asyncio.gather(*(target.trigger(channel, "n", str(number)) for number in range(20)))
        for client in (one, two, three):
            got = sorted([(await client.frame())["data"] for _ in range(20)], key=int)
            equal(got, [str(number) for number in range(20)], "the events")

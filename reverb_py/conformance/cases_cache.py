"""Cache channels: the last published event is kept, and is the first thing that a subscriber is told."""

import asyncio
import time

from reverb_py.conformance.case import NotApplicable, case
from reverb_py.conformance.client import Client, Frame, data_of
from reverb_py.conformance.expect import eventually, heard, subscription_refused, vacated
from reverb_py.conformance.target import Target
from reverb_py.conformance.verify import equal, that

MEMBER = '{"user_id":"u1","user_info":{"name":"Ann"}}'
KINDS = (("cache-x", None), ("private-cache-x", None), ("presence-cache-x", MEMBER))
KEPT = 1_800  # seconds, unless an app says otherwise
KEPT_BY_FAST = 2.0
RUNS = 200


def event_on(channel: str, data: str = "{}", name: str = "ev") -> Frame:
    return {"event": name, "channel": channel, "data": data}


def miss_on(channel: str) -> Frame:
    return event_on(channel, name="pusher:cache_miss")


async def told(client: Client, channel: str, channel_data: str | None = None) -> Frame:
    """What follows the acknowledgement of a subscription; nothing may follow it in turn."""
    await client.subscribed(channel, channel_data=channel_data)
    frame = await client.frame()
    await client.nothing()
    return frame


@case("pp-122")
async def never_published(target: Target) -> None:
    """Who subscribes to a cache channel without an event is told pusher:cache_miss with data "{}", and nobody else."""
    channel = target.name("cache-a")
    async with target.client() as first, target.client() as second:
        equal(await told(first, channel), miss_on(channel), "what follows the acknowledgement")
        equal(await told(second, channel), miss_on(channel), "what follows the acknowledgement")
        await first.nothing()


@case("pp-123", "rb-105")
async def late_subscriber(target: Target) -> None:
    """Who subscribes later gets the event as it was published, on every kind; who was there gets it once."""
    name, data = r"App\Events\TestEvent", r'{"foo" : "bar","é":"\u00e9"}'
    for kind, channel_data in KINDS:
        channel = target.name(kind)
        async with target.client() as early, target.client() as late:
            equal(await told(early, channel, channel_data), miss_on(channel), "what the first one is told")
            await target.trigger(channel, name, data)
            equal(await told(late, channel, channel_data), event_on(channel, data, name), "what the late one is told")
            equal(await early.frame(), event_on(channel, data, name), "what the first one receives")
            await early.nothing()


@case("pp-123", apps=("MAIN", "MIN"))
async def apps_are_apart(target: Target) -> None:
    """What is kept for a channel of one app is not told in another app, whose channel has the same name."""
    channel = target.name("cache-same")
    await target.trigger(channel, "ev", '{"n":1}', app="MAIN")
    async with target.client("MIN") as client:
        equal(await told(client, channel), miss_on(channel), "what follows the acknowledgement")
    response = await target.get(f"/channels/{channel}", {"info": "cache"}, app="MIN")
    equal(response.json()["cache"], None, "the answer to info=cache")


@case("pp-124")
async def last_of_two(target: Target) -> None:
    """Of two events only the last one is kept."""
    channel = target.name("cache-a")
    await target.trigger(channel, "e1", '{"n":1}')
    await target.trigger(channel, "e2", '{"n":2}')
    async with target.client() as client:
        equal(await told(client, channel), event_on(channel, '{"n":2}', "e2"), "what follows the acknowledgement")


@case("pp-125", "rb-106")
async def nobody_subscribed(target: Target) -> None:
    """An event that was published while nobody was subscribed is kept."""
    for kind, channel_data in KINDS:
        channel = target.name(kind)
        await target.trigger(channel, "ev", '{"n":1}')
        async with target.client() as client:
            equal(await told(client, channel, channel_data), event_on(channel, '{"n":1}'), f"the event on {channel}")


@case("pp-126", "rb-107")
async def all_leave(target: Target) -> None:
    """The event outlives the subscribers, whether they unsubscribe or go away."""
    channel = target.name("cache-a")
    async with target.client() as client:
        await told(client, channel)
        await target.trigger(channel, "ev", '{"n":1}')
        equal(await client.frame(), event_on(channel, '{"n":1}'), "the live event")
        await client.unsubscribe(channel)
        await vacated(target, channel)
        equal(await told(client, channel), event_on(channel, '{"n":1}'), "after unsubscribing")
    await vacated(target, channel)
    async with target.client() as client:
        equal(await told(client, channel), event_on(channel, '{"n":1}'), "after going away")


@case("pp-127", apps=("FAST",), slow=True)
async def end_of_an_event(target: Target) -> None:
    """A cached event is gone when its time is over, and being read does not prolong that."""
    channel = target.name("cache-a")
    await target.trigger(channel, "ev", '{"n":1}', app="FAST")
    started = time.monotonic()
    async with target.client("FAST") as client:

        async def gone() -> bool:
            frame = await told(client, channel)
            await client.unsubscribe(channel)
            return frame == miss_on(channel)

        await eventually(gone, f"the event should have gone after {KEPT_BY_FAST} s", KEPT_BY_FAST + 1)
        lasted = time.monotonic() - started
        that(
            lasted > KEPT_BY_FAST - 0.5, f"expected the event to be kept for {KEPT_BY_FAST} s, it was for {lasted:.1f}"
        )
    response = await target.get(f"/channels/{channel}", {"info": "cache"}, app="FAST")
    equal(response.json(), {"occupied": False, "cache": None}, "the answer to info=cache")


@case("pp-128", "rb-104")
async def client_events(target: Target) -> None:
    """A client event on a cache channel is relayed and never kept: the entry stays as it was, present or absent."""
    for kind, channel_data in KINDS[1:]:
        channel = target.name(kind)
        for entry in (miss_on(channel), event_on(channel, '{"n":1}')):
            async with target.client() as sender, target.client() as other, target.client() as late:
                equal(await told(other, channel, channel_data), entry, "what the second one is told")
                equal(await told(sender, channel, channel_data), entry, "what the sender is told")
                await sender.send({"event": "client-a", "channel": channel, "data": "{}"})
                await sender.nothing()
                equal((await other.frame())["event"], "client-a", "the relayed event")
                equal(await told(late, channel, channel_data), entry, "what the late one is told")
            await vacated(target, channel)
            await target.trigger(channel, "ev", '{"n":1}')


@case("pp-129")
async def nothing_leaks(target: Target) -> None:
    """Who is refused on a guarded cache channel sees nothing of what is kept there."""
    for kind, channel_data in KINDS[1:]:
        channel = target.name(kind)
        await target.trigger(channel, "secret", '{"secret":true}')
        for auth in (None, f"{target.apps['MAIN'].key}:{'0' * 64}"):
            async with target.client() as client:
                await client.subscribe(channel, auth, channel_data)
                await subscription_refused(client, channel)


@case("pp-130")
async def presence(target: Target) -> None:
    """A presence cache channel is acknowledged with its members, and then comes the cached event."""
    channel = target.name("presence-cache-a")
    await target.trigger(channel, "ev", '{"n":1}')
    async with target.client() as client:
        frame = await client.subscribed(channel, channel_data=MEMBER)
        presence = {"count": 1, "ids": ["u1"], "hash": {"u1": {"name": "Ann"}}}
        equal(data_of(frame), {"presence": presence}, "the data of the acknowledgement")
        equal(await client.frame(), event_on(channel, '{"n":1}'), "what follows it")
        await client.nothing()


@case("pp-131")
async def batch(target: Target) -> None:
    """An event of a batch is kept as any other, and of two in one batch the last."""
    once, twice = target.name("cache-once"), target.name("cache-twice")
    events = [event_on(channel, f'{{"n":{n}}}') for n, channel in enumerate((twice, once, twice))]
    entries = [{"name": each["event"], "channel": each["channel"], "data": each["data"]} for each in events]
    response = await target.post("/batch_events", {"batch": entries})
    equal(response.status_code, 200, "the status of the batch")
    async with target.client() as client:
        equal(await told(client, once), events[1], "the event of one channel")
        equal(await told(client, twice), events[2], "the last event of the other")


@case("pp-132")
async def left_out(target: Target) -> None:
    """An event is kept also for the connection that it left out, which gets it when it subscribes again."""
    channel = target.name("cache-a")
    async with target.client() as client:
        await told(client, channel)
        await target.trigger(channel, "ev", '{"n":1}', socket_id=client.socket_id)
        await client.nothing()
        equal(await told(client, channel), event_on(channel, '{"n":1}'), "after subscribing a second time")
        await client.unsubscribe(channel)
        equal(await told(client, channel), event_on(channel, '{"n":1}'), "after unsubscribing first")


@case("rb-108")
async def question_for_the_event(target: Target) -> None:
    """info=cache tells event, channel, data and the seconds left of the last event; null when there is none."""
    channel = target.name("cache-x")
    wanted = {"info": "subscription_count,cache"}
    async with target.client() as client:
        await told(client, channel)
        response = await target.get(f"/channels/{channel}", wanted)
        empty = {"occupied": True, "subscription_count": 1, "cache": None}
        equal(response.json(), empty, "the answer before a publish")
        await target.trigger(channel, "price", r'{"p" : "\u00e9"}')
        answer = (await target.get(f"/channels/{channel}", wanted)).json()
        left = answer["cache"].pop("ttl")
        kept = event_on(channel, r'{"p" : "\u00e9"}', "price")
        equal(answer, {**empty, "cache": kept}, "the answer")
        that(
            type(left) is int and KEPT - 10 < left <= KEPT, f"expected {KEPT} whole seconds or a few less, got {left!r}"
        )


@case("pp-133", patience=60)
async def publishes_that_race(target: Target) -> None:
    """Who subscribes while two events are published is told the newest one before, then the rest, each once."""
    lengths = set()
    usual = await seconds_for_two(target)
    async with target.client() as witness, target.client() as joiner:
        for run in range(RUNS):
            channel = target.name("cache-race")
            if run % 2:  # half of the runs begin with an event, half with none
                await target.trigger(channel, "ev", "before")
            await witness.subscribed(channel)
            got = await race(target, joiner, channel, pause=usual * (run % 20) / 20)
            everything = [await witness.frame() for _ in range(3)]
            equal(got, everything[-len(got) :], f"what the one who subscribed in run {run} was told")
            lengths.add(len(got))
            for client in (witness, joiner):
                await client.unsubscribe(channel)
    if len(lengths) == 1:
        raise NotApplicable("no subscription met the publishes: all came before them, or all after")


async def seconds_for_two(target: Target) -> float:
    """The shortest time that two publishes at once took, so that subscriptions can be spread over it."""
    channel = target.name("cache-pace")
    times = []
    for _ in range(10):
        started = time.monotonic()
        await publish_two(target, channel)
        times.append(time.monotonic() - started)
    return min(times)


async def publish_two(target: Target, channel: str) -> None:
    await asyncio.gather(*(target.trigger(channel, "ev", data) for data in ("a", "b")))


async def race(target: Target, joiner: Client, channel: str, pause: float) -> list[Frame]:
    """Publish two events at once and subscribe after a pause (seconds); what the joiner was told after all that."""

    async def subscribe() -> None:
        await asyncio.sleep(pause)
        await joiner.subscribe(channel)

    await asyncio.gather(publish_two(target, channel), subscribe())
    await joiner.acknowledged(channel)
    frames = await heard(joiner)
    that(frames, "expected a cached event or pusher:cache_miss after the acknowledgement, got nothing")
    return frames

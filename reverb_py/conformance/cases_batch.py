"""Publishing several events with one request: all of them or none, in their order."""

from typing import Any

from reverb_py.conformance.case import case
from reverb_py.conformance.client import Client
from reverb_py.conformance.expect import request_refused
from reverb_py.conformance.target import Target
from reverb_py.conformance.verify import equal, that

HOSTED_SIZE, HOSTED_BATCH = 10_240, 10  # bytes, events


def entry(to: str, data: str = "{}", /, **changes: Any) -> dict[str, Any]:
    return {"name": "ev", "data": data, "channel": to, **changes}


async def data_of_events(client: Client, number: int) -> list[str]:
    """The data of the next frames, which must be events called ev."""
    frames = [await client.frame() for _ in range(number)]
    equal([frame["event"] for frame in frames], ["ev"] * number, "the events")
    return [frame["data"] for frame in frames]


@case("rb-135")
async def batch_of_one(target: Target) -> None:
    """A batch of one is answered 200 with {} in JSON, and delivered."""
    channel = target.name("batch")
    async with target.client() as client:
        await client.subscribed(channel)
        response = await target.post("/batch_events", {"batch": [entry(channel, '{"id":1}')]})
        equal((response.status_code, response.content), (200, b"{}"), "status and body")
        equal(response.headers.get("content-length"), "2", "the length")
        kind = response.headers.get("content-type", "")
        that(kind.startswith("application/json"), f"expected JSON, got {kind!r}")
        expected = {"event": "ev", "channel": channel, "data": '{"id":1}'}
        equal(await client.frame(), expected, "the frame")


@case("pp-215")
async def batch_of_ten(target: Target) -> None:
    """The events of a batch arrive in its order, over several channels, one of them twice the same."""
    first, second = target.name("batch"), target.name("batch")
    order = [first, second, first, first, second, second, first, second, first, second]
    async with target.client() as client:
        await client.subscribed(second)
        await client.subscribed(first)
        entries = [entry(channel, str(number)) for number, channel in enumerate(order)]
        response = await target.post("/batch_events", {"batch": entries})
        equal((response.status_code, response.content), (200, b"{}"), "status and body")
        frames = [await client.frame() for _ in order]
        arrived = [(frame["channel"], frame["data"]) for frame in frames]
        equal(arrived, [(channel, str(number)) for number, channel in enumerate(order)], "what arrives")
        await target.post("/batch_events", {"batch": [entry(first, "same"), entry(first, "same")]})
        equal(await data_of_events(client, 2), ["same", "same"], "an event that is published twice")


@case("pp-216", apps=("MAIN", "HOSTED"))
async def batch_of_eleven(target: Target) -> None:
    """With hosted's limit a batch of 11 is refused with 422 and delivers nothing; without it there is no limit."""
    channel = target.name("batch")
    entries = [entry(channel, str(number)) for number in range(HOSTED_BATCH + 1)]
    async with target.client("HOSTED") as client:
        await client.subscribed(channel)
        response = await target.post("/batch_events", {"batch": entries}, "HOSTED")
        limit = "The batch field must not have more than 10 items"
        request_refused(response, 422, limit, "11", "REVERB_APP_MAX_BATCH_SIZE")
        await client.nothing()
        response = await target.post("/batch_events", {"batch": entries[:HOSTED_BATCH]}, "HOSTED")
        equal(response.status_code, 200, "the status of a batch of ten")
        await data_of_events(client, HOSTED_BATCH)
    response = await target.post("/batch_events", {"batch": entries * 20})
    equal(response.status_code, 200, "the status of a batch of 220 without a limit")


@case("pp-217", "rb-136", "rb-137")
async def info(target: Target) -> None:
    """When an entry asks for info, each one is answered in the batch's order, with {} for those that do not ask."""
    presence, public = target.name("presence-batch"), target.name("batch")
    both = "user_count,subscription_count"
    users, connections = {"user_count": 1}, {"subscription_count": 1}
    async with target.client() as client:
        await client.subscribed(presence, channel_data='{"user_id":"1"}')
        await client.subscribed(public)
        asked = ((presence, "user_count"), (public, "subscription_count"), (public, both), (presence, both))
        entries = [entry(channel, info=wanted) for channel, wanted in asked]
        response = await target.post("/batch_events", {"batch": entries})
        equal(response.json(), {"batch": [users, connections, connections, users]}, "four answers")
        entries = [entry(presence, info=both), entry(public), entry(public, info=both)]
        response = await target.post("/batch_events", {"batch": entries})
        equal(response.json(), {"batch": [users, {}, connections]}, "the answer to the first and the third")
        entries = [entry(presence, info="user_count"), entry(public)]
        response = await target.post("/batch_events", {"batch": entries})
        equal(response.json(), {"batch": [users, {}]}, "the answer to the first alone")
        nobody = [entry(target.name("nobody"), info=both), entry(public, info="foo"), entry(public, info="")]
        response = await target.post("/batch_events", {"batch": nobody})
        equal(response.json(), {"batch": [{"subscription_count": 0}, {}, {}]}, "counts of nobody, and the unknown")


@case("pp-218", "rb-139")
async def excluded_connections(target: Target) -> None:
    """Each entry excludes the connection that its own socket_id names."""
    channel = target.name("batch")
    async with target.client() as first, target.client() as second:
        await first.subscribed(channel)
        await second.subscribed(channel)
        entries = [
            entry(channel, "not for the first", socket_id=first.socket_id),
            entry(channel, "not for the second", socket_id=second.socket_id),
            entry(channel, "for both"),
            entry(channel, "for both as well", socket_id="123123"),
        ]
        response = await target.post("/batch_events", {"batch": entries})
        equal((response.status_code, response.content), (200, b"{}"), "status and body")
        for client, own in ((first, "not for the second"), (second, "not for the first")):
            equal(await data_of_events(client, 3), [own, "for both", "for both as well"], "what arrives")
            await client.nothing()


@case("pp-219", apps=("HOSTED",))
async def one_entry_too_large(target: Target) -> None:
    """One entry above hosted's size refuses the batch with a 413 that says which one, and nothing is delivered."""
    channel = target.name("batch")
    async with target.client("HOSTED") as client:
        await client.subscribed(channel)
        entries = [entry(channel), entry(channel, "x" * (HOSTED_SIZE + 1)), entry(channel)]
        response = await target.post("/batch_events", {"batch": entries}, "HOSTED")
        limit = f"The data content of this event exceeds the allowed maximum ({HOSTED_SIZE} bytes"
        naming = ("batch.1", str(HOSTED_SIZE + 1), "REVERB_APP_MAX_EVENT_SIZE", "RVB306")
        request_refused(response, 413, limit, *naming)
        await client.nothing()


@case("pp-220", apps=("MAIN", "HOSTED"))
async def large_batch(target: Target) -> None:
    """A batch of ten events of 10 240 bytes each is delivered, with hosted's limits and without."""
    channel = target.name("batch")
    data = [str(number) * HOSTED_SIZE for number in range(HOSTED_BATCH)]
    for app in ("MAIN", "HOSTED"):
        async with target.client(app) as client:
            await client.subscribed(channel)
            entries = [entry(channel, each) for each in data]
            response = await target.post("/batch_events", {"batch": entries}, app)
            equal((response.status_code, response.content), (200, b"{}"), "status and body")
            equal(await data_of_events(client, HOSTED_BATCH), data, "what arrives")


NAMELESS = {"data": "{}", "channel": "x"}
WITHOUT_DATA = {"name": "ev", "channel": "x"}
WITHOUT_CHANNEL = {"name": "ev", "data": "{}"}
WRONG_ENTRIES: tuple[tuple[Any, str], ...] = (
    (NAMELESS, "The batch.1.name field is required."),
    (entry("x", name=5), "The batch.1.name field must be a string."),
    (WITHOUT_DATA, "The batch.1.data field is required."),
    (entry("x", data={"a": 1}), "The batch.1.data field must be a string."),
    (WITHOUT_CHANNEL, "The batch.1.channel field is required when channels is not present."),
    (entry("x", channel=["x"]), "The batch.1.channel field must be a string."),
    (entry("x", socket_id=1234), "The batch.1.socket id field must be a string."),
    (entry("x", info=["user_count"]), "The batch.1.info field must be a string."),
    (entry("a b"), ""),
    (entry("x" * 201), ""),
    (entry("#foo"), ""),
    (entry("x", name="pusher:error"), ""),
    (5, ""),
    ("ev", ""),
    (None, ""),
    ([], ""),
)


@case("pp-219", "rb-138")
async def one_wrong_entry(target: Target) -> None:
    """One wrong entry refuses the batch with a 422 that says which one, and nothing is delivered."""
    channel = target.name("batch")
    async with target.client() as client:
        await client.subscribed(channel)
        for wrong, sentence in WRONG_ENTRIES:
            body = {"batch": [entry(channel), wrong, entry(channel)]}
            request_refused(await target.post("/batch_events", body), 422, sentence, "batch.1", "RVB307")
        await client.nothing()


@case("pp-221", "rb-138")
async def batch_that_is_no_list(target: Target) -> None:
    """An empty batch is answered {}; a missing one, or one that is no list, is refused with 422."""
    response = await target.post("/batch_events", {"batch": []})
    equal((response.status_code, response.content), (200, b"{}"), "status and body of an empty batch")
    for body in (b"{}", b'{"batch":null}', b'{"events":[]}'):
        refused = await target.post("/batch_events", body)
        request_refused(refused, 422, "The batch field is required.", "RVB307")
    for batch in ("x", "", 5, True):
        refused = await target.post("/batch_events", {"batch": batch})
        request_refused(refused, 422, "The batch field must be an array.", "RVB307")
    request_refused(await target.post("/batch_events", b"[]"), 422)


@case("pp-221", "rb-138")
async def lists_with_gaps(target: Target) -> None:
    """A list that PHP wrote as an object, because its keys have gaps, is a list, as for Reverb."""
    channel, other = target.name("batch"), target.name("batch")
    async with target.client() as client:
        await client.subscribed(channel)
        await client.subscribed(other)
        entries = {"1": entry(channel, "first"), "7": entry(channel, "second")}
        response = await target.post("/batch_events", {"batch": entries})
        equal((response.status_code, response.content), (200, b"{}"), "status and body")
        equal(await data_of_events(client, 2), ["first", "second"], "what arrives")
        fields = {"name": "ev", "data": "{}", "channels": {"1": channel, "2": other}}
        equal((await target.post("/events", fields)).status_code, 200, "the status of a publish")
        equal([(await client.frame())["channel"] for _ in range(2)], [channel, other], "the channels")


@case("rb-140")
async def no_body(target: Target) -> None:
    """A batch request without a body is refused with 400, and one without a signature with 401."""
    request_refused(await target.post("/batch_events", b""), 400, "The body ")
    request_refused(await target.post("/batch_events", b"not json"), 400, "The body ")
    app = target.apps["MAIN"]
    response = await target.http("POST", f"/apps/{app.id}/batch_events", b'{"batch":[]}')
    request_refused(response, 401, "Authentication signature invalid.")

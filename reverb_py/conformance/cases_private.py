"""Private channels: who is let in by a signature, and what the others are told."""

from reverb_py.conformance import signing
from reverb_py.conformance.case import case
from reverb_py.conformance.client import Client, data_of
from reverb_py.conformance.expect import subscription_refused
from reverb_py.conformance.target import Target
from reverb_py.conformance.verify import equal

CIPHERTEXT = '{"nonce":"4sVYwy4j/8dCcjyxtPCWyk19GaaViaW9","ciphertext":"/GMESnFGlbNn01BuBjp31XYa3i9vZsGK"}'


@case("pp-79", "rb-61")
async def good_signature(target: Target) -> None:
    """A private channel with a right signature is acknowledged."""
    channel = target.name("private-x")
    async with target.client() as client:
        frame = await client.subscribed(channel)
        event = "pusher_internal:subscription_succeeded"
        equal(frame, {"event": event, "channel": channel, "data": "{}"}, "the acknowledgement")


@case("pp-80", "pp-81", "pp-83", "rb-62")
async def no_signature(target: Target) -> None:
    """No auth, an empty one, one without a colon and a wrong one are refused; the connection stays."""
    key = target.apps["MAIN"].key
    wrong = (f"{key}:", f"{key}:{'0' * 64}", f"{key}:é")
    for auth in (None, "", "abc", "invalid-signature", ":", *wrong):
        channel = target.name("private-x")
        async with target.client() as client:
            await client.subscribe(channel, auth)
            await subscription_refused(client, channel)
            await target.trigger(channel)
            await client.nothing()


@case("rb-62")
async def auth_of_null(target: Target) -> None:
    """An auth of null is no auth."""
    channel = target.name("private-x")
    async with target.client() as client:
        await client.send({"event": "pusher:subscribe", "data": {"channel": channel, "auth": None}})
        await subscription_refused(client, channel)


@case("pp-82", "rb-64")
async def signature_under_another_key(target: Target) -> None:
    """A right signature under another key is accepted: the secret is proof, Reverb looks at nothing else."""
    channel = target.name("private-x")
    async with target.client() as client:
        signature = client.sign(channel).partition(":")[2]
        await client.subscribed(channel, f"some-other-key:{signature}")


@case("pp-84", "pp-85", "rb-63")
async def signature_for_something_else(target: Target) -> None:
    """A signature made for another socket_id, another channel or with another secret is refused."""
    app = target.apps["MAIN"]
    channel = target.name("private-x")
    async with target.client() as other:
        stolen = other.sign(channel)

    def with_channel(client: Client) -> str:
        return client.sign(f"{channel}-other")

    def with_secret(client: Client) -> str:
        return signing.channel_auth(app.key, "another secret", client.socket_id, channel)

    for make in (lambda client: stolen, with_channel, with_secret):
        async with target.client() as client:
            await client.subscribe(channel, make(client))
            await subscription_refused(client, channel)


@case("rb-65")
async def upper_case_signature(target: Target) -> None:
    """A signature in upper-case hex is refused."""
    channel = target.name("private-x")
    async with target.client() as client:
        key, _, signature = client.sign(channel).partition(":")
        await client.subscribe(channel, f"{key}:{signature.upper()}")
        await subscription_refused(client, channel)


@case("pp-86", "pp-87", "rb-66")
async def channel_data_on_a_private_channel(target: Target) -> None:
    """channel_data on a private channel must be signed with it, byte for byte; then it is accepted."""
    channel = target.name("private-x")
    data = '{ "user_id" : "u1",  "b":[1, 2],"a":"\\u00e9" }'
    async with target.client() as client:
        await client.subscribed(channel, channel_data=data)
    for signed in (None, '{"user_id":"u1","b":[1,2],"a":"é"}'):
        async with target.client() as client:
            await client.subscribe(channel, client.sign(channel, signed), data)
            await subscription_refused(client, channel)


@case("pp-88")
async def second_try(target: Target) -> None:
    """After a refusal, a right subscription on the same connection is acknowledged."""
    channel = target.name("private-x")
    async with target.client() as client:
        await client.subscribe(channel, f"{client.key}:wrong")
        await subscription_refused(client, channel)
        await client.subscribed(channel)


@case("pp-89")
async def private_events(target: Target) -> None:
    """An event on a private channel reaches its subscribers only."""
    channel = target.name("private-customer.100.driver-location")
    async with target.client() as inside, target.client() as refused, target.client() as outside:
        await inside.subscribed(channel)
        await refused.subscribe(channel, "no:signature")
        await subscription_refused(refused, channel)
        await target.trigger(channel, "ticket.assigned", '{"ticket_id":7}')
        expected = {"event": "ticket.assigned", "channel": channel, "data": '{"ticket_id":7}'}
        equal(await inside.frame(), expected, "the frame")
        await refused.nothing()
        await outside.nothing()


@case("pp-90")
async def subscription_error(target: Target) -> None:
    """A failed authorization is told on the channel, with type, error and status, which Echo expects."""
    channel = target.name("private-x")
    async with target.client() as client:
        await client.subscribe(channel, "no:signature")
        frames = [await client.frame() for _ in range(3)]
        frame = next(item for item in frames if item["event"] == "pusher:subscription_error")
        data = data_of(frame)
        equal(frame["channel"], channel, "the channel")
        equal((data["type"], data["status"]), ("AuthError", 401), "type and status")
        equal(type(data["error"]), str, "the type of error")


@case("rb-67", "rb-68")
async def cache_channels_miss(target: Target) -> None:
    """A cache channel without an event is acknowledged, then answers pusher:cache_miss with data."""
    data = '{"user_id":"u1"}'
    async with target.client() as client:
        kinds = (("private-cache-x", None), ("cache-x", None), ("presence-cache-x", data))
        for prefix, channel_data in kinds:
            channel = target.name(prefix)
            await client.subscribed(channel, channel_data=channel_data)
            miss = {"event": "pusher:cache_miss", "channel": channel, "data": "{}"}
            equal(await client.frame(), miss, "what follows the acknowledgement")
            await client.nothing()


@case("rb-69")
async def bad_auth_on_every_kind(target: Target) -> None:
    """Presence, cache and encrypted channels refuse a wrong signature as private ones do."""
    data = '{"user_id":"u1","user_info":{}}'
    for prefix in ("presence-x", "private-cache-x", "presence-cache-x", "private-encrypted-x"):
        channel = target.name(prefix)
        channel_data = data if prefix.startswith("presence-") else None
        async with target.client() as client:
            await client.subscribe(channel, f"{client.key}:{'0' * 64}", channel_data)
            await subscription_refused(client, channel)


@case("rb-74")
async def ciphertext_passes_through(target: Target) -> None:
    """An encrypted channel needs a signature, and its ciphertext is delivered as it was published."""
    channel = target.name("private-encrypted-x")
    async with target.client() as client:
        await client.subscribed(channel)
        await target.trigger(channel, "secret", CIPHERTEXT)
        equal((await client.frame())["data"], CIPHERTEXT, "the data")


@case("rb-76")
async def failed_second_subscription(target: Target) -> None:
    """A second subscription with a wrong signature is refused, and the first one goes on."""
    channel = target.name("private-x")
    async with target.client() as client:
        await client.subscribed(channel)
        await client.subscribe(channel, f"{client.key}:wrong")
        await subscription_refused(client, channel)
        await target.trigger(channel)
        equal((await client.frame())["channel"], channel, "the event")

"""The publishers of backends: PyPI's `pusher`, call by call, and Laravel as it broadcasts."""

from typing import Any

import pytest
from pusher.errors import PusherBadAuth  # type: ignore[import-untyped]

from reverb_py.conformance.client import data_of
from reverb_py.conformance.target import Target
from tests.clients.apps import MAIN, publisher
from tests.server_process import ServerProcess

LARAVEL = {"X-Pusher-Library": "pusher-http-php 7.2.7", "Content-Type": "application/json"}
ANN = '{"user_id":"100","user_info":{"name":"Ann"}}'


@pytest.fixture
def sdk(server: ServerProcess) -> Any:
    return publisher(server.port)


async def test_trigger(sdk: Any, target: Target) -> None:
    """pp-294: an event reaches the channels, but not the socket that is left out."""
    channels = [target.name("orders"), target.name("orders")]
    async with target.client() as ann, target.client() as bob:
        for client in (ann, bob):
            for channel in channels:
                await client.subscribed(channel)
        assert sdk.trigger(channels, "shipped", {"to": "Zoë"}, socket_id=bob.socket_id) == {}
        frames = [await ann.frame() for _ in channels]
        assert [(frame["channel"], data_of(frame)) for frame in frames] == [(each, {"to": "Zoë"}) for each in channels]
        await bob.nothing()


async def test_trigger_batch(sdk: Any, target: Target) -> None:
    """pp-294: the events of a batch arrive in its order."""
    channel = target.name("orders")
    async with target.client() as client:
        await client.subscribed(channel)
        batch = [{"channel": channel, "name": f"step-{number}", "data": {"n": number}} for number in range(10)]
        assert sdk.trigger_batch(batch) == {}
        frames = [await client.frame() for _ in range(10)]
        assert [(frame["event"], data_of(frame)) for frame in frames] == [(f"step-{n}", {"n": n}) for n in range(10)]


async def test_questions(sdk: Any, target: Target) -> None:
    """pp-294: channels_info, channel_info and users_info, whose GETs sign the MD5 of no body."""
    public, presence = target.name("orders"), target.name("presence-orders")
    async with target.client() as client:
        await client.subscribed(public)
        await client.subscribed(presence, channel_data=ANN)
        assert sdk.channels_info(presence, ["user_count"]) == {"channels": {presence: {"user_count": 1}}}
        assert sdk.channels_info(public) == {"channels": {public: {}}}
        assert sdk.channel_info(public, ["subscription_count"]) == {"occupied": True, "subscription_count": 1}
        assert sdk.channel_info(target.name("empty")) == {"occupied": False}
        assert sdk.users_info(presence) == {"users": [{"id": "100"}]}


async def test_terminate_user_connections(sdk: Any, target: Target) -> None:
    """pp-294: works, though the library leaves the app out of the path; whoever is not signed in stays."""
    async with target.client() as ann, target.client() as nobody:
        await ann.signin('{"id":"ann"}')
        assert (await ann.frame())["event"] == "pusher:signin_success"
        assert sdk.terminate_user_connections("ann") == {}
        code, _ = await ann.closed()
        assert code == 4009
        await nobody.nothing()


def test_a_wrong_secret_is_an_exception_that_says_so(server: ServerProcess) -> None:
    """pp-294: what the application's log shows begins with Reverb's sentence and holds our code."""
    with pytest.raises(PusherBadAuth, match=r"^Authentication signature invalid\. \[RVB302\]"):
        publisher(server.port, "another-secret").trigger("orders", "shipped", {})


async def test_laravel_broadcasts_to_150_channels_in_two_requests(target: Target, server: ServerProcess) -> None:
    """pp-312: PusherBroadcaster sends 100 and 50 channels; each of them gets the event once."""
    channels = [target.name("orders") for _ in range(150)]
    async with target.client() as client:
        for channel in channels:
            await client.subscribed(channel)
        for chunk in (channels[:100], channels[100:]):
            body = {"name": "App\\Events\\Shipped150", "data": '{"id":1}', "channels": chunk}
            response = await target.post("/events", body, headers=LARAVEL)
            assert (response.status_code, response.json()) == (200, {})
        frames = [await client.frame() for _ in channels]
        assert [frame["channel"] for frame in frames] == channels
        assert {(frame["event"], frame["data"]) for frame in frames} == {("App\\Events\\Shipped150", '{"id":1}')}
        await client.nothing()
    lines = [line for line in server.output.splitlines() if "Published App\\Events\\Shipped150 to" in line]
    assert [line.partition(": ")[2].split(",")[0] for line in lines] == ["100 received", "50 received"]
    assert all(MAIN.secret not in line for line in lines)

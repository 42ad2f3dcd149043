"""Signing in, and what only a signed-in connection may do."""

from dataclasses import replace

import pytest

from reverb_py.conformance.signing import channel_auth, user_auth
from reverb_py.hub import facts
from reverb_py.protocol.members import User
from tests.fakes import APP, Client, Message, World, opened, present, subscribed

ANN = '{"id": "ann", "user_info":{"name":"Ann"},"watchlist":["ben"]}'


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def ann(world: World) -> Client:
    return world.client()


def success(user_data: str) -> Message:
    return {"event": "pusher:signin_success", "data": {"user_data": user_data}}


def only_error(client: Client) -> str:
    (said,) = client.heard()
    assert said["event"] == "pusher:error"
    assert said["data"]["code"] is None
    return str(said["data"]["message"])


def test_a_success_returns_the_very_string_that_was_sent(world: World, ann: Client) -> None:
    ann.signs_in(ANN)
    assert opened(ann.heard()) == [success(ANN)]
    assert ann.connection.user == User("ann", b'{"name":"Ann"}')
    assert list(world.node.users.of("3", "ann")) == [ann.connection]
    assert world.told() == [facts.SignedIn("3", "1.1", "ann")]


@pytest.mark.parametrize(
    ("auth", "message"),
    [
        ("abc", "Invalid format: auth must have the format key:signature"),
        (user_auth("other", "hunter2", "1.1", ANN), "Invalid key in sign-in auth: 'other'"),
        ("key:58df8b0c", "Invalid signature: Expected HMAC SHA256 hex digest of SOCKET_ID::user::USER_DATA"),
        (user_auth("key", "hunter2", "9.9", ANN), "Invalid signature"),
        (user_auth("key", "other", "1.1", ANN), "Invalid signature"),
        (channel_auth("key", "hunter2", "1.1", "private-x"), "Invalid signature"),
        (channel_auth("key", "hunter2", "1.1", "presence-x", ANN), "Invalid signature"),
    ],
)
def test_a_sign_in_that_does_not_fit_is_refused(world: World, ann: Client, auth: str, message: str) -> None:
    ann.says("pusher:signin", {"auth": auth, "user_data": ANN})
    assert only_error(ann).startswith(message)
    assert ann.connection.user is None
    assert list(world.node.users.of("3", "ann")) == []


@pytest.mark.parametrize(
    "user_data", ["not JSON", "[]", "{}", '{"id":""}', '{"id":5}', '{"id":"a b"}', '{"id":null}', '{"user_id":"ann"}']
)
def test_a_rightly_signed_nobody_is_refused(ann: Client, user_data: str) -> None:
    ann.signs_in(user_data)
    assert only_error(ann).startswith("user_data is invalid")
    assert ann.connection.user is None


def test_the_same_user_may_sign_in_again_and_another_may_not(world: World, ann: Client) -> None:
    ann.signs_in('{"id":"ann"}')
    ann.signs_in(ANN)
    assert opened(ann.heard()) == [success('{"id":"ann"}'), success(ANN)]
    ann.signs_in('{"id":"ben"}')
    assert only_error(ann) == "This connection is signed in as another user"
    assert ann.connection.user == User("ann", b'{"name":"Ann"}')
    assert list(world.node.users.of("3", "ben")) == []
    assert world.told(facts.SignedIn) == [facts.SignedIn("3", "1.1", "ann")]


def test_a_users_own_channel_is_for_that_user_alone(world: World, ann: Client) -> None:
    channel = "#server-to-user-ann"
    stranger, ben = world.client(), world.client()
    ben.signs_in('{"id":"ben"}')
    ann.signs_in(ANN)
    ben.heard()
    ann.heard()
    for client in (stranger, ben):
        client.says("pusher:subscribe", {"channel": channel})
        said = client.heard()[0]["data"]
        assert said == {"code": None, "message": f"Only a connection signed in as ann may subscribe to {channel}"}
    ann.says("pusher:subscribe", {"channel": channel, "auth": ""})
    assert ann.heard() == [subscribed(channel)]
    assert world.publishes(channel, "hello") == 1
    assert ann.heard() == [{"event": "hello", "channel": channel, "data": "{}"}]
    assert stranger.heard() == ben.heard() == []


def test_a_signed_in_user_joins_presence_channels_as_itself(ann: Client) -> None:
    ann.signs_in(ANN)
    ann.heard()
    ann.subscribes("presence-x")
    assert opened(ann.heard()) == [present("presence-x", {"ann": {"name": "Ann"}})]


def test_the_limits_of_a_member_are_those_of_a_signed_in_user_too() -> None:
    ann = World(replace(APP, max_presence_user_size=16)).client()
    ann.signs_in(ANN)
    ann.heard()
    ann.subscribes("presence-x")
    assert ann.heard()[0]["data"]["message"] == "user object is larger than 16 bytes"
    assert ann.connection.channels == {}


def test_channel_data_comes_before_the_sign_in(ann: Client) -> None:
    ann.signs_in(ANN)
    ann.heard()
    ann.joins("presence-x", "ben")
    assert opened(ann.heard()) == [present("presence-x", {"ben": None})]


def test_a_signed_in_user_needs_the_channels_signature_all_the_same(ann: Client) -> None:
    ann.signs_in(ANN)
    ann.heard()
    ann.subscribes("presence-x", auth="key:nonsense")
    assert ann.heard()[0]["data"]["code"] == 4009

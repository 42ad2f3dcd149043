"""The conversation with one client: what it asks for, what it is told, and what the node knows afterwards."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverb_py.codes import SUBSCRIPTION_REFUSED, WRONG_KEY
from reverb_py.conformance.signing import channel_auth
from reverb_py.hub import facts
from reverb_py.hub.app import Credential
from tests.fakes import APP, Client, Message, World, opened, present, subscribed

ANN = '{"user_id":"ann","user_info":{"name":"Ann"}}'
PONG = {"event": "pusher:pong", "data": "{}"}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def ann(world: World) -> Client:
    return world.client()


def error(message: str, code: int | None = None) -> Message:
    return {"event": "pusher:error", "data": {"code": code, "message": message}}


def refused(client: Client, channel: str, code: int | None = None) -> str:
    """The reason of a refused subscription: said on the connection, and on the channel under both names."""
    first, second, third = client.heard()
    message = first["data"]["message"]
    assert first == error(message, code)
    type = "AuthError" if code else "InvalidRequest"
    data = {"type": type, "error": message, "status": 401 if code else 400}
    assert opened([second, third]) == [
        {"event": "pusher:subscription_error", "channel": channel, "data": data},
        {"event": "pusher_internal:subscription_error", "channel": channel, "data": data},
    ]
    assert channel not in client.connection.channels
    return str(message)


# Pings and nonsense.


@pytest.mark.parametrize(
    "text",
    [
        '{"event":"pusher:ping","data":{}}',
        '{"event": "pusher:ping"}',
        '{"event":"pusher:ping","data":"{}"}',
        '{"event":"pusher:ping","data":null}',
        '{"event":"pusher:ping","data":""}',
    ],
)
def test_a_ping_is_answered_whatever_its_data(ann: Client, text: str) -> None:
    ann.session.receive(text)
    assert ann.heard() == [PONG]


def test_a_pong_is_not_answered(ann: Client) -> None:
    ann.says("pusher:pong")
    assert ann.heard() == []


@pytest.mark.parametrize("text", ["", "{{{", "[]", "5", '{"event":5}', '{"event":"pusher:foo"}'])
def test_nonsense_is_answered_with_an_error_and_the_connection_stays(world: World, ann: Client, text: str) -> None:
    ann.session.receive(text)
    (said,) = ann.heard()
    assert said["event"] == "pusher:error"
    assert said["data"]["code"] is None
    assert world.told(facts.MessageRefused) == [facts.MessageRefused("3", "1.1", None, said["data"]["message"])]
    ann.says("pusher:ping")
    assert (ann.heard(), ann.goodbyes) == ([PONG], [])


def test_errors_are_told_once_a_second_and_all_of_them_are_facts(world: World, ann: Client) -> None:
    said = []
    for tenth in range(25):
        world.clock.now += 0.1
        ann.says(f"nonsense {tenth}")
        said.append(len(ann.heard()))
    assert sum(said) == 3
    assert len(world.told(facts.MessageRefused)) == 25


def test_the_errors_of_one_client_take_none_from_another(world: World, ann: Client) -> None:
    ann.says("nonsense")
    other = world.client()
    other.says("nonsense")
    assert len(other.heard()) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=9), values, max_size=3),
    max_leaves=6,
)
CHANNELS = st.sampled_from(
    ["a", "private-x", "presence-x", "cache-x", "#server-to-user-7", "a b", "private-encrypted-x"]
)
MESSAGES = st.fixed_dictionaries(
    {"event": st.sampled_from(["pusher:subscribe", "pusher:unsubscribe", "pusher:signin", "client-a"]) | JSON},
    optional={
        "data": st.fixed_dictionaries({"channel": CHANNELS}, optional={"auth": JSON, "channel_data": JSON}) | JSON,
        "channel": CHANNELS,
    },
)


@given(st.lists(MESSAGES.map(json.dumps) | st.text(), max_size=12))
def test_whatever_a_client_says_the_session_lives_and_lets_nobody_in(texts: list[str]) -> None:
    world = World()
    client = world.client()
    for text in texts:
        client.session.receive(text)
    client.says("pusher:ping")
    assert client.heard()[-1] == PONG
    assert set(client.connection.channels) <= {"a", "cache-x"}
    assert client.connection.user is None


# Public channels.


@pytest.mark.parametrize("data", [{"auth": ""}, {}, {"auth": None}, {"auth": "nonsense", "channel_data": ANN}])
def test_a_public_channel_needs_no_signature_and_takes_no_claim_from_it(
    world: World, ann: Client, data: dict[str, str]
) -> None:
    ann.says("pusher:subscribe", {"channel": "my-channel", **data})
    assert ann.heard() == [subscribed("my-channel")]
    assert ann.connection.channels == {"my-channel": None}
    assert world.publishes("my-channel") == 1


def test_to_subscribe_again_is_acknowledged_again_and_changes_nothing(world: World, ann: Client) -> None:
    ann.subscribes("a")
    told = len(world.told())
    ann.subscribes("a")
    assert ann.heard() == [subscribed("a"), subscribed("a")]
    assert len(world.told()) == told
    assert world.publishes("a") == 1
    assert len(ann.heard()) == 1
    ann.unsubscribes("a")
    assert world.publishes("a") == 0


def test_to_unsubscribe_is_not_answered_and_ends_it(world: World, ann: Client) -> None:
    ann.subscribes("a")
    ann.unsubscribes("a")
    ann.unsubscribes("a")
    ann.unsubscribes("never joined")
    assert ann.heard() == [subscribed("a")]
    assert world.publishes("a") == 0
    assert world.told(facts.Unsubscribed) == [facts.Unsubscribed("3", "1.1", "a")]


@pytest.mark.parametrize("channel", ["my ch", "a/b", "é", "a#b", "a:b", "#foo", "x" * 201, 'a:{"user_id":"7"}'])
def test_a_bad_name_is_refused_without_repeating_all_of_it(world: World, ann: Client, channel: str) -> None:
    ann.subscribes(channel)
    (said,) = ann.heard()
    assert said["data"]["code"] is None
    assert said["data"]["message"].startswith("Invalid channel name ")
    assert len(said["data"]["message"]) < 300
    assert world.told(facts.Subscribed, facts.ChannelOccupied) == []


def test_an_app_may_allow_shorter_names_only() -> None:
    ann = World(replace(APP, max_channel_name=164)).client()
    ann.subscribes("x" * 164)
    ann.subscribes("x" * 165)
    acknowledgement, said = ann.heard()
    assert acknowledgement == subscribed("x" * 164)
    assert "1 to 164 of the characters" in said["data"]["message"]


@pytest.mark.parametrize(("channel", "noticed"), [("privatefoo", True), ("presencefoo", True), ("a", False)])
def test_a_name_that_only_looks_guarded_is_public_and_noticed(
    world: World, ann: Client, channel: str, noticed: bool
) -> None:
    ann.says("pusher:subscribe", {"channel": channel})
    assert ann.heard() == [subscribed(channel)]
    notices = world.told(facts.Noticed)
    assert notices == [facts.Noticed("3", f"{channel} is a public channel: its prefix lacks the dash")] * noticed


# Signatures.


@pytest.mark.parametrize(
    "channel", ["private-x", "private-cache-x", "private-encrypted-x", "private-encrypted-cache-x"]
)
def test_a_guarded_channel_is_joined_with_a_signature(ann: Client, channel: str) -> None:
    ann.subscribes(channel)
    assert ann.heard()[0] == subscribed(channel)
    assert ann.connection.channels == {channel: None}


def test_a_private_channel_may_be_signed_with_channel_data_that_nobody_uses(ann: Client) -> None:
    ann.subscribes("private-x", "any text")
    assert ann.heard() == [subscribed("private-x")]
    assert ann.connection.channels == {"private-x": None}


SIGNED = channel_auth("key", "hunter2", "1.1", "private-x")


@pytest.mark.parametrize(
    ("auth", "reason"),
    [
        ("", "Auth info required to subscribe to private-x"),
        (
            "abc",
            "Auth value for subscription to private-x is invalid: should be of format 'key:signature'",
        ),
        (SIGNED.partition(":")[2], "should be of format 'key:signature'"),
        ("key:58df8b0c", "Invalid signature: Expected HMAC SHA256 hex digest of SOCKET_ID:CHANNEL, but got 58df8b0c"),
        (f"key:{SIGNED}", f"but got {SIGNED}"),
        (channel_auth("key", "hunter2", "9.9", "private-x"), "Invalid signature"),
        (channel_auth("key", "hunter2", "1.1", "private-y"), "Invalid signature"),
        (channel_auth("key", "other", "1.1", "private-x"), "Invalid signature"),
        (channel_auth("key", "hunter2", "1.1", "private-x", ANN), "Invalid signature"),
        (SIGNED.upper(), "Invalid signature"),
    ],
)
def test_a_signature_that_does_not_fit_is_4009_and_the_connection_stays(
    world: World, ann: Client, auth: str, reason: str
) -> None:
    ann.subscribes("private-x", auth=auth)
    message = refused(ann, "private-x", 4009)
    assert message.startswith("Connection is unauthorized. ")
    assert reason in message
    (told,) = world.told()
    assert isinstance(told, facts.SubscriptionRefused)
    assert (told.channel, told.code) == ("private-x", SUBSCRIPTION_REFUSED)
    assert world.publishes("private-x") == 0
    ann.subscribes("private-x")
    assert (ann.heard(), ann.goodbyes) == ([subscribed("private-x")], [])


def test_channel_data_is_part_of_what_is_signed(ann: Client) -> None:
    ann.subscribes("private-x", ANN, auth=SIGNED)
    assert "SOCKET_ID:CHANNEL:CHANNEL_DATA" in refused(ann, "private-x", 4009)


def test_a_fitting_signature_with_another_key_is_taken_with_a_notice(world: World, ann: Client) -> None:
    ann.subscribes("private-x", auth=channel_auth("other", "hunter2", "1.1", "private-x"))
    assert ann.heard() == [subscribed("private-x")]
    what = "private-x was authorized with the key 'other', which is not this app's"
    assert world.told(facts.Noticed) == [facts.Noticed("3", what, WRONG_KEY)]


def test_every_live_secret_signs() -> None:
    world = World(replace(APP, credentials=(Credential("new", "hunter3"), *APP.credentials)))
    for number, (key, secret) in enumerate([("new", "hunter3"), ("key", "hunter2")], start=1):
        client = world.client()
        client.subscribes("private-x", auth=channel_auth(key, secret, f"{number}.1", "private-x"))
        assert client.heard() == [subscribed("private-x")]
    assert world.told(facts.Noticed) == []


def test_a_failed_attempt_leaves_an_earlier_subscription_as_it_is(world: World, ann: Client) -> None:
    ann.joins("presence-x", "ann")
    ann.heard()
    ann.subscribes("presence-x", '{"user_id":"ann"}', auth="key:nonsense")
    assert len(ann.heard()) == 3
    assert world.publishes("presence-x") == 1
    assert world.told(facts.MemberRemoved) == []


# Presence.


def test_a_member_is_who_the_signed_channel_data_says(world: World, ann: Client) -> None:
    ann.subscribes("presence-x", ' {"user_info" : {"name":"Ann", "n":1.0} ,"user_id":10, "more":1}')
    (heard,) = ann.heard()
    assert heard["data"] == '{"presence":{"count":1,"ids":["10"],"hash":{"10":{"name":"Ann", "n":1.0}}}}'
    assert world.told(facts.MemberAdded) == [facts.MemberAdded("3", "presence-x", "10")]


@pytest.mark.parametrize(
    ("channel_data", "reason"),
    [
        (None, "presence-x needs channel_data with a user_id, or a sign-in before"),
        ("not JSON", "channel_data is invalid: it is not JSON"),
        ("{}", "channel_data is invalid: user_id must be a non-empty string or a number"),
        ('{"user_id":null}', "user_id must be"),
        ('{"user_id":""}', "user_id must be"),
        ('{"user_id":false}', "user_id must be"),
    ],
)
def test_nobody_in_particular_is_refused(world: World, ann: Client, channel_data: str | None, reason: str) -> None:
    ann.subscribes("presence-x", channel_data)
    message = refused(ann, "presence-x")
    assert reason in message
    assert world.told() == [facts.SubscriptionRefused("3", "1.1", "presence-x", message)]


def test_the_same_user_may_subscribe_again_and_another_may_not(world: World, ann: Client) -> None:
    ann.joins("presence-x", "ann", {"n": 1})
    ann.joins("presence-x", "ann", {"n": 2})
    assert opened(ann.heard()) == [present("presence-x", {"ann": {"n": 1}})] * 2
    ann.joins("presence-x", "ben")
    said, *_ = ann.heard()
    assert said == error("Existing subscription to channel presence-x as another user")
    ann.says("pusher:ping")
    assert ann.heard() == [PONG]
    assert world.told(facts.MemberAdded, facts.MemberRemoved) == [facts.MemberAdded("3", "presence-x", "ann")]
    assert world.publishes("presence-x") == 1


def test_a_callback_that_returned_true_works_and_is_noticed(world: World, ann: Client) -> None:
    ann.subscribes("presence-x", '{"user_id":7,"user_info":true}')
    assert opened(ann.heard()) == [present("presence-x", {"7": True})]
    (notice,) = world.told(facts.Noticed)
    assert "its authorization callback returns true" in str(notice)


@pytest.mark.parametrize(
    ("limit", "value", "fits", "too_much", "reason"),
    [
        ("max_user_id", 128, {"user_id": "x" * 128}, {"user_id": "x" * 129}, "user_id is longer than 128 characters"),
        (
            *("max_presence_user_size", 20, {"user_id": "é", "user_info": "x" * 16}),
            *({"user_id": "é", "user_info": "x" * 17}, "user object is larger than 20 bytes"),
        ),
    ],
)
def test_the_limits_of_a_member_are_kept_to_the_letter(
    limit: str, value: int, fits: dict[str, str], too_much: dict[str, str], reason: str
) -> None:
    ann = World(replace(APP, **{limit: value})).client()  # type: ignore[arg-type]  # both are numbers
    ann.subscribes("presence-x", json.dumps(too_much, ensure_ascii=False))
    assert refused(ann, "presence-x") == reason
    ann.subscribes("presence-x", json.dumps(fits, ensure_ascii=False))
    assert len(ann.heard()) == 1
    free = World().client()
    free.subscribes("presence-x", json.dumps(too_much, ensure_ascii=False))
    assert len(free.heard()) == 1


def test_the_hundred_and_first_user_is_refused_and_a_further_connection_of_the_first_is_not() -> None:
    world = World(replace(APP, max_presence_members=100))
    for number in range(100):
        world.client().joins("presence-x", str(number))
    late, again = world.client(), world.client()
    late.joins("presence-x", "late")
    assert late.heard()[0] == error("presence-x is full: it has 100 members")
    again.joins("presence-x", "0")
    assert opened(again.heard())[0]["data"]["presence"]["count"] == 100


def test_more_than_a_hundred_members_are_noticed_when_the_hundred_and_first_comes(world: World) -> None:
    for number in range(100):
        world.client().joins("presence-x", str(number))
    world.client().joins("presence-x", "0")
    assert world.told(facts.Noticed) == []
    for user_id in ("100", "100", "101"):
        world.client().joins("presence-x", user_id)
    (notice,) = world.told(facts.Noticed)
    assert "presence-x has more than 100 members" in str(notice)


# What no line of a log may hold.


def test_no_fact_holds_a_secret_or_a_signature(world: World, ann: Client) -> None:
    right = channel_auth("key", "hunter2", "1.1", "private-x")
    for auth in (right, channel_auth("other", "hunter2", "1.1", "private-x"), "key:hunter2", "hunter2", f"key:{right}"):
        ann.subscribes("private-x", auth=auth)
        ann.says("pusher:signin", {"auth": auth, "user_data": '{"id":"7"}'})
    ann.signs_in('{"id":"7"}')
    assert len(world.facts) > 10
    assert "hunter2" not in repr(world.facts)
    assert right.partition(":")[2] not in repr(world.facts)


def test_a_connection_has_so_many_channels_and_may_ask_again_for_those_it_has() -> None:
    world = World(replace(APP, max_subscriptions=2))
    ann = world.client()
    for channel in ("a", "b", "c", "a"):
        ann.subscribes(channel)
    assert list(ann.connection.channels) == ["a", "b"]
    (refused,) = world.told(facts.SubscriptionRefused)
    assert isinstance(refused, facts.SubscriptionRefused)
    assert (refused.channel, "REVERB_APP_MAX_SUBSCRIPTIONS" in refused.reason) == ("c", True)
    ann.unsubscribes("a")
    ann.subscribes("c")
    assert list(ann.connection.channels) == ["b", "c"]

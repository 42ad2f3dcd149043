"""Client events: who may send them where, what others receive, and how many; and Reverb's limit on every message."""

import json
from dataclasses import replace

import pytest

from reverb_py.hub import facts
from reverb_py.hub.app import ClientEventsFrom, RateLimit
from tests.fakes import APP, Client, Message, World


def error(message: str, code: int | None = None) -> Message:
    return {"event": "pusher:error", "data": {"code": code, "message": message}}


def pair(world: World, channel: str) -> tuple[Client, Client]:
    """Two clients that listen to a channel, ann and ben, and have read their acknowledgements."""
    ann, ben = world.client(), world.client()
    for client, user_id in ((ann, "ann"), (ben, "ben")):
        client.joins(channel, user_id)
    for client in (ann, ben):
        client.heard()
    return ann, ben


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ('{"k":1}', '{"k":1}'),
        ('{ "k" : 1.0, "big":12345678901234567890123 }', '{ "k" : 1.0, "big":12345678901234567890123 }'),
        (r'{"é":"\u00e9\/"}', r'{"é":"\u00e9\/"}'),
        ("{}", "{}"),
        ("[ ]", "[ ]"),
        ("5", "5"),
        ("1e2", "1e2"),
        ("true", "true"),
        ("null", "null"),
        ('"text"', "text"),
        (r'"{\"k\":1}"', '{"k":1}'),
        ('""', ""),
    ],
)
def test_others_get_the_data_as_a_string_with_the_senders_own_bytes(world: World, sent: str, received: str) -> None:
    ann, ben = pair(world, "private-x")
    ann.session.receive(f'{{"event":"client-a","channel":"private-x","data":{sent}}}')
    assert ben.heard() == [{"event": "client-a", "channel": "private-x", "data": received}]
    assert ann.heard() == []
    assert world.told(facts.ClientEventSent) == [facts.ClientEventSent("3", "1.1", "private-x", "client-a", 1)]


def test_missing_data_is_null(world: World) -> None:
    ann, ben = pair(world, "private-x")
    ann.session.receive('{"event":"client-a","channel":"private-x"}')
    assert ben.heard() == [{"event": "client-a", "channel": "private-x", "data": "null"}]


@pytest.mark.parametrize("channel", ["presence-x", "presence-cache-x"])
def test_in_presence_channels_the_verified_user_stands_beside_the_data(world: World, channel: str) -> None:
    ann, ben = pair(world, channel)
    ann.says("client-a", {}, channel=channel, user_id="admin", userId="admin")
    assert ben.heard() == [{"event": "client-a", "channel": channel, "data": "{}", "user_id": "ann"}]


def test_elsewhere_no_user_is_named_whatever_the_sender_says(world: World) -> None:
    ann, ben = pair(world, "private-x")
    ann.signs_in('{"id":"ann"}')
    ann.says("client-a", {}, channel="private-x", user_id="admin")
    assert ben.heard() == [{"event": "client-a", "channel": "private-x", "data": "{}"}]


def test_another_connection_of_the_sender_receives_it(world: World) -> None:
    ann, ben = pair(world, "presence-x")
    laptop = world.client()
    laptop.joins("presence-x", "ann")
    laptop.heard()
    ann.says("client-a", {}, channel="presence-x")
    assert len(laptop.heard()) == len(ben.heard()) == 1


def test_a_client_event_is_never_kept(world: World) -> None:
    ann, ben = pair(world, "private-cache-x")
    ann.says("client-a", {}, channel="private-cache-x")
    assert len(ben.heard()) == 1
    assert len(world.last_events) == 0


@pytest.mark.parametrize(
    ("channel", "message"),
    [
        ("my-channel", "Client events are only supported on private and presence channels"),
        ("cache-x", "Client events are only supported on private and presence channels"),
        ("private-encrypted-x", "Client events are not supported on channel private-encrypted-x"),
        ("private-encrypted-cache-x", "Client events are not supported on channel private-encrypted-cache-x"),
    ],
)
def test_a_subscriber_may_not_send_everywhere(world: World, channel: str, message: str) -> None:
    ann, ben = pair(world, channel)
    ann.says("client-a", {}, channel=channel)
    assert (ann.heard(), ben.heard()) == ([error(message)], [])


def test_nobody_sends_to_a_users_own_channel(world: World) -> None:
    ann = world.client()
    ann.signs_in('{"id":"ann"}')
    ann.subscribes("#server-to-user-ann")
    ann.heard()
    ann.says("client-a", {}, channel="#server-to-user-ann")
    assert ann.heard() == [error("Client events are not supported on channel #server-to-user-ann")]


def test_who_is_not_subscribed_may_not_send(world: World) -> None:
    _, ben = pair(world, "private-x")
    stranger = world.client()
    stranger.says("client-a", {}, channel="private-x")
    message = "Cannot broadcast client event (connection not subscribed to channel private-x)"
    assert (stranger.heard(), ben.heard()) == ([error(message)], [])


@pytest.mark.parametrize("name", ["hello", "pusher_internal:member_added", "pusher:error", "client_a"])
def test_other_names_are_refused_so_that_the_developer_sees_it(world: World, name: str) -> None:
    ann, ben = pair(world, "private-x")
    ann.says(name, {}, channel="private-x")
    assert (ann.heard(), ben.heard()) == ([error(f"Unsupported event received on socket: {name}")], [])


@pytest.mark.parametrize(("characters", "fits"), [("x" * 10_240, True), ("x" * 10_241, False), ("é" * 5_121, False)])
def test_data_is_limited_in_bytes(world: World, characters: str, fits: bool) -> None:
    ann, ben = pair(world, "private-x")
    ann.says("client-a", characters, channel="private-x")
    assert len(ben.heard()) == fits
    size = len(characters.encode())
    refusal = error(f"Invalid client event (its data has {size} bytes, 10240 are allowed)")
    assert ann.heard() == ([] if fits else [refusal])
    assert ann.goodbyes == []


def test_none_means_nobody() -> None:
    world = World(replace(APP, accept_client_events_from=ClientEventsFrom.NONE))
    ann, ben = pair(world, "private-x")
    ann.says("client-a", {}, channel="private-x")
    (said,) = ann.heard()
    assert "accept_client_events_from" in said["data"]["message"]
    assert ben.heard() == []


def test_all_means_everybody_everywhere_but_not_in_anothers_name() -> None:
    world = World(replace(APP, accept_client_events_from=ClientEventsFrom.ALL))
    _, ben = pair(world, "presence-x")
    public = world.client()
    public.subscribes("my-channel")
    public.heard()
    stranger = world.client()
    stranger.says("client-a", {}, channel="presence-x", user_id="ann")
    stranger.says("client-b", {}, channel="my-channel")
    assert ben.heard() == [{"event": "client-a", "channel": "presence-x", "data": "{}"}]
    assert public.heard() == [{"event": "client-b", "channel": "my-channel", "data": "{}"}]
    stranger.says("client-a", {}, channel="private-encrypted-x")
    assert stranger.heard() == [error("Client events are not supported on channel private-encrypted-x")]


def test_so_many_events_a_second_go_through_and_the_rest_is_dropped_with_one_error(world: World) -> None:
    ann, ben = pair(world, "private-x")
    for _ in range(105):
        ann.says("client-a", {}, channel="private-x")
    assert len(ben.heard()) == 100
    assert ann.heard() == [error("Rate limit exceeded: 100 client events a second are allowed", 4301)]
    assert ann.goodbyes == []
    ben.says("client-a", {}, channel="private-x")
    assert len(ann.heard()) == 1
    world.clock.now += 1
    for _ in range(101):
        ann.says("client-a", {}, channel="private-x")
    assert len(ben.heard()) == 100


def test_a_refused_event_takes_nothing_from_the_allowance() -> None:
    world = World(replace(APP, max_client_events=1))
    ann, ben = pair(world, "private-x")
    for _ in range(5):
        ann.says("client-a", {}, channel="private-y")
    ann.says("client-a", {}, channel="private-x")
    assert len(ben.heard()) == 1


def test_no_limit_is_no_limit() -> None:
    world = World(replace(APP, max_client_events=0, max_client_event_size=0))
    ann, ben = pair(world, "private-x")
    for _ in range(500):
        ann.says("client-a", "x" * 11_000, channel="private-x")
    assert len(ben.heard()) == 500


# Reverb's limit on every message.

LIMITED = replace(APP, rate_limit=RateLimit(3, 60))


def test_every_message_counts_against_reverbs_limit_and_those_above_it_are_not_obeyed() -> None:
    world = World(LIMITED)
    ann = world.client()
    ann.says("pusher:ping")
    ann.says("nonsense")
    ann.says("pusher:ping")
    ann.heard()
    world.clock.now += 1
    ann.subscribes("a")
    assert ann.heard() == [error("Rate limit exceeded", 4301)]
    assert ann.connection.channels == {}
    world.clock.now += 59
    ann.subscribes("a")
    assert len(ann.connection.channels) == 1
    assert ann.goodbyes == []


def test_the_limit_is_each_connections_own() -> None:
    world = World(LIMITED)
    ann, ben = world.client(), world.client()
    for client in (ann, ben):
        for _ in range(3):
            client.says("pusher:ping")
        assert [json.loads(message["data"]) for message in client.heard()] == [{}, {}, {}]


def test_who_is_above_the_limit_may_be_closed_with_a_code_that_lets_it_come_back() -> None:
    world = World(replace(APP, rate_limit=RateLimit(1, 60, terminate=True)))
    ann = world.client()
    ann.says("nonsense")
    ann.heard()
    ann.says("pusher:ping")
    assert ann.heard() == [error("Rate limit exceeded", 4301)]
    assert ann.goodbyes == [(4100, "Rate limit exceeded")]

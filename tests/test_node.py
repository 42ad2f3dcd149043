"""A node from the outside: every event reaches whom it should, and facts are told once, after they are true."""

import json
from dataclasses import replace

import pytest

from reverb_py.cluster.last_events import LastEvents
from reverb_py.hub import facts
from reverb_py.hub.app import App, Apps, Credential
from reverb_py.hub.connection import Connection
from reverb_py.node import Node
from reverb_py.protocol.members import Member, User
from reverb_py.protocol.triggers import Trigger
from tests.fakes import APP, START, Client, Clock, World, opened, payloads, present, subscribed

OTHER = App("4", (Credential("other", "hunter3"),))
MISS = {"event": "pusher:cache_miss", "channel": "cache-x", "data": "{}"}


@pytest.fixture
def world() -> World:
    return World(APP, OTHER)


def event(channel: str, name: str = "e", data: str = "{}") -> dict[str, str]:
    return {"event": name, "channel": channel, "data": data}


# Connections.


def test_a_connection_is_greeted_first_and_then_told_of() -> None:
    sent: list[bytes] = []
    told: list[facts.Fact] = []
    node = Node(Apps([APP]), clock=Clock(), last_events=LastEvents(0), tell=told.append)
    node.connect(Connection(APP, "1.2", write=sent.append, close=lambda code, reason: None))
    (greeting,) = [json.loads(payload) for payload in payloads(b"".join(sent))]
    assert greeting["event"] == "pusher:connection_established"
    assert json.loads(greeting["data"]) == {"socket_id": "1.2", "activity_timeout": 30}
    assert told == [facts.Connected("3", "1.2")]


def test_a_connection_that_goes_away_leaves_its_channels_once(world: World) -> None:
    ann = world.client()
    ann.subscribes("private-x")
    ann.joins("presence-x", "ann")
    world.facts.clear()
    world.node.disconnect(ann.connection, 1001, "gone")
    world.node.disconnect(ann.connection, 1006, "")
    assert world.told() == [
        facts.Unsubscribed("3", "1.1", "private-x"),
        facts.ChannelVacated("3", "private-x"),
        facts.Unsubscribed("3", "1.1", "presence-x"),
        facts.MemberRemoved("3", "presence-x", "ann"),
        facts.ChannelVacated("3", "presence-x"),
        facts.Disconnected("3", "1.1", 1001, "gone", ("private-x", "presence-x")),
    ]
    assert ann.heard()[-1]["event"] == "pusher_internal:subscription_succeeded"


# Events.


def test_an_event_reaches_the_subscribers_of_its_channel_in_its_app(world: World) -> None:
    one, two, elsewhere, abroad = (*(world.client() for _ in range(3)), world.client(OTHER))
    one.subscribes("a")
    two.subscribes("a")
    elsewhere.subscribes("b")
    abroad.subscribes("a")
    for client in (one, two, elsewhere, abroad):
        client.heard()
    assert world.publishes("a", "order.shipped", '{"id":1}') == 2
    assert one.heard() == two.heard() == [event("a", "order.shipped", '{"id":1}')]
    assert elsewhere.heard() == abroad.heard() == []


def test_an_event_for_several_channels_is_counted_for_each(world: World) -> None:
    one, two = world.client(), world.client()
    one.subscribes("a")
    one.subscribes("b")
    two.subscribes("b")
    one.heard()
    trigger = Trigger("e", "{}", ("b", "nobody", "a"), socket_id=two.socket_id)
    assert world.node.trigger(APP, trigger) == {"b": 1, "nobody": 0, "a": 1}
    assert one.heard() == [event("b"), event("a")]


def test_events_arrive_in_the_order_in_which_they_were_published(world: World) -> None:
    one = world.client()
    one.subscribes("a")
    one.heard()
    for number in range(1_000):
        world.publishes("a", data=str(number))
    assert [message["data"] for message in one.heard()] == [str(number) for number in range(1_000)]


# Channels.


def test_a_channel_is_occupied_and_vacated_once(world: World) -> None:
    one, two = world.client(), world.client()
    one.subscribes("a")
    two.subscribes("a")
    one.unsubscribes("a")
    two.leaves()
    assert world.told(facts.ChannelOccupied, facts.ChannelVacated) == [
        facts.ChannelOccupied("3", "a"),
        facts.ChannelVacated("3", "a"),
    ]


def test_a_member_is_announced_to_the_others_with_its_first_connection_and_its_last(world: World) -> None:
    ann, phone, laptop = (world.client() for _ in range(3))
    ann.joins("presence-x", "ann", {"name": "Ann"})
    assert opened(ann.heard()) == [present("presence-x", {"ann": {"name": "Ann"}})]

    phone.joins("presence-x", "ben", {"name": "Ben"})
    both = {"ann": {"name": "Ann"}, "ben": {"name": "Ben"}}
    assert opened(phone.heard()) == [present("presence-x", both)]
    added = {"user_id": "ben", "user_info": {"name": "Ben"}}
    assert opened(ann.heard()) == [
        {"event": "pusher_internal:member_added", "channel": "presence-x", "data": added},
    ]

    laptop.joins("presence-x", "ben", {"name": "Benjamin"})
    assert opened(laptop.heard()) == [present("presence-x", both)]
    phone.leaves()
    assert ann.heard() == laptop.heard() == []

    laptop.unsubscribes("presence-x")
    assert opened(ann.heard()) == [
        {"event": "pusher_internal:member_removed", "channel": "presence-x", "data": {"user_id": "ben"}},
    ]
    assert world.told(facts.MemberAdded, facts.MemberRemoved) == [
        facts.MemberAdded("3", "presence-x", "ann"),
        facts.MemberAdded("3", "presence-x", "ben"),
        facts.MemberRemoved("3", "presence-x", "ben"),
    ]


def test_to_unsubscribe_from_nothing_is_a_fault_of_the_caller(world: World) -> None:
    with pytest.raises(KeyError):
        world.node.unsubscribe(world.client().connection, "a")


# Cache channels.


def test_who_comes_late_gets_the_last_event_alone_and_others_do_not_get_it_again(world: World) -> None:
    early, late = world.client(), world.client()
    early.subscribes("cache-x")
    assert early.heard() == [subscribed("cache-x"), MISS]
    world.publishes("cache-x", "first")
    world.publishes("cache-x", "second", "2")
    early.heard()
    late.subscribes("cache-x")
    assert late.heard() == [subscribed("cache-x"), event("cache-x", "second", "2")]
    assert early.heard() == []
    assert world.told(facts.CacheMissed) == [facts.CacheMissed("3", "cache-x")]


def test_the_last_event_outlives_the_subscribers_and_needs_none(world: World) -> None:
    assert world.publishes("cache-x") == 0
    for _ in range(2):
        one = world.client()
        one.subscribes("cache-x")
        assert one.heard() == [subscribed("cache-x"), event("cache-x")]
        one.leaves()


@pytest.mark.parametrize(("later", "heard"), [(1_799.0, event("cache-x")), (1_800.0, MISS)])
def test_the_last_event_is_kept_for_half_an_hour_from_its_publishing(
    world: World, later: float, heard: dict[str, str]
) -> None:
    world.publishes("cache-x")
    world.clock.now = START + 900
    world.client().subscribes("cache-x")
    world.clock.now = START + later
    one = world.client()
    one.subscribes("cache-x")
    assert one.heard() == [subscribed("cache-x"), heard]


@pytest.mark.parametrize("channel", ["private-cache-x", "presence-cache-x", "private-encrypted-cache-x"])
def test_every_kind_of_cache_channel_keeps_its_last_event(world: World, channel: str) -> None:
    world.publishes(channel, data="kept")
    one = world.client()
    one.joins(channel, "ann")
    acknowledgement, cached = one.heard()
    assert acknowledgement["event"] == "pusher_internal:subscription_succeeded"
    assert cached == event(channel, data="kept")


@pytest.mark.parametrize("channel", ["a", "private-x", "private-cachex"])
def test_other_channels_keep_nothing(world: World, channel: str) -> None:
    world.publishes(channel)
    one = world.client()
    one.subscribes(channel)
    assert one.heard() == [subscribed(channel)]
    assert len(world.last_events) == 0


def test_who_was_excluded_from_an_event_gets_it_when_it_subscribes_again(world: World) -> None:
    one = world.client()
    one.subscribes("cache-x")
    one.heard()
    assert world.publishes("cache-x", socket_id=one.socket_id) == 0
    assert one.heard() == []
    one.subscribes("cache-x")
    assert one.heard() == [subscribed("cache-x"), event("cache-x")]


def test_neither_members_nor_client_events_are_kept(world: World) -> None:
    ann, ben = world.client(), world.client()
    ann.joins("presence-cache-x", "ann")
    ben.joins("presence-cache-x", "ben")
    ann.says("client-typing", {"t": 1}, channel="presence-cache-x")
    ben.leaves()
    assert len(world.last_events) == 0


def test_the_same_cache_channel_of_another_app_has_its_own_event(world: World) -> None:
    world.publishes("cache-x")
    abroad = world.client(OTHER)
    abroad.subscribes("cache-x")
    assert abroad.heard() == [subscribed("cache-x"), MISS]


# Users.


def test_a_user_is_closed_wherever_it_is_signed_in_or_a_member(world: World) -> None:
    signed_in, member, both, stranger, abroad = (*(world.client() for _ in range(4)), world.client(OTHER))
    world.node.sign_in(signed_in.connection, User("ann"))
    member.joins("presence-x", "ann")
    both.joins("presence-x", "ann")
    world.node.sign_in(both.connection, User("ann"))
    stranger.subscribes("a")  # neither signed in nor a member: what ended the whole request in Reverb (rb 5.8)
    stranger.joins("presence-x", "ben")
    world.node.sign_in(abroad.connection, User("ann"))
    assert world.node.terminate_here(APP.id, "ann") == 3
    said = [client.goodbyes for client in (signed_in, member, both, stranger, abroad)]
    assert said == [[(4009, "Terminated by the application")]] * 3 + [[], []]
    assert world.node.terminate_here(APP.id, "ann") == 0
    assert world.node.terminate_here(APP.id, "nobody") == 0


def test_a_user_that_went_away_is_not_kept(world: World) -> None:
    ann = world.client()
    world.node.sign_in(ann.connection, User("ann"))
    assert world.told(facts.SignedIn) == [facts.SignedIn("3", "1.1", "ann")]
    ann.leaves()
    assert list(world.node.users.of("3", "ann")) == []


# A reload.


def test_after_a_reload_connections_stay_with_their_app_as_it_is_now() -> None:
    third = App("5", (Credential("third", "hunter4"),))
    world = World(APP, OTHER, third)
    stays, goes, disabled = world.client(), world.client(OTHER), world.client(third)
    changed = replace(APP, max_client_events=1)
    world.node.use(Apps([changed, replace(third, enabled=False)]))
    assert stays.connection.app is changed
    assert stays.goodbyes == []
    assert goes.goodbyes == [(4001, "Application does not exist any more")]
    assert disabled.goodbyes == [(4003, "Application is disabled")]
    assert world.node.apps.by_id("3") is changed


def test_a_rotated_secret_counts_for_connections_that_are_here(world: World) -> None:
    one = world.client()
    rotated = replace(APP, credentials=(Credential("key", "new secret"), *APP.credentials))
    world.node.use(Apps([rotated]))
    one.subscribes("private-x")
    assert one.heard() == [subscribed("private-x")]


# What is left when everybody is gone.


def test_a_node_that_everybody_left_remembers_nothing(world: World) -> None:
    clients: list[Client] = []
    for number in range(20):
        client = world.client(OTHER if number % 3 == 0 else APP)
        client.joins(f"presence-{number % 4}", str(number % 5))
        client.subscribes(f"private-{number}")
        client.subscribes("a")
        client.unsubscribes("a")
        world.node.sign_in(client.connection, User(str(number % 5)))
        clients.append(client)
    for client in clients:
        client.leaves()
    node = world.node
    assert (node.hub.connections, node.hub._channels, node.users._connections) == ({}, {}, {})
    assert world.occupancy._seats == {}
    told = {kind: len(world.told(kind)) for kind in (facts.ChannelOccupied, facts.ChannelVacated)}
    assert told[facts.ChannelOccupied] == told[facts.ChannelVacated] > 20
    assert len(world.told(facts.MemberAdded)) == len(world.told(facts.MemberRemoved)) > 4


def test_a_subscription_may_be_made_without_a_session(world: World) -> None:
    outcomes: list[object] = []
    one = world.client()
    world.node.subscribe(one.connection, "presence-x", Member("ann"), outcomes.append)
    assert len(outcomes) == 1
    assert opened(one.heard()) == [present("presence-x", {"ann": None})]

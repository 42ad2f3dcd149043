"""What a node's observer says: hints when nobody received an event, and what is noticed by itself."""

import json
from time import perf_counter

import pytest

from reverb_py import codes
from reverb_py.codes import Code
from reverb_py.hub import facts
from reverb_py.protocol.triggers import Trigger
from reverb_py.transports.publishing import publish
from tests.diagnosis.observed import CHANNEL, OTHER, Observed


@pytest.fixture
def world() -> Observed:
    return Observed()


def test_a_publisher_is_told_the_id_and_how_many_received_it(world: Observed) -> None:
    world.listener("a")
    world.listener("a", "b")
    assert world.posts("a", "b") == {"X-Reverb-Event-Id": "n1-1", "X-Reverb-Delivered": "3"}
    assert world.posts("a")["X-Reverb-Event-Id"] == "n1-2"


@pytest.mark.parametrize(
    ("occupied", "published", "code", "text"),
    [
        (CHANNEL, "customer.100.driver-location", codes.PREFIX_DIFFERS, "the prefix private- is missing"),
        (CHANNEL, "private-" + CHANNEL, codes.PREFIX_DIFFERS, "the prefix private- is doubled"),
        (CHANNEL, CHANNEL.replace("customer", "Customer"), codes.NAME_DIFFERS, "capital letters differ"),
        (CHANNEL, CHANNEL.replace("100", "7"), codes.NAME_DIFFERS, "it has 100 where this one has 7"),
        (CHANNEL, CHANNEL.replace("customer", "costumer"), codes.NAME_DIFFERS, "2 letters off"),
    ],
)
def test_a_publish_that_nobody_received_names_what_is_near(
    world: Observed, occupied: str, published: str, code: Code, text: str
) -> None:
    world.listener(occupied)
    hint = world.posts(published)["X-Reverb-Hint"]
    assert hint == f"{code} nobody on {published}; 1 on {occupied}: {text}"
    warned = [(code, f"Nobody received e: nobody on {published}; 1 on {occupied}: {text}")]
    assert world.notices() == ([] if "where this one has" in text else warned)
    (sentence,) = world.report(channel=occupied)  # who looks for his own channel finds what was meant for it
    assert sentence.startswith(f"published 0 s ago as `e`; 0 subscribers on `{published}`; 1 on `{occupied}`; {code}")


def test_the_excluded_sender_as_the_only_listener_is_named(world: Observed) -> None:
    sender = world.listener("private-a")
    told = world.posts("private-a", socket_id=sender.socket_id)
    assert told["X-Reverb-Delivered"] == "0"
    assert told["X-Reverb-Hint"].startswith(f"RVB406 the only subscriber of private-a is socket {sender.socket_id}")
    receipt = world.receipts()[0]
    assert receipt["channels"] == {"private-a": {"matched": 1, "written": 0, "dropped": 0}}


def test_the_same_channel_in_another_app_is_named_in_the_log_and_nowhere_else(world: Observed) -> None:
    world.listener("a", app=OTHER)
    assert "X-Reverb-Hint" not in world.posts("a")
    assert world.notices() == [(codes.OTHER_APP, "Nobody received e: a has no subscriber in app 3, 1 in app 4")]
    assert world.receipts()[0]["code"] is None


def test_a_subscriber_who_left_a_moment_ago_is_named_with_how(world: Observed) -> None:
    gone, left = world.listener("a"), world.listener("b")
    gone.leaves(4321, "its own words\r\nSet-Cookie: a=b")
    left.unsubscribes("b")
    world.clock.now += 42
    closed = "RVB407 nobody on a; its last subscriber left 42 s ago (its connection closed with 4321)"
    assert world.posts("a")["X-Reverb-Hint"] == closed
    assert world.posts("b")["X-Reverb-Hint"].endswith("left 42 s ago (it unsubscribed)")
    world.clock.now += 600
    assert "X-Reverb-Hint" not in world.posts("a")


def test_the_search_for_similar_names_is_bounded_and_the_rest_goes_on(world: Observed) -> None:
    names = [f"room-{number}" for number in range(30_000)]
    world.node.hub.channels = lambda app_id: dict.fromkeys(names)  # type: ignore[assignment, method-assign, return-value]
    started = perf_counter()
    hinted = ["X-Reverb-Hint" in world.posts("room-x") for _ in range(100)]
    assert perf_counter() - started < 1
    assert hinted.count(True) <= 1
    assert "X-Reverb-Hint" in world.posts("private-room-1")


def test_a_name_of_many_numbers_takes_no_time(world: Observed) -> None:
    world.listener("12345678." * 21 + "x")
    started = perf_counter()
    world.posts("12345678." * 21 + "y")
    assert perf_counter() - started < 0.1


def test_who_subscribes_a_moment_too_late_is_told_of(world: Observed) -> None:
    world.posts("a", event="ticket.assigned")
    world.clock.now += 3
    world.listener("a")
    assert world.notices() == [
        (codes.NO_HISTORY, "ticket.assigned was published to a just before anybody had subscribed to it")
    ]
    assert world.report() == [
        "published 3 s ago as `ticket.assigned`; 0 subscribers on `a`; somebody subscribed 3.0 s too late"
    ]
    world.listener("a")
    assert world.notices() == []


@pytest.mark.parametrize(
    ("event", "data", "code"),
    [
        ("App\\Events\\TicketAssigned", "{}", codes.CLASS_NAME),
        ("e", '"{\\"id\\":1}"', codes.DATA_ENCODED),
        ("e", '"[1]"', codes.DATA_ENCODED),
    ],
)
def test_what_clients_trip_over_is_noticed(world: Observed, event: str, data: str, code: Code) -> None:
    world.listener("a")
    world.posts("a", event=event, data=data)
    assert [found for found, _ in world.notices()] == [code]


def test_plain_data_is_not_noticed(world: Observed) -> None:
    world.listener("a")
    for data in ("{}", '"text"', "", "1", "{"):
        world.posts("a", data=data)
    assert world.notices() == []


# What is noticed without a publish.


def test_listeners_without_any_publish_are_told_of_once() -> None:
    world = Observed(silent_after=60)
    world.listener("a", CHANNEL)
    world.clock.now += 59
    world.observer.tick()
    assert world.notices() == []
    world.clock.now += 1
    world.observer.tick()
    ((code, what),) = world.notices()
    assert code is codes.WORKER_DIFFERS
    assert what.startswith(f"{CHANNEL} has had a subscriber for 60 s, and app 3 was not published to since")
    world.clock.now += 100
    world.listener("private-b")
    world.clock.now += 100
    world.observer.tick()
    assert world.notices() == []


@pytest.mark.parametrize("how", ["published", "refused", "left", "public", "switched off"])
def test_silence_is_not_told_of_when_there_is_none(how: str) -> None:
    world = Observed(silent_after=0 if how == "switched off" else 60)
    client = world.listener("a" if how == "public" else CHANNEL)
    if how == "published":
        world.posts("x")
    if how == "refused":
        world.node.tell(facts.RequestRefused("3", "POST", "/apps/3/events", 401, None, "No.", "pusher-http-php 7.2"))
    if how == "left":
        client.leaves()
    world.facts.clear()
    world.clock.now += 100
    world.observer.tick()
    assert world.notices() == []


def test_a_stranger_cannot_silence_the_word_about_silence() -> None:
    world = Observed(silent_after=60)
    world.listener(CHANNEL)
    for app_id in ("3", "x" * 30_000):
        path = f"/apps/{app_id}/events"
        world.node.tell(facts.RequestRefused(app_id, "POST", path, 401, codes.QUERY_DROPPED, "No.", "curl/8"))
    world.clock.now += 60
    world.observer.tick()
    assert [code for code, _ in world.notices()] == [codes.WORKER_DIFFERS]


def test_a_receipt_of_many_channels_tells_of_those_that_received_it(world: Observed) -> None:
    world.listener("channel-199")
    world.posts(*(f"channel-{number}" for number in range(200)))
    receipt = world.receipts()[0]
    assert (receipt["outcome"], receipt["channels"]["channel-199"]["written"]) == ("delivered", 1)
    assert "150 more channels" in receipt["text"]


def test_an_event_that_a_cache_channel_keeps_is_not_too_early(world: Observed) -> None:
    world.posts("cache-a")
    world.listener("cache-a")
    assert world.notices() == []


def test_a_payload_is_kept_when_it_was_asked_for_and_only_its_beginning(world: Observed) -> None:
    world.posts("a", data='{"secret":1}')
    world.node.keeps_payloads = True
    world.posts("a", data="x" * 100_000)
    assert [len(each.get("data", "")) for each in world.receipts()] == [10_240, 0]


def test_what_a_publisher_says_of_itself_is_cut(world: Observed) -> None:
    publish(world.node, world.app, Trigger("e", "{}", ("a",), "9" * 1_000_000), "x" * 30_000, 0.0)
    receipt = world.receipts()[0]
    assert (len(receipt["publisher"]), len(receipt["excluded"])) == (200, 200)


def test_a_server_that_is_nearly_full_is_told_of(world: Observed) -> None:
    world.node.capacity = 5
    for _ in range(3):
        world.client()
    world.observer.tick()
    assert world.notices() == []
    world.client()
    world.observer.tick()
    assert world.notices() == [(codes.SATURATED, "80% of the 5 connections that this server takes are in use")]


def test_receipts_show_no_secret_that_a_stranger_sent(world: Observed) -> None:
    secret = OTHER.secrets[0]
    path, reason = "/apps/3/events", f"the query was {secret}"
    world.node.tell(facts.RequestRefused("3", "POST", path, 401, None, reason, secret, 0, secret, (secret,)))
    world.node.tell(facts.SubscriptionRefused("3", "1.1", f"private-{secret}", reason))
    shown = json.dumps(world.observer.report(world.app, {}))
    assert secret not in shown
    assert shown.count("the query was <a secret>") == 4  # as a reason and in a sentence, twice

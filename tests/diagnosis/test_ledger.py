"""Receipts: what became of publishes and subscriptions, counted rightly and bounded."""

import gc

import pytest

from reverb_py import codes
from reverb_py.diagnosis.ledger import CHANNELS, Receipt
from reverb_py.hub import facts
from tests.diagnosis.observed import OTHER, Observed


@pytest.fixture
def world() -> Observed:
    return Observed()


def test_a_slow_reader_is_counted_with_the_newest_event_of_each_of_its_channels(world: Observed) -> None:
    slow = world.listener("a", "b")
    world.listener("a")
    world.posts("a")
    world.posts("a", "b")
    world.node.disconnect(slow.connection, 4100, "Too slow: 1 bytes behind", is_ours=True)
    world.listener("a").leaves(4100, "Too slow, says the client itself")
    assert [{name: row["dropped"] for name, row in each["channels"].items()} for each in world.receipts()] == [
        {"a": 1, "b": 1},
        {"a": 0},
    ]


def test_only_the_newest_receipts_are_kept_and_none_when_the_size_is_nothing() -> None:
    world = Observed(size=2)
    for name in ("a", "b", "c"):
        world.posts("x", event=name)
    assert [text.partition(";")[0] for text in world.report()] == [
        "published 0 s ago as `c`",
        "published 0 s ago as `b`",
    ]
    empty = Observed(size=0)
    empty.posts("x")
    assert empty.report() == []


def test_a_receipt_that_made_room_is_held_by_nothing() -> None:
    """Though it was the newest of its channel, in which nothing is published any more."""
    world = Observed(size=2)
    for number in range(20):
        world.listener(f"channel-{number}")
        world.posts(f"channel-{number}", event="of its own")
    assert [
        each.fact.event
        for each in gc.get_objects()  # dead proxies among them, which may be asked for nothing but their type
        if type(each) is Receipt and isinstance(each.fact, facts.Published) and each.fact.event == "of its own"
    ] == ["of its own"] * 2


def test_a_receipt_is_bounded_whatever_the_event_held(world: Observed) -> None:
    world.posts(*(f"channel-{n}" for n in range(200)), event="e" * 100_000)
    receipt = world.receipts()[0]
    assert len(receipt["channels"]) == CHANNELS
    assert len(receipt["event"]) == 200


def test_an_app_sees_its_own_receipts_only(world: Observed) -> None:
    world.posts("a")
    world.node.tell(facts.RequestRefused("9", "POST", "/apps/9/events", 404, codes.UNKNOWN_APP, "No."))
    assert world.observer.report(OTHER, {})["publishes"] == []
    assert len(world.report()) == 1


def test_on_a_server_of_one_app_publishes_to_unknown_apps_are_shown() -> None:
    world = Observed()
    world.node.apps = type(world.node.apps)([world.app])
    world.node.tell(facts.RequestRefused("9", "POST", "/apps/9/events", 404, codes.UNKNOWN_APP, "No app."))
    assert world.report() == ["refused 0 s ago with 404: No app."]


def test_a_flood_of_refused_requests_drives_out_no_event() -> None:
    world = Observed(size=3)
    world.posts("a")
    refusal = facts.RequestRefused("3", "POST", "/apps/3/events", 401, codes.WRONG_SECRET, "No.")
    for _ in range(1_000):
        world.node.tell(refusal)
    assert sum(text.startswith("published") for text in world.report()) == 1
    assert len(world.report(rejected="1")) == 3


def test_questions_choose_by_channel_outcome_and_id(world: Observed) -> None:
    world.listener("a")
    first = world.posts("a")["X-Reverb-Event-Id"]
    world.clock.now += 1
    world.posts("b", event="f")
    assert [text.partition("; ")[0] for text in world.report()] == [
        "published 0 s ago as `f`",
        "published 1 s ago as `e`",
    ]
    assert len(world.report(channel="a")) == len(world.report(nobody="1")) == len(world.report(after=first)) == 1
    assert len(world.report(limit="1")) == 1
    assert len(world.report(limit="x")) == 2


def test_a_question_that_is_refused_is_no_publish(world: Observed) -> None:
    world.node.tell(facts.RequestRefused("3", "GET", "/apps/3/channels", 401, codes.WRONG_SECRET, "No."))
    assert world.report() == []


def test_refused_subscriptions_are_kept_with_their_reason(world: Observed) -> None:
    client = world.client()
    client.subscribes("private-a", auth="key:" + "0" * 64)
    client.subscribes("private-b", auth="key:" + "0" * 64)
    refused = world.observer.report(world.app, {"channel": "private-a"})["subscriptions_refused"]
    assert isinstance(refused, list)
    assert [(each["channel"], each["code"]) for each in refused] == [("private-a", "RVB603")]
    assert refused[0]["text"].startswith("subscription to `private-a` refused 0 s ago: Invalid signature")

"""What a node's observer says: receipts, hints when nobody received an event, and what is noticed by itself."""

from time import perf_counter
from typing import Any

import pytest

from reverb_py import codes
from reverb_py.codes import Code
from reverb_py.conformance.signing import channel_auth
from reverb_py.diagnosis.ledger import CHANNELS
from reverb_py.diagnosis.observer import Observer
from reverb_py.hub import facts
from reverb_py.hub.app import App, Credential
from reverb_py.protocol.triggers import Trigger
from reverb_py.transports.publishing import outcome, publish
from tests.fakes import APP, Client, World

OTHER = App("4", (Credential("other-key", "other-secret"),))
CHANNEL = "private-customer.100.driver-location"


class Observed(World):
    """A world whose node is observed; `tells` gives the notices since the last time."""

    def __init__(self, size: int = 100, silent_after: float = 60) -> None:
        super().__init__(APP, OTHER)
        self.node.id = "n1"
        self.observer = Observer(self.node, size=size, silent_after=silent_after, time=self.clock)
        self.node.explain = self.observer.explain
        self.node.tell = self._tell

    def _tell(self, fact: facts.Fact) -> None:
        self.facts.append(fact)
        self.observer(fact)

    def posts(self, *channels: str, event: str = "e", data: str = "{}", socket_id: str | None = None) -> dict[str, str]:
        """Publish as the HTTP API does; return the headers of its answer."""
        return dict(outcome([publish(self.node, self.app, Trigger(event, data, channels, socket_id), "php", 0.0)]))

    def notices(self) -> list[tuple[Code | None, str]]:
        noticed = [fact for fact in self.facts if isinstance(fact, facts.Noticed)]
        self.facts.clear()
        return [(fact.code, fact.what) for fact in noticed]

    def report(self, **asked: str) -> list[str]:
        """The sentences about this app's publishes."""
        return [each["text"] for each in self.receipts(**asked)]

    def receipts(self, **asked: str) -> list[dict[str, Any]]:
        found = self.observer.report(self.app, asked)["publishes"]
        assert isinstance(found, list)
        return found

    def listener(self, *channels: str, app: App | None = None) -> Client:
        client = self.client(app)
        for channel in channels:
            client.subscribes(channel)
        return client


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


# Receipts.


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


# Guesses about refused subscriptions.


@pytest.mark.parametrize(
    ("auth_of", "clause"),
    [
        (("key", "other-secret", "1.1", "private-a"), "it was signed with the secret of app 4"),
        (("key", '"hunter2"', "1.1", "private-a"), "it was signed with blanks or quotes around the secret"),
        (("key", "hunter2\n", "1.1", "private-a"), "it was signed with blanks or quotes around the secret"),
        (("key", "hunter2", "1.1", "a"), "it was signed for a, without the prefix"),
        (("key", "hunter2", "9.9", "private-a"), ""),
    ],
)
def test_a_refused_subscription_says_what_its_signature_fits(
    world: Observed, auth_of: tuple[str, str, str, str], clause: str
) -> None:
    world.client().subscribes("private-a", auth=channel_auth(*auth_of))
    (refused,) = world.told(facts.SubscriptionRefused)
    assert isinstance(refused, facts.SubscriptionRefused)
    assert refused.reason.partition("; ")[2] == clause


def test_a_signature_for_a_socket_that_closed_a_moment_ago_is_recognized(world: Observed) -> None:
    old = world.client()
    old.leaves()
    new = world.client()
    new.subscribes("private-a", auth=channel_auth("key", "hunter2", old.socket_id, "private-a"))
    (refused,) = world.told(facts.SubscriptionRefused)
    assert isinstance(refused, facts.SubscriptionRefused)
    assert f"it was signed for socket id {old.socket_id}, which closed a moment ago" in refused.reason


def test_a_presence_signature_without_its_channel_data_is_recognized(world: Observed) -> None:
    client = world.client()
    auth = channel_auth("key", "hunter2", client.socket_id, "presence-a")
    client.subscribes("presence-a", '{"user_id":"1"}', auth)
    (refused,) = world.told(facts.SubscriptionRefused)
    assert isinstance(refused, facts.SubscriptionRefused)
    assert refused.reason.endswith("it was signed without its channel_data")


def test_in_development_the_string_to_sign_is_shown(world: Observed) -> None:
    world.node.debug = True
    client = world.client()
    client.subscribes("private-a", auth="key:" + "0" * 64)
    (refused,) = world.told(facts.SubscriptionRefused)
    assert isinstance(refused, facts.SubscriptionRefused)
    assert refused.reason == f"Invalid signature: Expected HMAC SHA256 hex digest of {client.socket_id}:private-a"


def test_guesses_are_bounded_and_refusals_are_not(world: Observed) -> None:
    client = world.client()
    for _ in range(30):
        client.subscribes("private-a", auth=channel_auth("key", "other-secret", client.socket_id, "private-a"))
    reasons = [fact.reason for fact in world.told() if isinstance(fact, facts.SubscriptionRefused)]
    assert [("; it was" in reason) for reason in reasons] == [True] * 20 + [False] * 10

"""Subscribing in two states: while a join is under way nothing overtakes it, and nothing is left when it fails.

The occupancy of these stories takes a seat at once and answers when it is told to, as one over a network does.
"""

import json
from dataclasses import replace

import pytest

from reverb_py.hub import facts
from reverb_py.hub.app import App, RateLimit
from tests.fakes import APP, SlowOccupancy, World, opened, present, subscribed

PONG = {"event": "pusher:pong", "data": "{}"}


class SlowWorld(World):
    """A world whose joins end when `answer` is called."""

    def __init__(self, app: App = APP) -> None:
        self.slow = SlowOccupancy()
        super().__init__(app, occupancy=self.slow)

    def answer(self) -> None:
        self.slow.answer()

    def answer_all(self) -> None:
        while self.slow.answers:
            self.slow.answer()

    def nothing_is_left(self) -> bool:
        node = self.node
        return not (node.hub._channels or node.users._connections or self.slow._seats or self.slow.answers)


@pytest.fixture
def world() -> SlowWorld:
    return SlowWorld()


def event(channel: str, name: str, data: str = "{}") -> dict[str, str]:
    return {"event": name, "channel": channel, "data": data}


def member(kind: str, user_id: str) -> dict[str, object]:
    info = {"user_info": None} if kind == "added" else {}
    return {"event": f"pusher_internal:member_{kind}", "channel": "presence-x", "data": {"user_id": user_id, **info}}


def test_nothing_overtakes_the_acknowledgement(world: SlowWorld) -> None:
    ann = world.client()
    ann.subscribes("a")
    assert world.publishes("a", "e1") == 0
    assert world.publishes("b", "not for ann") == 0
    assert world.publishes("a", "e2") == 0
    assert ann.heard() == []
    assert world.told() == []
    world.answer()
    assert ann.heard() == [subscribed("a"), event("a", "e1"), event("a", "e2")]
    assert world.told() == [facts.ChannelOccupied("3", "a"), facts.Subscribed("3", "1.1", "a")]
    assert world.publishes("a", "e3") == 1
    assert ann.heard() == [event("a", "e3")]
    assert ann.held == []


def test_what_is_older_than_the_join_is_not_told_though_it_came_after_the_question(world: SlowWorld) -> None:
    ann = world.client()
    world.slow.sequence = 1
    ann.subscribes("a")
    world.publishes("a", "e1")
    world.publishes("a", "e2")
    world.answer()
    assert ann.heard() == [subscribed("a"), event("a", "e2")]


def test_the_cached_event_is_the_one_of_the_join_and_later_ones_follow_it_once_each(world: SlowWorld) -> None:
    ann = world.client()
    world.publishes("cache-x", "e0")
    ann.subscribes("cache-x")
    world.publishes("cache-x", "e1")
    world.answer()
    world.publishes("cache-x", "e2")
    assert ann.heard() == [subscribed("cache-x"), *[event("cache-x", f"e{number}") for number in range(3)]]


def test_a_joiner_never_ends_with_an_older_event_than_the_newest(world: SlowWorld) -> None:
    ann = world.client()
    ann.subscribes("cache-x")
    for number in range(5):
        world.publishes("cache-x", f"e{number}")
    world.answer()
    names = [message["event"] for message in ann.heard()[1:]]
    assert names == ["pusher:cache_miss", "e0", "e1", "e2", "e3", "e4"]


def test_a_member_that_came_during_a_join_is_not_hidden_by_a_cached_event(world: SlowWorld) -> None:
    """The cached event is newer than the member's arrival, and says nothing about it."""
    ann, ben = world.client(), world.client()
    ann.joins("presence-cache-x", "ann")
    ben.joins("presence-cache-x", "ben")
    ann_joined, ben_joined = world.slow.answers
    world.slow.answers.clear()
    ben_joined()
    world.publishes("presence-cache-x", "e1")
    ann_joined()
    heard = opened(ann.heard())
    assert heard[0] == present("presence-cache-x", {"ann": None})
    assert [message["event"] for message in heard[1:]].count("pusher_internal:member_added") == 1
    assert [message["event"] for message in heard[1:]].count("e1") == 1


def test_the_commands_of_a_joiner_wait_in_their_order_and_its_socket_is_read_no_further(world: SlowWorld) -> None:
    ann = world.client()
    ann.subscribes("a")
    assert ann.held == []
    ann.says("pusher:ping")
    ann.says("pusher:nonsense")
    ann.says("pusher:ping")
    assert (ann.heard(), ann.held) == ([], [True])
    world.answer()
    acknowledgement, first, error, second = ann.heard()
    assert (acknowledgement, first, second) == (subscribed("a"), PONG, PONG)
    assert error["event"] == "pusher:error"
    assert ann.held == [True, False]
    ann.says("pusher:ping")
    assert (ann.heard(), ann.held) == ([PONG], [True, False])


def test_several_subscriptions_in_one_burst_are_all_made_and_reading_goes_on(world: SlowWorld) -> None:
    """So begins every reconnect of pusher-js: it subscribes to all of its channels at once."""
    ann = world.client()
    for channel in "abc":
        ann.subscribes(channel)
    assert len(world.slow.answers) == 1
    world.answer_all()
    assert ann.heard() == [subscribed("a"), subscribed("b"), subscribed("c")]
    assert ann.held[-1] is False
    assert ann.held.count(True) == ann.held.count(False)


def test_a_long_queue_is_worked_off_without_a_call_within_a_call() -> None:
    world = SlowWorld(replace(APP, max_subscriptions=0))
    ann = world.client()
    ann.subscribes("a0")
    for number in range(1, 3_000):
        ann.subscribes(f"a{number}")
    world.slow.immediate = True
    world.answer()
    assert len(ann.connection.channels) == 3_000
    assert ann.held == [True, False]


def test_a_join_that_is_refused_lets_the_commands_go_on() -> None:
    world = SlowWorld(replace(APP, max_presence_members=1))
    ann, ben = world.client(), world.client()
    ann.joins("presence-x", "ann")
    world.answer()
    ann.heard()
    ben.joins("presence-x", "ben")
    ben.says("pusher:ping")
    world.publishes("presence-x", "not for ben")
    world.answer()
    heard = ben.heard()
    assert [message["event"] for message in heard] == [
        "pusher:error",
        "pusher:subscription_error",
        "pusher_internal:subscription_error",
        "pusher:pong",
    ]
    assert heard[0]["data"] == {"code": None, "message": "presence-x is full: it has 1 members"}
    assert json.loads(heard[1]["data"]) | {"error": ""} == {"type": "LimitReached", "error": "", "status": 400}
    assert ben.held == [True, False]
    ann.leaves()
    ben.leaves()
    assert world.nothing_is_left()
    assert world.told(facts.MemberAdded) == [facts.MemberAdded("3", "presence-x", "ann")]


def test_an_unsubscribe_during_the_join_waits_for_it_and_leaves_nothing(world: SlowWorld) -> None:
    ann = world.client()
    ann.joins("presence-x", "ann")
    ann.unsubscribes("presence-x")
    world.answer()
    assert opened(ann.heard()) == [present("presence-x", {"ann": None})]
    assert world.told() == [
        facts.ChannelOccupied("3", "presence-x"),
        facts.MemberAdded("3", "presence-x", "ann"),
        facts.Subscribed("3", "1.1", "presence-x"),
        facts.Unsubscribed("3", "1.1", "presence-x"),
        facts.MemberRemoved("3", "presence-x", "ann"),
        facts.ChannelVacated("3", "presence-x"),
    ]
    assert world.nothing_is_left()


def test_subscribe_unsubscribe_subscribe_in_one_burst_ends_subscribed(world: SlowWorld) -> None:
    ann = world.client()
    ann.subscribes("a")
    ann.unsubscribes("a")
    ann.subscribes("a")
    world.answer_all()
    assert ann.heard() == [subscribed("a"), subscribed("a")]
    assert world.publishes("a") == 1


def test_who_goes_away_during_its_join_leaves_nothing(world: SlowWorld) -> None:
    ann = world.client()
    ann.joins("presence-x", "ann")
    ann.leaves()
    assert world.told() == [facts.Disconnected("3", "1.1", 1006, "")]
    world.answer()
    assert ann.heard() == []
    assert world.nothing_is_left()
    added, removed = world.told(facts.MemberAdded), world.told(facts.MemberRemoved)
    assert len(added) == len(removed)
    assert len(world.told(facts.ChannelOccupied)) == len(world.told(facts.ChannelVacated))
    assert world.told(facts.Subscribed, facts.Unsubscribed) == []


@pytest.mark.parametrize("waiting", ["subscribes", "joins", "signs in", "client event", "nonsense"])
def test_what_waited_behind_the_join_of_one_that_went_away_is_forgotten(world: SlowWorld, waiting: str) -> None:
    ann, ben = world.client(), world.client()
    ben.subscribes("private-y")
    world.answer()
    ben.heard()
    ann.subscribes("private-x")
    match waiting:
        case "subscribes":
            ann.subscribes("private-y")
        case "joins":
            ann.joins("presence-x", "ann")
        case "signs in":
            ann.signs_in('{"id":"ann"}')
        case "client event":
            ann.says("client-a", {}, channel="private-y")
        case _:
            ann.says("nonsense")
    ann.leaves()
    before = world.told()
    world.answer_all()
    quiet = {facts.ChannelOccupied, facts.ChannelVacated}
    assert [fact for fact in world.told()[len(before) :] if type(fact) not in quiet] == []
    assert (ann.heard(), ben.heard()) == ([], [])
    ben.leaves()
    assert world.nothing_is_left()


def test_who_is_sent_away_by_what_waited_obeys_no_more_of_it() -> None:
    world = SlowWorld(replace(APP, rate_limit=RateLimit(2, 60, terminate=True)))
    ann = world.client()
    ann.subscribes("a")
    for _ in range(5):
        ann.says("pusher:ping")
    world.answer()
    assert ann.goodbyes == [(4100, "Rate limit exceeded")]
    assert world.told()[-1] == facts.Disconnected("3", "1.1", 4100, "Rate limit exceeded", ("a",))
    assert world.nothing_is_left()


def test_others_who_saw_a_member_that_went_away_during_its_join_are_told(world: SlowWorld) -> None:
    """Its seat was taken from the moment of the join, so that a later joiner finds it in the list."""
    ann, ben = world.client(), world.client()
    ann.joins("presence-x", "ann")
    ben.joins("presence-x", "ben")
    ann_joined, ben_joined = world.slow.answers
    world.slow.answers.clear()
    ben_joined()
    assert opened(ben.heard()) == [present("presence-x", {"ann": None, "ben": None})]
    ann.leaves()
    ann_joined()
    assert opened(ben.heard())[-1] == member("removed", "ann")
    ben.leaves()
    assert world.nothing_is_left()
    for kind in (facts.MemberAdded, facts.MemberRemoved):
        assert len(world.told(kind)) == 2


def test_a_second_connection_of_one_that_went_away_during_its_join_is_announced(world: SlowWorld) -> None:
    ben, phone, laptop = (world.client() for _ in range(3))
    ben.joins("presence-x", "ben")
    world.answer()
    ben.heard()
    phone.joins("presence-x", "ann")
    laptop.joins("presence-x", "ann")
    phone.leaves()
    world.answer_all()
    assert opened(ben.heard()) == [member("added", "ann")]
    assert opened(laptop.heard())[0] == present("presence-x", {"ben": None, "ann": None})
    laptop.leaves()
    assert opened(ben.heard()) == [member("removed", "ann")]


def test_two_connections_of_a_user_that_join_at_once_are_announced_once(world: SlowWorld) -> None:
    ben, phone, laptop = (world.client() for _ in range(3))
    ben.joins("presence-x", "ben")
    world.answer()
    ben.heard()
    phone.joins("presence-x", "ann")
    laptop.joins("presence-x", "ann")
    world.answer_all()
    assert opened(ben.heard()) == [member("added", "ann")]
    phone.leaves()
    assert ben.heard() == []
    laptop.leaves()
    assert opened(ben.heard()) == [member("removed", "ann")]


def test_to_subscribe_again_is_acknowledged_when_the_answer_comes(world: SlowWorld) -> None:
    ann = world.client()
    ann.joins("presence-x", "ann")
    world.answer()
    ann.heard()
    ann.joins("presence-x", "ann")
    ann.says("pusher:ping")
    assert ann.heard() == []
    world.answer()
    assert opened(ann.heard()) == [present("presence-x", {"ann": None}), {**PONG, "data": {}}]
    ann.joins("presence-x", "ann")
    ann.leaves()
    world.answer()
    assert ann.heard() == []
    assert world.nothing_is_left()


def test_a_connection_that_never_waits_costs_no_queue(world: SlowWorld) -> None:
    ann = world.client()
    ann.says("pusher:ping")
    ann.subscribes("a")
    assert ann.session._waiting is None

"""Any order of what clients and applications may do, beside the model: Appendix D of the protocol's specification.

After each step every client has heard exactly what the model says, in its order, and the same facts were told.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from reverb_py.hub.app import App, Apps, ClientEventsFrom, Credential
from reverb_py.protocol.triggers import Trigger
from tests.fakes import Client, Message, SlowOccupancy, World
from tests.model import Model, Peer, Seen, brief

FIRST = App("3", (Credential("key", "hunter2"),), max_presence_members=2)
SECOND = App("4", (Credential("other", "s3cr3t"),), accept_client_events_from=ClientEventsFrom.ALL)
CHANGED: dict[str, dict[str, App | None]] = {
    app.id: {
        "as before": app,
        "gone": None,
        "disabled": replace(app, enabled=False),
        "any number of members": replace(app, max_presence_members=0),
        "signed-in only": replace(app, terminate_members=False),
        "no client events": replace(app, accept_client_events_from=ClientEventsFrom.NONE),
    }
    for app in (FIRST, SECOND)
}
WRONG = "key:" + "0" * 64
APP_IDS = st.sampled_from([FIRST.id, SECOND.id])
PRESENCE = st.sampled_from(["presence-a", "presence-cache-a"])
CHANNELS = (
    st.sampled_from(["a", "private-a", "cache-a", "private-encrypted-a", "private-cache-a", "#server-to-user-ann"])
    | PRESENCE
)
USERS = st.sampled_from(["ann", "ben", "cat"])
NUMBERS = st.integers(0, 7)
MOSTLY = st.sampled_from([True, True, True, False])


def seen(message: Message) -> Seen:
    """A message as the model writes it. Every `data` but an error's is a string."""
    event, channel, data = message["event"], message.get("channel"), message["data"]
    if event == "pusher:error":
        return ("error",)
    assert isinstance(data, str)
    if event.endswith(":subscription_error"):
        return (event, channel)
    if event != "pusher_internal:subscription_succeeded":
        return (event, channel, data, message.get("user_id"))
    if data == "{}":
        return (event, channel, None)
    presence = json.loads(data)["presence"]
    assert presence["count"] == len(presence["ids"]) == len(presence["hash"])
    return (event, channel, tuple((user_id, presence["hash"][user_id]) for user_id in presence["ids"]))


class Walk(RuleBasedStateMachine):
    """Joins are answered at once, as on a single node."""

    answers_later: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.occupancy = SlowOccupancy()
        self.world = World(FIRST, SECOND, occupancy=self.occupancy if self.answers_later else None)
        self.model = Model({FIRST.id: FIRST, SECOND.id: SECOND}, answers_later=self.answers_later)
        self.clients: dict[Peer, Client] = {}
        self.steps = 0
        self.tick()
        for app_id in [FIRST.id] * 4 + [SECOND.id] * 2:
            self.connect(app_id)

    def tick(self, seconds: float = 2.0) -> None:
        """Time for the next `pusher:error`."""
        self.steps += 1
        self.world.clock.now += seconds
        self.model.now = self.world.clock.now

    def one(self, number: int) -> tuple[Client, Peer]:
        peer = self.model.peers[number % len(self.model.peers)]
        return self.clients[peer], peer

    def says(self, number: int, speak: Callable[[Client], None], obey: Callable[[Peer], None]) -> None:
        client, peer = self.one(number)
        self.tick()
        speak(client)
        self.model.say(peer, lambda: obey(peer))

    def anybody(self) -> bool:
        return bool(self.model.peers)

    # What clients do.

    @precondition(lambda self: any(app.enabled for app in self.model.apps.values()) and len(self.model.peers) < 8)
    @rule(app_id=APP_IDS)
    def connect(self, app_id: str) -> None:
        app = self.model.apps.get(app_id)
        if app is not None and app.enabled:
            client = self.world.client(app)
            self.clients[self.model.connect(app_id, client.socket_id)] = client

    @precondition(anybody)
    @rule(number=NUMBERS, code=st.sampled_from([1000, 1001, 1006, 4200]))
    def leave(self, number: int, code: int) -> None:
        client, peer = self.one(number)
        client.leaves(code)
        self.model.leave(peer)

    @precondition(anybody)
    @rule(number=NUMBERS, channel=CHANNELS, user=USERS, is_signed=MOSTLY, is_claimed=MOSTLY)
    def subscribe(self, number: int, channel: str, user: str, is_signed: bool, is_claimed: bool) -> None:
        claim = (user, self.steps) if is_claimed and channel.startswith("presence-") else None
        text = f'{{"user_id":"{user}","user_info":{self.steps}}}' if claim else None
        auth = None if is_signed else WRONG
        self.says(
            number,
            lambda client: client.subscribes(channel, text, auth),
            lambda peer: self.model.subscribe(peer, channel, claim, is_signed=is_signed),
        )

    @precondition(anybody)
    @rule(number=NUMBERS, channel=PRESENCE, user=USERS)
    def join(self, number: int, channel: str, user: str) -> None:
        self.subscribe(number, channel, user, True, True)

    @precondition(anybody)
    @rule(number=NUMBERS, channel=PRESENCE)
    def join_in_three_tabs(self, number: int, channel: str) -> None:
        for tab in range(3):
            self.join(number + tab, channel, "ann")

    @precondition(anybody)
    @rule(number=NUMBERS, channel=CHANNELS)
    def unsubscribe(self, number: int, channel: str) -> None:
        self.says(
            number,
            lambda client: client.unsubscribes(channel),
            lambda peer: self.model.unsubscribe(peer, channel),
        )

    @precondition(anybody)
    @rule(number=NUMBERS, channel=CHANNELS)
    def client_event(self, number: int, channel: str) -> None:
        data = str(self.steps)
        self.says(
            number,
            lambda client: client.says("client-e", data, channel=channel),
            lambda peer: self.model.client_event(peer, "client-e", channel, data),
        )

    @precondition(anybody)
    @rule(number=NUMBERS, user=USERS, is_signed=MOSTLY)
    def sign_in(self, number: int, user: str, is_signed: bool) -> None:
        info = self.steps
        text = f'{{"id":"{user}","user_info":{info}}}'
        answer = json.dumps({"user_data": text}, separators=(",", ":"))
        wrong = {"auth": WRONG, "user_data": text}
        self.says(
            number,
            lambda client: client.signs_in(text) if is_signed else client.says("pusher:signin", wrong),
            lambda peer: self.model.sign_in(peer, (user, info), answer, is_signed=is_signed),
        )

    # What the application does.

    @rule(app_id=APP_IDS, channels=st.lists(CHANNELS, min_size=1, max_size=3, unique=True), exclude=NUMBERS | st.none())
    def publish(self, app_id: str, channels: list[str], exclude: int | None) -> None:
        app = self.model.apps.get(app_id)
        if app is None:
            return
        self.tick()
        nobody = exclude is None or not self.model.peers
        socket_id = None if exclude is None else "9.9" if nobody else self.one(exclude)[0].socket_id
        trigger = Trigger("e", str(self.steps), tuple(channels), socket_id)
        received = self.model.publish(app_id, "e", trigger.data, trigger.channels, socket_id)
        assert self.world.node.trigger(app, trigger) == received

    @precondition(lambda self: any(self.users_of(peer) for peer in self.model.peers))
    @rule(number=NUMBERS)
    def terminate_somebody(self, number: int) -> None:
        found = [(peer.app_id, user) for peer in self.model.peers for user in self.users_of(peer)]
        self.terminate(*found[number % len(found)])

    def users_of(self, peer: Peer) -> list[str]:
        """Under which ids somebody is here."""
        return [user for user in [peer.user and peer.user[0], *peer.channels.values()] if user]

    @rule(app_id=APP_IDS, user=USERS)
    def terminate(self, app_id: str, user: str) -> None:
        app = self.model.apps.get(app_id)
        if app is not None:
            gone = self.model.terminate(app_id, user)
            assert self.world.node.terminate_here(app.id, user) == len(gone)
            assert [len(self.clients[peer].goodbyes) for peer in gone] == [1] * len(gone)

    @rule(app_id=APP_IDS, change=st.sampled_from(["any number of members", *CHANGED[FIRST.id]]))
    def reload(self, app_id: str, change: str) -> None:
        apps = {**self.model.apps}
        apps.pop(app_id, None)
        app = CHANGED[app_id][change]
        if app is not None:
            apps[app_id] = app
        self.world.node.use(Apps(apps.values()))
        gone = self.model.reload(apps)
        assert [len(self.clients[peer].goodbyes) for peer in gone] == [1] * len(gone)

    @rule()
    def cached_events_expire(self) -> None:
        self.tick(FIRST.cache_ttl)

    # What must be true after each step.

    @invariant()
    def everybody_heard_what_the_model_says_and_nothing_else(self) -> None:
        for peer in self.model.peers:
            heard = [seen(message) for message in self.clients[peer].heard()]
            assert (peer.socket_id, heard) == (peer.socket_id, peer.inbox)
            peer.inbox.clear()

    @invariant()
    def the_facts_are_told_once_each(self) -> None:
        told = [brief(fact) for fact in self.world.facts]
        assert Counter(filter(None, told)) == Counter(self.model.facts)
        self.world.facts.clear()
        self.model.facts.clear()

    @invariant()
    def all_indexes_agree_and_nothing_empty_is_kept(self) -> None:
        node, hub, peers = self.world.node, self.world.node.hub, self.model.peers
        assert set(hub.connections) == {peer.socket_id for peer in peers}
        ours = {(peer.app_id, channel, peer.socket_id) for peer in peers for channel in peer.channels}
        theirs = hub.connections.values()
        assert ours == {(each.app.id, channel, each.socket_id) for each in theirs for channel in each.channels}
        kept = [(app_id, name, each) for app_id, found in hub._channels.items() for name, each in found.items()]
        assert ours == {(app_id, name, one.socket_id) for app_id, name, each in kept for one in each.subscribers}
        assert not any(each.empty for _, _, each in kept)
        assert all(hub._channels.values())
        signed_in = {(peer.app_id, peer.user[0], peer.socket_id) for peer in peers if peer.user is not None}
        users = node.users._connections.items()
        assert signed_in == {(*key, each.socket_id) for key, found in users for each in found}
        assert all(found for _, found in users)

    @invariant()
    def seats_are_counted_and_members_are_the_distinct_users(self) -> None:
        seats = {
            (app_id, channel): (each.count, each.members)
            for app_id, channels in self.world.occupancy._seats.items()
            for channel, each in channels.items()
        }
        members = self.model.members
        infos = {place: {user: str(info).encode() for user, info in members.get(place, {}).items()} for place in seats}
        assert seats == {place: (count, infos.get(place)) for place, count in self.model.seats.items()}

    def teardown(self) -> None:
        while self.model.peers:
            self.leave(0, 1006)
        while self.occupancy.answers:
            self.occupancy.answer()
        assert (self.world.node.hub.connections, self.world.node.hub._channels) == ({}, {})
        assert self.world.node.users._connections == {}
        assert self.world.occupancy._seats == {}


class SlowWalk(Walk):
    """Joins are answered later, in their order, as by another process; what is said meanwhile waits."""

    answers_later = True

    @precondition(lambda self: self.model.pending)
    @rule()
    def answer(self) -> None:
        self.occupancy.answer()
        self.model.finish(self.model.pending.popleft())

    @precondition(lambda self: self.model.pending)
    @rule(number=NUMBERS, count=st.integers(1, 2))
    def publish_to_somebody_who_joins(self, number: int, count: int) -> None:
        join = self.model.pending[number % len(self.model.pending)]
        for _ in range(count):
            self.publish(join.peer.app_id, [join.channel], None)

    @precondition(lambda self: len(self.model.pending) > 1)
    @rule()
    def answer_all(self) -> None:
        while self.model.pending:
            self.answer()


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestSlowWalk = SlowWalk.TestCase
TestSlowWalk.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)

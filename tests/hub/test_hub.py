"""The hub's two indexes agree after whatever happens, and a payload reaches whom it should."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from reverb_py.hub.app import App
from reverb_py.hub.connection import Connection
from reverb_py.hub.hub import Hub
from reverb_py.protocol.members import Member
from tests.fakes import APP, payloads

OTHER = replace(APP, id="4")


class Listener:
    """A connection in a hub, with what was written to it."""

    def __init__(self, hub: Hub, socket_id: str, app: App = APP) -> None:
        self._sent: list[bytes] = []
        self.hub = hub
        self.connection = Connection(app, socket_id, write=self._sent.append, close=lambda code, reason: None)
        hub.add(self.connection)

    def subscribe(self, name: str, member: Member | None = None) -> None:
        self.hub.hold(self.connection, name)
        self.hub.admit(self.connection, name, member)

    def heard(self) -> list[bytes]:
        data = b"".join(self._sent)
        self._sent.clear()
        return payloads(data)


@pytest.fixture
def hub() -> Hub:
    return Hub()


def test_every_subscriber_gets_the_same_frame_and_nobody_else(hub: Hub) -> None:
    one, two, elsewhere, abroad = (Listener(hub, f"{n}.1", app) for n, app in enumerate([APP, APP, APP, OTHER]))
    one.subscribe("a")
    two.subscribe("a")
    elsewhere.subscribe("b")
    abroad.subscribe("a")
    assert hub.broadcast("3", "a", b"{}", 1) == 2
    assert one._sent[0] is two._sent[0]
    assert [each.heard() for each in (one, two, elsewhere, abroad)] == [[b"{}"], [b"{}"], [], []]
    assert hub.broadcast("3", "nowhere", b"{}", 2) == 0
    assert hub.broadcast("5", "a", b"{}", 3) == 0


@pytest.mark.parametrize(
    ("exclude", "received"), [("1.1", 1), ("2.1", 1), ("3.1", 2), ("9.9", 2), ("123123", 2), ("", 2), (None, 2)]
)
def test_an_excluded_socket_counts_only_if_it_would_have_received(hub: Hub, exclude: str | None, received: int) -> None:
    one, two, elsewhere = (Listener(hub, f"{n}.1") for n in (1, 2, 3))
    one.subscribe("a")
    two.subscribe("a")
    elsewhere.subscribe("b")
    assert hub.broadcast("3", "a", b"{}", 1, exclude) == received
    heard = {each.connection.socket_id for each in (one, two, elsewhere) if each.heard()}
    assert heard == {"1.1", "2.1"} - {exclude}


def test_a_joiner_is_not_written_to_until_it_is_admitted_and_gets_what_was_kept(hub: Hub) -> None:
    joiner = Listener(hub, "1.1")
    hub.hold(joiner.connection, "a")
    assert hub.broadcast("3", "a", b"1", 1) == 0
    assert hub.broadcast("3", "b", b"2", 2) == 0
    assert hub.broadcast("3", "a", b"3", 3, exclude="1.1") == 0
    assert hub.broadcast("3", "a", b"4", 4) == 0
    assert joiner.heard() == []
    assert joiner.connection.channels == {}
    kept = hub.admit(joiner.connection, "a", None)
    assert [(sequence, payloads(frame)) for sequence, frame in kept] == [(1, [b"1"]), (4, [b"4"])]
    assert hub.broadcast("3", "a", b"5", 5) == 1


def test_a_subscription_that_was_given_up_leaves_nothing(hub: Hub) -> None:
    joiner = Listener(hub, "1.1")
    hub.hold(joiner.connection, "a")
    hub.release(joiner.connection, "a")
    assert hub._channels == {}


def test_to_leave_gives_back_the_member_and_to_leave_nothing_is_a_fault(hub: Hub) -> None:
    one = Listener(hub, "1.1")
    one.subscribe("presence-a", Member("7"))
    assert hub.unsubscribe(one.connection, "presence-a") == Member("7")
    with pytest.raises(KeyError):
        hub.unsubscribe(one.connection, "presence-a")
    assert hub._channels == {}


def test_a_removed_connection_tells_what_it_was_subscribed_to_once(hub: Hub) -> None:
    one = Listener(hub, "1.1")
    one.subscribe("a")
    one.subscribe("presence-b", Member("7"))
    assert hub.remove(one.connection) == {"a": None, "presence-b": Member("7")}
    assert hub.remove(one.connection) is None
    assert (hub.connections, hub._channels, one.connection.channels) == ({}, {}, {})


def test_connections_are_counted_and_found_by_app(hub: Hub) -> None:
    one, two, other = Listener(hub, "1.1"), Listener(hub, "2.1"), Listener(hub, "3.1", OTHER)
    one.subscribe("a")
    assert [hub.connected(app_id) for app_id in ("3", "4", "5")] == [2, 1, 0]
    assert list(hub.of_app("3")) == [one.connection, two.connection]
    hub.remove(other.connection)
    hub.remove(other.connection)
    assert [hub.connected(app_id) for app_id in ("3", "4", "5")] == [2, 0, 0]


APPS = {"3": APP, "4": OTHER}
CHANNELS = st.sampled_from(["a", "b", "c"])
NUMBERS = st.integers(0, 7)


class Walk(RuleBasedStateMachine):
    """Any order of what may happen to a hub, beside the plainest model of it: pairs of connection and channel."""

    def __init__(self) -> None:
        super().__init__()
        self.hub = Hub()
        self.listeners: list[Listener] = []
        self.subscribed: set[tuple[Listener, str]] = set()
        self.joining: dict[tuple[Listener, str], list[int]] = {}
        self.sequence = 0

    def one(self, number: int) -> Listener:
        return self.listeners[number % len(self.listeners)]

    @rule(app_id=st.sampled_from(["3", "4"]))
    def connect(self, app_id: str) -> None:
        self.sequence += 1
        self.listeners.append(Listener(self.hub, f"{self.sequence}.1", APPS[app_id]))

    @precondition(lambda self: self.listeners)
    @rule(number=NUMBERS, name=CHANNELS)
    def hold(self, number: int, name: str) -> None:
        pair = (self.one(number), name)
        if pair not in self.subscribed and pair not in self.joining:
            self.hub.hold(pair[0].connection, name)
            self.joining[pair] = []

    @precondition(lambda self: self.joining)
    @rule(number=NUMBERS)
    def admit_or_release(self, number: int) -> None:
        """End a join: as a subscription, or with nothing where the connection went away meanwhile."""
        listener, name = list(self.joining)[number % len(self.joining)]
        expected = self.joining.pop((listener, name))
        if listener in self.listeners:
            kept = self.hub.admit(listener.connection, name, None)
            assert [sequence for sequence, _ in kept] == expected
            self.subscribed.add((listener, name))
        else:
            self.hub.release(listener.connection, name)

    @precondition(lambda self: self.subscribed)
    @rule(number=NUMBERS)
    def unsubscribe(self, number: int) -> None:
        pairs = sorted(self.subscribed, key=lambda each: (each[0].connection.socket_id, each[1]))
        pair = pairs[number % len(pairs)]
        self.hub.unsubscribe(pair[0].connection, pair[1])
        self.subscribed.remove(pair)

    @precondition(lambda self: self.listeners)
    @rule(number=NUMBERS)
    def remove(self, number: int) -> None:
        gone = self.one(number)
        left = self.hub.remove(gone.connection)
        assert left is not None
        assert set(left) == {name for listener, name in self.subscribed if listener is gone}
        self.listeners.remove(gone)
        self.subscribed = {pair for pair in self.subscribed if pair[0] is not gone}

    @rule(app_id=st.sampled_from(["3", "4"]), name=CHANNELS, number=NUMBERS)
    def broadcast(self, app_id: str, name: str, number: int) -> None:
        self.sequence += 1
        left_out = self.one(number) if self.listeners and number % 2 else None
        exclude = left_out.connection.socket_id if left_out else None
        due = {
            listener
            for listener, channel in self.subscribed
            if channel == name and listener.connection.app.id == app_id and listener is not left_out
        }
        payload = str(self.sequence).encode()
        assert self.hub.broadcast(app_id, name, payload, self.sequence, exclude) == len(due)
        assert {listener for listener in self.listeners if listener.heard() == [payload]} == due
        for (listener, channel), kept in self.joining.items():
            if channel == name and listener.connection.app.id == app_id and listener is not left_out:
                kept.append(self.sequence)

    @invariant()
    def both_indexes_agree_and_emptied_channels_are_gone(self) -> None:
        by_channel = {
            (connection.socket_id, name)
            for channels in self.hub._channels.values()
            for name, channel in channels.items()
            for connection in channel.subscribers
        }
        by_connection = {
            (each.connection.socket_id, name) for each in self.listeners for name in each.connection.channels
        }
        model = {(listener.connection.socket_id, name) for listener, name in self.subscribed}
        assert by_channel == by_connection == model
        assert all(self.hub._channels.values())
        assert not any(channel.empty for channels in self.hub._channels.values() for channel in channels.values())

    @invariant()
    def connections_are_known_and_counted(self) -> None:
        assert list(self.hub.connections.values()) == [each.connection for each in self.listeners]
        for app_id in APPS:
            assert self.hub.connected(app_id) == len(list(self.hub.of_app(app_id)))

    def teardown(self) -> None:
        while self.listeners:
            self.remove(0)
        while self.joining:
            self.admit_or_release(0)
        assert (self.hub.connections, self.hub._channels) == ({}, {})


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)

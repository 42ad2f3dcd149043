"""One WebSocket: what leaves it in which order and in how many writes, and every way in which it ends."""

import asyncio
import logging
from dataclasses import replace
from itertools import chain, repeat

import pytest
from websockets.frames import Opcode

from reverb_py.cluster.occupancy import LocalOccupancy
from reverb_py.conformance.wire import Opcode as Wire
from reverb_py.conformance.wire import client_frame, close_payload
from reverb_py.hub import facts
from reverb_py.hub.app import ClientEventsFrom
from reverb_py.protocol.frames import text_frame
from reverb_py.transports import endpoint, websocket
from tests.fakes import APP, SlowOccupancy
from tests.transports.fake_transport import FakeServer, Side, turn

PING = b'{"event":"pusher:ping","data":{}}'
SUBSCRIBE = b'{"event":"pusher:subscribe","data":{"channel":"news"}}'
PONG = '{"event":"pusher:pong","data":"{}"}'


class BrokenOccupancy(LocalOccupancy):
    """A fault of ours, in the middle of a subscription."""

    def join(self, *arguments: object) -> None:
        raise RuntimeError("no seats are left in the world")


async def subscribed(server: FakeServer, *, stuck: bool = False) -> Side:
    """A client that listens to `news`; what it was sent until now is forgotten."""
    side = server.connect()
    side.websocket.data_received(client_frame(SUBSCRIBE))
    await turn()
    assert len(side.texts()) == 2
    del side.transport.writes[1:]
    side.transport.writes[0] = b"\r\n\r\n"
    side.transport.stuck = stuck
    return side


def ended(server: FakeServer) -> list[facts.Disconnected]:
    return [fact for fact in server.world.facts if isinstance(fact, facts.Disconnected)]


# Out.


async def test_the_answer_to_the_upgrade_and_the_greeting_are_one_write() -> None:
    side = FakeServer().connect()
    assert side.transport.writes == []
    await turn()
    (only,) = side.transport.writes
    assert only.startswith(b"HTTP/1.1 101 ")
    assert b"pusher:connection_established" in only


async def test_what_a_turn_produces_is_one_write_for_each_connection() -> None:
    server = FakeServer()
    sides = [await subscribed(server) for _ in range(3)]
    for number in range(10):
        server.world.publishes("news", data=str(number))
    await turn()
    for side in sides:
        assert len(side.transport.writes) == 2
        assert [f'"data":"{number}"' in text for number, text in enumerate(side.texts())] == [True] * 10
    server.world.publishes("news")
    await turn()
    assert [len(side.transport.writes) for side in sides] == [3, 3, 3]


async def test_events_pongs_and_the_close_frame_keep_their_order() -> None:
    server = FakeServer()
    side = await subscribed(server)
    server.world.publishes("news", data="before the ping")
    side.websocket.data_received(client_frame(b"are you there", Wire.PING))
    server.world.publishes("news", data="before the close")
    side.websocket.close(4200, "Please reconnect immediately")
    server.world.publishes("news", data="too late")
    side.websocket.close(4100, "again")
    await turn()
    kinds = [frame.opcode for frame in side.frames()]
    assert kinds == [Opcode.TEXT, Opcode.PONG, Opcode.TEXT, Opcode.CLOSE]
    assert "before the close" in side.texts()[1]
    assert side.goodbye() == (4200, "Please reconnect immediately")


@pytest.mark.parametrize(
    ("reason", "sent"),
    [("x" * 200, "x" * 123), ("é" * 100, "é" * 61), ("short", "short"), ("", "")],
)
async def test_a_reason_is_cut_to_what_a_close_frame_can_hold(reason: str, sent: str) -> None:
    side = await subscribed(FakeServer())
    side.websocket.close(4200, reason)
    assert side.goodbye() == (4200, sent)


async def test_nothing_is_written_to_a_connection_that_is_lost() -> None:
    server = FakeServer()
    side = await subscribed(server)
    write = side.websocket.write
    server.world.publishes("news")  # waits for the end of the turn
    side.websocket.connection_lost(ConnectionResetError())
    write(text_frame(b"{}"))
    await turn()
    assert side.texts() == []


# In.


@pytest.mark.parametrize("opcode", [Wire.TEXT, Wire.BINARY])
async def test_fragments_are_joined_even_within_a_character(opcode: Wire) -> None:
    server = FakeServer()
    side = await subscribed(server)
    message = SUBSCRIBE.replace(b"news", "né".encode())
    cut = message.index(b"\xc3") + 1
    side.websocket.data_received(client_frame(message[:cut], opcode, fin=False))
    side.websocket.data_received(client_frame(b"", Wire.CONTINUATION, fin=False))
    side.websocket.data_received(client_frame(message[cut:], Wire.CONTINUATION) + client_frame(PING))
    await turn()
    assert "Invalid channel name 'né'" in side.texts()[0]
    assert side.texts()[-1] == PONG


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (client_frame(b"\xff"), 1007),
        (client_frame(b"\xc3", fin=False) + client_frame(b"x", Wire.CONTINUATION), 1007),
        (client_frame(b"x" * 65_537), 1009),
        (client_frame(b"x" * 40_000, fin=False) + client_frame(b"x" * 40_000, Wire.CONTINUATION), 1009),
        (client_frame(PING, masked=False), 1002),
    ],
    ids=["not UTF-8", "half a character", "too long", "too long together", "not masked"],
)
async def test_what_breaks_the_framing_ends_the_connection_after_what_came_before(raw: bytes, code: int) -> None:
    server = FakeServer()
    side = await subscribed(server)
    side.websocket.data_received(client_frame(PING) + raw + client_frame(SUBSCRIBE.replace(b"news", b"more")))
    await turn()
    assert side.texts() == [PONG]
    assert (side.goodbye() or (0, ""))[0] == code
    assert [each.close_code for each in ended(server)] == [code]
    assert server.world.publishes("more") == 0


async def test_what_came_behind_the_request_is_answered_after_the_greeting() -> None:
    side = FakeServer().connect(early=client_frame(PING))
    await turn()
    assert ["connection_established" in side.texts()[0], side.texts()[1:]] == [True, [PONG]]


async def test_reading_rests_while_a_subscription_takes_its_time() -> None:
    server = FakeServer()
    server.node.occupancy = occupancy = SlowOccupancy()
    side = server.connect()
    side.websocket.data_received(client_frame(SUBSCRIBE) + client_frame(PING))
    assert not side.transport.is_reading_now
    occupancy.answer()
    assert side.transport.is_reading_now
    await turn()
    assert side.texts()[-1] == PONG


@pytest.mark.parametrize("known", [True, False])
async def test_an_answer_for_a_connection_that_has_gone_meanwhile_does_no_harm(known: bool) -> None:
    """Also in the turn in which the loop knows that it is lost, and we do not yet."""
    server = FakeServer()
    server.node.occupancy = occupancy = SlowOccupancy()
    side = server.connect()
    side.websocket.data_received(client_frame(SUBSCRIBE) + client_frame(PING))
    side.transport.abort()
    if known:
        await turn()
    occupancy.answer()
    await turn()
    assert server.world.publishes("news") == 0


@pytest.mark.parametrize(
    ("offered", "chosen"), [("", None), ("chat", None), ("chat, pusher-channels-protocol-7", True)]
)
async def test_the_one_sub_protocol_is_chosen_when_it_is_offered(offered: str, chosen: bool | None) -> None:
    side = FakeServer().connect(headers={"Sec-WebSocket-Protocol": offered} if offered else None)
    await turn()
    assert side.transport.writes[0].startswith(b"HTTP/1.1 101 ")
    assert (b"\r\nSec-WebSocket-Protocol: pusher-channels-protocol-7\r\n" in side.transport.writes[0]) is bool(chosen)


async def test_the_library_below_does_not_log_each_connection(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        side = await subscribed(FakeServer())
        side.websocket.close(4200, "")
        side.transport.abort()
        await turn()
    assert [each for each in caplog.records if each.name != "websockets.client"] == []  # that one is the test's own


# The end.


async def test_a_fault_of_ours_is_1011_and_a_traceback_and_no_further_word(caplog: pytest.LogCaptureFixture) -> None:
    server = FakeServer()
    server.node.occupancy = BrokenOccupancy()
    side = server.connect()
    side.websocket.data_received(client_frame(PING) + client_frame(SUBSCRIBE) * 2)
    await turn()
    assert side.goodbye() == (1011, "Internal error")
    assert side.texts()[1:] == [PONG]
    (record,) = caplog.records
    assert record.exc_info is not None
    assert "no seats are left" in str(record.exc_info[1])
    assert server.node.hub.connections == {}


async def test_nothing_is_obeyed_behind_a_fault_of_ours() -> None:
    server = FakeServer(replace(APP, accept_client_events_from=ClientEventsFrom.ALL))
    listener, side = await subscribed(server), server.connect()

    def broken(fact: facts.Fact) -> None:
        if isinstance(fact, facts.MessageRefused):
            raise RuntimeError("told nobody")

    server.node.tell = broken
    event = client_frame(b'{"event":"client-ev","channel":"news","data":"{}"}')
    side.websocket.data_received(client_frame(b"{{{") + event)
    await turn()
    assert side.goodbye() == (1011, "Internal error")
    assert listener.texts() == []


async def test_the_clients_goodbye_is_echoed_after_what_it_asked_before() -> None:
    server = FakeServer()
    side = await subscribed(server)
    goodbye = client_frame(close_payload(4321, "bye"), Wire.CLOSE)
    side.websocket.data_received(client_frame(PING) + goodbye + client_frame(PING))
    assert side.transport.is_closing()
    await turn()
    assert (side.texts(), side.goodbye()) == ([PONG], (4321, "bye"))
    assert [(each.close_code, each.reason) for each in ended(server)] == [(4321, "bye")]
    assert server.state.connections == set()


async def test_our_goodbye_waits_for_the_clients_and_hears_nothing_else() -> None:
    server = FakeServer()
    side = await subscribed(server)
    side.websocket.close(4200, "Please reconnect immediately")
    assert not side.transport.is_closing()
    side.websocket.data_received(client_frame(SUBSCRIBE.replace(b"news", b"more")))
    assert server.world.publishes("more") == 0
    side.websocket.data_received(client_frame(close_payload(4200), Wire.CLOSE))
    assert side.transport.is_closing()
    await turn()
    assert (side.transport.aborted, server.state.connections) == (False, set())


@pytest.mark.parametrize("stuck", [False, True])
async def test_a_client_that_does_not_answer_our_goodbye_is_dropped(
    monkeypatch: pytest.MonkeyPatch, stuck: bool
) -> None:
    monkeypatch.setattr(websocket, "LAST_WORDS", 0.01)
    server = FakeServer()
    side = await subscribed(server, stuck=stuck)
    server.world.publishes("news")
    side.websocket.close(4200, "Please reconnect immediately")
    await asyncio.sleep(0.02)
    await turn()
    assert (side.transport.aborted, server.state.connections) == (True, set())


async def test_a_stuck_client_that_said_goodbye_itself_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """`close` alone would wait for its buffer for ever."""
    monkeypatch.setattr(websocket, "LAST_WORDS", 0.01)
    server = FakeServer()
    side = await subscribed(server, stuck=True)
    side.websocket.data_received(client_frame(close_payload(1000), Wire.CLOSE))
    await asyncio.sleep(0.02)
    await turn()
    assert (side.transport.aborted, server.state.connections) == (True, set())


async def test_a_connection_that_breaks_leaves_nothing_behind() -> None:
    server = FakeServer()
    side = await subscribed(server)
    side.transport.abort()
    await turn()
    assert [each.close_code for each in ended(server)] == [1006]
    assert (server.world.publishes("news"), server.node.hub.connections) == (0, {})
    assert (server.state.connections, server.endpoint.slow) == (set(), set())


async def test_uvicorns_stop_is_a_goodbye_that_asks_to_come_back() -> None:
    side = await subscribed(FakeServer())
    side.websocket.shutdown()
    assert side.goodbye() == (4200, "Please reconnect immediately")


# Silence.


@pytest.mark.parametrize("opcode", [Wire.TEXT, Wire.PONG, Wire.PING])
async def test_a_frame_is_life_when_it_is_whole_and_its_single_bytes_are_not(opcode: Wire) -> None:
    server = FakeServer()
    side = await subscribed(server)
    (connection,) = server.node.hub.connections.values()
    seen, connection.pinged_at = connection.last_seen, server.world.clock.now
    *most, last = client_frame(PING, opcode)
    for byte in most:
        server.world.clock.now += 1
        side.websocket.data_received(bytes([byte]))
        assert (connection.last_seen, connection.pinged_at) == (seen, seen)
    server.world.clock.now += 1
    side.websocket.data_received(bytes([last]))
    assert (connection.last_seen, connection.pinged_at) == (server.world.clock.now, 0.0)


# Slow readers.


async def test_a_reader_that_stops_in_the_middle_of_a_broadcast_costs_the_others_nothing() -> None:
    server = FakeServer(max_backlog=100_000)
    sides = [await subscribed(server, stuck=number == 1) for number in range(3)]
    for listening in (3, 3, 3, 2):
        assert server.world.publishes("news", data="x" * 60_000) == listening
        await turn()
    assert [side.goodbye() for side in (sides[0], sides[2])] == [None, None]
    assert [len(side.texts()) for side in (sides[0], sides[2])] == [4, 4]
    behind = sum(map(len, sides[1].transport.writes[1:3]))
    assert sides[1].goodbye() == (4100, f"Too slow: {behind} bytes behind")


async def test_a_reader_that_catches_up_is_not_slow_any_more() -> None:
    server = FakeServer(max_backlog=100_000)
    side = await subscribed(server, stuck=True)
    for _ in range(5):
        server.world.publishes("news", data="x" * 90_000)
        await turn()
        assert server.endpoint.slow == {side.websocket}
        side.transport.take()
        assert server.endpoint.slow == set()
        side.transport.stuck = True
    assert side.goodbye() is None


async def test_a_reader_that_rests_too_long_is_closed_though_it_is_not_far_behind() -> None:
    server = FakeServer()
    stuck, fine = await subscribed(server, stuck=True), await subscribed(server)
    server.world.publishes("news", data="x" * 70_000)
    await turn()
    began = server.world.clock.now
    server.endpoint.close_stuck(began + 9.9, 10)
    assert stuck.goodbye() is None
    server.endpoint.close_stuck(began + 10, 10)
    server.endpoint.close_stuck(began + 11, 10)
    assert stuck.goodbye() == (4100, "Too slow: nothing was read for 10 seconds")
    assert fine.goodbye() is None


# The names of connections.


async def test_a_socket_id_is_never_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = chain([1, 2, 1, 2, 3], repeat(4))
    monkeypatch.setattr(endpoint, "randint", lambda low, high: next(numbers))
    server = FakeServer()
    server.connect()
    server.connect()
    assert list(server.node.hub.connections) == ["1.2", "3.4"]

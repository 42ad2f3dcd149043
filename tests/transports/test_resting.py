"""Signatures that fail too often from one address: those connections wait, everybody else does not."""

import asyncio
import json

import pytest
import pytest_asyncio

from reverb_py.activity_log import ActivityLog
from reverb_py.conformance.client import Client
from reverb_py.conformance.wire import Opcode, client_frame, close_payload
from reverb_py.hub import facts
from reverb_py.settings import Settings
from reverb_py.transports import websocket
from reverb_py.transports.failures import WINDOW, Failures
from tests.fakes import APP, SlowOccupancy
from tests.transports.fake_transport import FakeServer, Side, turn
from tests.transports.in_process import running, until

PING = client_frame(b'{"event":"pusher:ping","data":{}}')
WRONG = client_frame(b'{"event":"pusher:subscribe","data":{"channel":"private-x","auth":"key:58df8b0c"}}')
WRONG_USER = client_frame(b'{"event":"pusher:signin","data":{"user_data":"{}","auth":"key:58df8b0c"}}')
NEWS = client_frame(b'{"event":"pusher:subscribe","data":{"channel":"news"}}')


# On real sockets.


async def test_the_301st_failure_of_an_address_is_slowed_and_who_signs_rightly_there_is_not() -> None:
    async with running() as server, server.target.client() as wrong, server.target.client() as right:
        server.endpoint.signatures = Failures(300, server.node.clock)
        for _ in range(300):
            await fails(wrong)
        await wrong.subscribed("private-1")
        began = server.node.clock()
        await fails(wrong)  # answered as the others; what comes behind it waits
        await wrong.subscribe("private-2")
        await right.subscribed("private-3")
        await right.subscribed("presence-4", channel_data='{"user_id":"ann"}')
        await wrong.acknowledged("private-2")
        assert server.node.clock() - began >= 0.9 * websocket.REST
        order = [fact.channel for fact in server.told(facts.Subscribed)]
        assert order == ["private-1", "private-3", "presence-4", "private-2"]
        assert server.told(facts.Disconnected) == []


async def fails(client: Client) -> None:
    """Subscribe with a wrong signature, and read the answer."""
    await client.send_bytes(WRONG)
    while (await client.frame())["event"] != "pusher_internal:subscription_error":
        pass


@pytest.mark.parametrize("trusted", [True, False])
async def test_behind_a_trusted_proxy_each_client_has_an_address_of_its_own(
    trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "REST", 60.0)
    settings = Settings(drain=0, trusted_proxies=("127.0.0.1",) if trusted else ())
    first, second = ({"X-Forwarded-For": f"203.0.113.{number}"} for number in (7, 8))
    async with (
        running(settings=settings) as server,
        server.target.client(headers=first) as wrong,
        server.target.client(headers=second) as other,
    ):
        server.endpoint.signatures = Failures(1, server.node.clock)
        await fails(wrong)
        await fails(other)
        assert bool(server.told(facts.Noticed)) is not trusted
        if trusted:
            await other.nothing()
        wrong.abort()
        other.abort()


# What a rest is, on a transport that is watched.


@pytest_asyncio.fixture
async def resting(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    """A server that has every failure of a signature wait, until the loop turns."""
    monkeypatch.setattr(websocket, "REST", 0.0)
    server = FakeServer()
    server.endpoint.signatures = Failures(1, server.world.clock)
    server.endpoint.signatures.is_one_too_many("")
    return server


async def greeted(server: FakeServer) -> Side:
    side = server.connect()
    await turn()
    return side


def heard(side: Side) -> list[str]:
    """The events since the greeting, `pusher:error` left out."""
    events = [json.loads(text)["event"] for text in side.texts()[1:]]
    return [event for event in events if event != "pusher:error"]


REFUSAL = ["pusher:subscription_error", "pusher_internal:subscription_error"]
ACKNOWLEDGED = "pusher_internal:subscription_succeeded"


async def test_each_failure_of_a_segment_is_a_rest_and_what_stands_behind_it_is_obeyed(resting: FakeServer) -> None:
    side = await greeted(resting)
    side.websocket.data_received(NEWS + WRONG * 3 + PING)
    assert await rests(side) == 3
    assert heard(side) == [ACKNOWLEDGED, *REFUSAL * 3, "pusher:pong"]


async def test_five_rests_at_most_are_due_so_that_nobody_is_taken_for_dead(resting: FakeServer) -> None:
    side = await greeted(resting)
    side.websocket.data_received(WRONG * 50)
    assert await rests(side) == 5
    assert APP.pong_timeout > websocket.MOST_RESTS


async def rests(side: Side) -> int:
    """How many rests pass until it is read again."""
    seen = set()
    while not side.transport.is_reading_now:
        seen.add(side.websocket._rests)
        await asyncio.sleep(0)
    return len(seen)


async def test_a_wrong_sign_in_counts_with_the_channels(resting: FakeServer) -> None:
    side = await greeted(resting)
    side.websocket.data_received(WRONG_USER)
    assert await rests(side) == 1


async def test_below_the_limit_and_in_the_next_window_nobody_waits(resting: FakeServer) -> None:
    resting.world.clock.now += WINDOW
    side = await greeted(resting)
    side.websocket.data_received(WRONG + PING)
    assert side.transport.is_reading_now
    await turn()
    assert heard(side) == [*REFUSAL, "pusher:pong"]


async def test_a_join_in_a_rest_holds_back_beyond_its_end(resting: FakeServer) -> None:
    resting.node.occupancy = occupancy = SlowOccupancy()
    side = await greeted(resting)
    side.websocket.data_received(WRONG + NEWS + PING)
    await until(lambda: not side.websocket._rests)
    assert (heard(side), side.transport.is_reading_now) == (REFUSAL, False)
    occupancy.answer()
    await turn()
    assert (heard(side), side.transport.is_reading_now) == ([*REFUSAL, ACKNOWLEDGED, "pusher:pong"], True)


async def test_the_end_of_a_join_does_not_end_a_rest(resting: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "REST", 60.0)
    resting.node.occupancy = occupancy = SlowOccupancy()
    side = await greeted(resting)
    side.websocket.data_received(NEWS + WRONG)
    assert not side.transport.is_reading_now
    occupancy.answer()
    await turn()
    assert (heard(side), side.transport.is_reading_now) == ([ACKNOWLEDGED, *REFUSAL], False)


async def test_a_goodbye_of_ours_in_a_rest_is_said_and_its_answer_read(resting: FakeServer) -> None:
    side = await greeted(resting)
    side.websocket.data_received(WRONG)
    side.websocket.close(4200, "Please reconnect immediately")
    assert await rests(side) == 1
    await turn()
    assert side.goodbye() == (4200, "Please reconnect immediately")
    side.websocket.data_received(client_frame(close_payload(4200), Opcode.CLOSE))
    assert side.transport.is_closing()


async def test_a_client_that_goes_in_a_rest_is_forgotten_at_once(resting: FakeServer) -> None:
    side = await greeted(resting)
    side.websocket.data_received(NEWS + WRONG)
    side.transport.abort()
    await turn()
    assert resting.node.hub.connections == {}
    await until(lambda: not side.websocket._rests)


async def test_that_an_address_fails_too_often_is_told_once_a_minute(
    resting: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    resting.node.tell = ActivityLog(rate=100)
    side = await greeted(resting)
    side.websocket.data_received(WRONG * 3)
    told = [record.getMessage() for record in caplog.records if "failed signatures" in record.getMessage()]
    assert len(told) == 1
    assert told[0].startswith("A peer without an address had more than 1 failed signatures in a minute")

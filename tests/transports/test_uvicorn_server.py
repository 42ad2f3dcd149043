"""How it listens over TLS, and the three phases of a stop: triggers still run, everybody is sent elsewhere, the end."""

import asyncio
import logging
from contextlib import AsyncExitStack
from itertools import pairwise

import pytest

from reverb_py.conformance.client import Client
from reverb_py.conformance.expect import handshake_refused
from reverb_py.hub import facts
from reverb_py.settings import Settings
from reverb_py.transports import uvicorn_server
from reverb_py.transports.websocket import WebSocket
from tests.conformance.fixture import CERTIFICATE
from tests.transports.in_process import PATIENCE, Running, publish, request, running, signed, until
from tests.transports.slow import slow

UP = request("GET", "/up")
COME_BACK = (4200, "Please reconnect immediately")


@pytest.fixture
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn_server, "LAST_LOOK", 0.1)
    monkeypatch.setattr(uvicorn_server, "LAST_REQUESTS", 0.1)


async def clients(stack: AsyncExitStack, server: Running, number: int) -> list[Client]:
    """This many connections, each subscribed to `news`."""
    found = [await stack.enter_async_context(server.target.client()) for _ in range(number)]
    for client in found:
        await client.subscribed("news")
    return found


async def ended(server: Running) -> int:
    """Wait until the server has stopped by itself; its exit code."""
    await asyncio.wait_for(server.serving, PATIENCE)
    return server.server.exit_code


async def closed_at(client: Client) -> float:
    """When the goodbye came, which must ask to come back."""
    assert await client.closed() == COME_BACK
    assert client.unread() == []
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02"], ids=["nothing", "half a hello"])
async def test_who_does_not_finish_its_tls_handshake_in_time_is_ended_without_a_word(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    cert, key = CERTIFICATE["REVERB_TLS_CERT"], CERTIFICATE["REVERB_TLS_KEY"]
    async with running(settings=Settings(drain=0, request_timeout=0.1, tls_cert=cert, tls_key=key)) as server:
        async with server.http() as peer:
            assert await peer.send(sent).rest() == b""
        async with server.target.client() as client:
            await client.subscribed("news")
    assert caplog.records == []


@pytest.mark.usefixtures("_hurry")
async def test_while_it_says_goodbye_triggers_run_and_newcomers_are_sent_elsewhere() -> None:
    async with running(settings=Settings(drain=60)) as server, AsyncExitStack() as stack:
        await clients(stack, server, 5)  # 0.1 s for each
        server.server.stop()
        health = await server.target.http("GET", "/up")
        assert (health.status_code, health.json()) == (503, {"health": "DRAINING"})
        await handshake_refused(server.target, 4100)
        async with server.http() as http:
            assert (await http.send(publish()).answer()).status == 200
        (published,) = server.told(facts.Published)
        assert 0 < published.received["news"] < 5
        assert await ended(server) == 0


async def test_goodbyes_are_spread_evenly_over_the_drain() -> None:
    async with running(settings=Settings(drain=0.5)) as server, AsyncExitStack() as stack:
        found = await clients(stack, server, 10)
        began = asyncio.get_running_loop().time()
        server.server.stop()
        times = sorted(await asyncio.gather(*map(closed_at, found)))
        gaps = [after - before for before, after in pairwise(times)]
        assert times[0] - began < 0.3
        assert 0.4 < times[-1] - times[0] < 2
        assert max(gaps) < 0.3
        assert await ended(server) == 0


@pytest.mark.parametrize(("drain", "longest"), [(60.0, 2.0), (0.0, 1.0)])
async def test_a_handful_of_clients_need_no_long_farewell(drain: float, longest: float) -> None:
    async with running(settings=Settings(drain=drain)) as server, AsyncExitStack() as stack:
        found = await clients(stack, server, 3)
        began = asyncio.get_running_loop().time()
        server.server.stop()
        assert max(await asyncio.gather(*map(closed_at, found))) - began < longest
        assert await ended(server) == 0


async def test_the_last_request_is_answered_and_then_nobody_listens(server: Running) -> None:
    async with server.http() as working, server.http() as idle:
        occupancy = slow(server)
        assert (await idle.send(UP).answer()).status == 200
        working.send(request("GET", signed("GET", "/channels")))
        await occupancy.asked.wait()
        server.server.stop()
        assert await idle.rest() == b""
        with pytest.raises(ConnectionRefusedError):
            async with server.http():
                pass
        occupancy.released.set()
        answer = await working.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await ended(server) == 0


async def test_the_second_call_ends_it_at_once_and_is_no_success(caplog: pytest.LogCaptureFixture) -> None:
    async with running(settings=Settings(drain=60)) as server, AsyncExitStack() as stack:
        found = await clients(stack, server, 20)
        server.server.stop()
        server.server.stop()
        began = asyncio.get_running_loop().time()
        assert await ended(server) == 1
        assert asyncio.get_running_loop().time() - began < 1.5
        assert {(await client.closed())[0] for client in found} <= {4200, 1006}
    assert [record.levelno for record in caplog.records if record.name == "reverb_py"] == [logging.WARNING]


# What cannot hold it up.


@pytest.mark.usefixtures("_hurry")
async def test_a_client_that_does_not_answer_the_goodbye_does_not_hold_up_the_stop() -> None:
    async with running(settings=Settings(drain=0)) as server, server.target.client():
        server.server.stop()
        assert await ended(server) == 0


@pytest.mark.usefixtures("_hurry")
async def test_half_a_request_does_not_hold_up_the_stop(server: Running) -> None:
    async with server.http() as http, server.http() as short:
        http.send(request("POST", signed("POST", "/events", b"x"), "Transfer-Encoding: chunked") + b"1\r\n")
        short.send(publish()[:-1])
        await until(lambda: server.server.server_state.tasks)
        server.server.stop()
        assert await ended(server) == 0
        assert server.told(facts.Published) == []


@pytest.mark.usefixtures("_hurry")
async def test_an_answer_that_never_comes_does_not_hold_up_the_stop(server: Running) -> None:
    async with server.http() as http:
        occupancy = slow(server)
        http.send(request("GET", signed("GET", "/channels")))
        await occupancy.asked.wait()
        server.server.stop()
        assert await ended(server) == 0


async def test_a_fault_in_the_goodbyes_ends_the_process_and_is_no_success(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(websocket: WebSocket, code: int, reason: str) -> None:
        raise RuntimeError("no words")

    async with running() as server, server.target.client():
        monkeypatch.setattr(WebSocket, "close", broken)
        server.server.stop()
        await asyncio.wait([server.serving], timeout=PATIENCE)
        monkeypatch.undo()
        assert server.server.exit_code == 1
    assert "no words" in caplog.text

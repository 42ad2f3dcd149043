"""Answers that nobody reads: such a peer is ended in time, whatever it has asked for; one that reads slowly is not."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from reverb_py.conformance.link import upgrade_request
from reverb_py.settings import Settings
from reverb_py.transports import http_protocol
from reverb_py.transports.unread import Unread
from tests.transports.fake_transport import FakeTransport
from tests.transports.in_process import Http, Running, publish, request, running, until

UP = request("GET", "/up")
SMALL = 4_096  # bytes that the kernels keep for us
FEW = 20_000  # bytes unsent, at which the transport does not pause yet
IMPATIENT = Settings(drain=0, slow_timeout=0.2)


@asynccontextmanager
async def deaf(server: Running) -> AsyncIterator[tuple[Http, HttpToolsProtocol]]:
    """A connection of small buffers, over which nothing is read, and the server's side of it."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)  # later would be too late: windows do not shrink
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", server.port))
    http = Http(*await asyncio.open_connection(sock=sock))
    cast(asyncio.Transport, http.writer.transport).pause_reading()
    await until(lambda: server.server.server_state.connections)
    (protocol,) = server.server.server_state.connections
    assert isinstance(protocol, HttpToolsProtocol)
    protocol.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
    try:
        yield http, protocol
    finally:
        http.writer.transport.abort()


async def ask(server: Running, http: Http, enough: Callable[[], bool], *asked: bytes) -> None:
    """Ask this, or many questions at once, again and again, until there are answers enough."""
    state = server.server.server_state
    together = asked or (UP,) * http_protocol.MAX_PIPELINE
    while not enough():
        due = state.total_requests + len(together)
        http.send(b"".join(together))
        await until(lambda due=due: state.total_requests >= due or enough())  # type: ignore[misc]


async def test_who_reads_no_answers_and_asks_on_is_ended(caplog: pytest.LogCaptureFixture) -> None:
    async with running(settings=IMPATIENT) as server, deaf(server) as (http, protocol):
        await ask(server, http, lambda: protocol.flow.write_paused)
        state = server.server.server_state
        await until(lambda: not state.connections and not state.tasks)
    assert caplog.records == []


@pytest.mark.parametrize(
    "last", [request("GET", "/up", "Connection: close"), b"NONSENSE\r\n\r\n", b"GET"], ids=["a wish", "a fault", "half"]
)
async def test_an_end_that_waits_for_the_reader_of_the_last_answers_does_not_wait_for_ever(last: bytes) -> None:
    settings = Settings(drain=0, slow_timeout=0.2, request_timeout=0.2)
    async with running(settings=settings) as server, deaf(server) as (http, protocol):
        await ask(server, http, lambda: protocol.transport.get_write_buffer_size() > FEW)
        http.send(last)
        await until(lambda: protocol.transport.is_closing())
        assert server.server.server_state.connections
        await until(lambda: not server.server.server_state.connections)


async def test_an_idle_connection_with_answers_that_nobody_reads_is_ended() -> None:
    settings = Settings(drain=0, slow_timeout=0.2, keep_alive=0.1)
    async with running(settings=settings) as server, deaf(server) as (http, protocol):
        await ask(server, http, lambda: protocol.transport.get_write_buffer_size() > FEW)
        await until(lambda: not server.server.server_state.connections)


async def test_a_websocket_behind_answers_that_nobody_reads_is_known_to_be_slow(server: Running) -> None:
    async with deaf(server) as (http, protocol):
        await ask(server, http, lambda: protocol.flow.write_paused, publish())
        http.send(upgrade_request("ws://localhost/app/key", {}))
        await until(lambda: server.endpoint.slow)
        server.endpoint.close_stuck(server.node.clock(), 0)
        await until(lambda: not server.node.hub.connections)


class Later:
    """A loop whose time passes when a test says so."""

    def __init__(self) -> None:
        self.due: list[Callable[[], object]] = []

    def call_later(self, seconds: float, callback: Callable[..., object], *arguments: Any) -> asyncio.TimerHandle:
        self.due.append(lambda: callback(*arguments))
        return cast(asyncio.TimerHandle, self)

    def cancel(self) -> None:
        self.due.clear()

    def passes(self) -> None:
        due, self.due = self.due, []
        for call in due:
            call()


class Reader(FakeTransport):
    """A transport whose peer takes as many bytes as it is told to."""

    def takes(self, size: int) -> None:
        self._buffered -= size

    def _lose(self) -> None:
        pass


async def test_who_takes_a_little_each_time_is_waited_for_until_it_takes_nothing() -> None:
    time, reader = Later(), Reader()
    reader.stuck = True
    reader.write(b"x" * 1_000)
    unread = Unread(cast(asyncio.AbstractEventLoop, time), 10)
    unread.watch(reader)
    for _ in range(9):
        reader.takes(100)
        time.passes()
        assert (reader.aborted, len(time.due)) == (False, 1)
    time.passes()
    assert (reader.aborted, time.due) == (True, [])


async def test_who_took_all_is_not_waited_for() -> None:
    time, reader = Later(), Reader()
    unread = Unread(cast(asyncio.AbstractEventLoop, time), 10)
    unread.watch(reader)
    assert time.due == []
    reader.stuck = True
    reader.write(b"x")
    unread.watch(reader)
    reader.takes(1)
    time.passes()
    assert (reader.aborted, time.due) == (False, [])

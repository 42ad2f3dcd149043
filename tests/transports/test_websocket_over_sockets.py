"""WebSockets over the kernel's own buffers, plain and TLS: slow readers, order, resets, and what is left of them."""

import asyncio
import gc
import socket
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from socket import SocketType
from typing import Any

import pytest
from websockets.frames import Frame

from reverb_py.conformance.client import Client, data_of
from reverb_py.conformance.link import Link, parse_head, upgrade_request
from reverb_py.conformance.wire import Opcode, client_frame
from reverb_py.hub import facts
from reverb_py.protocol.triggers import Trigger
from reverb_py.settings import Settings
from reverb_py.transports import websocket
from reverb_py.transports.backlog import Backlog
from reverb_py.transports.rfc6455 import Rfc6455
from reverb_py.transports.websocket import WebSocket
from tests.conformance.fixture import CERTIFICATE
from tests.transports.in_process import APP, Running, publish, request, running, until

SIZE = 60_000  # bytes of an event that is to fill buffers
TLS = {"tls_cert": CERTIFICATE["REVERB_TLS_CERT"], "tls_key": CERTIFICATE["REVERB_TLS_KEY"]}


@pytest.fixture(params=["plain", "tls"])
def wire(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings of a server that speaks plainly, and of one that speaks TLS."""
    return {"drain": 0} if request.param == "plain" else {"drain": 0, **TLS}


@asynccontextmanager
async def lazy_client(server: Running) -> AsyncIterator[Client]:
    """A client with small buffers, subscribed to `news`, that reads only when it is asked to."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", server.port))
    context = server.target.tls_context
    reader, writer = await asyncio.open_connection(
        sock=sock, ssl=context, server_hostname="127.0.0.1" if context else None, limit=1_024
    )
    writer.write(upgrade_request(f"ws://localhost/app/{APP.key}", {}))
    link = Link(reader, writer, parse_head(await reader.readuntil(b"\r\n\r\n")))
    client = Client(link, APP.key, APP.credentials[0].secret)
    await client.frame()
    await client.subscribed("news")
    try:
        yield client
    finally:
        writer.transport.abort()


def event(server: Running, number: int, size: int = SIZE) -> int:
    """Publish an event with its number to `news`; return how many connections it was written to."""
    return server.node.trigger(APP, Trigger("ev", f'{{"number":{number},"fill":"{"x" * size}"}}', ("news",)))["news"]


async def number_of(client: Client) -> int:
    """The number of the next event."""
    number: int = data_of(await client.frame())["number"]
    return number


async def test_a_slow_reader_is_closed_while_the_others_receive_everything(wire: dict[str, Any]) -> None:
    """pp-320: what it does not read is kept up to the limit; then it is closed with 4100."""
    async with (
        running(settings=Settings(**wire, max_backlog=200_000)) as server,
        lazy_client(server) as lazy,
        server.target.client() as first,
        server.target.client() as second,
    ):
        for each in (first, second):
            await each.subscribed("news")
        number = 0
        while event(server, number) == 3:
            assert [await number_of(first), await number_of(second)] == [number, number]
            number += 1
            assert number < 1_000
        assert [await number_of(first), await number_of(second)] == [number, number]
        (gone,) = server.told(facts.Disconnected)
        assert gone.close_code == 4100
        assert "bytes behind" in gone.reason
        assert await lazy.closed() == (4100, gone.reason)


async def test_what_waits_for_a_reader_is_reckoned_with_what_tls_does_not_tell(wire: dict[str, Any]) -> None:
    async with running(settings=Settings(**wire)) as server, lazy_client(server):
        (websocket,) = server.server.server_state.connections
        assert isinstance(websocket, WebSocket)
        assert websocket.unsent == 0
        number = 0
        while not (told := websocket._transport.get_write_buffer_size()):
            event(server, number)
            number += 1
            await asyncio.sleep(0)
        assert websocket.unsent == (told if server.target.tls_context is None else 65_536 + told * 4 // 3)


async def test_readers_that_together_are_too_far_behind_are_dropped_and_free_their_memory(wire: dict[str, Any]) -> None:
    """Each is within its own limit; the sum is not."""
    async with (
        running(settings=Settings(**wire)) as server,
        server.target.client() as reading,
        AsyncExitStack() as lazy,
    ):
        server.endpoint.backlog = Backlog(2_000_000)
        await reading.subscribed("news")
        for _ in range(4):
            await lazy.enter_async_context(lazy_client(server))
        number = 0
        while event(server, number) == 5:
            assert await number_of(reading) == number
            number += 1
            assert number < 1_000
        assert await number_of(reading) == number
        gone = server.told(facts.Disconnected)
        assert {each.close_code for each in gone} == {4100}
        assert all("too much unsent" in each.reason for each in gone)
        assert 1 <= len(gone) < 4
        websockets = [each for each in gc.get_objects() if isinstance(each, WebSocket)]
        assert sum(each.unsent for each in websockets if each._endpoint is server.endpoint) <= 2_100_000


async def test_what_a_client_said_is_not_kept_until_it_speaks_again(wire: dict[str, Any]) -> None:
    gc.collect()  # frames of other tests
    async with running(settings=Settings(**wire)) as server, server.target.client() as client:
        await client.send({"event": "pusher:ping", "data": {"fill": "x" * 50_000}})
        assert (await client.frame())["event"] == "pusher:pong"
        held = [each for each in gc.get_objects() if isinstance(each, Frame) and len(each.data) > 10_000]
        assert held == []


async def test_a_reader_that_comes_back_in_time_has_missed_nothing(wire: dict[str, Any]) -> None:
    """Part of a frame is in the kernel, part with the loop: nothing may overtake the rest."""
    async with running(settings=Settings(**wire, max_backlog=1 << 30)) as server, lazy_client(server) as lazy:
        for number in range(100):
            event(server, number, size=number * 1_000)
            await asyncio.sleep(0)
        assert server.endpoint.slow
        reading = [await number_of(lazy) for _ in range(50)]
        event(server, 100, size=10)
        assert reading + [await number_of(lazy) for _ in range(51)] == list(range(101))
        await until(lambda: not server.endpoint.slow)


async def test_a_peer_that_resets_its_connection_costs_the_others_nothing(wire: dict[str, Any]) -> None:
    async with running(settings=Settings(**wire)) as server, server.target.client() as staying:
        await staying.subscribed("news")
        async with lazy_client(server) as leaving:
            leaving.abort()
            for number in range(20):
                event(server, number)
                assert await number_of(staying) == number
        await until(lambda: len(server.node.hub.connections) == 1)
        assert [fact.close_code for fact in server.told(facts.Disconnected)] == [1006]


class CountingSocket(SocketType):
    """The socket below a transport, which counts what is sent beside it."""

    sends = 0

    def send(self, *arguments: Any) -> int:
        type(self).sends += 1
        return super().send(*arguments)


async def test_what_a_turn_produces_is_one_system_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def counted(transport: asyncio.Transport) -> SocketType:
        below = transport.get_extra_info("socket")
        return CountingSocket(below.family, below.type, below.proto, below.fileno())

    monkeypatch.setattr(websocket, "plain_socket", counted)
    async with running() as server, server.target.client() as client:
        await client.subscribed("news")
        before = CountingSocket.sends
        for number in range(10):
            event(server, number, size=10)
        assert [await number_of(client) for _ in range(10)] == list(range(10))
        assert CountingSocket.sends == before + 1


async def test_what_came_in_the_segment_of_the_request_is_answered_after_the_greeting(wire: dict[str, Any]) -> None:
    ping = client_frame(b'{"event":"pusher:ping","data":{}}')
    async with running(settings=Settings(**wire)) as server, server.target.client(behind=ping) as client:
        assert (await client.frame())["event"] == "pusher:pong"


@pytest.mark.parametrize("before", [publish(), request("GET", "/up") * 3])
async def test_an_upgrade_behind_a_request_without_its_answer_ends_the_connection(
    server: Running, before: bytes
) -> None:
    """Else the answer would stand among the frames, and the timer of that request would end the WebSocket."""
    async with server.http() as http:
        http.send(before + upgrade_request("ws://localhost/app/key", {}))
        answers = await http.rest()
    assert answers.count(b"HTTP/1.1 200 OK") == before.count(b"HTTP/1.1")
    assert b"101 Switching" not in answers


async def test_two_versions_of_the_websocket_protocol_are_refused(server: Running) -> None:
    both = upgrade_request("ws://localhost/app/key", {}).replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Version: 8\r\n\r\n")
    async with server.http() as http:
        assert (await http.send(both).answer()).status == 426


async def test_what_a_segment_of_questions_earns_is_bounded_by_the_backlog(server: Running) -> None:
    """To subscribe again repeats the cached event: 20 kB of questions must not become 300 MB of answers."""
    subscribe = client_frame(b'{"event":"pusher:subscribe","data":{"channel":"cache-x"}}')
    await server.target.trigger("cache-x", data="x" * 1_000_000)
    written = 0

    async with server.target.client() as client:
        (connection,) = server.node.hub.connections.values()
        write = connection.write

        def counting(frame: bytes) -> None:
            nonlocal written
            written += len(frame)
            write(frame)

        connection.write = counting
        await client.send_bytes(subscribe * 300)
        await until(lambda: server.told(facts.Disconnected))
    assert server.told(facts.Disconnected)[0].close_code == 4100
    assert written < 100_000_000


@pytest.mark.parametrize("before", [publish(), request("GET", "/up")])
async def test_a_websocket_outlives_the_patience_with_idle_requests(before: bytes) -> None:
    async with running(settings=Settings(keep_alive=0.05)) as server, server.http() as http:
        assert (await http.send(before).answer()).status == 200
        http.send(upgrade_request(f"ws://localhost/app/{APP.key}", {}))
        link = Link(http.reader, http.writer, await http.answer())
        assert await link.receive(2) is not None
        with pytest.raises(TimeoutError):
            await link.receive(0.1)


# What is left of a connection.


@contextmanager
def no_collector() -> Iterator[None]:
    """Only reference counts free anything in here."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def parts_of(server: Running) -> list[weakref.ref[Any]]:
    """What the one WebSocket of a server is made of: itself and websockets' half."""
    (found,) = [each for each in server.server.server_state.connections if isinstance(each, WebSocket)]
    rfc6455 = found._rfc6455
    assert isinstance(rfc6455, Rfc6455)
    return [weakref.ref(found), weakref.ref(rfc6455)]


@pytest.mark.parametrize("end", ["theirs", "ours", "reset", "framing"])
async def test_nothing_is_left_of_a_connection_for_the_garbage_collector(wire: dict[str, Any], end: str) -> None:
    async with running(settings=Settings(**wire)) as server:
        with no_collector():
            async with server.target.client() as client:
                parts = parts_of(server)
                await client.subscribed("presence-news", channel_data='{"user_id":"1"}')
                if end == "ours":
                    server.node.hub.connections[client.socket_id].close(4200, "")
                    await client.closed()
                elif end == "framing":
                    await client.send_bytes(client_frame(b"", Opcode.TEXT, masked=False))
                    await client.closed()
                if end in ("reset", "framing"):
                    client.abort()
            await until(lambda: [part() for part in parts] == [None, None])
        assert server.server.server_state.connections == set()
        assert (server.node.hub.connections, server.endpoint.slow) == ({}, set())
        assert await server.node.occupancy.channels(APP.id) == {}


async def test_nothing_is_left_of_a_refused_handshake_for_the_garbage_collector(server: Running) -> None:
    with no_collector():
        async with server.target.open(path="/app/nobodys") as client:
            await client.frame()
            parts = parts_of(server)
            assert (await client.closed())[0] == 4001
        await until(lambda: [part() for part in parts] == [None, None])
    assert server.server.server_state.connections == set()

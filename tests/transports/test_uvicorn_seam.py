"""What we know of uvicorn's insides and build on: after an upgrade of it these tests fail first, and say what moved.

Its own classes are tried here, not ours: also the faults that ours mend, so that a mend goes when its fault has gone.
"""

import asyncio
import inspect
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import httptools
import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from reverb_py.conformance.link import Link, upgrade_request
from reverb_py.conformance.wire import client_frame
from reverb_py.transports.http_protocol import HttpProtocol
from tests.transports.fake_transport import FakeTransport
from tests.transports.in_process import Http, request, until

BUILT_ON = "reverb_py.transports builds on it"


# Names and shapes.


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        (HttpToolsProtocol, "__init__", "config server_state app_state _loop"),
        (HttpToolsProtocol, "connection_made", "transport"),
        (HttpToolsProtocol, "connection_lost", "exc"),
        (HttpToolsProtocol, "data_received", "data"),
        (HttpToolsProtocol, "on_message_begin", ""),
        (HttpToolsProtocol, "on_header", "name value"),
        (HttpToolsProtocol, "on_headers_complete", ""),
        (HttpToolsProtocol, "on_body", "body"),
        (HttpToolsProtocol, "on_message_complete", ""),
        (HttpToolsProtocol, "on_response_complete", ""),
        (HttpToolsProtocol, "shutdown", ""),
        (HttpToolsProtocol, "timeout_keep_alive_handler", ""),
        (HttpToolsProtocol, "_unset_keepalive_if_required", ""),
        (HttpToolsProtocol, "_should_upgrade", ""),
        (HttpToolsProtocol, "_start_asgi_task", "cycle app"),
        (HttpToolsProtocol, "pause_writing", ""),
        (HttpToolsProtocol, "resume_writing", ""),
        (uvicorn.Server, "startup", "sockets"),
        (uvicorn.Server, "serve", "sockets"),
        (uvicorn.Server, "shutdown", "sockets"),
        (uvicorn.Server, "capture_signals", ""),
        (uvicorn.Server, "main_loop", ""),
    ],
)
def test_uvicorn_still_has_what_we_override_or_call(owner: type, name: str, parameters: str) -> None:
    found = getattr(owner, name, None)
    assert found is not None, f"uvicorn has no {owner.__name__}.{name} any more: {BUILT_ON}"
    shape = list(inspect.signature(found).parameters)[1:]
    assert shape == parameters.split(), f"{owner.__name__}.{name} takes {shape} now: {BUILT_ON}"


def test_our_methods_take_what_theirs_take() -> None:
    for name in set(vars(HttpProtocol)) & set(vars(HttpToolsProtocol)) - {"__init__", "__module__", "__doc__"}:
        ours, theirs = (inspect.signature(getattr(each, name)) for each in (HttpProtocol, HttpToolsProtocol))
        assert list(ours.parameters) == list(theirs.parameters), f"HttpProtocol.{name} does not fit uvicorn's"


async def test_a_connection_still_has_the_attributes_that_we_read() -> None:
    async with stock(plain) as server, server.http() as http:
        assert (await http.send(request("GET", "/")).answer()).status == 200
        (found,) = server.server_state.connections
        names = "parser transport headers url cycle pipeline connections config server_state app_state client scheme"
        more = "ws_protocol_class loop timeout_keep_alive timeout_keep_alive_task scope expect_100_continue flow"
        for name in f"{names} {more}".split():
            assert hasattr(found, name), f"uvicorn's HTTP protocol has no `{name}` any more: {BUILT_ON}"
        assert isinstance(found, HttpToolsProtocol)
        assert isinstance(found.cycle, RequestResponseCycle)
        assert (found.cycle.response_complete, found.cycle.keep_alive) == (True, True)
        assert (found.flow.write_paused, found.flow.read_paused) == (False, False)
        assert found.scope["headers"] is found.headers, f"uvicorn's scope has headers of its own: {BUILT_ON}"
        assert all(name.islower() for name, _ in found.headers), "uvicorn does not lower header names any more"
        assert found.client is not None
        assert found.client[0] == "127.0.0.1"


async def test_what_ours_does_in_their_place_is_all_that_they_do() -> None:
    """`connection_made` and `on_message_begin` are not called where they would be, for speed."""
    state, transport = ServerState(), FakeTransport()
    found = HttpToolsProtocol(uvicorn.Config(plain, log_config=None), state, {}, asyncio.get_running_loop())

    def changed_by(call: Callable[[], None]) -> set[str]:
        before = dict(vars(found))
        call()
        return {name for name, value in vars(found).items() if value is not before.get(name)}

    made = changed_by(lambda: found.connection_made(transport))
    assert made == {"transport", "flow", "scheme"}, f"uvicorn's connection_made sets more: {made}"
    assert list(state.connections) == [found]
    begun = changed_by(found.on_message_begin) - {"expect_100_continue"}
    assert begun == {"url", "headers", "scope"}, f"uvicorn's on_message_begin sets more: {begun}"


def test_the_state_of_a_server_still_has_the_attributes_that_we_use() -> None:
    state = ServerState()
    assert state.connections == set(), f"server_state.connections is no set any more: {BUILT_ON}"
    assert (state.total_requests, state.default_headers) == (0, [])
    server = uvicorn.Server(uvicorn.Config(plain, log_config=None))
    assert (server.should_exit, server.force_exit, server.started) == (False, False, False)


def test_the_parser_says_where_the_request_ends_and_the_other_protocol_begins() -> None:
    head = upgrade_request("ws://localhost/", {})
    parser = httptools.HttpRequestParser(object())
    with pytest.raises(httptools.HttpParserUpgrade) as upgrade:
        parser.feed_data(head + b"behind")
    assert upgrade.value.args[0] == len(head), "httptools' HttpParserUpgrade does not carry the offset any more"


# How it calls us.


async def test_protocols_may_be_partials_and_are_called_by_these_names() -> None:
    called: list[dict[str, Any]] = []

    def made(**arguments: Any) -> HttpToolsProtocol:
        called.append(arguments)
        del arguments["mine"]
        return HttpToolsProtocol(**arguments)

    websocket: Any = partial(object)
    async with stock(plain, http=partial(made, mine=1), ws=websocket) as server, server.http() as http:
        assert (await http.send(request("GET", "/")).answer()).status == 200
        (found,) = server.server_state.connections
        assert isinstance(found, HttpToolsProtocol)
        assert found.ws_protocol_class is websocket, "uvicorn does not hand the `ws=` class over as it is"
    assert set(called[0]) == {"config", "server_state", "app_state", "_loop"}, "uvicorn calls `http=` differently now"


async def test_the_keep_alive_time_may_be_a_fraction() -> None:
    async with stock(plain, timeout_keep_alive=0.05) as server, server.http() as http:
        assert (await http.send(request("GET", "/")).answer()).status == 200
        assert await http.rest() == b""


async def test_a_cycle_that_shall_not_be_kept_alive_ends_its_connection() -> None:
    """What `_refuse` does to the requests before a refused one."""
    app = Held()
    async with stock(app) as server, server.http() as http:
        http.send(request("GET", "/held"))
        await until(lambda: app.asked)
        (found,) = server.server_state.connections
        found.cycle.keep_alive = False  # type: ignore[union-attr]
        app.release.set()
        assert (await http.answer()).headers["connection"] == "close"
        assert await http.rest() == b""


async def test_answers_wait_for_the_ones_before_them() -> None:
    app = Held()
    async with stock(app) as server, server.http() as http:
        http.send(request("GET", "/held") + request("GET", "/second"))
        await until(lambda: app.asked)
        (found,) = server.server_state.connections
        assert len(found.pipeline) == 1, f"uvicorn's pipeline is filled differently: {BUILT_ON}"  # type: ignore[union-attr]
        app.release.set()
        assert [(await http.answer()).body for _ in range(2)] == [b"/held", b"/second"]
        assert server.server_state.total_requests == 2


async def test_at_a_stop_each_connection_is_told_once_and_then_waited_for() -> None:
    """`WebSocket` is one of them: `shutdown` is asked of it, and its leaving the set ends the stop."""

    class Member:
        told = 0

        def shutdown(self) -> None:
            self.told += 1

    async with stock(plain) as server:
        members: Any = server.server_state.connections
        member = Member()
        members.add(member)
        server.should_exit = True
        await until(lambda: member.told)
        await asyncio.sleep(0.3)  # three of its looks
        assert not server.serving.done(), "uvicorn does not wait for server_state.connections any more"
        members.discard(member)
        await asyncio.wait_for(server.serving, 2)
        assert member.told == 1, "uvicorn calls shutdown() more than once now"


async def test_no_connection_is_waited_for_when_the_exit_is_forced() -> None:
    app = Held()
    async with stock(app) as server, server.http() as http:
        http.send(request("GET", "/held"))
        await until(lambda: app.asked)
        server.force_exit = server.should_exit = True
        await asyncio.wait_for(server.serving, 2)


# The faults that ours mend. One that fails here is good news: delete the mend.


async def test_fault_bytes_behind_an_upgrade_request_are_lost() -> None:
    async with stock(echo, ws="websockets-sansio") as server, server.http() as http:
        http.send(upgrade_request("ws://localhost/", {}) + client_frame(b"first"))
        link = Link(http.reader, http.writer, await http.answer())
        await link.send(client_frame(b"second"))
        frame = await link.receive(2)
        assert frame is not None
        assert frame.payload == b"second"


async def test_fault_a_post_that_offers_http2_loses_its_body() -> None:
    lines = ("Connection: Upgrade", "Upgrade: h2c")
    async with stock(length, ws="websockets-sansio") as server, server.http() as http:
        assert (await http.send(request("POST", "/", body=b"12345")).answer()).body == b"5"
        assert (await http.send(request("POST", "/", *lines, body=b"12345")).answer()).body == b"0"


async def test_fault_a_head_may_be_of_any_size() -> None:
    async with stock(plain) as server, server.http() as http:
        assert (await http.send(request("GET", "/", "X: " + "x" * 2_000_000)).answer()).status == 200


async def test_fault_half_a_request_is_waited_for_longer_than_an_idle_connection() -> None:
    async with stock(plain, timeout_keep_alive=0.05) as server, server.http() as http:
        http.send(b"GET / HTTP/1.1\r\n")
        with pytest.raises(TimeoutError):
            await http.rest(0.2)


def test_fault_a_stop_by_signal_is_no_success() -> None:
    code = f"""if True:
        import signal, threading, uvicorn
        server = uvicorn.Server(uvicorn.Config(lambda scope: None, port=0, lifespan="off", log_config=None))
        threading.Timer(0.1, signal.raise_signal, [{int(signal.SIGTERM)}]).start()
        server.run()
        """
    assert subprocess.run([sys.executable, "-c", code], timeout=20).returncode == -signal.SIGTERM


# A server of theirs.


class Stock(uvicorn.Server):
    """uvicorn's own, without its signal handlers."""

    port = 0
    serving: asyncio.Task[None]

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    @asynccontextmanager
    async def http(self) -> AsyncIterator[Http]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Http(reader, writer)
        finally:
            writer.transport.abort()


@asynccontextmanager
async def stock(app: Callable[..., Any], **options: Any) -> AsyncIterator[Stock]:
    """A running server with uvicorn's own classes, unless the options say otherwise."""
    ways: dict[str, Any] = {"http": "httptools", "ws": "none", "lifespan": "off", "interface": "asgi3"}
    server = Stock(uvicorn.Config(app, port=0, log_config=None, **{**ways, **options}))
    server.serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    server.port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.serving.cancel()
        await asyncio.wait([server.serving])
        for listener in server.servers:
            listener.close()


async def plain(scope: Any, receive: Any, send: Any) -> None:
    await answer(send, b"fine")


class Held:
    """Answers with the path; for `/held` it waits for its release."""

    def __init__(self) -> None:
        self.asked = False
        self.release = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/held":
            self.asked = True
            await self.release.wait()
        await answer(send, scope["raw_path"])


async def length(scope: Any, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await answer(send, str(len(body)).encode())


async def echo(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


async def answer(send: Any, body: bytes) -> None:
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""A whole server inside the test's own loop: real sockets on the loopback, a real node, its facts in a list.

Composed by `reverb_py.server`, so that what is tested is what is run.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Self, TypeVar

from reverb_py.cluster.last_events import LastEvents
from reverb_py.conformance.link import Answer, parse_head
from reverb_py.conformance.target import Target, TargetApp, signed_query
from reverb_py.hub.app import App, Apps, Credential
from reverb_py.hub.facts import Fact
from reverb_py.node import Node
from reverb_py.server import _observe, _uvicorn_config
from reverb_py.settings import Settings
from reverb_py.transports.endpoint import Endpoint
from reverb_py.transports.http_protocol import HttpLimits
from reverb_py.transports.proxies import TrustedProxies
from reverb_py.transports.sockets import bind
from reverb_py.transports.turn import Turn
from reverb_py.transports.uvicorn_server import Server
from reverb_py.transports.websocket import WebSocket
from tests.conformance.fixture import trusting

APP = App("1", (Credential("key", "hunter2"),))
PATIENCE = 5.0  # seconds for what must come
AT_ONCE = Settings(drain=0)

F = TypeVar("F", bound=Fact)


class DeafServer(Server):
    """Ours without its signal handlers: the signals belong to the test run."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(slots=True, eq=False)
class Running:
    """What a test may look at. `serving` ends when the server has stopped by itself."""

    node: Node
    endpoint: Endpoint
    server: DeafServer
    serving: asyncio.Task[None]
    target: Target
    port: int
    facts: list[Fact] = field(default_factory=list)
    listeners: list[socket.socket] = field(default_factory=list)

    def told(self, kind: type[F]) -> list[F]:
        """The facts of this type, in their order."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    @asynccontextmanager
    async def http(self) -> AsyncIterator["Http"]:
        """A connection over which HTTP is spoken by hand."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Http(reader, writer)
        finally:
            writer.transport.abort()


@asynccontextmanager
async def running(
    *apps: App, settings: Settings = AT_ONCE, max_open: int = 0, host: str = "127.0.0.1"
) -> AsyncIterator[Running]:
    """A server with these apps (APP alone, if none), listening on a free port of the loopback."""
    loop = asyncio.get_running_loop()
    told: list[Fact] = []
    node = Node(Apps(apps or [APP]), clock=loop.time, last_events=LastEvents(settings.cache_size), tell=told.append)
    node.capacity = settings.max_connections
    proxies = TrustedProxies(settings.trusted_proxies, real_ip_first=settings.real_ip_first)
    endpoint = Endpoint(node, Turn(loop), settings.path, proxies, settings.max_backlog)
    limits = HttpLimits(settings.max_header_size, settings.request_timeout, max_open, settings.slow_timeout)
    config = _uvicorn_config(settings, node, endpoint, limits, _observe(settings, node))
    listening = asyncio.Event()
    server = DeafServer(
        config,
        node,
        drain=settings.drain,
        tls_timeout=settings.request_timeout,
        on_listening=listening.set,
        reload=lambda: None,
    )
    sockets = bind(host, 0)
    serving = asyncio.create_task(server.serve(sockets))
    await listening.wait()
    port = sockets[0].getsockname()[1]
    known = {each.id: TargetApp(each.id, each.key, each.credentials[0].secret) for each in node.apps}
    scheme, context = ("wss", trusting()) if settings.tls_cert else ("ws", None)
    address = f"{scheme}://127.0.0.1:{port}{settings.path}"
    target = Target(address, {"MAIN": next(iter(known.values())), **known}, tls_context=context)
    try:
        yield Running(node, endpoint, server, serving, target, port, told, sockets)
    finally:
        await target.aclose()
        await _end(server, serving)


async def _end(server: Server, serving: asyncio.Task[None]) -> None:
    """Without uvicorn's looks at the clock: a test has no time for them."""
    for listener in server.servers:
        listener.close()
    for each in list(server.server_state.connections):
        if isinstance(each, WebSocket):
            each.abort()
        else:
            each.transport.abort()
    serving.cancel()
    await asyncio.wait([serving])
    await until(lambda: not server.server_state.connections)


async def until(true: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Let the loop turn until it is true; raise TimeoutError when it does not become so."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110, what is looked at tells nobody of its change
            await asyncio.sleep(0)


class Http:
    """HTTP by hand: what is sent is what a test says, byte for byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> Self:
        self.writer.write(data)
        return self

    async def send_bytewise(self, data: bytes) -> None:
        """Send each byte in a segment of its own."""
        for byte in data:
            self.writer.write(bytes([byte]))
            await asyncio.sleep(0)

    async def answer(self, seconds: float = PATIENCE) -> Answer:
        """The next answer with its body. Raise TimeoutError, or IncompleteReadError at the end of the stream."""
        async with asyncio.timeout(seconds):
            head = parse_head(await self.reader.readuntil(b"\r\n\r\n"))
            body = await self.reader.readexactly(int(head.headers.get("content-length", "0")))
        return Answer(head.status, head.headers, body)

    async def rest(self, seconds: float = PATIENCE) -> bytes:
        """All that comes until the server closes; raise TimeoutError when it does not."""
        async with asyncio.timeout(seconds):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""


def signed(method: str, path: str, body: bytes = b"", app: App = APP) -> str:
    """The target of a signed request: `path` behind the app's own, with its query."""
    full = f"/apps/{app.id}{path}"
    fixture = TargetApp(app.id, app.key, app.credentials[0].secret)
    return f"{full}?{signed_query(fixture, method, full, body, {}, {})}"


def publish(channel: str = "news", *lines: str, version: str = "HTTP/1.1", data: str = "{}") -> bytes:
    """A whole signed publish; `lines` are more of its headers."""
    body = f'{{"name":"ev","channel":"{channel}","data":"{data}"}}'.encode()
    return request("POST", signed("POST", "/events", body), *lines, body=body, version=version)


def request(method: str, target: str, *lines: str, body: bytes = b"", version: str = "HTTP/1.1") -> bytes:
    """A whole request with `Host`, these header lines, and the length of the body if there is one."""
    length = [f"Content-Length: {len(body)}"] if body else []
    head = [f"{method} {target} {version}", "Host: localhost", *lines, *length]
    return "\r\n".join([*head, "", ""]).encode() + body

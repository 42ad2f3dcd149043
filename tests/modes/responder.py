"""Small real servers on loopback that answer as something else than a healthy Pusher server would."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from itertools import cycle
from time import time

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request as WebSocketRequest
from websockets.http11 import Response

HTML = {"Content-Type": "text/html; charset=UTF-8"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer; `date` is the server's clock."""

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    date: float | None = None

    def encoded(self) -> bytes:
        body = self.body.encode()
        headers = {
            "Date": formatdate(time() if self.date is None else self.date, usegmt=True),
            **{"Content-Length": str(len(body)), "Connection": "close", **self.headers},
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        reason = HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else "Page Expired"
        return f"HTTP/1.1 {self.status} {reason}\r\n{lines}\r\n".encode() + body


Answering = Callable[[Asked], Reply | Awaitable[Reply]]


@asynccontextmanager
async def responder(answer: Answering, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve HTTP on a free loopback port, one request a connection; give the port."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            reply = answer(await _read(reader))
            writer.write((reply if isinstance(reply, Reply) else await reply).encoded())
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # somebody looked whether the port is open
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = (await reader.readexactly(int(headers.get("content-length", 0)))).decode()
    method, target, _ = first.split(" ")
    path, _, query = target.partition("?")
    return Asked(method, path, query, headers, body)


@asynccontextmanager
async def relay(*ports: int, first_refused_after: int = 0) -> AsyncIterator[int]:
    """Pass TCP connections on, to one port after the other; give its own.

    With `first_refused_after` an HTTP request that takes more reads than that is answered with 401.
    """
    upstreams = cycle(ports)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", next(upstreams))
        try:
            first = await _head(reader, first_refused_after) if first_refused_after else b""
            upstream.write(first)
            await asyncio.gather(_pump(reader, upstream), _pump(upstream_reader, writer))
        except PermissionError:
            writer.write(Reply(401, "Authentication signature invalid.").encoded())
        finally:
            upstream.close()
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _head(reader: asyncio.StreamReader, reads: int) -> bytes:
    """Read one request; raise PermissionError when it is not whole after so many reads."""
    seen = b""
    for _ in range(reads):
        part = await reader.read(65536)
        seen += part
        head, ended, body = seen.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not part or (ended and len(body) >= int(length or 0)):
            return seen
    raise PermissionError


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
        writer.write_eof()
    except (ConnectionError, RuntimeError):  # the other side went first
        pass


Conversation = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def fake_pusher(greeting: Mapping[str, object], then: Conversation | None = None) -> AsyncIterator[int]:
    """Greet every WebSocket with this data, then converse; answer plain GETs as a healthy server does."""

    async def talk(connection: ServerConnection) -> None:
        frame = {"event": "pusher:connection_established", "data": json.dumps(greeting)}
        await connection.send(json.dumps(frame))
        await (then(connection) if then else connection.wait_closed())

    def http(connection: ServerConnection, request: WebSocketRequest) -> Response | None:
        if request.path.startswith("/app/"):
            return None
        headers = Headers({"X-Powered-By": "Laravel Reverb", "Connection": "close"})
        if request.path == "/up":
            return Response(200, "OK", headers, b'{"health":"OK"}')
        return Response(401, "Unauthorized", headers, b"Authentication signature invalid.")

    async with serve(talk, "127.0.0.1", 0, process_request=http, ping_interval=None) as server:
        yield next(iter(server.sockets)).getsockname()[1]

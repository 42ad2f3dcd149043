"""One TCP (or TLS) connection that asks for an upgrade: bytes both ways, and the wire frames in them."""

import asyncio
import base64
import os
import socket
import ssl
import struct
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from reverb_py.conformance.verify import Deviation
from reverb_py.conformance.wire import FrameReader, WireFrame

CHUNK = 65_536
CONNECT_PATIENCE = 10.0  # seconds
NO_FAREWELL = struct.pack("ii", 1, 0)  # on, for 0 seconds: the kernel ends the connection with RST


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an HTTP response. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(slots=True, eq=False)
class Link:
    """An answered upgrade request. With any other status than 101 there is nothing to be read from it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    answer: Answer
    _frames: FrameReader = field(default_factory=FrameReader)
    _ready: deque[WireFrame] = field(default_factory=deque)

    async def send(self, raw: bytes) -> None:
        """Send these bytes as they are; one that the server has reset already is not an error here."""
        try:
            self.writer.write(raw)
            await self.writer.drain()
        except ConnectionError:
            return

    async def receive(self, seconds: float) -> WireFrame | None:
        """The next wire frame; None at the end of the stream. Raise TimeoutError when neither comes."""
        async with asyncio.timeout(seconds):
            while not self._ready:
                data = await self._read()
                if not data:
                    return None
                self._ready.extend(self._frames.feed(data))
        return self._ready.popleft()

    async def _read(self) -> bytes:
        try:
            return await self.reader.read(CHUNK)
        except ConnectionError:
            return b""

    def abort(self) -> None:
        """Reset the connection, as a telephone in a tunnel would: no close frame, no FIN."""
        sock = self.writer.get_extra_info("socket")
        with suppress(OSError, ValueError):  # it may be gone already; ValueError is how uvloop says so
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_FAREWELL)
        self.writer.transport.abort()

    async def aclose(self) -> None:
        self.writer.close()
        try:
            async with asyncio.timeout(2):
                await self.writer.wait_closed()
        except (OSError, TimeoutError):
            self.abort()


def upgrade_request(url: str, headers: Mapping[str, str | None], version: str = "HTTP/1.1") -> bytes:
    """The bytes of an upgrade request. `headers` replace the usual ones; None leaves one out."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    usual = {
        "Host": parts.netloc,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Version": "13",
    }
    lines = [f"{name}: {value}" for name, value in {**usual, **headers}.items() if value is not None]
    return "\r\n".join([f"GET {target} {version}", *lines, "", ""]).encode("latin-1")


@contextmanager
def reachable(url: str) -> Iterator[None]:
    """Turn a refused or silent connection into a Deviation that names the address."""
    try:
        yield
    except TimeoutError:
        raise Deviation(f"no answer from {urlsplit(url).netloc} within {CONNECT_PATIENCE:g} s") from None
    except (OSError, asyncio.IncompleteReadError) as error:
        raise Deviation(f"no connection with {urlsplit(url).netloc}: {error}") from None


async def dial(url: str, tls: ssl.SSLContext | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the host of a ws, wss, http or https URL."""
    parts = urlsplit(url)
    secure = parts.scheme in ("wss", "https")
    context = (tls or ssl.create_default_context()) if secure else None
    port = parts.port or (443 if secure else 80)
    return await asyncio.open_connection(parts.hostname, port, ssl=context)


async def connect(
    url: str, headers: Mapping[str, str | None], tls: ssl.SSLContext | None = None, behind: bytes = b""
) -> Link:
    """Ask for an upgrade, with `behind` in the same segment as the request; the answer may be any status."""
    with reachable(url):
        async with asyncio.timeout(CONNECT_PATIENCE):
            reader, writer = await dial(url, tls)
            writer.write(upgrade_request(url, headers) + behind)
            answer = parse_head(await reader.readuntil(b"\r\n\r\n"))
    return Link(reader, writer, answer)


def parse_head(head: bytes) -> Answer:
    """Read a response's head, and whatever stands behind it as its body."""
    text, _, body = head.partition(b"\r\n\r\n")
    status_line, *lines = text.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    words = status_line.split(" ")
    if len(words) < 2 or not words[1].isdigit():
        raise Deviation(f"expected an HTTP response, got {status_line[:80]!r}")
    return Answer(int(words[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}, body)

"""Clients that are made by the thousand, and clients that do not behave."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from reverb_py.conformance.link import upgrade_request
from reverb_py.conformance.target import LIKE_PUSHER_JS, Target, TargetApp
from reverb_py.conformance.wire import client_frame, read_close
from tests.torture.killers import subscribing
from tests.torture.watching import APP

BATCH = 50  # events in a request
AT_ONCE = 50  # handshakes
PATIENCE = 10.0  # seconds for what a blocking socket waits for
TAIL = 300  # bytes that are kept: a close frame and something before it
SUBSCRIBED = b"subscription_succeeded"


def hello(app: TargetApp = APP) -> bytes:
    """An upgrade request as a browser sends it."""
    return upgrade_request(f"ws://localhost/app/{app.key}?{LIKE_PUSHER_JS}", {})


class Sheep(asyncio.Protocol):
    """A client that subscribes, reads, and looks at nothing but the end. It rests so many seconds after each read."""

    def __init__(self, channel: str, ended: asyncio.Event, rest: float) -> None:
        self._rest = rest
        self.subscribed = asyncio.get_running_loop().create_future()
        self.closed_at = 0.0
        self._channel = channel
        self._tail = b""
        self._ended = ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self._rest:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        transport.write(hello() + subscribing(channel=self._channel))

    def data_received(self, data: bytes) -> None:
        self._tail = (self._tail + data)[-TAIL:]
        if not self.subscribed.done() and SUBSCRIBED in self._tail:
            self.subscribed.set_result(None)
        if self.close_code is not None:
            self.transport.close()
        elif self._rest and self.subscribed.done():
            self.transport.pause_reading()
            asyncio.get_running_loop().call_later(self._rest, self.transport.resume_reading)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed_at = asyncio.get_running_loop().time()
        self._ended.set()
        if not self.subscribed.done():
            self.subscribed.set_exception(exc or ConnectionError(f"ended after {self._tail!r}"))

    @property
    def close_code(self) -> int | None:
        """The code of the close frame with which all ended; None when there was none."""
        close = close_of(self._tail)
        return None if close is None else close[0]


@dataclass(slots=True, eq=False)
class Flock:
    sheep: list[Sheep]
    ended: asyncio.Event

    @property
    def open(self) -> int:
        return sum(not each.closed_at for each in self.sheep)

    async def all_ended(self, seconds: float) -> None:
        """Wait until every connection has ended; raise TimeoutError."""
        async with asyncio.timeout(seconds):
            while self.open:
                self.ended.clear()
                await self.ended.wait()


@asynccontextmanager
async def flock(port: int, count: int, channel: str, rest: float = 0.0) -> AsyncIterator[Flock]:
    """So many subscribers of the channel; each reads a little every `rest` seconds, or all at once."""
    ended = asyncio.Event()
    found = Flock([], ended)
    loop = asyncio.get_running_loop()

    async def some(number: int) -> None:
        for _ in range(number):
            _, sheep = await loop.create_connection(lambda: Sheep(channel, ended, rest), "127.0.0.1", port)
            await sheep.subscribed
            found.sheep.append(sheep)

    try:
        async with asyncio.TaskGroup() as tasks:
            for part in range(AT_ONCE):
                tasks.create_task(some(count // AT_ONCE + (part < count % AT_ONCE)))
        yield found
    finally:
        for each in found.sheep:
            each.transport.abort()


class Deaf:
    """A subscriber that never reads once it is subscribed; its kernel takes as little as it may."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock

    async def send(self, data: bytes) -> None:
        """Send it all; raise ConnectionError, or TimeoutError when nobody takes it for PATIENCE."""
        await asyncio.to_thread(self.socket.sendall, data)

    async def last_words(self) -> tuple[int, str] | None:
        """Read at last: code and reason of the close frame, None when the connection ends without one."""
        heard = b""
        while (close := close_of(heard)) is None and (data := await asyncio.to_thread(self._more)):
            heard = (heard + data)[-TAIL:]
        return close

    def _more(self) -> bytes:
        try:
            return self.socket.recv(1 << 20)
        except (ConnectionError, ssl.SSLError):
            return b""


@asynccontextmanager
async def deaf(port: int, *channels: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[Deaf]:
    """A subscriber of these channels that is up to date, and reads nothing from now on."""
    with await asyncio.to_thread(subscribed, port, channels, tls) as sock:
        yield Deaf(sock)


def subscribed(port: int, channels: Sequence[str], tls: ssl.SSLContext | None) -> socket.socket:
    """A blocking socket: that of a thread, as asyncio has none for TLS that reads only when it is asked."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    sock.settimeout(PATIENCE)
    sock.connect(("127.0.0.1", port))
    if tls is not None:
        sock = tls.wrap_socket(sock, server_hostname="localhost")
    sock.sendall(hello() + b"".join(subscribing(channel=name) for name in channels))
    heard = b""
    while heard.count(SUBSCRIBED) < len(channels):
        more = sock.recv(65_536)
        assert more, f"ended after {heard!r}"
        heard += more
    return sock


def ping_frame(fill: int) -> bytes:
    """A message of so many bytes that earns an answer."""
    return client_frame(b'{"event":"pusher:ping","data":{},"fill":"%b"}' % (b"x" * fill))


def close_of(heard: bytes) -> tuple[int, str] | None:
    """Code and reason of the close frame with which all that was heard ends."""
    at = heard.rfind(b"\x88")  # every other byte is ASCII, or the length of a frame
    frame = heard[at:]
    if at < 0 or len(frame) < 4 or len(frame) != 2 + frame[1]:
        return None
    return read_close(frame[2:])


async def publish_batches(target: Target, channel: str, count: int, data: str, publishers: int = 8) -> int:
    """Publish so many batches of BATCH events, by several publishers at once; return how many got a 200."""
    answered = 0
    event = {"name": "flood", "channel": channel, "data": data}

    async def publish(times: int) -> None:
        nonlocal answered
        own = Target(target.url, target.apps, tls_context=target.tls_context)
        for _ in range(times):
            response = await own.post("/batch_events", {"batch": [event] * BATCH})
            answered += response.status_code == 200
        await own.aclose()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(publishers):
            tasks.create_task(publish(count // publishers))
    return answered

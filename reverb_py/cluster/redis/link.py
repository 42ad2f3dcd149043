"""A connection to Redis that carries everything: subscriptions, events, scripts, and their answers (RESP3).

All that arrives on it is in the order in which Redis did it, so that the answer to a join stands exactly between the
events that are older and those that are newer. redis-py costs eight times as much for each message, has no such order
over its pool, and comes back from a lost connection without a word about what was lost.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from typing import cast

import hiredis

from reverb_py.cluster.redis.address import RedisAddress

Reply = object  # what hiredis makes of an answer, or one of the two errors below
Then = Callable[[Reply], None]
Pushed = Callable[[bytes, bytes | None], None]

A_TURN = 200  # replies and messages that are taken in one turn of the loop

_NOTHING = object()


class LinkLost(ConnectionError):
    """The connection ended before the answer came: the command was obeyed, or it was not."""


class OutOfMemory(Exception):
    """Redis refused a write: its memory is full (`maxmemory`), and nothing may be thrown out."""


class Link(asyncio.Protocol):
    """`on_push` is called with each pushed message, (channel, data); `on_lost` once, with the reason.

    None for data says that a subscription ended, unasked where a Redis Cluster gave the slot to another node.

    Commands of one loop turn travel joined. An error other than OutOfMemory ends the link: it concerns all that
    follows too (READONLY after a failover, MOVED, NOSCRIPT, a permission that lacks). What had come with it counts as
    lost: only the answers before it are known to be whose they are.
    """

    def __init__(self, on_push: Pushed, on_lost: Callable[[str], None]) -> None:
        self._on_push = on_push
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(notEnoughData=_NOTHING)
        self._out: list[bytes] = []
        self._waiting: deque[Then] = deque()
        self._is_behind = False  # more has arrived than was taken
        self._is_paused = False  # the transport reads no further
        self.fell_behind = False  # since whoever looks set it back
        self._transport: asyncio.Transport | None = None
        self._reason = "it closed the connection"
        self._is_ended = self._is_lost = False
        self.is_primary = True
        self.version = (0, 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its classes

    def ask(self, then: Then, *command: bytes) -> None:
        """Send a command; `then` gets its reply, an OutOfMemory, or a LinkLost."""
        self.ask_packed(then, pack(*command))

    def ask_packed(self, then: Then, command: bytes) -> None:
        """As `ask`, for a command that hiredis has packed before."""
        if self._is_lost:
            self._loop.call_soon(then, LinkLost(self._reason))
            return
        self.send(command)
        self._waiting.append(then)

    def send(self, packed: bytes) -> None:
        """Send what is answered by a push: subscribe, unsubscribe."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(packed)

    async def question(self, *command: bytes | str) -> Reply:
        """Send a command and return its reply. Raise LinkLost, or OutOfMemory."""
        future: asyncio.Future[Reply] = self._loop.create_future()
        self.ask(lambda reply: _settle(future, reply), *[_bytes(part) for part in command])
        return await future

    def end(self, reason: str) -> None:
        """End the connection; `on_lost` follows, with the first reason that was given."""
        if self._is_ended:
            return
        self._is_ended, self._reason = True, reason
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        if not self._is_behind:
            self._read()

    def _read(self) -> None:
        """Take what has arrived, a part of it in a turn: clients are written to at the end of each.

        Else a node that falls behind would hand its clients seconds of events at once, and close them as too slow. So
        it reads no further meanwhile, and what it has not taken waits in Redis.
        """
        self._is_behind = False
        try:
            for _ in range(A_TURN):
                reply = _NOTHING if self._is_ended else self._reader.gets()
                if reply is _NOTHING:
                    self._read_on()
                    return
                self._take(reply)
        except hiredis.ProtocolError:
            self.end("what it sent is not Redis's protocol")
            return
        self._is_behind = self.fell_behind = True
        if not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
        self._loop.call_soon(self._read)

    def _read_on(self) -> None:
        if self._is_paused and self._transport is not None and not self._transport.is_closing():
            self._is_paused = False
            self._transport.resume_reading()

    def _take(self, reply: Reply) -> None:
        if type(reply) is hiredis.PushNotification:
            if reply[0] in (b"message", b"smessage"):
                self._on_push(reply[1], reply[2])
            elif reply[0] == b"sunsubscribe":
                self._on_push(reply[1], None)
        elif isinstance(reply, hiredis.ReplyError):
            self._failed(reply)
        elif self._waiting:
            self._waiting.popleft()(reply)
        else:
            self.end("it answered what nobody asked")

    def connection_lost(self, error: Exception | None) -> None:
        waiting, self._waiting = self._waiting, deque()
        self._out.clear()
        self._is_ended = self._is_lost = True
        reason = self._reason = f"{self._reason}: {error}" if error else self._reason
        self._on_lost(reason)
        for then in waiting:
            then(LinkLost(reason))

    def _failed(self, error: hiredis.ReplyError) -> None:
        if self._waiting and "OOM command not allowed" in str(error):  # of a script, in Redis 6.2, inside another text
            self._waiting.popleft()(OutOfMemory(str(error)))
        else:
            self.end(str(error))

    def _flush(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._out))
        self._out.clear()


def pack(*command: bytes) -> bytes:
    """A command as it travels."""
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # its stub knows tuples of one only
    return packed


async def connect(address: RedisAddress, on_push: Pushed, on_lost: Callable[[str], None]) -> Link:
    """Return a link that is logged in and speaks RESP3. Raise OSError when there is none, LinkLost when it ended."""
    loop = asyncio.get_running_loop()
    link = Link(on_push, on_lost)
    if address.unix_socket:
        await loop.create_unix_connection(lambda: link, address.unix_socket)
    else:
        context = _context(address) if address.tls else None
        await loop.create_connection(lambda: link, address.host, address.port, ssl=context)
    try:
        login = ["AUTH", address.username or "default", address.password] if address.password else []
        hello = await link.question("HELLO", "3", *login, "SETNAME", "reverb-py")
        link.is_primary, link.version = _introduced(hello)
        if address.database:
            await link.question("SELECT", str(address.database))
    except BaseException:  # a time-out too
        link.end("it did not let this node in")
        raise
    return link


def _introduced(hello: Reply) -> tuple[bool, tuple[int, int]]:
    """Read from the answer to HELLO whether it is a primary, and its version. Raise ConnectionError."""
    try:
        assert isinstance(hello, dict)
        major, minor, *_ = hello[b"version"].split(b".")
        return hello[b"role"] == b"master", (int(major), int(minor))
    except (AssertionError, AttributeError, KeyError, ValueError):
        raise ConnectionError("it does not answer as a Redis 6 or newer does (RESP3)") from None


def _context(address: RedisAddress) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=address.ca_file or None)
    if not address.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _settle(future: "asyncio.Future[Reply]", reply: Reply) -> None:
    if future.done():  # whoever asked went away
        return
    if isinstance(reply, LinkLost | OutOfMemory):
        future.set_exception(reply)
    else:
        future.set_result(reply)


def _bytes(part: bytes | str) -> bytes:
    return part.encode() if isinstance(part, str) else part

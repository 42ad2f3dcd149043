"""A server of the protocol that delivers as badly as a test wants; HTTP API and WebSockets on one port."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from websockets.frames import Frame, Opcode

Fault = Callable[["Subscriber", bytes], list[bytes]]  # to whom, the frame -> what is written instead
Answer = Callable[[int], tuple[int, str] | None]  # to which publish (from 0); None: hang up

SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


def faithful(subscriber: "Subscriber", frame: bytes) -> list[bytes]:
    return [frame]


def accepting(number: int) -> tuple[int, str]:
    return 200, "{}"


def close_frame(code: int, reason: str) -> bytes:
    return Frame(Opcode.CLOSE, code.to_bytes(2) + reason.encode()).serialize(mask=False)


@dataclass(slots=True, eq=False)
class Subscriber:
    """`connection` is its number, `copies` how many it should have been sent; both from 0."""

    writer: asyncio.StreamWriter
    connection: int
    copies: int = 0

    @property
    def now(self) -> tuple[int, int]:
        return self.connection, self.copies

    def tell(self, frame: bytes) -> None:
        if not self.writer.is_closing():
            self.writer.write(frame)


class FakeServer:
    """`places` is how many connections it lets in; without `keep_alive` it closes after each answer."""

    def __init__(
        self, fault: Fault = faithful, answer: Answer = accepting, *, places: int = 1000, keep_alive: bool = True
    ) -> None:
        self.channels: dict[str, list[Subscriber]] = {}
        self.bodies: list[bytes] = []
        self.published = asyncio.Event()
        self.http_connections = 0
        self._fault, self._answer, self._places, self._keep_alive = fault, answer, places, keep_alive
        self._connections = 0
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if b"upgrade: websocket" in head.lower():
                await self._converse(reader, writer)
            else:
                await self._obey(head, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the other side has gone
        finally:
            self._writers.discard(writer)
            writer.close()

    # HTTP

    async def _obey(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.http_connections += 1
        while True:
            _, _, length = head.lower().partition(b"content-length: ")
            body = await reader.readexactly(int(length.split(b"\r\n")[0] or 0))
            answer = self._publish(body) if head.startswith(b"POST") else accepting(0)
            if answer is None:
                return
            status, text = answer
            last = "" if self._keep_alive else "Connection: close\r\n"
            writer.write(f"HTTP/1.1 {status} So\r\nContent-Length: {len(text)}\r\n{last}\r\n{text}".encode())
            if not self._keep_alive:
                return
            head = await reader.readuntil(b"\r\n\r\n")

    def _publish(self, body: bytes) -> tuple[int, str] | None:
        answer = self._answer(len(self.bodies))
        self.bodies.append(body)
        if answer is not None and answer[0] == 200:
            message = json.loads(body)
            for channel in message["channels"]:
                self._deliver(channel, message["name"], message["data"])
        self.published.set()
        return answer

    def _deliver(self, channel: str, name: str, data: str) -> None:
        frame = text_frame({"event": name, "channel": channel, "data": data})
        for subscriber in self.channels.get(channel, []):
            for written in self._fault(subscriber, frame):
                subscriber.tell(written)
            subscriber.copies += 1

    # WebSocket

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        subscriber = Subscriber(writer, self._connections)
        self._connections += 1
        writer.write(SWITCHING)
        if subscriber.connection >= self._places:
            writer.write(text_frame({"event": "pusher:error", "data": {"code": 4004, "message": "Over quota\x1b[2J"}}))
            return
        socket_id = json.dumps({"socket_id": f"1.{subscriber.connection}", "activity_timeout": 30})
        writer.write(text_frame({"event": "pusher:connection_established", "data": socket_id}))
        while (payload := await _read_text(reader)) is not None:
            channel = json.loads(payload)["data"]["channel"]
            self.channels.setdefault(channel, []).append(subscriber)
            acknowledgement = {"event": "pusher_internal:subscription_succeeded", "channel": channel, "data": "{}"}
            writer.write(text_frame(acknowledgement))


def text_frame(message: object) -> bytes:
    return Frame(Opcode.TEXT, json.dumps(message).encode()).serialize(mask=False)


async def _read_text(reader: asyncio.StreamReader) -> bytes | None:
    """The payload of a client's text frame of less than 64 kB; None for a close frame."""
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        length = int.from_bytes(await reader.readexactly(2))
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(length)
    return None if first & 0x0F == Opcode.CLOSE else bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))

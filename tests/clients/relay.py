"""A relay between a publisher and the server that keeps what was really sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Relay:
    """A relay under way: the port to send to, and the bytes that went on to the server."""

    port: int = 0
    sent: bytearray = field(default_factory=bytearray)

    @property
    def body(self) -> bytes:
        """The body of the one request that was sent."""
        return bytes(self.sent).partition(b"\r\n\r\n")[2]


@asynccontextmanager
async def relay_to(port: int) -> AsyncIterator[Relay]:
    """A relay to this port of the loopback; it takes requests one after the other."""
    relay = Relay()

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, kept: bytearray) -> None:
        while data := await source.read(65_536):
            kept += data
            sink.write(data)
        sink.close()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, onward = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, onward, relay.sent), pump(answers, writer, bytearray()))

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    async with server:
        yield relay

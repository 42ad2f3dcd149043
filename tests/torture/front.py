"""What stands in front of two servers while one takes the place of the other: it passes newcomers on to one of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Front:
    """Bytes come in on `port`, and go on to the `server`'s port that was set when their connection was made."""

    def __init__(self, server: int) -> None:
        self.server = server
        self.port = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, onward = await asyncio.open_connection("127.0.0.1", self.server)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(_pass_on(reader, onward), _pass_on(answers, writer))


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Until one side ends; that ends the other."""
    try:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    except ConnectionError:
        pass  # what came before it was passed on
    finally:
        sink.close()


@asynccontextmanager
async def front(server: int) -> AsyncIterator[Front]:
    """One on every address of this machine."""
    found = Front(server)
    listener = await asyncio.start_server(found.take, "0.0.0.0", 0)
    found.port = listener.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        listener.close()

"""What stands in front of servers that are replaced: it passes newcomers on to those that are to have them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager


class Front:
    """Bytes come in on `port`, and go on to one of the `servers`, ports, that were set when their connection was made.

    Each of them has its turn.
    """

    def __init__(self, servers: Sequence[int]) -> None:
        self.servers = servers
        self.port = 0
        self._taken = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = self.servers[self._taken % len(self.servers)]
        self._taken += 1
        try:
            answers, onward = await asyncio.open_connection("127.0.0.1", server)
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
async def front(*servers: int) -> AsyncIterator[Front]:
    """One on every address of this machine."""
    found = Front(servers)
    listener = await asyncio.start_server(found.take, "0.0.0.0", 0)
    found.port = listener.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        listener.close()

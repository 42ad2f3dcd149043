"""A cable between a node and Redis: a TCP proxy of real sockets that can be cut, hang, and be whole again.

    with Cable(redis.port) as cable:
        ...  # connect to cable.port
        cable.hang(there=False)  # what is sent arrives, and nobody hears of it

It runs on a thread of its own, so that tests of processes and tests on an event loop use it alike: a call returns when
it has taken effect.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from types import TracebackType
from typing import Any, Self

from tests.ports import lasting_port

PATIENCE = 10.0  # seconds for what takes a turn of the loop


class Way:
    """One of the two directions: whether it passes bytes on, and how many it has over all connections."""

    def __init__(self) -> None:
        self.is_open = True
        self.carried = 0


class End(asyncio.Protocol):
    """One end of a connection. It reads only while its way is open and the other end can take more.

    So what comes while the way is shut, the peer's farewell too, waits in the kernel as for a stopped process.
    """

    def __init__(self, way: Way, made: "Callable[[End], None]", lost: "Callable[[End], None]") -> None:
        self.other: End | None = None  # until the other side is connected
        self.transport: asyncio.Transport
        self.gone = asyncio.Event()
        self._way = way
        self._made = made
        self._lost = lost
        self._is_full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.look()
        self._made(self)

    def look(self) -> None:
        """Read, or rest, as things are now."""
        if self._way.is_open and self.other is not None and not self.other._is_full:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        self._way.carried += len(data)
        self.other.transport.write(data)

    def pause_writing(self) -> None:
        self._is_full = True
        if self.other is not None:
            self.other.look()

    def resume_writing(self) -> None:
        self._is_full = False
        if self.other is not None:
            self.other.look()

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()
        self._lost(self)
        if self.other is not None:
            self.other.transport.close()  # when all is written


class Cable:
    """Connect to `port` instead of the one that it leads to. While nobody listens there, it hangs up at once."""

    def __init__(self, leads_to: int) -> None:
        self.port = lasting_port()
        self.leads_to = leads_to
        self.connections = 0  # since the start
        self._there, self._back = Way(), Way()
        self._near: set[End] = set()  # those who connected
        self._far: set[End] = set()
        self._dialling: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name=f"cable-{self.port}")

    @property
    def open(self) -> int:
        """How many connections there are now."""
        return len(self._near)

    @property
    def sent(self) -> int:
        """Bytes that have passed from those who connect."""
        return self._there.carried

    @property
    def received(self) -> int:
        """Bytes that have passed to those who connect."""
        return self._back.carried

    @property
    def far_addresses(self) -> list[str]:
        """Where its connections come from, as Redis sees it: `host:port`."""
        names = [end.transport.get_extra_info("sockname") for end in list(self._far)]
        return [f"{host}:{port}" for host, port in names]

    def drop(self) -> None:
        """End every connection; new ones are welcome."""
        self._do(self._drop)

    def cut(self) -> None:
        """End every connection and refuse new ones."""
        self._do(self._cut)

    def hang(self, *, there: bool = True, back: bool = True) -> None:
        """Keep every connection and accept new ones, but pass nothing on: `there` to Redis, `back` from it."""
        self._do(self._set, not there, not back)

    def heal(self) -> None:
        """Be whole: listen, and pass on what waited."""
        self._do(self._heal)

    def start(self) -> Self:
        self._thread.start()
        self.heal()
        return self

    def stop(self) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    async def _heal(self) -> None:
        await self._set(True, True)
        if self._server is None:
            new = partial(End, self._there, self._accepted, self._near.discard)
            self._server = await self._loop.create_server(new, "127.0.0.1", self.port)

    async def _set(self, there: bool, back: bool) -> None:
        self._there.is_open, self._back.is_open = there, back
        for end in (*self._near, *self._far):
            end.look()

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()  # what waits to be accepted is refused with it
            self._server = None
        await self._drop()

    async def _drop(self) -> None:
        dialling, ends = list(self._dialling), [*self._near, *self._far]
        for task in dialling:
            task.cancel()
        for end in ends:
            end.transport.abort()
        await asyncio.gather(*dialling, *(end.gone.wait() for end in ends), return_exceptions=True)

    def _accepted(self, near: End) -> None:
        self.connections += 1
        self._near.add(near)
        if self._server is None:  # it was being accepted when the cable was cut
            near.transport.abort()
            return
        task = self._loop.create_task(self._dial(near))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)

    async def _dial(self, near: End) -> None:
        def connected(far: End) -> None:
            self._far.add(far)
            near.other, far.other = far, near
            near.look()
            far.look()

        try:
            new = partial(End, self._back, connected, self._far.discard)
            await self._loop.create_connection(new, "127.0.0.1", self.leads_to)
        except OSError:
            near.transport.close()

    def _do(self, what: Callable[..., Coroutine[Any, Any, None]], *arguments: object) -> None:
        asyncio.run_coroutine_threadsafe(what(*arguments), self._loop).result(PATIENCE)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

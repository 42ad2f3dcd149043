"""Who asks over HTTP and does not read the answers: it needs no signature, and would keep a descriptor for ever.

Neither the time of a request nor that of an idle connection ends it, as its answer is due; and a transport that is
closed waits until all was sent. WebSockets have a bound of their own (`Endpoint.close_stuck`).
"""

import asyncio


class Unread:
    """Ends a connection whose peer takes nothing of what waits for it, for so many seconds."""

    __slots__ = ("_loop", "_seconds", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop = loop
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, transport: asyncio.Transport) -> None:
        """Begin, where anything waits; what is written from now on hides what is taken, so `stop` before that."""
        waits = transport.get_write_buffer_size()
        if waits and self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._look_again, transport, waits)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_again(self, transport: asyncio.Transport, waited: int) -> None:
        self._timer = None
        if transport.get_write_buffer_size() >= waited:
            transport.abort()
        else:
            self.watch(transport)

"""One write for each socket and loop turn: what a turn produces for a connection leaves it joined.

Neither uvloop nor asyncio joins writes by itself: ten `write` are ten system calls. `b"".join` beats `writelines` on
TLS; what it costs a single frame is measured in bench/README.md.
"""

import asyncio
import logging
from typing import Protocol

logger = logging.getLogger(__name__)


class Flushable(Protocol):
    """Something with output that waits for the end of the turn."""

    def flush(self) -> None: ...
    def abort(self) -> None: ...


class Turn:
    """The connections that have something to write in this turn of the loop, and those found too slow in it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.dirty: list[Flushable] = []  # append to it while it is not empty, which saves a call; else `mark`

    def mark(self, connection: Flushable) -> None:
        """Have `connection.flush` called once at the end of this turn."""
        if not self.dirty:
            self._loop.call_soon(self._flush)
        self.dirty.append(connection)

    def _flush(self) -> None:
        dirty, self.dirty = self.dirty, []
        for connection in dirty:
            try:
                connection.flush()
            except Exception:  # the others must be flushed, or they would wait for a turn that never comes
                logger.exception("A connection could not be written to, a fault of this server")
                connection.abort()

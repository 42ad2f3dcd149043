"""What all sockets of a node have not sent yet, bounded: above the limit those furthest behind are dropped.

Every connection has a limit of its own; ten thousand of them together, each within it, would still fill the memory.
"""

from typing import Protocol

ROOM = 0.9  # of the limit: so far down it goes when it was passed, so that the next event does not pass it again
COARSE = 0.01  # of the limit that may come in between two looks, which cost time for each connection


class Laggard(Protocol):
    """A connection with bytes that wait for its peer: `unsent` is the memory that they take, as far as it is known."""

    @property
    def unsent(self) -> int: ...
    def drop(self, reason: str) -> None: ...


class Backlog:
    """An estimate that only grows, made exact by a look at everybody when it seems to be too much."""

    def __init__(self, limit: int) -> None:
        """`limit` in bytes; 0 is none."""
        self._limit = limit
        self._behind: set[Laggard] = set()
        self._estimate = 0
        self._next_look = limit

    def add(self, laggard: Laggard, size: int) -> None:
        """`size` more bytes wait for this connection; drop whoever is furthest behind when they are too many."""
        self._behind.add(laggard)
        self._estimate += size
        if self._limit and self._estimate > self._next_look:
            self._look()

    def discard(self, laggard: Laggard) -> None:
        self._behind.discard(laggard)

    def _look(self) -> None:
        sizes = {laggard: laggard.unsent for laggard in self._behind}
        self._behind = {laggard for laggard, size in sizes.items() if size}
        total = sum(sizes.values())
        if total > self._limit:
            for laggard in sorted(self._behind, key=sizes.__getitem__, reverse=True):
                if total <= ROOM * self._limit:
                    break
                total -= sizes[laggard]
                self._behind.discard(laggard)
                laggard.drop(f"Too slow: {sizes[laggard]} bytes behind, while this server had too much unsent")
        self._estimate = total
        self._next_look = max(self._limit, total + int(COARSE * self._limit))

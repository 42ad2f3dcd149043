"""How often an address was refused lately. Only failures count, and only failures are cut short.

Behind one address may be a whole office, or a proxy: who is right is served, whatever its neighbours do.
"""

from collections import OrderedDict
from collections.abc import Callable

from reverb_py.transports.proxies import network_of

WINDOW = 60.0  # seconds
ADDRESSES = 10_000  # that are remembered; the oldest make room


class Failures:
    """Counts for each address, IPv6 by /64, in fixed windows. `clock` gives seconds; a `limit` of 0 is none."""

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self.limit = limit
        self._clock = clock
        # Address -> (end of its window, failures in it). A plain dict would search ever longer for its first entry.
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def is_one_too_many(self, address: str) -> bool:
        """Count one failure; return True when it is one more than the limit, for which few words are enough."""
        now, address = self._clock(), network_of(address)
        ends, count = self._counts.pop(address, (0.0, 0))
        if now >= ends:
            ends, count = now + WINDOW, 0
        self._counts[address] = ends, count + 1
        if len(self._counts) > ADDRESSES:
            self._counts.popitem(last=False)
        return bool(self.limit) and count >= self.limit

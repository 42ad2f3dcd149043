"""Two ways to count messages against a limit. Time is an argument."""

from reverb_py.hub.app import RateLimit


class Bucket:
    """Allows `rate` events a second, and as many at once; what was refused costs nothing."""

    __slots__ = ("_at", "_left", "rate")

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._left = rate
        self._at = now

    def take(self, now: float, cost: float = 1) -> bool:
        """Return True when one more event fits, or one that counts for `cost` of them, at most for all."""
        self._left = min(self.rate, self._left + (now - self._at) * self.rate)
        self._at = now
        cost = min(cost, self.rate)
        if self._left < cost:
            return False
        self._left -= cost
        return True


class Window:
    """Reverb's limiter: a fixed window that opens with the first message in it (rb 3.3)."""

    __slots__ = ("_count", "_ends", "limit")

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        self._count = 0
        self._ends = 0.0

    def take(self, now: float) -> bool:
        """Return True when one more message fits."""
        if now >= self._ends:
            self._ends = now + self.limit.decay_seconds
            self._count = 0
        self._count += 1
        return self._count <= self.limit.max_attempts

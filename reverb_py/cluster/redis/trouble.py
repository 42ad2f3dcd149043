"""What the log says of an outage: each reason once, and the outage again now and then."""

import logging
from collections.abc import Callable

from reverb_py import codes

logger = logging.getLogger(__name__)

REMIND = 30.0  # seconds between two log lines of one outage and one reason: there are two attempts a second
REASONS = 5  # of one outage that are told at once


class Trouble:
    """`reason` is why Redis is out of reach, "" while it is not."""

    def __init__(self, shown: str, rights: str, clock: Callable[[], float]) -> None:
        """`shown` is how the log names this Redis, `rights` what its user needs there."""
        self.reason = ""
        self._shown = shown
        self._rights = rights
        self._clock = clock
        self._told: set[str] = set()
        self._told_at = 0.0

    def begin(self, reason: str) -> None:
        """Log it, unless that was done a moment ago."""
        self.reason, now = reason, self._clock()
        is_told = reason in self._told or len(self._told) >= REASONS
        if is_told and now - self._told_at < REMIND:
            return
        self._told_at = now
        self._told.add(reason)
        rights = f" (the user needs the rights {self._rights})" if reason.startswith("NOPERM") else ""
        text = "Redis at %s is out of reach: %s%s. Events reach the clients of this node alone [%s]"
        logger.error(text, self._shown, reason, rights, codes.REDIS_AWAY)

    def end(self, since: float | None) -> None:
        """Log that all is well, after an outage that began at that time."""
        self.reason = ""
        self._told.clear()
        if since is not None:
            logger.info("Connected to Redis at %s after %.1f seconds", self._shown, self._clock() - since)

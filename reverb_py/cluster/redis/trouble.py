"""What the log says of an outage: each reason once, and the outage again now and then."""

import logging
from collections.abc import Callable

from reverb_py import codes

logger = logging.getLogger(__name__)

REMIND = 30.0  # seconds between two log lines of one outage and one reason: there are two attempts a second
MENDS = (  # a part of the reason, and what to do
    ("NOAUTH", "It asks for a password: REDIS_URL=redis://:PASSWORD@host:port, with the colon, or REDIS_PASSWORD"),
    ("WRONGPASS", "Correct the password in REDIS_URL or REDIS_PASSWORD, and the user"),
    ("without any password configured", "Take the password out of REDIS_URL: this Redis has none"),
    ("Connection refused", "Nothing listens there: is Redis running, and is REDIS_URL right?"),
    ("no answer within", "Is it another kind of server, or TLS on one side only? rediss:// is TLS, redis:// is not"),
    ("certificate", "Name the authority by ?ssl_ca_certs=FILE in REDIS_URL, or take another host name"),
    ("MOVED", "It is a Redis Cluster: REVERB_SCALING_CLUSTER=true"),
    ("Name or service not known", "Correct the host in REDIS_URL"),
)
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
        text = "Redis at %s is out of reach: %s. %s. What happens meanwhile stands in docs/scaling.md [%s]"
        logger.error(text, self._shown, reason.rstrip("."), self._mend(reason), codes.REDIS_AWAY)

    def _mend(self, reason: str) -> str:
        if reason.startswith("NOPERM"):
            return f"Give the user of REDIS_URL the rights {self._rights}"
        return next((mend for sign, mend in MENDS if sign in reason), "Check REDIS_URL")

    def end(self, since: float | None) -> None:
        """Log that all is well, after an outage that began at that time."""
        self.reason = ""
        self._told.clear()
        if since is not None:
            logger.info("Connected to Redis at %s after %.1f seconds", self._shown, self._clock() - since)

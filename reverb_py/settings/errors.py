"""What can be wrong with a configuration, and what is worth a word though it works."""

from dataclasses import dataclass


class ConfigError(Exception):
    """The configuration cannot be used. One line: what, why, how to mend; no secret in it."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell at start: `level` is one of logging's numbers."""

    level: int
    text: str

"""Secrets that are known to this command, and texts without them: key and secret may have been swapped."""

import json
from collections.abc import Iterable
from urllib.parse import quote

MASK = "(a secret)"
SWAPPED = "key and secret are swapped"
SHORTEST = 8  # characters of a secret that is looked for within texts; shorter ones stand in ordinary words

_known: set[str] = set()


def know(secrets: Iterable[str]) -> None:
    """From now on these are the secrets that no line of output shows."""
    _known.clear()
    for secret in secrets:
        if len(secret) >= SHORTEST:
            _known.update((secret, quote(secret, safe=""), json.dumps(secret)[1:-1]))


def masked(text: str) -> str:
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text

"""Expectations. A plain `assert` would vanish under `python -O`, and would not say what was expected."""

from collections.abc import Container
from typing import Any


class Deviation(Exception):
    """The server did something else than the case expects; the text says what, and what was expected."""


def equal(actual: Any, expected: Any, what: str = "") -> None:
    """Raise Deviation unless both are equal and of the same JSON type: `1`, `1.0` and `true` are three."""
    if actual != expected or _kinds(actual) != _kinds(expected):
        raise Deviation(f"{what + ': ' if what else ''}expected {expected!r}, got {actual!r}")


def that(condition: object, what: str) -> None:
    """Raise Deviation with this text unless the condition is true. The text says what should have been."""
    if not condition:
        raise Deviation(what)


def within(actual: Any, allowed: Container[Any], what: str = "") -> None:
    """Raise Deviation unless the value is one of those allowed."""
    if actual not in allowed:
        raise Deviation(f"{what + ': ' if what else ''}expected one of {allowed!r}, got {actual!r}")


def _kinds(value: Any) -> Any:
    """The types in a JSON value, all the way down, so that True is not taken for 1."""
    if isinstance(value, dict):
        return {name: _kinds(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_kinds(item) for item in value]
    return bool if isinstance(value, bool) else str if isinstance(value, str) else type(value)

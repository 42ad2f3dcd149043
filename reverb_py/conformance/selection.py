"""Which cases to run: `pp-56,rb-7`, `pp-1..28`, `pp`."""

import re
from collections.abc import Iterable, Sequence

from reverb_py.conformance.case import Case

ITEM = re.compile(r"(pp|rb)(?:-([0-9]+)(?:\.\.([0-9]+))?)?")


def select(cases: Iterable[Case], only: str) -> list[Case]:
    """The cases that the list names; all of them for an empty list.

    Raise ValueError when an item cannot be read or names no case: a typing error must not look like success.
    """
    chosen = list(cases)
    items = [item.strip() for item in only.split(",") if item.strip()]
    if not items:
        return chosen
    wanted = {case.id: case for item in items for case in _named(chosen, item)}
    return [case for case in chosen if case.id in wanted]


def _named(cases: Sequence[Case], item: str) -> list[Case]:
    match = ITEM.fullmatch(item)
    if not match:
        raise ValueError(f"{item!r} is not a case: write pp-56, pp-1..28, or pp or rb for all of a list")
    family, first, last = match.groups()
    low = int(first) if first else 0
    high = int(last) if last else (low if first else 10_000)
    found = [case for case in cases if any(_between(number, family, low, high) for number in case.numbers)]
    if not found:
        raise ValueError(f"there is no case {item}")
    return found


def _between(number: str, family: str, low: int, high: int) -> bool:
    name, digits = number.split("-")
    return name == family and low <= int(digits) <= high

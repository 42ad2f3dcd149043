"""What a case is, and the registry of all of them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reverb_py.conformance.target import Target

    Body = Callable[[Target], Awaitable[None]]

NUMBER = re.compile(r"(pp|rb)-([0-9]+)")
PATIENCE = 15.0  # seconds for a whole case, before it counts as stuck
SLOW_PATIENCE = 45.0


class NotApplicable(Exception):
    """Raised by a case that this target cannot show; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Case:
    """One conversation with a server, and what must come of it.

    `apps` are the applications it needs, by the names of the fixture. An `own_process` case starts (and ends)
    servers of its own. A `slow` one mostly waits: it runs beside the others, so it must not count what else
    happens in its apps. `patience` is the number of seconds after which it counts as stuck.
    """

    numbers: tuple[str, ...]
    title: str
    body: Body
    apps: tuple[str, ...]
    own_process: bool
    slow: bool
    patience: float

    @property
    def id(self) -> str:
        return "+".join(self.numbers)

    @property
    def rank(self) -> tuple[str, int]:
        family, number = self.numbers[0].split("-")
        return family, int(number)


CASES: list[Case] = []


def case(
    *numbers: str,
    title: str | None = None,
    apps: tuple[str, ...] = ("MAIN",),
    own_process: bool = False,
    slow: bool = False,
    patience: float | None = None,
) -> Callable[[Body], Body]:
    """Register the decorated coroutine function under these numbers; its docstring's first line is the title.

    Raise ValueError for a number that is not like `pp-56` or `rb-7`, and for a case without a sentence.
    """
    for number in numbers or ("none",):
        if not NUMBER.fullmatch(number):
            raise ValueError(f"a case needs numbers like pp-56 or rb-7, not {number!r}")

    def register(body: Body) -> Body:
        sentence = title or next(iter((body.__doc__ or "").strip().splitlines()), "")
        if not sentence:
            raise ValueError(f"case {numbers[0]} needs a sentence: a title or a docstring")
        limit = patience or (SLOW_PATIENCE if slow else PATIENCE)
        CASES.append(Case(numbers, sentence, body, apps, own_process, slow, limit))
        return body

    return register

"""What a check found: one line, its evidence, and what to do."""

from dataclasses import dataclass
from enum import StrEnum

from reverb_py.codes import Code


class Status(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105, a word
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"  # not checked; the title says why


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check. No text in it holds a secret; values of variables that are none may be shown."""

    status: Status
    title: str  # what was found, one line
    check: str = ""  # a stable name of the check: "lint.host", "network.tls", "credentials"
    code: Code | None = None  # why events are lost by it
    evidence: str = ""  # what was seen, one line
    fix: tuple[str, ...] = ()  # lines that can be pasted; the code's own fix when there are none
    milliseconds: float = 0

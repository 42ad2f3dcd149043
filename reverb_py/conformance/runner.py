"""Runs cases against a target, one after the other; the slow ones, which only wait, beside them."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from reverb_py.conformance.case import Case, NotApplicable
from reverb_py.conformance.target import Target
from reverb_py.conformance.verify import Deviation


class Verdict(StrEnum):
    PASSED = "passed"
    DEVIATES = "deviates"
    NOT_SHOWN = "not shown"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one case. `text` says what deviated, or why it could not be shown."""

    case: Case
    verdict: Verdict
    text: str
    seconds: float

    def as_json(self) -> Mapping[str, object]:
        return {
            "numbers": list(self.case.numbers),
            "title": self.case.title,
            "verdict": self.verdict.value,
            "text": self.text,
            "seconds": round(self.seconds, 3),
        }


def unfit(case: Case, target: Target) -> str:
    """Why this target cannot show the case; empty when it can."""
    missing = [name for name in case.apps if name not in target.apps]
    if missing:
        return f"needs an app with other settings: {', '.join(missing)}"
    if case.own_process and target.launch is None:
        return "needs to start and stop the server itself"
    return ""


async def run_case(case: Case, target: Target) -> Result:
    """Run one case; whatever goes wrong in it is a deviation."""
    started = time.monotonic()
    verdict, text = await _judge(case, target)
    return Result(case, verdict, text, time.monotonic() - started)


async def _judge(case: Case, target: Target) -> tuple[Verdict, str]:
    if reason := unfit(case, target):
        return Verdict.NOT_SHOWN, reason
    try:
        async with asyncio.timeout(case.patience):
            await case.body(target)
    except NotApplicable as reason:
        return Verdict.NOT_SHOWN, str(reason)
    except TimeoutError:
        return Verdict.DEVIATES, f"stuck: not done within {case.patience:g} s"
    except Exception as error:
        return Verdict.DEVIATES, _said(error)
    return Verdict.PASSED, ""


def _said(error: BaseException) -> str:
    """What went wrong, out of the groups that clients in parallel tasks raise."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, Deviation):
        return str(error)
    return f"an answer of a shape that the case does not know: {error!r}"


async def run(
    cases: Iterable[Case], target: Target, tell: Callable[[Result], None] = lambda result: None
) -> list[Result]:
    """Run them all and return the results in the order of the cases; `tell` hears of each as it is done."""
    chosen = list(cases)
    results: dict[int, Result] = {}

    async def one(place: int, case: Case) -> None:
        results[place] = await run_case(case, target)
        tell(results[place])

    async with asyncio.TaskGroup() as beside:
        for place, case in enumerate(chosen):
            if case.slow:
                beside.create_task(one(place, case))
        for place, case in enumerate(chosen):
            if not case.slow:
                await one(place, case)
    return [results[place] for place in sorted(results)]

"""Every numbered case, against a real server with all the apps that the cases need."""

import asyncio

import pytest

from reverb_py.conformance import all_cases
from reverb_py.conformance.case import Case
from reverb_py.conformance.runner import Result, Verdict, run_case
from reverb_py.conformance.target import Target

IN_ORDER = sorted(all_cases(), key=lambda case: case.slow)  # the slow ones last: they are under way by then


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.id}-{case.body.__name__}") for case in IN_ORDER])
async def test_the_server_does_what_the_case_says(
    case: Case, target: Target, slow_results: dict[Case, asyncio.Task[Result]]
) -> None:
    result = await slow_results[case] if case.slow else await run_case(case, target)
    if result.verdict is not Verdict.PASSED:
        pytest.fail(f"{case.id}: {case.title}\n{result.text}", pytrace=False)

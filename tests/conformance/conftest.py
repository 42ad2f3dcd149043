"""One real server for all cases of the run; the slow cases run beside the others from the start."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from reverb_py.conformance.case import Case
from reverb_py.conformance.runner import Result, run_case
from reverb_py.conformance.target import Target
from tests.conformance.fixture import CONFIG, fixture_apps, launch
from tests.server_process import ServerProcess


@pytest.fixture(scope="session")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--config", str(CONFIG)) as process:
        yield process.wait_until_ready()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def target(server: ServerProcess) -> AsyncIterator[Target]:
    found = Target(f"ws://127.0.0.1:{server.port}", fixture_apps(), launch=launch)
    yield found
    await found.aclose()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def slow_results(
    target: Target, request: pytest.FixtureRequest
) -> AsyncIterator[dict[Case, asyncio.Task[Result]]]:
    """The slow cases among those that were selected, already running."""
    chosen = [item.callspec.params.get("case") for item in request.session.items if hasattr(item, "callspec")]
    slow = [case for case in chosen if isinstance(case, Case) and case.slow]
    tasks = {case: asyncio.create_task(run_case(case, target)) for case in slow}
    yield tasks
    for task in tasks.values():
        task.cancel()  # nothing, unless the run was cut short
    await asyncio.gather(*tasks.values(), return_exceptions=True)

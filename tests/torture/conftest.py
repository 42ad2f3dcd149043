"""What every attack needs: its row in the table, the size it is to have, and a server that is watched."""

from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest

from tests.torture.rows import ROWS, Row, row_of, table
from tests.torture.watching import Watched, watched

PASSED = pytest.StashKey[bool]()
Watch = Callable[..., AbstractAsyncContextManager[Watched]]


@pytest.fixture
def big(pytestconfig: pytest.Config) -> bool:
    """Whether the big forms are asked for."""
    return bool(pytestconfig.getoption("--torture"))


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Row:
    """The row of this test, whose docstring names the fault."""
    found = row_of(request.function.__name__, request.function.__doc__)
    found.tried += 1
    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A fault was survived when the attack passed, and what is asked after it."""
    report = yield
    item.stash[PASSED] = item.stash.get(PASSED, True) and report.passed
    found = ROWS.get(getattr(item, "originalname", ""))
    if report.when == "teardown" and found is not None:
        found.survived += item.stash[PASSED]
    return report


@pytest.fixture
def watch(row: Row) -> Watch:
    """Start a server with two bystanders: see `watched`."""

    return partial(watched, row)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if ROWS and config.getoption("--torture"):
        terminalreporter.section("faults")
        for line in table():
            terminalreporter.write_line(line)

"""What every attack needs: its row in the table, the size it is to have, and a server that is watched."""

from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest

from tests.torture.rows import ROWS, Row, row_of, table
from tests.torture.watching import Watched, watched

PASSED = pytest.StashKey[bool]()
ROW = pytest.StashKey[Row]()
Watch = Callable[..., AbstractAsyncContextManager[Watched]]


@pytest.fixture
def big(pytestconfig: pytest.Config) -> bool:
    """Whether the big forms are asked for."""
    return bool(pytestconfig.getoption("--torture"))


@pytest.fixture
def tls(request: pytest.FixtureRequest) -> bool:
    """Whether the server speaks TLS; it does so in the second form of tests that are marked with BOTH."""
    return bool(getattr(request, "param", False))


BOTH = pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"], indirect=True)


@pytest.fixture
def row(request: pytest.FixtureRequest, tls: bool) -> Row:
    """The row of this test, whose docstring names the fault."""
    found = request.node.stash[ROW] = row_of(request.function.__name__, request.function.__doc__, tls=tls)
    found.tried += 1
    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A fault was survived when the attack passed, and what is asked after it."""
    report = yield
    item.stash[PASSED] = item.stash.get(PASSED, True) and report.passed
    found = item.stash.get(ROW, None)
    if report.when == "teardown" and found is not None:
        found.survived += item.stash[PASSED]
    return report


@pytest.fixture
def watch(row: Row, tls: bool) -> Watch:
    """Start a server with two bystanders: see `watched`."""

    return partial(watched, row, tls=tls)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if ROWS and config.getoption("--torture"):
        terminalreporter.section("faults")
        for line in table():
            terminalreporter.write_line(line)

"""For every test. Where everything can be installed (CI), a skipped test is a failed run."""

import os

import pytest
from hypothesis import settings

# An example may take its time on a busy machine; where nobody is there to look into it, the same ones are tried.
settings.register_profile("reverb-py", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
settings.load_profile("reverb-py")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--torture", action="store_true", help="attack with the big forms, and print the table of faults")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long and is a part of `make torture` alone: left out is not skipped."""
    if config.getoption("--torture"):
        return
    long = [item for item in items if item.get_closest_marker("torture")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter is not None else []
    if os.environ.get("CI") and skipped and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

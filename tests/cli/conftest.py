"""A command runs in an empty directory, without the variables of whoever runs the tests, and leaves logging alone."""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reverb_py import log
from reverb_py.cli import app
from tests.cli.served import Served
from tests.client.serving import APP, ENV, server, url

__all__ = ["server", "url"]

OURS = ("REVERB_", "RAILWAY_", "KUBERNETES_", "PUSHER_", "SOKETI_", "LOG_", "REDIS")
Command = Callable[..., Result]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith(OURS) or name in ("PORT", "WEB_CONCURRENCY", "NO_COLOR"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    loggers = [logging.getLogger(), *map(logging.getLogger, log.LIBRARIES)]
    before = [(each, list(each.handlers), each.level, each.propagate) for each in loggers]
    yield
    logging.captureWarnings(False)
    for each, handlers, level, propagate in before:
        each.handlers[:], each.propagate = handlers, propagate
        each.setLevel(level)


@pytest.fixture
def command() -> Command:
    """Run `reverb-py` with these arguments, and with `env` beside the usual variables."""

    def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), env=env, prog_name="reverb-py")

    return run


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Served:
    """Stands where the server would be started, alone or with workers."""
    found = Served()
    monkeypatch.setattr("reverb_py.server.run", found.run)
    monkeypatch.setattr("reverb_py.workers.run", found.run)
    return found


@pytest.fixture
def ask(command: Command, url: str) -> Command:
    """Run a command for the app of the running server. No output may show its secret."""

    def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
        result = command(*arguments, env={**ENV, **address(url), **(env or {})})
        assert APP.secret not in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


def address(url: str) -> dict[str, str]:
    """The variables that name a server of this machine."""
    return {"REVERB_HOST": "127.0.0.1", "REVERB_PORT": url.rpartition(":")[2], "REVERB_SCHEME": "http"}

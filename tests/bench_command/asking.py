"""Running `reverb-py bench` as its user does, and reading what it prints."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import typer
from typer.testing import CliRunner, Result

from reverb_py.cli.bench import bench
from reverb_py.conformance.target import TargetApp
from tests.bench_command.plans import APP

FINE, NEGATIVE, USAGE, UNREACHABLE, REFUSED, INTERRUPTED = 0, 1, 2, 3, 4, 130
QUICK = ("--connect-rate", "2000", "--rate", "200", "--duration", "100ms")  # 20 events

command = typer.Typer()
command.command()(bench)


def ask(url: str, *options: str, app: TargetApp = APP, env: Mapping[str, str] | None = None) -> Result:
    """Run the command for this app, with the secret in the environment. No output may show it."""
    arguments = ["--url", url, "--app-id", app.id, "--key", app.key, *QUICK, *options]
    environment = {"REVERB_APP_SECRET": app.secret, "COLUMNS": "120", **(env or {})}
    result = CliRunner().invoke(command, arguments, env=environment)
    assert app.secret not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


async def ask_beside(url: str, *options: str) -> Result:
    """The same while this event loop runs on: for a server that lives in it."""
    return await asyncio.to_thread(ask, url, *options)


def figures(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found

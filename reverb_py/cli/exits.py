"""Exit codes, and the one place where a wrong configuration becomes a line and a code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer

from reverb_py.log import escaped


class ExitCode(IntEnum):
    """What every command's status means."""

    FINE = 0
    NEGATIVE = 1  # or a fault of ours
    USAGE = 2  # or configuration
    UNREACHABLE = 3
    REFUSED = 4
    INTERRUPTED = 130


@contextmanager
def configuration_errors() -> Iterator[None]:
    """Turn a ConfigError into one line on stderr and exit code 2."""
    from reverb_py.settings import ConfigError  # pydantic takes a third of a command's start, and few commands need it

    try:
        yield
    except ConfigError as error:
        sys.stderr.write(f"reverb-py: {escaped(str(error))}\n")
        raise typer.Exit(ExitCode.USAGE) from None

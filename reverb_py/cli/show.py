"""How the commands speak: data on stdout, talk on stderr; colour on a terminal only; nothing that commands one.

No line shows a secret that the command knows. When nobody reads any more, as behind `| head`, the command ends with 0.
"""

import json
import os
import sys
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.text import Text

from reverb_py.cli.exits import ExitCode
from reverb_py.cli.masking import masked
from reverb_py.log import escaped

Part = str | tuple[str, str]  # a text, or a text with its style


def line(*parts: Part) -> None:
    """One line of data, for people."""
    _print(_Console(), parts)


def talk(*parts: Part) -> None:
    """One line about what goes on."""
    _print(_Console(stderr=True), parts)


def record(value: object) -> None:
    """One line of data, for programs."""
    try:
        sys.stdout.write(masked(json.dumps(value, separators=(",", ":"), default=str)) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise _nobody_reads() from None


def table(rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell."""
    widths = [max(len(escaped(cell)) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        line("  ".join(escaped(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _print(console: Console, parts: Sequence[Part]) -> None:
    pairs = [(part, "") if isinstance(part, str) else part for part in parts]
    styled = [(escaped(masked(text)), style) for text, style in pairs]
    try:
        console.print(Text.assemble(*styled), soft_wrap=True, highlight=False)
        console.file.flush()
    except BrokenPipeError:
        raise _nobody_reads() from None


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise _nobody_reads()  # rich would exit with 1


def _nobody_reads() -> typer.Exit:
    """The exit to be raised; what is still in a buffer goes nowhere, so that the end is quiet."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
    return typer.Exit(ExitCode.FINE)

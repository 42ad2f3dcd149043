"""How the commands speak: data on stdout, talk on stderr; colour on a terminal only; nothing that commands one."""

import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from reverb_py.log import escaped

Part = str | tuple[str, str]  # a text, or a text with its style


def line(*parts: Part) -> None:
    """One line of data, for people."""
    _print(Console(), parts)


def talk(*parts: Part) -> None:
    """One line about what goes on."""
    _print(Console(stderr=True), parts)


def record(value: object) -> None:
    """One line of data, for programs."""
    sys.stdout.write(json.dumps(value, separators=(",", ":"), default=str) + "\n")
    sys.stdout.flush()


def table(rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell."""
    widths = [max(len(escaped(cell)) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        line("  ".join(escaped(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _print(console: Console, parts: Sequence[Part]) -> None:
    styled = [(escaped(part), "") if isinstance(part, str) else (escaped(part[0]), part[1]) for part in parts]
    console.print(Text.assemble(*styled), soft_wrap=True, highlight=False)
    console.file.flush()

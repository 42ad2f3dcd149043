"""A text on the command line: itself, `@file`, or `-` for standard input."""

import sys
from pathlib import Path

from reverb_py.cli.exits import ExitCode
from reverb_py.cli.remote import stop


def text_of(name: str, given: str) -> str:
    """The text, without the line end of a file's last line; end with exit code 2 when it cannot be read."""
    if given == "-":
        return sys.stdin.read().rstrip("\r\n")
    if not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise stop(ExitCode.USAGE, f"{name}: cannot read {given[1:]}: {why}") from None


def bytes_of(name: str, given: str) -> bytes:
    """The same with every byte of a file or of standard input."""
    if given == "-":
        return sys.stdin.buffer.read()
    if not given.startswith("@"):
        return given.encode()
    try:
        return Path(given[1:]).read_bytes()
    except OSError as error:
        raise stop(ExitCode.USAGE, f"{name}: cannot read {given[1:]}: {error.strerror}") from None

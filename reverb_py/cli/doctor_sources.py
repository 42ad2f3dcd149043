"""What `reverb-py doctor` reads: env files, standard input, its own environment, the end of a log."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from reverb_py.cli.exits import ExitCode
from reverb_py.cli.remote import stop
from reverb_py.diagnosis.doctor.environment import is_relevant, read
from reverb_py.diagnosis.doctor.laravel_log import TAIL
from reverb_py.diagnosis.doctor.target import Environment


class Sources:
    """Reads each source once. A source that cannot be read ends the command with exit code 2."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._input_taken = ""  # the option that took standard input

    def environment(self, name: str, option: str) -> Environment | None:
        """The env file of that name, `-` for standard input; None for ""."""
        if not name:
            return None
        return read(self._text(name, option), "standard input" if name == "-" else name)

    def own(self, directory: Path) -> Environment | None:
        """The `.env` of the directory and this process's variables, which win, as in Laravel; None without either."""
        process = dict(self._environ) if is_relevant(self._environ) else {}
        path = directory / ".env"
        text = self._text(str(path), ".env") if path.is_file() else ""
        names = [".env"] * path.is_file() + ["this process's environment"] * bool(process)
        return read(text, " and ".join(names), process) if names else None

    def secret(self, name: str, default: str) -> str:
        """The variable's text; "" when the default one is not set. Another that is not set is a mistake."""
        secret = self._environ.get(name, "")
        if not secret and name != default:
            raise stop(ExitCode.USAGE, f"--bearer-env names {name}, and that variable is not set")
        return secret

    def _text(self, name: str, option: str) -> str:
        if name == "-":
            if self._input_taken:
                raise stop(ExitCode.USAGE, f"{self._input_taken} and {option} cannot both read standard input")
            self._input_taken = option
            return sys.stdin.buffer.read().decode(errors="surrogateescape")
        try:
            return Path(name).read_text(encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            raise stop(ExitCode.USAGE, f"{option} {name} cannot be read: {error.strerror}") from None


def log_tail(name: str) -> tuple[str, bool]:
    """The log's last five megabytes, and whether that is less than all; end with exit code 2 when it cannot be read."""
    try:
        with Path(name).open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - TAIL))
            return log.read(TAIL).decode(errors="replace"), size > TAIL
    except OSError as error:
        raise stop(ExitCode.USAGE, f"--log {name} cannot be read: {error.strerror}") from None


def directory(name: str, option: str) -> Path:
    path = Path(name)
    if not path.is_dir():
        raise stop(ExitCode.USAGE, f"{option} {name} is no directory")
    return path


def event_data(text: str) -> str:
    """The JSON text, or that in the file after `@`; end with exit code 2 when it is none."""
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeError):
            raise stop(ExitCode.USAGE, f"--data: {text[1:]} cannot be read as text") from None
    try:
        json.loads(text)
    except ValueError:
        raise stop(ExitCode.USAGE, "--data must be JSON, or @ and the name of a file that holds JSON") from None
    return text

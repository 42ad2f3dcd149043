"""A command on a terminal: what a person would see, and what it ends with."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.server_process import KEPT, REPOSITORY

PATIENCE = 20.0  # seconds


class Terminal:
    """`reverb-py` with these arguments in this directory. `shown` is all that it has printed until now."""

    def __init__(self, directory: Path, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        self.shown = ""
        self._ours, theirs = pty.openpty()
        inherited = {name: os.environ[name] for name in KEPT if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "reverb_py", *arguments],
            cwd=directory,
            env={**inherited, "PYTHONPATH": str(REPOSITORY), "TERM": "xterm", **(env or {})},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def read_until(self, text: str) -> str:
        """Read until this is shown, or until the end; return all that was shown."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.shown and self._read(deadline - time.monotonic()):
            continue
        return self.shown

    def _read(self, seconds: float) -> bool:
        if not select.select([self._ours], [], [], max(seconds, 0))[0]:
            raise TimeoutError(f"nothing more within {PATIENCE:g} s after {self.shown!r}")
        try:
            data = os.read(self._ours, 65_536)
        except OSError:  # Linux: the other end is closed
            return False
        self.shown += data.decode().replace("\r\n", "\n")
        return bool(data)

    def interrupt(self) -> None:
        """What Ctrl-C sends."""
        self._process.send_signal(signal.SIGINT)

    def ended(self) -> int:
        """Read to the end; the exit code."""
        self.read_until("\0")  # which nobody prints
        return self._process.wait(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

"""A command that runs while a test does other things, with its output in pipes, as in a script."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tests.server_process import KEPT, REPOSITORY

PATIENCE = 20.0  # seconds


class Background:
    """`reverb-py` with these arguments. `out` and `err` are all that was read of each until now."""

    def __init__(self, directory: Path, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        self.out = self.err = ""
        inherited = {name: os.environ[name] for name in KEPT if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "reverb_py", *arguments],
            cwd=directory,
            env={**inherited, "PYTHONPATH": str(REPOSITORY), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def hear(self, text: str) -> str:
        """Read until this stands on stdout or stderr; fail when it ends before, or takes too long."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.out + self.err:
            if not self._read(deadline):
                raise AssertionError(f"it ended without {text!r}:\n{self.out}\n{self.err}")
        return self.out

    def ended(self) -> int:
        """Read to the end; the exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline):
            continue
        return self._process.wait(PATIENCE)

    def interrupt(self) -> None:
        """What Ctrl-C sends."""
        self._process.send_signal(signal.SIGINT)

    def _read(self, deadline: float) -> bool:
        pipes = [pipe for pipe in (self._process.stdout, self._process.stderr) if pipe and not pipe.closed]
        if not pipes:
            return False
        ready = select.select(pipes, [], [], max(deadline - time.monotonic(), 0))[0]
        if not ready:
            raise TimeoutError(f"nothing more within {PATIENCE:g} s after:\n{self.out}\n{self.err}")
        for pipe in ready:
            self._take(pipe)
        return True

    def _take(self, pipe: IO[bytes]) -> None:
        text = os.read(pipe.fileno(), 65_536).decode()
        if not text:
            pipe.close()
        elif pipe is self._process.stdout:
            self.out += text
        else:
            self.err += text

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()

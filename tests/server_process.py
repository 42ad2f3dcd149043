"""A real `reverb-py serve` on a free loopback port, for tests that need a whole server.

Use it as a context manager: `wait_until_ready()`, then `port` and `output`; `terminate()` and `wait()` end it
politely, leaving the context ends it anyway.
"""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

REPOSITORY = Path(__file__).resolve().parents[1]
KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "SYSTEMROOT")  # and no REVERB_, PORT or RAILWAY_ of a developer
POLL = 0.02  # seconds


class ServerProcess:
    """One server process. Its output, of both kinds, goes to a file, so that it can never block on a pipe."""

    def __init__(
        self,
        *options: str,
        env: Mapping[str, str] | None = None,
        port: int | None = None,
        tls: bool = False,
        files: int = 0,
    ) -> None:
        """`options` follow `serve`; `port` of None means a free one; `tls` says that it answers in https.

        It may have so many open `files`, and cannot raise that; 0 is the limit of the tests themselves.
        """
        self.port = free_port() if port is None else port
        self.scheme = "https" if tls else "http"
        self._arguments = [
            *(sys.executable, "-m", "reverb_py", "serve", "--no-env-file"),
            *("--host", "127.0.0.1", "--port", str(self.port), *options),
        ]
        if files:
            self._arguments = ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", *self._arguments]
        inherited = {name: os.environ[name] for name in KEPT if name in os.environ}
        ours = {"PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"}
        self._env = {**inherited, **ours, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None
        # Its own: a reverb.toml or .env where the tests were started must not configure it.
        self.directory = Path(tempfile.mkdtemp(prefix="reverb-py-"))
        self._log = self.directory / "output.log"

    def start(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._arguments, cwd=self.directory, env=self._env, stdout=log, stderr=subprocess.STDOUT
            )
        return self

    @property
    def output(self) -> str:
        """All that it has printed until now."""
        return self._log.read_text(errors="replace")

    @property
    def returncode(self) -> int | None:
        return self._running.poll()

    @property
    def pid(self) -> int:
        return self._running.pid

    def wait_until_ready(self, seconds: float = 20.0) -> Self:
        """Return when `/up` answers 200; raise RuntimeError with the output if it ends or takes too long."""
        deadline = time.monotonic() + seconds
        while not self._is_up():
            if self.returncode is not None:
                raise RuntimeError(f"the server ended with {self.returncode}, never up:\n{self.output}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"the server was not up within {seconds:g} s:\n{self.output}")
            time.sleep(POLL)
        return self

    def _is_up(self) -> bool:
        return is_up(self.port, scheme=self.scheme)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def send_signal(self, number: signal.Signals) -> None:
        self._running.send_signal(number)

    def wait(self, seconds: float = 15.0) -> int:
        """The exit status; raise subprocess.TimeoutExpired when it does not end in time."""
        return self._running.wait(seconds)

    def stop(self) -> None:
        """End it, by force if need be, and remove its directory with the output."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the server was not started")
        return self._process

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def is_up(port: int, path: str = "/up", *, scheme: str = "http") -> bool:
    """Whether a server of this machine answers 200 there."""
    trusting = ssl._create_unverified_context() if scheme == "https" else None
    try:
        with urllib.request.urlopen(f"{scheme}://127.0.0.1:{port}{path}", timeout=2, context=trusting) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

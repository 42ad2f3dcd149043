"""The processes of a measurement: a server on one core, the load on another, and what the kernel knows of the server.

Everything listens and connects on the loopback alone, and dies with the benchmark, whatever ends it.
"""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

HERE = Path(__file__).parent
APP_ID, KEY, SECRET = "1", "key", "secret"
LOAD = ("load.c", "subscribers.c", "publishers.c", "account.c")
PR_SET_PDEATHSIG = 1  # prctl(2)
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]  # the same when there is only one
KEPT = ("PATH", "HOME", "TMPDIR", "LANG")  # and no REVERB_ of a developer
UP, ANSWER = 30.0, 180.0  # seconds that a server has to come up, and the load to say something
QUIET = 0.02  # share of a core below which a server counts as idle

Command = Callable[[int], list[str]]  # port -> what to start
_libc = ctypes.CDLL(None)


class Broken(Exception):
    """A process of the benchmark did not do its part; the text says which and how."""


class Missing(Exception):
    """A program that only some rows need is not installed; the text says which."""


def compile_c(directory: Path) -> None:
    """Compile floor and load into `directory`; raise Broken when the compiler refuses."""
    for name, sources in {"floor": ("floor.c",), "load": LOAD}.items():
        command = [compiler(), "-O2", "-o", str(directory / name), *(str(HERE / source) for source in sources)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Broken(f"{' '.join(command)}:\n{done.stderr}")


def compiler() -> str:
    """The C compiler; raise Broken when there is none."""
    found = shutil.which(os.environ.get("CC", "cc"))
    if found is None:
        raise Broken("no C compiler: install one (Debian: gcc and libc6-dev), or set CC")
    return found


def start(command: list[str], core: int, **options: Any) -> subprocess.Popen[bytes]:
    """Start a process on a core, which ends when we end."""

    def before() -> None:
        os.sched_setaffinity(0, {core})
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    return subprocess.Popen(command, preexec_fn=before, **options)


class Server:
    """A server under measure, up once the context is entered. `cpu` and `memory` are what it has used until now."""

    def __init__(
        self, name: str, command: Command, env: Mapping[str, str] | None = None, core: int = SERVER_CORE
    ) -> None:
        self.name = name
        self.port = free_port()
        line = command(self.port)
        self._directory = tempfile.TemporaryDirectory(prefix="bench-")  # no reverb.toml or .env of a developer
        inherited = {name: os.environ[name] for name in KEPT if name in os.environ}
        self._process = start(
            line,
            core,
            cwd=self._directory.name,
            env={**inherited, "PYTHONPATH": str(HERE.parent), **(env or {})},
            stdout=subprocess.DEVNULL,
        )

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + UP
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.02)
        raise Broken(f"{self.name} did not come up: {self._process.args!r}")

    @property
    def cpu(self) -> float:
        """Seconds of CPU time, user and system, of all its threads."""
        tasks = Path(f"/proc/{self._process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    @property
    def memory(self) -> int:
        """Bytes of resident memory."""
        rollup = Path(f"/proc/{self._process.pid}/smaps_rollup").read_text()
        return int(rollup.partition("\nRss:")[2].split()[0]) * 1024

    def settle(self, seconds: float = 10.0) -> None:
        """Wait until it has no work left, at most so long."""
        deadline, before = time.monotonic() + seconds, self.cpu
        while time.monotonic() < deadline:
            time.sleep(0.05)
            used, before = self.cpu - before, self.cpu
            if used < 0.05 * QUIET:
                return

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._directory.cleanup()

    def __enter__(self) -> Self:
        try:
            self._wait_until_up()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Load:
    """A program that is ready when it prints a line of JSON, and runs once for each line that it gets (see load.c)."""

    def __init__(self, command: list[str]) -> None:
        pipe = subprocess.PIPE
        self._process = start(command, LOAD_CORE, stdin=pipe, stdout=pipe, cwd=HERE.parent, bufsize=0)
        try:
            self.ready = self._answer()
        except BaseException:
            self.stop()
            raise

    def run(self) -> dict[str, Any]:
        """One measured run, and what came of it."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended, which its missing answer tells better
            self._process.stdin.write(b"\n")
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            if not select.select([self._process.stdout], [], [], ANSWER)[0]:
                raise Broken(f"no answer within {ANSWER:g} s: {self._process.args!r}")
            part = os.read(self._process.stdout.fileno(), 65_536)
            if not part:
                raise Broken(f"ended with {self._process.wait()}: {self._process.args!r}")
            line += part
        answer: dict[str, Any] = json.loads(line)
        return answer

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def load_command(binaries: Path, port: int, options: Mapping[str, str | int]) -> list[str]:
    """The command line of load.c against a server on a port."""
    given = {"port": port, "key": KEY, "app": APP_ID, "secret": SECRET, **options}
    return [str(binaries / "load"), *(str(part) for pair in given.items() for part in (f"--{pair[0]}", pair[1]))]


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

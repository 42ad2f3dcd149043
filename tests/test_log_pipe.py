"""A reader that does not read its pipe holds up nobody; what is dropped is counted, and all else arrives in order."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from threading import Thread

import pytest

from reverb_py import log
from tests.server_process import KEPT, free_port, is_up
from tests.test_log import _restored

__all__ = ["_restored"]

CREDENTIALS = {"REVERB_APP_ID": "1", "REVERB_APP_KEY": "key", "REVERB_APP_SECRET": "hunter2"}
LONG = "x" * 5_000  # more than a pipe takes in one piece


class Pipe:
    """A pipe that `written` is read from, and the stream that a process would have as its stdout."""

    def __init__(self) -> None:
        self._reading, writing = os.pipe()
        self.stream = open(writing, "w")  # noqa: SIM115, closed with the pipe
        self.written = b""
        self._reader = Thread(target=self._read)

    def begin_to_read(self) -> None:
        self._reader.start()

    def end(self) -> list[str]:
        """All its lines."""
        for handler in logging.getLogger().handlers:
            handler.flush()
        self.stream.close()
        self._reader.join()
        os.close(self._reading)
        return self.written.decode().splitlines()

    def _read(self) -> None:
        while data := os.read(self._reading, 1 << 16):
            self.written += data


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    log.set_up("json", "info", stream=made.stream, in_thread=True)
    yield made
    made.stream.close()


def test_all_lines_arrive_whole_and_in_order_while_they_are_read(pipe: Pipe) -> None:
    pipe.begin_to_read()
    for number in range(2_000):
        logging.getLogger("reverb_py").info("%d %s", number, LONG if number % 100 == 0 else "")
    lines = pipe.end()
    assert [line.split('"message":"')[1].split(" ")[0] for line in lines] == [str(number) for number in range(2_000)]


def test_lines_that_nobody_reads_are_dropped_and_counted(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "WAITING", 100_000)
    for number in range(100):
        logging.getLogger("reverb_py").info("%d %s", number, LONG)
    pipe.begin_to_read()
    lines = pipe.end()
    gaps = [line for line in lines if "were dropped here" in line]
    dropped = sum(int(gap.split('"message":"')[1].split(" ")[0]) for gap in gaps)
    assert 0 < dropped < 100
    assert len(lines) - len(gaps) + dropped == 100


def test_a_server_whose_log_is_not_read_serves_on_and_stops() -> None:
    port = free_port()
    command = [sys.executable, "-m", "reverb_py", "serve", "--no-env-file", "--host", "127.0.0.1", "--port", str(port)]
    env = {name: os.environ[name] for name in KEPT if name in os.environ} | CREDENTIALS
    env |= {"REVERB_LOG_RATE": "100000", "REVERB_DRAIN": "0"}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            deadline = time.monotonic() + 20
            while not is_up(port) and time.monotonic() < deadline:
                time.sleep(0.02)
            for _ in range(200):  # a line of 2 kB each, six pipes full
                assert not is_up(port, "/" + "x" * 900)
            assert is_up(port)
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        finally:
            process.kill()

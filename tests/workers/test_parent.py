"""The parent alone, with children that do one small thing: what it makes of their ends."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reverb_py.workers import PAUSE
from tests.server_process import REPOSITORY
from tests.workers.small import LATER


class Small:
    """`tests.workers.small` as a process. `lines` are those that were read until now."""

    def __init__(self, what: str, count: int) -> None:
        command = [sys.executable, "-m", "tests.workers.small", what, str(count)]
        self.process = subprocess.Popen(
            command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self.lines: list[str] = []

    def read_until(self, text: str, times: int = 1) -> None:
        """Read until so many lines hold this text; the test's own timeout ends what never comes."""
        assert self.process.stdout is not None
        while sum(text in line for line in self.lines) < times:
            line = self.process.stdout.readline()
            assert line, f"it ended after {self.lines!r}"
            self.lines.append(line.rstrip("\n"))

    def ended(self) -> int:
        assert self.process.stdout is not None
        self.lines += self.process.stdout.read().splitlines()
        return self.process.wait(10)

    @property
    def starts(self) -> list[float]:
        return [float(line.split()[2]) for line in self.lines if line.startswith("start ")]


@pytest.fixture
def small() -> Iterator[Callable[[str, int], Small]]:
    made: list[Small] = []

    def make(what: str, count: int = 2) -> Small:
        made.append(Small(what, count))
        return made[-1]

    yield make
    for each in made:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(each.process.pid, signal.SIGKILL)  # the children too, which outlive their parent
        each.process.wait()
        if each.process.stdout is not None:
            each.process.stdout.close()


Make = Callable[..., Small]


@pytest.mark.parametrize(
    ("what", "signals", "code"),
    [
        ("waits", [signal.SIGTERM], 0),
        ("waits", [signal.SIGINT], 0),
        ("waits", [signal.SIGHUP, signal.SIGTERM], 0),
        ("is stubborn", [signal.SIGTERM], 1),
    ],
)
def test_a_stop_is_a_success_when_it_is_one_for_all(
    small: Make, what: str, signals: list[signal.Signals], code: int
) -> None:
    parent = small(what)
    parent.read_until("whole")
    for number in signals:
        parent.process.send_signal(number)
    assert parent.ended() == code


@pytest.mark.parametrize(
    ("what", "code", "said"),
    [
        ("ends with 1", 1, "could not start (exit code 1), so that all stop"),
        ("ends with 2", 2, "could not start (exit code 2), so that all stop"),
        ("first fails", 2, "Worker 1 could not start (exit code 2), so that all stop"),
        ("raises", 1, "RuntimeError: a fault of ours"),
    ],
)
def test_who_cannot_start_ends_all(small: Make, what: str, code: int, said: str) -> None:
    parent = small(what, 3)
    assert parent.ended() == code
    assert any(said in line for line in parent.lines)
    assert "whole" not in parent.lines


def test_who_ends_by_itself_is_replaced_but_not_more_often_than_once_a_second(small: Make) -> None:
    parent = small("dies", 1)
    parent.read_until("start", 3)
    parent.process.terminate()
    assert parent.ended() == 0
    assert parent.lines.count("whole") == 1
    first, second, third = parent.starts[:3]
    assert min(second - first, third - second) > 0.9
    assert third - first < 3
    assert parent.lines.count("Worker 1 ended with exit code 0, and is replaced") >= 2


def test_who_lived_longer_is_replaced_at_once(small: Make) -> None:
    parent = small("dies late", 1)
    parent.read_until("start", 3)
    first, second, third = parent.starts
    assert third - second < PAUSE + LATER + 0.5
    assert second - first > PAUSE + LATER


def test_a_machine_without_room_for_a_process_is_asked_again(small: Make) -> None:
    parent = small("no processes", 1)
    parent.read_until("whole")
    assert parent.lines[0] == "Cannot start worker 1: Resource temporarily unavailable"
    parent.process.terminate()
    assert parent.ended() == 0


def test_the_parent_costs_nothing_while_nothing_happens(small: Make) -> None:
    parent = small("waits", 2)
    parent.read_until("whole")
    before = used(parent)
    with pytest.raises(subprocess.TimeoutExpired):
        parent.process.wait(1)
    assert used(parent) - before <= 1  # a hundredth of a second


def used(parent: Small) -> int:
    """The parent's CPU time in hundredths of a second."""
    fields = Path(f"/proc/{parent.process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])

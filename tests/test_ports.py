"""A port that a test is given is nobody else's: of no other process of the tests, and of no client."""

import random
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ports
from tests.server_process import REPOSITORY

FEW = 3
OTHER = """
from tests import ports
ports.LOWEST, ports.HIGHEST = {lowest}, {highest}
print(ports.lasting_port(), ports.lasting_port(), flush=True)
input()
"""


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """There are no more ports than these, where tests otherwise take none."""
    lowest = random.SystemRandom().randrange(10_000, ports.LOWEST - FEW)
    monkeypatch.setattr(ports, "LOWEST", lowest)
    monkeypatch.setattr(ports, "HIGHEST", lowest + FEW)
    return set(range(lowest, lowest + FEW))


def test_no_port_is_given_twice(few: set[int]) -> None:
    assert {ports.lasting_port() for _ in few} == few


def test_a_port_that_somebody_listens_on_is_not_given(few: set[int]) -> None:
    first, second, third = sorted(few)
    with socket.create_server(("127.0.0.1", first)), socket.create_server(("127.0.0.1", second + ports.BUS)):
        assert ports.lasting_port() == third


def test_what_one_process_has_another_is_not_given_until_it_ends(few: set[int]) -> None:
    code = OTHER.format(lowest=min(few), highest=max(few) + 1)
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = {int(port) for port in other.stdout.readline().split()}
        assert {ports.lasting_port()} == few - theirs
        other.communicate("\n")
    assert {ports.lasting_port(), ports.lasting_port()} == theirs


@pytest.mark.skipif(sys.platform != "linux", reason="where the kernel says it")
def test_the_kernel_gives_none_of_them_to_a_client() -> None:
    lowest_of_clients = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert lowest_of_clients >= ports.HIGHEST + ports.BUS

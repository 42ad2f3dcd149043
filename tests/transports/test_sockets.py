"""Where the server listens, and how many files it may open."""

import errno
import resource
import socket
from collections.abc import Callable, Iterator

import pytest

from reverb_py.transports.sockets import bind, raise_descriptor_limit, reserve

Limits = tuple[int, int]


@pytest.fixture
def bound() -> Iterator[Callable[[str, int], list[socket.socket]]]:
    """`bind`, with what it bound closed at the end."""
    found: list[socket.socket] = []

    def bind_for_the_test(host: str, port: int) -> list[socket.socket]:
        found.extend(made := bind(host, port))
        return made

    yield bind_for_the_test
    for each in found:
        each.close()


Bind = Callable[[str, int], list[socket.socket]]


def families(made: list[socket.socket]) -> list[int]:
    return [each.family for each in made]


@pytest.mark.parametrize("host", ["", "*", "::", "[::]"])
def test_everywhere_is_one_socket_for_each_family_on_the_same_port(bound: Bind, host: str) -> None:
    made = bound(host, 0)
    assert families(made) == [socket.AF_INET, socket.AF_INET6]
    assert [each.getsockname()[0] for each in made] == ["0.0.0.0", "::"]
    assert len({each.getsockname()[1] for each in made}) == 1


def test_the_families_are_apart_so_that_no_ipv4_peer_comes_in_ipv6_dress(bound: Bind) -> None:
    _, six = bound("", 0)
    assert six.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


@pytest.mark.parametrize(
    ("host", "family"),
    [
        ("127.0.0.1", socket.AF_INET),
        ("0.0.0.0", socket.AF_INET),
        ("::1", socket.AF_INET6),
        ("[::1]", socket.AF_INET6),
    ],
)
def test_an_address_is_one_socket(bound: Bind, host: str, family: int) -> None:
    (made,) = bound(host, 0)
    assert (made.family, made.getsockname()[0]) == (family, host.strip("[]"))
    assert not made.getblocking()


def test_a_family_that_the_machine_lacks_is_no_error(bound: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    class WithoutSix(socket.socket):
        def __init__(self, family: int, type: int) -> None:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
            super().__init__(family, type)

    monkeypatch.setattr(socket, "socket", WithoutSix)
    assert families(bound("", 0)) == [socket.AF_INET]
    with pytest.raises(OSError, match="Address family"):
        bound("::1", 0)


@pytest.mark.parametrize("taken", ["127.0.0.1", "::1"])
def test_a_port_that_is_taken_on_either_family_is_an_error_and_leaves_nothing_bound(bound: Bind, taken: str) -> None:
    (holder,) = bound(taken, 0)
    holder.listen()
    port = holder.getsockname()[1]
    with pytest.raises(OSError, match="in use"):
        bind("", port)
    holder.close()
    assert len(bound("", port)) == 2


def test_an_address_that_is_held_for_sharing_is_free_for_those_who_share_it() -> None:
    held = reserve("", 0)
    port = held[0].getsockname()[1]
    sharing = [bind("", port, shared=True) for _ in range(2)]
    assert [families(each) for each in (held, *sharing)] == [[socket.AF_INET, socket.AF_INET6]] * 3
    for each in (*sharing[0], *sharing[1]):
        each.listen()
    with pytest.raises(OSError, match="in use"):
        bind("", port)
    with pytest.raises(OSError, match="in use"):
        reserve("", port)
    for each in (*held, *sharing[0], *sharing[1]):
        each.close()


def test_nobody_waits_at_an_address_that_is_only_held() -> None:
    (held,) = reserve("127.0.0.1", 0)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(held.getsockname())
    held.close()


def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(OSError, match="assign"):
        bind("192.0.2.1", 0)


def test_a_name_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(OSError, match=r"."):
        bind("no-such-host.invalid", 0)


class System:
    """The limits of a process on some system: what it has, and what it lets one set."""

    def __init__(self, soft: int, hard: int, most: int) -> None:
        self.limits = (soft, hard)
        self._most = most

    def getrlimit(self, which: int) -> Limits:
        return self.limits

    def setrlimit(self, which: int, limits: Limits) -> None:
        if not 0 <= limits[0] <= self._most:
            raise ValueError("current limit exceeds maximum limit")
        self.limits = limits


@pytest.mark.parametrize(
    ("soft", "hard", "most", "raised"),
    [
        (1_024, 524_288, 524_288, 524_288),
        (1_024, 1_024, 1_024, 1_024),
        (256, resource.RLIM_INFINITY, 10_240, 10_240),  # macOS: unlimited, and yet no more than its OPEN_MAX
        (256, resource.RLIM_INFINITY, 256, 256),
    ],
)
def test_the_limit_of_files_is_raised_as_far_as_the_system_lets(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, most: int, raised: int
) -> None:
    system = System(soft, hard, most)
    monkeypatch.setattr(resource, "getrlimit", system.getrlimit)
    monkeypatch.setattr(resource, "setrlimit", system.setrlimit)
    assert raise_descriptor_limit() == raised
    assert system.limits == (raised, hard)


def test_the_hard_limit_of_this_system_can_be_had() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        assert raise_descriptor_limit() == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

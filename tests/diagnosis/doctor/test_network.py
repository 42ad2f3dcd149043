"""Names and addresses: what a resolver gives and which families answer, told apart."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from reverb_py import codes
from reverb_py.codes import Code
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.network import is_loopback, network
from reverb_py.diagnosis.doctor.target import Inquiry, Target
from reverb_py.diagnosis.doctor.visit import Resolver, Surroundings, Visit, resolve, surroundings
from tests.server_process import free_port

NAME = "ws.example.com"


def resolver(ipv4: str = "", ipv6: str = "") -> Resolver:
    """A resolver of a family or two; the addresses are this machine's, the name is not."""

    async def answer(host: str, family: socket.AddressFamily) -> list[str]:
        address = ipv4 if family is socket.AF_INET else ipv6
        return [address] if address else []

    return answer


@asynccontextmanager
async def listening(host: str) -> AsyncIterator[int]:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), host, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def visited(port: int, found_by: Resolver, host: str = NAME) -> tuple[Visit, list[Finding]]:
    visit = Visit(Target("http", host, port, "1", "k", "s"), Inquiry(timeout=1), Surroundings(found_by, ports=()))
    return visit, [finding async for finding in network(visit)]


@pytest.mark.parametrize(
    ("listens", "ipv4", "ipv6", "status", "code"),
    [
        ("127.0.0.1", "127.0.0.1", "", Status.PASS, None),
        ("127.0.0.1", "127.0.0.1", "::1", Status.WARN, codes.IPV4_ONLY),
        ("127.0.0.1", "", "::1", Status.FAIL, codes.IPV4_ONLY),
        ("::1", "", "::1", Status.PASS, None),
        ("::1", "127.0.0.1", "::1", Status.WARN, codes.IPV6_ONLY),
        ("::1", "127.0.0.1", "", Status.FAIL, None),  # whether IPv6 is open cannot be asked: the name has none
    ],
)
async def test_families_are_told_apart(listens: str, ipv4: str, ipv6: str, status: Status, code: Code | None) -> None:
    async with listening(listens) as port:
        visit, findings = await visited(port, resolver(ipv4, ipv6))
    assert (findings[-1].status, findings[-1].code) == (status, code)
    assert bool(visit.blocked) is (status is Status.FAIL)


async def test_a_name_without_addresses_is_unknown() -> None:
    visit, findings = await visited(1, resolver())
    assert [finding.code for finding in findings] == [codes.NAME_UNKNOWN]
    assert visit.blocked


async def test_a_resolver_that_does_not_answer_blocks_the_rest() -> None:
    async def hangs(host: str, family: socket.AddressFamily) -> list[str]:
        await asyncio.Event().wait()
        return []

    visit, (finding,) = await visited(1, hangs)
    assert (finding.status, finding.code) == (Status.FAIL, codes.NAME_UNKNOWN)
    assert "not resolved within 1 s" in finding.title
    assert visit.blocked


async def test_nobody_listens_on_a_host_elsewhere() -> None:
    _, findings = await visited(free_port(), resolver("127.0.0.1", "::1"))
    assert findings[-1].title.startswith("Nobody answers on port")
    assert "refused" in findings[-1].evidence


async def test_the_systems_resolver_knows_this_machine_and_no_nonsense() -> None:
    assert "127.0.0.1" in await resolve("localhost", socket.AF_INET)
    assert await resolve("no.such.name.invalid", socket.AF_INET) == []
    assert await resolve("x" * 64 + ".example", socket.AF_INET) == []


@pytest.mark.parametrize(
    ("host", "is_it"),
    [("localhost", True), ("127.0.0.1", True), ("0.0.0.0", True), ("::1", True), ("10.0.0.1", False), (NAME, False)],
)
def test_this_machine_itself_is_known(host: str, is_it: bool) -> None:
    assert is_loopback(host) is is_it


@pytest.mark.parametrize(("port", "first"), [("9000", 9000), ("0", 8080), ("$PORT", 8080), ("70000", 8080)])
def test_the_port_of_the_platform_is_looked_at_first(port: str, first: int) -> None:
    assert surroundings({"PORT": port}).ports[0] == first
    assert surroundings({"RAILWAY_PROJECT_ID": "x"}).is_on_railway

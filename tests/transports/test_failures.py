"""Who is refused again and again is answered shortly; who is right is not counted."""

import pytest

from reverb_py.hub import facts
from reverb_py.settings import Settings
from reverb_py.transports.failures import ADDRESSES, WINDOW, Failures
from tests.fakes import Clock
from tests.transports.in_process import Http, publish, request, running, signed


def test_the_limit_counts_for_each_address_in_its_window() -> None:
    clock = Clock()
    failures = Failures(2, clock)
    assert [failures.is_one_too_many("a") for _ in range(4)] == [False, False, True, True]
    assert not failures.is_one_too_many("b")
    clock.now += WINDOW
    assert not failures.is_one_too_many("a")


@pytest.mark.parametrize(
    ("first", "second", "are_one"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("203.0.113.7", "203.0.113.8", False),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.8", False),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "", True),
        ("unknown", "", False),
    ],
)
def test_whoever_has_an_ipv6_network_is_one(first: str, second: str, are_one: bool) -> None:
    failures = Failures(1, Clock())
    assert not failures.is_one_too_many(first)
    assert failures.is_one_too_many(second) is are_one


def test_without_a_limit_nothing_is_too_many() -> None:
    failures = Failures(0, Clock())
    assert not any(failures.is_one_too_many("a") for _ in range(1_000))


def test_only_so_many_addresses_are_remembered_the_newest_ones() -> None:
    failures = Failures(1, Clock())
    for number in range(ADDRESSES + 1):
        failures.is_one_too_many(str(number))
    assert not failures.is_one_too_many("0")
    assert failures.is_one_too_many(str(ADDRESSES))


async def test_a_flood_of_wrong_keys_is_cut_short_and_right_ones_still_come_in() -> None:
    async with running() as server:
        server.endpoint.failures = Failures(3, server.node.clock)
        for _ in range(3):
            async with server.target.open(path="/app/wrong") as client:
                assert (await client.frame())["data"]["code"] == 4001
        async with server.target.open(path="/app/wrong") as client:
            assert client.answer.status == 429
            assert client.answer.headers["retry-after"] == "60"
        async with server.target.client() as client:
            await client.subscribed("a")


@pytest.mark.parametrize("draining", [True, False])
async def test_a_refusal_for_the_servers_own_reasons_is_not_counted(draining: bool) -> None:
    async with running() as server:
        server.endpoint.failures = Failures(1, server.node.clock)
        server.node.draining = draining
        server.node.capacity = 1
        async with server.target.open(), server.target.open():
            for _ in range(3):
                async with server.target.open() as client:
                    assert client.answer.status == 101
                    assert (await client.frame())["data"]["code"] == 4100
        server.node.draining = False


# Requests.


WRONG = request("GET", signed("GET", "/channels").replace("auth_signature=", "auth_signature=0"))
UNSIGNED = request("POST", "/apps/1/events", body=b"{}")


async def test_wrong_signatures_are_cut_short_and_right_ones_are_served_from_the_same_address() -> None:
    async with running(settings=Settings(drain=0, max_failures=3)) as server, server.http() as http:
        for sent in (WRONG, UNSIGNED, WRONG):
            answer = await http.send(sent).answer()
            assert (answer.status, b"Authentication signature invalid." in answer.body) == (401, True)
        for sent in (WRONG, UNSIGNED):
            answer = await http.send(sent).answer()
            assert (answer.status, answer.headers["retry-after"]) == (429, "60")
            assert answer.body.startswith(b"Too many refused requests from 127.0.0.1. [RVB")
            assert b"HmacSHA256Hex" not in answer.body
        for sent in (publish(), publish("news", "Expect: nothing"), request("GET", signed("GET", "/channels"))):
            assert (await http.send(sent).answer()).status == 200
        assert [fact.status for fact in server.told(facts.RequestRefused)] == [401, 401, 401, 429, 429]


async def test_what_is_refused_for_another_reason_is_not_counted() -> None:
    changed = publish("news").replace(b'"name":"ev"', b'"name":"EV"')  # rightly signed: its publisher has the secret
    unknown = request("GET", "/apps/2/channels")
    wrong = request("POST", signed("POST", "/events", b"{}"), body=b"{}")
    async with running(settings=Settings(drain=0, max_failures=1)) as server, server.http() as http:
        for sent, status in [(changed, 401), (unknown, 404), (wrong, 422)] * 2:
            assert (await http.send(sent).answer()).status == status
        assert [(await http.send(WRONG).answer()).status for _ in range(2)] == [401, 429]


def forwarded(*addresses: str) -> list[str]:
    return [f"X-Forwarded-For: {address}" for address in addresses]


@pytest.mark.parametrize(
    ("trusted", "first", "second", "status"),
    [
        ("127.0.0.1", forwarded("203.0.113.7"), forwarded("203.0.113.8"), 401),
        ("127.0.0.1", forwarded("203.0.113.7"), forwarded("203.0.113.7"), 429),
        ("127.0.0.1", ["X-Real-IP: 203.0.113.7"], ["X-Real-IP: 203.0.113.8"], 401),
        ("127.0.0.1", forwarded("192.0.2.1", "203.0.113.7"), forwarded("192.0.2.2", "203.0.113.7"), 429),
        ("198.51.100.1", forwarded("203.0.113.7"), forwarded("203.0.113.8"), 429),
    ],
    ids=["two clients", "one client", "Railway's header", "the last hop of two lines", "no proxy of ours"],
)
async def test_the_address_is_that_of_the_client_as_in_handshakes(
    trusted: str, first: list[str], second: list[str], status: int
) -> None:
    settings = Settings(drain=0, max_failures=1, trusted_proxies=(trusted,))
    async with running(settings=settings) as server, server.http() as http:
        assert await refused_with(http, first) == 401
        assert await refused_with(http, second) == status


async def refused_with(http: Http, lines: list[str]) -> int:
    return (await http.send(request("GET", "/apps/1/channels", *lines)).answer()).status

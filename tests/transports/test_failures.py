"""Who is refused again and again is answered shortly; who is right is not counted."""

import pytest

from reverb_py.transports.failures import ADDRESSES, WINDOW, Failures
from tests.fakes import Clock
from tests.transports.in_process import running


def test_the_limit_counts_for_each_address_in_its_window() -> None:
    clock = Clock()
    failures = Failures(2, clock)
    assert [failures.is_one_too_many("a") for _ in range(4)] == [False, False, True, True]
    assert not failures.is_one_too_many("b")
    clock.now += WINDOW
    assert not failures.is_one_too_many("a")


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

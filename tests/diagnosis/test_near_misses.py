"""Near misses: what they find, in which order, and that they are fast where there are many channels."""

from time import perf_counter

import pytest

from reverb_py.codes import NAME_DIFFERS, PREFIX_DIFFERS, Code
from reverb_py.diagnosis.near_misses import COMPARED, NearMiss, near_misses

DRIVER = "customer.100.driver-location"
UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.mark.parametrize(
    ("channel", "occupied", "code", "why"),
    [
        (DRIVER, f"private-{DRIVER}", PREFIX_DIFFERS, "the prefix private- is missing"),
        (f"private-private-{DRIVER}", f"private-{DRIVER}", PREFIX_DIFFERS, "the prefix private- is doubled"),
        (f"private-{DRIVER}", DRIVER, PREFIX_DIFFERS, "the prefix private- is too much"),
        (f"private-{DRIVER}", f"presence-{DRIVER}", PREFIX_DIFFERS, "its prefix is presence- instead of private-"),
        (DRIVER, f"private-private-{DRIVER}", PREFIX_DIFFERS, "the prefix private-private- is missing"),
        (f"private-{DRIVER}", f"private-encrypted-{DRIVER}", PREFIX_DIFFERS, "its prefix is private-encrypted-"),
        ("private-customer.100.x", "private-customer.7.x", NAME_DIFFERS, "it has 7 where this one has 100"),
        ("private-customer.100", f"private-customer.{UUID}", NAME_DIFFERS, f"it has {UUID} where this one has 100"),
        ("customer.100.x", "private-customer.7.x", NAME_DIFFERS, "7 where this one has 100, and another prefix"),
        ("private-customer..x", "private-customer.7.x", NAME_DIFFERS, "it has 7 where this one has nothing"),
        ("private-customer.null.x", "private-customer.7.x", NAME_DIFFERS, "it has 7 where this one has null"),
        ("private-Customer.100", "private-customer.100", NAME_DIFFERS, "capital letters differ"),
        ("private-custmer.100", "private-customer.100", NAME_DIFFERS, "1 letter off"),
        ("private-cusotmer.100", "private-customer.100", NAME_DIFFERS, "2 letters off"),
        ("private-orders", "private-order", NAME_DIFFERS, "1 letter off"),
    ],
)
def test_a_channel_that_may_be_meant_is_named_with_what_differs(
    channel: str, occupied: str, code: Code, why: str
) -> None:
    (miss,) = near_misses(channel, {occupied})
    assert (miss.channel, miss.code) == (occupied, code)
    assert why in miss.why


@pytest.mark.parametrize(
    ("channel", "occupied"),
    [
        (DRIVER, DRIVER),
        (DRIVER, "private-customer.100.orders"),
        ("private-a", "private-b.7"),
        ("private-abcdefgh", "private-abxyzfgh"),
        ("ab", "cd"),
        ("", "private-a"),
        ("private-", "private-a"),
        ("private-x", "private-"),
    ],
)
def test_what_looks_otherwise_is_no_near_miss(channel: str, occupied: str) -> None:
    assert near_misses(channel, {occupied}) == []


def test_the_prefix_comes_first_and_there_are_at_most_as_many_as_asked_for() -> None:
    names = [f"private-customer.{number}.x" for number in range(90, 110)]
    found = near_misses("customer.100.x", names)
    assert found[0] == NearMiss("private-customer.100.x", PREFIX_DIFFERS, "the prefix private- is missing")
    assert len(found) == 3
    assert len(near_misses("customer.100.x", names, limit=1)) == 1


def test_a_mistyped_word_is_found_among_thousands_of_other_ids() -> None:
    names = {f"private-customer.{number}.driver-location": 1 for number in range(1000, 11_000)}
    (miss,) = near_misses("private-custmer.10500.driver-location", names)
    assert miss == NearMiss("private-customer.10500.driver-location", NAME_DIFFERS, "1 letter off")


@pytest.mark.parametrize(
    "names",
    [
        {f"private-customer.{number}.driver-location": 1 for number in range(10_000)},
        {f"private-customer-{'abcdefghij'[number % 10]}{number}x.driver-location": 1 for number in range(10_000)},
        [f"private-room-{number}" for number in range(10_000)],
    ],
    ids=["same pattern", "hardly different", "others"],
)
@pytest.mark.parametrize("channel", ["customer.100.driver-location", "private-custmer-a10x.driver-locatoin", "x" * 200])
def test_ten_thousand_channels_take_milliseconds(channel: str, names: dict[str, int] | list[str]) -> None:
    def once() -> float:
        started = perf_counter()
        near_misses(channel, names)
        return perf_counter() - started

    assert min(once() for _ in range(5)) < 0.05  # some 5 ms; a busy machine is no reason to fail
    assert COMPARED < 10_000

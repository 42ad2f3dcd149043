"""Two limits: so many a second with as many at once, and Reverb's fixed window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverb_py.hub.app import RateLimit
from reverb_py.hub.rate import Bucket, Window

STEPS = st.lists(st.floats(0, 3, allow_nan=False), min_size=1, max_size=60)


def test_a_bucket_allows_as_many_at_once_as_in_a_second() -> None:
    bucket = Bucket(10, now=5.0)
    assert [bucket.take(5.0) for _ in range(11)] == [True] * 10 + [False]


def test_a_bucket_fills_up_with_time_and_no_further() -> None:
    bucket = Bucket(10, now=0.0)
    assert all(bucket.take(0.0) for _ in range(10))
    assert [bucket.take(0.25) for _ in range(3)] == [True, True, False]
    assert [bucket.take(100.0) for _ in range(11)] == [True] * 10 + [False]


def test_what_a_bucket_refuses_costs_nothing() -> None:
    bucket = Bucket(1, now=0.0)
    assert bucket.take(0.0)
    assert not any(bucket.take(0.5) for _ in range(100))
    assert bucket.take(1.0)


@given(st.integers(1, 20), STEPS)
def test_a_bucket_never_allows_more_than_its_rate_and_one_burst(rate: int, steps: list[float]) -> None:
    bucket, now, taken = Bucket(rate, now=0.0), 0.0, 0
    for step in steps:
        now += step
        taken += bucket.take(now)
        assert taken <= rate + rate * now + 1e-6


@pytest.mark.parametrize(("attempts", "decay"), [(1, 1.0), (3, 60.0)])
def test_a_window_allows_its_first_messages_and_refuses_the_rest_until_it_ends(attempts: int, decay: float) -> None:
    window = Window(RateLimit(attempts, decay))
    opened = 1_000.0
    assert [window.take(opened) for _ in range(attempts + 1)] == [True] * attempts + [False]
    assert not window.take(opened + decay - 0.01)
    assert [window.take(opened + decay) for _ in range(attempts + 1)] == [True] * attempts + [False]


def test_a_window_opens_with_its_first_message_and_refusals_do_not_extend_it() -> None:
    window = Window(RateLimit(1, 10))
    assert window.take(7.0)
    assert not any(window.take(7.0 + second) for second in range(10))
    assert window.take(17.0)


@given(st.integers(1, 5), STEPS)
def test_no_window_holds_more_than_its_attempts(attempts: int, steps: list[float]) -> None:
    window, now, taken = Window(RateLimit(attempts, 5)), 0.0, list[float]()
    for step in steps:
        now += step
        if window.take(now):
            taken.append(now)
    # A fixed window lets through two bursts around its border, and never more within one length.
    assert all(taken[n + 2 * attempts] - taken[n] >= 5 for n in range(len(taken) - 2 * attempts))

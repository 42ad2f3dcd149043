"""Who is silent is pinged once; who does not answer is closed; everybody else is left alone."""

from dataclasses import replace

import pytest

from reverb_py.hub.connection import Connection
from reverb_py.hub.liveness import overdue
from tests.fakes import APP

NOW = 1_000.0
APP_60_30 = replace(APP, ping_interval=60, pong_timeout=30)


def connection(silent: float, pinged: float | None = None) -> Connection:
    """One that was last heard `silent` seconds ago, and pinged `pinged` seconds ago."""
    made = Connection(APP_60_30, "1.2", write=print, close=print)
    made.last_seen, made.pinged_at = NOW - silent, 0.0 if pinged is None else NOW - pinged
    return made


@pytest.mark.parametrize(
    ("silent", "pinged", "judgement"),
    [
        (0, None, "well"),
        (59.9, None, "well"),
        (60, None, "ping"),
        (1_000, None, "ping"),
        (60, 0, "well"),
        (89.9, 29.9, "well"),
        (90, 30, "close"),
        (1_000, 29.9, "well"),  # this process stood still: the ping went out late, its answer may come
        (1_000, 940, "close"),
    ],
)
def test_silence_is_judged_by_its_length_and_by_the_time_since_the_ping(
    silent: float, pinged: float | None, judgement: str
) -> None:
    one = connection(silent, pinged)
    expected = {"well": ([], []), "ping": ([one], []), "close": ([], [one])}
    assert overdue([one], NOW) == expected[judgement]


def test_each_connection_is_judged_by_its_own_app() -> None:
    hasty = Connection(replace(APP, ping_interval=1), "1.2", write=print, close=print)
    hasty.last_seen = NOW - 1
    assert overdue([connection(1), hasty], NOW) == ([hasty], [])


def test_a_connection_without_a_subscription_is_judged_like_any_other() -> None:
    subscribed, idle = connection(90, 30), connection(90, 30)
    subscribed.channels["a"] = None
    assert overdue([subscribed, idle], NOW) == ([], [subscribed, idle])


def test_nothing_is_changed() -> None:
    one = connection(100)
    overdue([one], NOW)
    assert (one.pinged_at, one.last_seen) == (0.0, NOW - 100)

"""Who is silent is pinged once; who does not answer is closed; everybody else is left alone."""

from dataclasses import replace

import pytest

from reverb_py.hub.connection import Connection
from reverb_py.hub.liveness import overdue
from tests.fakes import APP

NOW = 1_000.0
APP_60_30 = replace(APP, ping_interval=60, pong_timeout=30)


def connection(silent: float, *, pinged: bool = False) -> Connection:
    made = Connection(APP_60_30, "1.2", write=print, close=print)
    made.last_seen, made.pinged = NOW - silent, pinged
    return made


@pytest.mark.parametrize(
    ("silent", "pinged", "judgement"),
    [
        (0, False, "well"),
        (59.9, False, "well"),
        (60, False, "ping"),
        (1_000, False, "ping"),
        (60, True, "well"),
        (89.9, True, "well"),
        (90, True, "close"),
        (1_000, True, "close"),
    ],
)
def test_silence_is_judged_by_its_length_and_by_whether_a_ping_is_out(
    silent: float, pinged: bool, judgement: str
) -> None:
    one = connection(silent, pinged=pinged)
    expected = {"well": ([], []), "ping": ([one], []), "close": ([], [one])}
    assert overdue([one], NOW) == expected[judgement]


def test_each_connection_is_judged_by_its_own_app() -> None:
    hasty = Connection(replace(APP, ping_interval=1), "1.2", write=print, close=print)
    hasty.last_seen = NOW - 1
    assert overdue([connection(1), hasty], NOW) == ([hasty], [])


def test_a_connection_without_a_subscription_is_judged_like_any_other() -> None:
    subscribed, idle = connection(90, pinged=True), connection(90, pinged=True)
    subscribed.channels["a"] = None
    assert overdue([subscribed, idle], NOW) == ([], [subscribed, idle])


def test_nothing_is_changed() -> None:
    one = connection(100)
    overdue([one], NOW)
    assert (one.pinged, one.last_seen) == (False, NOW - 100)

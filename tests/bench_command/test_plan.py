"""Who publishes what and when, and what an event looks like."""

import json

import pytest

from reverb_py.bench.plan import MOST_PUBLISHERS, SMALLEST_PAYLOAD
from tests.bench_command.plans import plan


@pytest.mark.parametrize(
    ("channels", "rate", "duration", "events"),
    [(1, 10.0, 1.0, 10), (3, 10.0, 1.0, 10), (10, 3.0, 1.0, 3), (100, 50.0, 10.0, 500), (2, 0.1, 1.0, 1)],
)
def test_every_event_has_one_publisher_and_its_moment(channels: int, rate: float, duration: float, events: int) -> None:
    what = plan(channels=channels, connections=channels, rate=rate, duration=duration)
    schedules = [list(what.schedule(publisher)) for publisher in range(what.publishers)]
    everything = sorted((moment, channel) for schedule in schedules for channel, moment in schedule)
    assert everything == [(number / rate, number % channels) for number in range(events)]
    assert what.events == events


def test_a_channel_has_one_publisher_who_keeps_its_order() -> None:
    what = plan(channels=100, connections=100, rate=500.0)
    assert what.publishers == MOST_PUBLISHERS
    publishers: dict[int, set[int]] = {}
    for publisher in range(what.publishers):
        schedule = list(what.schedule(publisher))
        assert [moment for _, moment in schedule] == sorted(moment for _, moment in schedule)
        for channel, _ in schedule:
            publishers.setdefault(channel, set()).add(publisher)
    assert len(publishers) == 100
    assert all(len(those) == 1 for those in publishers.values())


@pytest.mark.parametrize("payload", [SMALLEST_PAYLOAD, 200, 10_000])
@pytest.mark.parametrize(("number", "at"), [(0, 0.0), (9_999_999_999, 999_999_999.123456)])
def test_data_has_exactly_the_size_that_was_asked_for(payload: int, number: int, at: float) -> None:
    body = json.loads(plan(payload=payload).body(1, number, at))
    data = json.loads(body["data"])
    assert (data["n"], data["at"]) == (number, at)
    assert len(body["data"]) == payload
    assert (body["name"], body["channels"]) == ("bench", ["bench-5eed-1"])


@pytest.mark.parametrize(("private", "name"), [(False, "bench-5eed-1"), (True, "private-bench-5eed-1")])
def test_channels_carry_the_name_of_the_run(private: bool, name: str) -> None:
    assert plan(private=private).channel(1) == name


def test_a_plan_does_not_show_the_secret() -> None:
    assert "secret-of-bench" not in repr(plan())

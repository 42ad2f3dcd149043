"""What is counted for the copies of one listener, as numbers arrive."""

import pytest

from reverb_py.bench.tally import MOST_TEXTS, Channel, Latencies, Listener, Tally, Texts


def counted(numbers: list[int], sent: int, unsure: tuple[int, ...] = ()) -> dict[str, int]:
    """The counts other than 0, when these numbers of `sent` publishes arrive."""
    channel = Channel()
    for _ in range(sent):
        channel.unsure.remove(channel.begin())
    channel.unsure.update(unsure)
    tally = Tally([channel])
    tally.listeners.append(Listener(tally, channel))
    for number in numbers:
        tally.listeners[0].receive(number, 0.001)
    names = ("delivered", "lost", "duplicates", "disordered")
    return {name: getattr(tally, name) for name in names if getattr(tally, name)}


@pytest.mark.parametrize(
    ("numbers", "unsure", "counts"),
    [
        ([0, 1, 2, 3], (), {"delivered": 4}),
        ([], (), {"lost": 4}),
        ([0, 1, 3], (), {"delivered": 3, "lost": 1}),
        ([0, 1, 2], (), {"delivered": 3, "lost": 1}),
        ([3], (), {"delivered": 1, "lost": 3}),
        ([0, 2, 1, 3], (), {"delivered": 4, "disordered": 1}),
        ([3, 2, 1, 0], (), {"delivered": 4, "disordered": 3}),
        ([0, 1, 1, 2, 3], (), {"delivered": 4, "duplicates": 1}),
        ([0, 2, 1, 1, 2, 3], (), {"delivered": 4, "disordered": 1, "duplicates": 2}),
        ([0, 1, 3], (2,), {"delivered": 3}),  # refused, and rightly not delivered
        ([0, 1], (2, 3), {"delivered": 2}),
        ([0, 1, 2, 3], (2,), {"delivered": 4}),  # not answered, and delivered all the same
        ([0, 1, 2, 3, 4, -1, 10**12], (), {"delivered": 4}),  # numbers that nobody sent
    ],
)
def test_copies_are_counted_as_what_they_are(
    numbers: list[int], unsure: tuple[int, ...], counts: dict[str, int]
) -> None:
    assert counted(numbers, sent=4, unsure=unsure) == counts


def test_a_publish_that_is_not_answered_yet_is_not_lost() -> None:
    channel = Channel()
    tally = Tally([channel])
    tally.listeners.append(Listener(tally, channel))
    number = channel.begin()
    assert tally.lost == 0
    channel.unsure.remove(number)
    assert tally.lost == 1


def test_nothing_is_awaited_for_a_listener_that_was_closed() -> None:
    channel = Channel()
    tally = Tally([channel])
    tally.listeners.append(Listener(tally, channel, is_open=False))
    channel.unsure.remove(channel.begin())
    assert (tally.lost, tally.outstanding) == (1, 0)


@pytest.mark.parametrize(("share", "milliseconds"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100)])
def test_percentiles_are_right_to_one_percent(share: float, milliseconds: float) -> None:
    latencies = Latencies()
    for number in range(100, 0, -1):
        latencies.add(number / 1000)
    assert latencies.percentile(share) == pytest.approx(milliseconds / 1000, rel=0.01)
    assert latencies.max == 0.1


def test_no_percentile_is_above_the_largest_latency() -> None:
    latencies = Latencies()
    latencies.add(0.001)
    assert latencies.percentile(0.5) == pytest.approx(0.001, rel=0.01)
    assert (latencies.percentile(0.5) or 1) <= latencies.max


def test_without_copies_there_is_no_percentile() -> None:
    assert Latencies().percentile(0.5) is None


def test_texts_that_never_repeat_are_counted_and_not_kept() -> None:
    texts = Texts()
    for number in range(1000):
        texts.add(f"refused, request {number}")
    texts.add("refused, request 0")
    assert (texts.count, len(texts.by_text), texts.by_text["refused, request 0"]) == (1001, MOST_TEXTS, 2)

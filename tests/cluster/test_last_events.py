"""The last event of a channel is kept for its time, within so many bytes, the least recently used out first."""

from hypothesis import given
from hypothesis import strategies as st

from reverb_py.cluster.last_events import ENTRY, LastEvent, LastEvents


def event(payload: bytes = b"{}", sequence: int = 1, expires: float = 100.0) -> LastEvent:
    return LastEvent(payload, sequence, expires)


def room_for(entries: int, size: int = 10) -> LastEvents:
    """A store for so many events of `size` bytes."""
    return LastEvents(entries * (size + ENTRY))


def test_the_last_event_of_a_channel_replaces_the_one_before() -> None:
    events = room_for(5)
    events.put("3", "cache-a", event(b"1"))
    events.put("3", "cache-a", event(b"2"))
    assert events.get("3", "cache-a", 0.0) == event(b"2")
    assert (len(events), events.bytes) == (1, 1 + ENTRY)


def test_apps_and_channels_are_apart() -> None:
    events = room_for(5)
    events.put("3", "cache-a", event(b"1"))
    events.put("4", "cache-a", event(b"2"))
    assert events.get("3", "cache-a", 0.0) == event(b"1")
    assert events.get("4", "cache-a", 0.0) == event(b"2")
    assert events.get("3", "cache-b", 0.0) is None


def test_an_event_is_gone_at_the_time_it_expires() -> None:
    events = room_for(5)
    events.put("3", "cache-a", event(expires=100.0))
    assert events.get("3", "cache-a", 99.9) is not None
    assert events.get("3", "cache-a", 100.0) is None
    assert (len(events), events.bytes) == (0, 0)


def test_to_read_an_event_does_not_make_it_last_longer() -> None:
    events = room_for(5)
    events.put("3", "cache-a", event(expires=100.0))
    for now in range(100):
        assert events.get("3", "cache-a", float(now)) is not None
    assert events.get("3", "cache-a", 100.0) is None


def test_the_least_recently_used_makes_room() -> None:
    events = room_for(3)
    for name in "abc":
        events.put("3", name, event(b"x" * 10))
    assert events.get("3", "a", 0.0) is not None
    events.put("3", "d", event(b"x" * 10))
    assert [name for name in "abcd" if events.get("3", name, 0.0)] == ["a", "c", "d"]


def test_an_event_larger_than_the_whole_store_is_not_kept_and_costs_no_other_its_place() -> None:
    events = room_for(3)
    for name in "abc":
        events.put("3", name, event(b"x" * 10))
    events.put("3", "b", event(b"x" * events.max_bytes))
    assert [name for name in "abc" if events.get("3", name, 0.0)] == ["a", "c"]


def test_an_event_may_fill_the_whole_store() -> None:
    events = room_for(1)
    events.put("3", "cache-a", event(b"x" * 10))
    assert events.get("3", "cache-a", 0.0) is not None
    assert events.bytes == events.max_bytes


def test_a_store_without_bytes_keeps_nothing() -> None:
    events = LastEvents(0)
    events.put("3", "cache-a", event(b""))
    assert (len(events), events.bytes) == (0, 0)


def test_what_is_not_there_may_be_forgotten() -> None:
    events = room_for(5)
    events.forget("3", "cache-a")
    assert (len(events), events.bytes) == (0, 0)


NAMES = st.sampled_from("abcdef")


@given(st.lists(st.tuples(NAMES, st.integers(0, 900), st.floats(0, 10)), max_size=40), st.integers(0, 3_000))
def test_the_bytes_are_counted_and_bounded(puts: list[tuple[str, int, float]], max_bytes: int) -> None:
    events = LastEvents(max_bytes)
    for now, (name, size, expires) in enumerate(puts):
        events.put("3", name, event(b"x" * size, expires=expires))
        events.get("3", name, float(now % 10))
        assert events.bytes <= max_bytes
        assert events.bytes == sum(len(kept.payload) + ENTRY for kept in events._events.values())

"""All connections together may not be behind without end."""

from dataclasses import dataclass, field

from reverb_py.transports.backlog import Backlog


@dataclass(eq=False)
class Slow:
    """A connection with unsent bytes, and what it was told."""

    unsent: int = 0
    reasons: list[str] = field(default_factory=list)

    def drop(self, reason: str) -> None:
        self.unsent = 0
        self.reasons.append(reason)


def behind(backlog: Backlog, *sizes: int) -> list[Slow]:
    readers = [Slow() for _ in sizes]
    for reader, size in zip(readers, sizes, strict=True):
        reader.unsent += size
        backlog.add(reader, size)
    return readers


def test_up_to_the_limit_nobody_is_dropped() -> None:
    assert not any(reader.reasons for reader in behind(Backlog(100), 60, 40))


def test_the_furthest_behind_are_dropped_until_there_is_room_again() -> None:
    small, large, larger, last = behind(Backlog(100), 10, 40, 45, 8)
    assert larger.reasons == ["Too slow: 45 bytes behind, while this server had too much unsent"]
    assert small.reasons == large.reasons == last.reasons == []


def test_bytes_that_were_sent_meanwhile_do_not_count() -> None:
    backlog = Backlog(100)
    (first,) = behind(backlog, 90)
    first.unsent = 0
    (second,) = behind(backlog, 90)
    assert first.reasons == second.reasons == []


def test_who_went_away_does_not_count() -> None:
    backlog = Backlog(100)
    (first,) = behind(backlog, 90)
    backlog.discard(first)
    (second,) = behind(backlog, 90)
    assert second.reasons == []


def test_near_the_limit_not_every_byte_is_a_reason_to_look_at_everybody() -> None:
    looks = 0

    class Counting(Slow):
        @property
        def unsent(self) -> int:
            nonlocal looks
            looks += 1
            return 99_990

        @unsent.setter
        def unsent(self, value: int) -> None: ...

    backlog = Backlog(100_000)
    reader = Counting()
    for _ in range(2_000):
        backlog.add(reader, 100)
    assert 0 < looks <= 200


def test_without_a_limit_nobody_is_dropped() -> None:
    assert not any(reader.reasons for reader in behind(Backlog(0), 1 << 40))

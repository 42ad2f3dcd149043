"""What one turn of the loop produces for a connection leaves it at the end of that turn, once."""

import asyncio

from reverb_py.transports.turn import Turn


class Box:
    """Something with output. `flushes` are what it had each time; `then` is marked during its flush."""

    def __init__(self, turn: Turn, then: "Box | None" = None) -> None:
        self._turn = turn
        self._then = then
        self._pending: list[str] = []
        self.flushes: list[list[str]] = []
        self.fails = self.aborted = False

    def put(self, item: str) -> None:
        if not self._pending:
            self._turn.mark(self)
        self._pending.append(item)

    def abort(self) -> None:
        self.aborted = True

    def flush(self) -> None:
        if self.fails:
            raise MemoryError
        taken, self._pending = self._pending, []
        self.flushes.append(taken)
        if self._then is not None:
            self._then.put("then")


async def test_everything_of_a_turn_is_flushed_once_at_its_end() -> None:
    turn = Turn(asyncio.get_running_loop())
    box, other = Box(turn), Box(turn)
    for item in "abc":
        box.put(item)
    other.put("d")
    assert (box.flushes, other.flushes) == ([], [])
    await asyncio.sleep(0)
    assert (box.flushes, other.flushes) == ([["a", "b", "c"]], [["d"]])


async def test_one_that_fails_is_aborted_and_the_others_are_flushed() -> None:
    turn = Turn(asyncio.get_running_loop())
    boxes = [Box(turn) for _ in range(3)]
    boxes[0].fails = True
    for box in boxes:
        box.put("a")
    await asyncio.sleep(0)
    assert [box.aborted for box in boxes] == [True, False, False]
    assert [box.flushes for box in boxes] == [[], [["a"]], [["a"]]]


async def test_the_next_turn_has_a_flush_of_its_own() -> None:
    turn = Turn(asyncio.get_running_loop())
    box = Box(turn)
    for item in "ab":
        box.put(item)
        await asyncio.sleep(0)
    assert box.flushes == [["a"], ["b"]]


async def test_what_a_flush_produces_waits_for_the_next_turn() -> None:
    """A connection whose close tells others, in the middle of the walk."""
    turn = Turn(asyncio.get_running_loop())
    last = Box(turn)
    first = Box(turn, then=last)
    first.put("a")
    last.put("b")
    await asyncio.sleep(0)
    assert last.flushes in ([["b"]], [["then", "b"]], [["b", "then"]])
    await asyncio.sleep(0)
    assert [item for flush in last.flushes for item in flush] == ["b", "then"]


async def test_an_idle_turn_does_nothing() -> None:
    turn = Turn(asyncio.get_running_loop())
    box = Box(turn)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert box.flushes == []

"""The last event of each cache channel, bounded in bytes. It outlives the channel's subscribers (pp 3.7)."""

from collections import OrderedDict
from dataclasses import dataclass

ENTRY = 400  # bytes that an entry costs beside its payload: keys, tuple, dataclass, dict slot (measured, CPython 3.11)


@dataclass(frozen=True, slots=True)
class LastEvent:
    """A payload (the JSON of the whole message) with its sequence number and the time at which it expires."""

    payload: bytes
    sequence: int
    expires: float


class LastEvents:
    """(app id, channel) -> its last event; the least recently used are dropped when the bytes run out."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self._events: OrderedDict[tuple[str, str], LastEvent] = OrderedDict()

    def put(self, app_id: str, channel: str, event: LastEvent) -> None:
        """Replace the channel's event. One that is larger than the whole store is not kept."""
        self.forget(app_id, channel)
        size = len(event.payload) + ENTRY
        if size > self.max_bytes:  # or it would drive out all others, and then itself
            return
        # A copy: orjson cuts a payload from a buffer of up to twice its size, whose rest the allocator cannot use
        # again. Without it eight megabytes of events of 9 kB take 48.
        exact = bytes(memoryview(event.payload))
        self._events[app_id, channel] = LastEvent(exact, event.sequence, event.expires)
        self.bytes += size
        while self.bytes > self.max_bytes:
            _, dropped = self._events.popitem(last=False)
            self.bytes -= len(dropped.payload) + ENTRY

    def get(self, app_id: str, channel: str, now: float) -> LastEvent | None:
        event = self._events.get((app_id, channel))
        if event is None:
            return None
        if event.expires <= now:
            self.forget(app_id, channel)
            return None
        self._events.move_to_end((app_id, channel))
        return event

    def forget(self, app_id: str, channel: str) -> None:
        event = self._events.pop((app_id, channel), None)
        if event is not None:
            self.bytes -= len(event.payload) + ENTRY

    def __len__(self) -> int:
        return len(self._events)

"""Channels that somebody left a moment ago: an event for one of them is not lost by the publisher's fault."""

from collections import OrderedDict
from dataclasses import dataclass

from reverb_py.hub import facts

REMEMBERED = 1_000  # channels
SAME_TURN = 0.05  # seconds; the clock of a loop without uvloop goes on within a turn
FORGOTTEN = 600  # seconds after which it explains nothing any more


@dataclass(slots=True)
class Departure:
    """When a channel's last subscriber left (seconds, the node's clock), and how."""

    at: float
    how: str = "it unsubscribed"


class Departures:
    """The last departure from each vacated channel, the newest ones. Told facts, asked by (app id, channel)."""

    def __init__(self) -> None:
        self._departures: OrderedDict[tuple[str, str], Departure] = OrderedDict()

    def vacated(self, fact: facts.ChannelVacated, now: float) -> None:
        key = fact.app_id, fact.channel
        self._departures.pop(key, None)
        self._departures[key] = Departure(now)
        if len(self._departures) > REMEMBERED:
            self._departures.popitem(last=False)

    def disconnected(self, fact: facts.Disconnected, now: float) -> None:
        """It comes after what it caused, in the same turn: those channels were not left on purpose.

        Only the code is told: the reason is the client's own text.
        """
        for channel in fact.channels[:REMEMBERED]:
            departure = self._departures.get((fact.app_id, channel))
            if departure is not None and now - departure.at < SAME_TURN:
                departure.how = f"its connection closed with {fact.close_code}"

    def last(self, app_id: str, channel: str, now: float) -> Departure | None:
        departure = self._departures.get((app_id, channel))
        return departure if departure is not None and now - departure.at <= FORGOTTEN else None

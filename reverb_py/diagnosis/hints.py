"""Why nobody received an event, asked in the moment in which nobody did. Work and number of answers are bounded."""

from collections.abc import Callable
from itertools import islice

from reverb_py import codes
from reverb_py.diagnosis.departures import Departures
from reverb_py.diagnosis.near_misses import NearMiss, other_prefixes, similar
from reverb_py.hub.facts import Hint, Noticed, Published
from reverb_py.hub.rate import Bucket
from reverb_py.node import Node

NAMES = 50_000  # a second that similar ones are looked for among; some twenty milliseconds
LOOKED_AT = 5  # channels of one event
APPS = 100  # other apps that are asked
SHOWN = 3  # channels that are named
SHORT = 200  # characters of an event's name
SOON = 60  # seconds: who left so lately was probably meant


class Hints:
    """Asks the node and the departures, the surest reason first."""

    def __init__(self, node: Node, departures: Departures) -> None:
        self._node = node
        self._departures = departures
        self._bucket = Bucket(NAMES, node.clock())

    def explain(self, published: Published) -> Hint | None:
        """Return why an event that nobody received met nobody; None when nothing is near."""
        asked: tuple[Callable[[Published, str], Hint | None], ...]
        asked = (self._excluded, self._prefix, self._other_app, self._left, self._similar)
        channels = list(published.received)[:LOOKED_AT]
        hints = (reason(published, channel) for reason in asked for channel in channels)
        return next((hint for hint in hints if hint is not None), None)

    def _excluded(self, published: Published, channel: str) -> Hint | None:
        if channel not in published.left_out:
            return None
        text = f"the only subscriber of {channel} is socket {published.excluded}, which the publisher left out"
        return Hint(codes.SENDER_EXCLUDED, f"{text} (toOthers())", {channel: 1})

    def _prefix(self, published: Published, channel: str) -> Hint | None:
        misses = other_prefixes(channel, self._node.hub.channels(published.app_id))
        return self._near(published, channel, list(islice(misses, SHOWN)))

    def _similar(self, published: Published, channel: str) -> Hint | None:
        names = self._node.hub.channels(published.app_id)
        if not names or not self._bucket.take(self._node.clock(), len(names)):
            return None
        return self._near(published, channel, similar(channel, names, SHOWN)[:SHOWN])

    def _near(self, published: Published, channel: str, misses: list[NearMiss]) -> Hint | None:
        near = {miss.channel: self._node.hub.subscribers(published.app_id, miss.channel) for miss in misses}
        if not near:
            return None
        shown = ", ".join(f"{count} on {name}" for name, count in near.items())
        # Another customer who listens is no sign of a fault: that this one does not is most likely true.
        is_likely = not misses[0].why.startswith("it has ")
        return Hint(misses[0].code, f"nobody on {channel}; {shown}: {misses[0].why}", near, is_likely)

    def _other_app(self, published: Published, channel: str) -> None:
        """Tell the log, and not the publisher: what another app has is not its affair."""
        others = (app for app in islice(self._node.apps, APPS) if app.id != published.app_id)
        found = next((app for app in others if self._node.hub.subscribers(app.id, channel)), None)
        if found is not None:
            count = self._node.hub.subscribers(found.id, channel)
            what = f"Nobody received {published.event}: {channel} has no subscriber in app {published.app_id},"
            key = f"{codes.OTHER_APP} {published.event[:SHORT]} {channel}"
            fact = Noticed(published.app_id, f"{what} {count} in app {found.id}", codes.OTHER_APP, key=key)
            self._node.tell(fact)

    def _left(self, published: Published, channel: str) -> Hint | None:
        now = self._node.clock()
        departure = self._departures.last(published.app_id, channel, now)
        if departure is None:
            return None
        ago = now - departure.at
        text = f"nobody on {channel}; its last subscriber left {ago:.0f} s ago ({departure.how})"
        return Hint(codes.SUBSCRIBER_LEFT, text, is_likely=ago <= SOON)

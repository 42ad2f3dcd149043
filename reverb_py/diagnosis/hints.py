"""Why nobody received an event, asked in the moment in which nobody did. Work and number of answers are bounded."""

from collections.abc import Callable

from reverb_py import codes
from reverb_py.diagnosis.departures import Departures
from reverb_py.diagnosis.near_misses import near_misses
from reverb_py.hub.facts import Hint, Published
from reverb_py.hub.rate import Bucket
from reverb_py.node import Node

A_SECOND = 20  # searches; each may look at thousands of names, some milliseconds
LOOKED_AT = 5  # channels of one event
APPS = 100  # other apps that are asked
SOON = 60  # seconds: who left so lately was probably meant


class Hints:
    """Asks the node and the departures, the surest reason first."""

    def __init__(self, node: Node, departures: Departures) -> None:
        self._node = node
        self._departures = departures
        self._bucket = Bucket(A_SECOND, node.clock())

    def explain(self, published: Published) -> Hint | None:
        """Return why an event that nobody received met nobody; None when nothing is near, or too much was asked."""
        if not self._bucket.take(self._node.clock()):
            return None
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
        return self._near(published, channel, codes.PREFIX_DIFFERS)

    def _similar(self, published: Published, channel: str) -> Hint | None:
        return self._near(published, channel, codes.NAME_DIFFERS)

    def _near(self, published: Published, channel: str, code: codes.Code) -> Hint | None:
        hub, app_id = self._node.hub, published.app_id
        misses = [miss for miss in near_misses(channel, hub.channels(app_id)) if miss.code is code]
        near = {miss.channel: hub.subscribers(app_id, miss.channel) for miss in misses}
        if not near:
            return None
        shown = ", ".join(f"{count} on {name}" for name, count in near.items())
        # Another customer who listens is no sign of a fault: that this one does not is most likely true.
        is_likely = not misses[0].why.startswith("it has ")
        return Hint(code, f"nobody on {channel}; {shown}: {misses[0].why}", near, is_likely=is_likely)

    def _other_app(self, published: Published, channel: str) -> Hint | None:
        others = [app for app, _ in zip(self._node.apps, range(APPS), strict=False) if app.id != published.app_id]
        found = next((app for app in others if self._node.hub.subscribers(app.id, channel)), None)
        if found is None:
            return None
        count = self._node.hub.subscribers(found.id, channel)
        text = f"nobody on {channel} in app {published.app_id}; another app of this server has subscribers on it"
        return Hint(codes.OTHER_APP, text, detail=f" (app {found.id}, {count})")

    def _left(self, published: Published, channel: str) -> Hint | None:
        now = self._node.clock()
        departure = self._departures.last(published.app_id, channel, now)
        if departure is None:
            return None
        ago = now - departure.at
        text = f"nobody on {channel}; its last subscriber left {ago:.0f} s ago ({departure.how})"
        return Hint(codes.SUBSCRIBER_LEFT, text, is_likely=ago <= SOON)

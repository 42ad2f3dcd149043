"""Clients listen, and nobody has ever published: the web service signs, and something else should publish."""

from collections.abc import Callable

from reverb_py import codes
from reverb_py.hub import facts
from reverb_py.node import Node
from reverb_py.protocol.names import needs_authorization

APPS = 1_000  # that are watched


class Silence:
    """Tells once for each app whose guarded channel is occupied for `seconds` without any attempt to publish."""

    def __init__(self, node: Node, seconds: float) -> None:
        """`seconds` of 0: never."""
        self._node = node
        self._seconds = seconds
        self._waiting: dict[str, tuple[float, str]] = {}  # app id -> since when, which channel
        self._heard: set[str] = set()  # apps with an attempt to publish, or told of

    def subscribed(self, fact: facts.Subscribed, now: float) -> None:
        if not self._seconds or fact.app_id in self._heard or fact.app_id in self._waiting:
            return
        if needs_authorization(fact.channel) and len(self._waiting) < APPS:
            self._waiting[fact.app_id] = now, fact.channel

    def heard(self, app_id: str) -> None:
        """Somebody who knows the app's secret published, or tried to."""
        self._heard.add(app_id)
        self._waiting.pop(app_id, None)

    def tick(self, now: float, tell: Callable[[facts.Fact], None]) -> None:
        for app_id, (since, channel) in list(self._waiting.items()):
            if now - since < self._seconds:
                continue
            del self._waiting[app_id]
            if not self._node.hub.subscribers(app_id, channel):  # the next subscription begins again
                continue
            self._heard.add(app_id)
            tell(facts.Noticed(app_id, _text(app_id, channel, now - since), codes.WORKER_DIFFERS))


def _text(app_id: str, channel: str, seconds: float) -> str:
    return (
        f"{channel} has had a subscriber for {seconds:.0f} s, and app {app_id} was not published to since this server "
        "started: authorization works, so that the web service has the right secret, but nothing that publishes "
        "reaches this server. A worker without the variables (RVB111), no worker (RVB110), BROADCAST_CONNECTION=log "
        "(RVB101) or a wrong REVERB_HOST, REVERB_PORT or REVERB_SCHEME (RVB2xx); run reverb-py doctor where events are "
        "published"
    )

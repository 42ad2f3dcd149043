"""Listens for facts on behalf of everything here; a fact that nobody needs costs one lookup."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from reverb_py import codes
from reverb_py.diagnosis.departures import Departures
from reverb_py.diagnosis.hints import Hints
from reverb_py.diagnosis.ledger import LONGEST, Ledger
from reverb_py.diagnosis.report import Json, publishes
from reverb_py.diagnosis.silence import Silence
from reverb_py.hub import facts
from reverb_py.hub.app import App
from reverb_py.node import Node

FULL = 0.8  # of the connections that fit, from which on it is worth a warning
SIGNED = (403, 413, 422)  # statuses of requests whose signature was right
LIBRARY = "pusher-http-"  # how the official libraries call themselves
TOO_SLOW = "Too slow"  # how the reasons begin with which the transport closes slow readers
PUBLISHING = ("/events", "/batch_events")  # how the paths of publishes end


class Observer:
    """Call it with facts, and `tick` once a second. `time` gives Unix seconds."""

    def __init__(self, node: Node, *, size: int, silent_after: float, time: Callable[[], float]) -> None:
        """`size` is how many receipts are kept; `silent_after` seconds without any publish are told, 0: never."""
        self._node = node
        self._time = time
        self._ledger = Ledger(node.id, size)
        self._departures = Departures()
        self._silence = Silence(node, silent_after)
        self.explain = Hints(node, self._departures).explain
        self._listeners: dict[type, Callable[[Any], None]] = {
            facts.Published: self._published,
            facts.RequestRefused: self._request_refused,
            facts.Subscribed: self._subscribed,
            facts.SubscriptionRefused: self._subscription_refused,
            facts.ChannelVacated: self._vacated,
            facts.Disconnected: self._disconnected,
        }

    def __call__(self, fact: facts.Fact) -> None:
        listener = self._listeners.get(type(fact))
        if listener is not None:
            listener(fact)

    def tick(self) -> None:
        node = self._node
        self._silence.tick(node.clock(), node.tell)
        connections = len(node.hub.connections)
        if node.capacity and connections >= FULL * node.capacity:
            what = f"{FULL:.0%} of the {node.capacity} connections that this server takes are in use"
            node.tell(facts.Noticed("", what, codes.SATURATED))

    def report(self, app: App, asked: Mapping[str, str]) -> Json:
        """The answer of `GET /apps/<id>/publishes`; on a server of one app, with what was sent to apps it has not."""
        known = [each.id for each in self._node.apps]
        strangers = self._ledger.strangers(known) if len(known) == 1 else set()
        return publishes(self._ledger, [app.id, *strangers], asked, self._time())

    def _published(self, fact: facts.Published) -> None:
        self._silence.heard(fact.app_id)
        self._ledger.published(fact, self._time())
        if fact.hint is not None and fact.hint.is_likely:
            key = f"{fact.hint.code} {fact.event[:LONGEST]} {', '.join(fact.received)}"
            what = f"Nobody received {fact.event}: {fact.hint.text}"
            self._node.tell(facts.Noticed(fact.app_id, what, fact.hint.code, key=key))
        if "\\" in fact.event:
            what = f"{fact.event} is the name of a PHP class: a client must bind it whole"
            self._node.tell(facts.Noticed(fact.app_id, what, codes.CLASS_NAME, is_warning=False))

    def _request_refused(self, fact: facts.RequestRefused) -> None:
        if fact.path.endswith(PUBLISHING):
            if self._node.apps.by_id(fact.app_id) and (fact.status in SIGNED or LIBRARY in fact.publisher):
                self._silence.heard(fact.app_id)
            self._ledger.refused(self._without_secrets(fact), self._time())

    def _subscribed(self, fact: facts.Subscribed) -> None:
        self._silence.subscribed(fact, self._node.clock())
        missed = self._ledger.subscribed(fact, self._time())
        if missed is not None:
            what = f"{missed.event} was published to {fact.channel} just before anybody had subscribed to it"
            self._node.tell(facts.Noticed(fact.app_id, what, codes.NO_HISTORY, is_warning=False))

    def _subscription_refused(self, fact: facts.SubscriptionRefused) -> None:
        redacted = self._node.redacted
        fact = replace(fact, channel=redacted(fact.channel), reason=redacted(fact.reason))
        self._ledger.subscription_refused(fact, self._time())

    def _without_secrets(self, fact: facts.RequestRefused) -> facts.RequestRefused:
        """What a stranger sent is kept, and shown to whoever asks for receipts."""
        redacted = self._node.redacted
        return replace(
            fact,
            app_id=redacted(fact.app_id),
            path=redacted(fact.path),
            reason=redacted(fact.reason),
            publisher=redacted(fact.publisher),
            event=redacted(fact.event),
            channels=tuple(map(redacted, fact.channels)),
        )

    def _vacated(self, fact: facts.ChannelVacated) -> None:
        self._departures.vacated(fact, self._node.clock())

    def _disconnected(self, fact: facts.Disconnected) -> None:
        self._departures.disconnected(fact, self._node.clock())
        if fact.is_ours and fact.reason.startswith(TOO_SLOW) and fact.channels:
            self._ledger.dropped(fact.app_id, fact.channels)

"""Counts facts, and shows them with the node's state to Prometheus, on a port of its own.

No label is a channel, an event or an address: there is no end of them.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from reverb_py.hub import facts
from reverb_py.node import Node

Labels = tuple[str, ...]


class Metrics(Collector):
    """Call it with facts. What is read is read when it is asked for, on the thread that serves the port."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._opened: Counter[Labels] = Counter()
        self._closed: Counter[Labels] = Counter()
        self._published: Counter[Labels] = Counter()
        self._delivered: Counter[Labels] = Counter()
        self._client_events: Counter[Labels] = Counter()
        self._refused: Counter[Labels] = Counter()
        self._listeners: dict[type, Callable[[Any], None]] = {
            facts.Connected: self._on_connected,
            facts.Disconnected: self._on_disconnected,
            facts.Published: self._on_published,
            facts.RequestRefused: self._on_request_refused,
            facts.ClientEventSent: self._on_client_event,
            facts.SubscriptionRefused: self._on_subscription_refused,
        }

    def __call__(self, fact: facts.Fact) -> None:
        listener = self._listeners.get(type(fact))
        if listener is not None:
            listener(fact)

    def _on_connected(self, fact: facts.Connected) -> None:
        self._opened[(fact.app_id,)] += 1

    def _on_disconnected(self, fact: facts.Disconnected) -> None:
        code = fact.close_code if fact.is_ours or fact.close_code in (1000, 1001, 1006) else 0  # theirs may be any
        self._closed[fact.app_id, str(code or "other")] += 1

    def _on_published(self, fact: facts.Published) -> None:
        received = sum(fact.received.values())
        self._published[fact.app_id, "delivered" if received else "nobody"] += 1
        if not fact.is_elsewhere:
            self._delivered[(fact.app_id,)] += received

    def _on_request_refused(self, fact: facts.RequestRefused) -> None:
        if fact.method == "POST":
            app = fact.app_id if self._node.apps.by_id(fact.app_id) else ""  # a stranger names any
            self._published[app, str(fact.status)] += 1

    def _on_client_event(self, fact: facts.ClientEventSent) -> None:
        self._client_events[(fact.app_id,)] += 1
        self._delivered[(fact.app_id,)] += fact.received

    def _on_subscription_refused(self, fact: facts.SubscriptionRefused) -> None:
        self._refused[fact.app_id, fact.code.id if fact.code else ""] += 1

    def collect(self) -> Iterator[Metric]:
        """Yield everything. Copies are taken: the loop's thread goes on counting."""
        yield from self._state()
        app, outcome = ("app",), ("app", "outcome")
        yield _counter("connections_opened", "Connections that were accepted", app, self._opened)
        yield _counter("connections_closed", "Connections that ended, by close code", ("app", "code"), self._closed)
        yield _counter("publishes", "Publishes: delivered, nobody, or an HTTP status", outcome, self._published)
        yield _counter("deliveries", "Copies of events written to connections of this node", app, self._delivered)
        yield _counter("client_events", "Client events that were passed on", app, self._client_events)
        yield _counter("subscriptions_refused", "Refused subscriptions, by code", ("app", "code"), self._refused)

    def _state(self) -> Iterator[Metric]:
        connections = GaugeMetricFamily("reverb_connections", "Connections of this node", labels=("app",))
        for app in list(self._node.apps):
            connections.add_metric((app.id,), self._node.hub.connected(app.id))
        yield connections
        yield GaugeMetricFamily("reverb_capacity", "Connections that this node takes; 0: any", self._node.capacity)
        health = self._node.backplane.health
        if health["redis"] != "off":
            yield GaugeMetricFamily("reverb_redis_up", "1 while Redis is reachable", health["redis"] == "connected")
            yield GaugeMetricFamily("reverb_redis_away_seconds", "How long it is not", _float(health["redis_away"]))
            yield GaugeMetricFamily(
                "reverb_nodes", "Nodes that share this Redis, at the last beat", _float(health["nodes"])
            )
            yield GaugeMetricFamily("reverb_redis_waiting_bytes", "What waits for it", _float(health["waiting"]))
            yield CounterMetricFamily(
                "reverb_redis_lost_events", "Events that it never got: they waited too long", _float(health["lost"])
            )


def serve(metrics: Metrics, host: str, port: int) -> Callable[[], None]:
    """Answer Prometheus on host and port, on a thread of its own; return what ends it. Raise OSError."""
    registry = CollectorRegistry()
    registry.register(metrics)
    server, thread = start_http_server(port, host, registry)

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return end


def _counter(name: str, text: str, labels: Labels, counts: Counter[Labels]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"reverb_{name}", text, labels=labels)
    for values, number in dict(counts).items():
        family.add_metric(values, number)
    return family


def _float(value: object) -> float:
    assert isinstance(value, int | float)
    return value

"""A world whose node is observed, for tests of what the observer says."""

from typing import Any

from reverb_py.codes import Code
from reverb_py.diagnosis.observer import Observer
from reverb_py.hub import facts
from reverb_py.hub.app import App, Credential
from reverb_py.protocol.triggers import Trigger
from reverb_py.transports.publishing import outcome, publish
from tests.fakes import APP, Client, World

OTHER = App("4", (Credential("other-key", "other-secret"),))
CHANNEL = "private-customer.100.driver-location"


class Observed(World):
    """A world whose node is observed; `tells` gives the notices since the last time."""

    def __init__(self, size: int = 100, silent_after: float = 60) -> None:
        super().__init__(APP, OTHER)
        self.node.id = "n1"
        self.observer = Observer(self.node, size=size, silent_after=silent_after, time=self.clock)
        self.node.explain = self.observer.explain
        self.node.tell = self._tell

    def _tell(self, fact: facts.Fact) -> None:
        self.facts.append(fact)
        self.observer(fact)

    def posts(self, *channels: str, event: str = "e", data: str = "{}", socket_id: str | None = None) -> dict[str, str]:
        """Publish as the HTTP API does; return the headers of its answer."""
        return dict(outcome([publish(self.node, self.app, Trigger(event, data, channels, socket_id), "php", 0.0)]))

    def notices(self) -> list[tuple[Code | None, str]]:
        noticed = [fact for fact in self.facts if isinstance(fact, facts.Noticed)]
        self.facts.clear()
        return [(fact.code, fact.what) for fact in noticed]

    def report(self, **asked: str) -> list[str]:
        """The sentences about this app's publishes."""
        return [each["text"] for each in self.receipts(**asked)]

    def receipts(self, **asked: str) -> list[dict[str, Any]]:
        found = self.observer.report(self.app, asked)["publishes"]
        assert isinstance(found, list)
        return found

    def listener(self, *channels: str, app: App | None = None) -> Client:
        client = self.client(app)
        for channel in channels:
            client.subscribes(channel)
        return client

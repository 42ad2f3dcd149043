"""One publish of the command line, and what a server tells about it."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from reverb_py.cli.failures import accepted
from reverb_py.client.api import Answer, Api, encoded


@dataclass(frozen=True, slots=True)
class Event:
    channel: str
    name: str
    data: str
    socket_id: str = ""  # who is left out

    @property
    def body(self) -> bytes:
        excluded = {"socket_id": self.socket_id} if self.socket_id else {}
        return encoded({"name": self.name, "channels": [self.channel], "data": self.data, **excluded})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known of an accepted publish. `delivered` is None when nobody tells; `is_counted` when it was written
    to so many connections, and not only found to have so many subscribers."""

    event: Event
    status: int
    ms: float
    id: str
    delivered: int | None
    is_counted: bool
    hint: str

    @property
    def record(self) -> dict[str, Any]:
        return {
            "channel": self.event.channel,
            "event": self.event.name,
            "status": self.status,
            "id": self.id or None,
            "delivered": self.delivered,
            "hint": self.hint or None,
            "ms": round(self.ms, 3),
        }


def publish(api: Api, event: Event, *, ask: bool = False, verbose: bool = False) -> Outcome:
    """Publish, and end with an exit code when it is refused. `ask` how many are subscribed if nothing else is told."""
    answer = accepted(api.post("/events", event.body), f"not published to {api.url}", verbose=verbose)
    counted = _number(answer.headers.get("x-reverb-delivered"))
    delivered = _subscribed(api, event.channel) if ask and counted is None else counted
    event_id, hint = (answer.headers.get(name, "") for name in ("x-reverb-event-id", "x-reverb-hint"))
    return Outcome(event, answer.status, answer.ms, event_id, delivered, counted is not None, hint)


def _subscribed(api: Api, channel: str) -> int | None:
    answer: Answer = api.get(f"/channels/{quote(channel, safe='')}", {"info": "subscription_count"})
    found = answer.json if answer.status == 200 else None
    count = found.get("subscription_count") if isinstance(found, dict) else None
    return count if isinstance(count, int) else None


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None

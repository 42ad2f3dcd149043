"""The server's list of publishes (`GET /apps/<id>/publishes`), which reverb-py has and no other server."""

from collections.abc import Mapping
from dataclasses import dataclass

from reverb_py.codes import CODES, Code
from reverb_py.diagnosis.doctor.exchange import NoAnswer
from reverb_py.diagnosis.doctor.recognize import json_object
from reverb_py.diagnosis.doctor.signed import LIBRARY, answer_to, signed
from reverb_py.diagnosis.doctor.visit import Visit

LIMIT = "500"  # of the newest; the doctor's own are among them


@dataclass(frozen=True, slots=True)
class Publish:
    """One publish attempt, as the server tells it; `channels` maps each to the number of sockets it matched."""

    id: str
    event: str
    channels: Mapping[str, int]
    code: Code | None
    text: str
    is_refused: bool = False  # then neither event nor channels are known

    @property
    def reached(self) -> int:
        return sum(self.channels.values())


@dataclass(frozen=True, slots=True)
class Refusal:
    """A subscription that the server refused."""

    channel: str
    code: Code | None
    text: str


@dataclass(frozen=True, slots=True)
class Publishes:
    """The newest first. What the doctor publishes itself is not among them."""

    publishes: tuple[Publish, ...]
    refusals: tuple[Refusal, ...]

    @property
    def accepted(self) -> list[Publish]:
        return [each for each in self.publishes if not each.is_refused]

    @property
    def refused(self) -> list[Publish]:
        return [each for each in self.publishes if each.is_refused]

    def of(self, channel: str) -> list[Publish]:
        return [each for each in self.publishes if channel in each.channels]


async def publishes(visit: Visit) -> Publishes | None:
    """Return the list; None when the server has none, or does not answer."""
    try:
        answer = await answer_to(visit, signed(visit.target, "/publishes", query={"limit": LIMIT}))
    except NoAnswer:
        return None
    found = json_object(answer.text)
    if answer.status != 200 or not isinstance(found.get("publishes"), list):
        return None
    # An event that the doctor published on request proves nothing about the application.
    others = [each for each in _objects(found.get("publishes")) if each.get("publisher") != LIBRARY]
    told = tuple(map(_publish, others))
    return Publishes(told, tuple(_refusal(each) for each in _objects(found.get("subscriptions_refused"))))


def _objects(found: object) -> list[Mapping[str, object]]:
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _publish(found: Mapping[str, object]) -> Publish:
    channels = found.get("channels")
    counts = {
        str(name): matched if isinstance(each, dict) and isinstance(matched := each.get("matched"), int) else 0
        for name, each in (channels.items() if isinstance(channels, dict) else ())
    }
    text = " ".join(str(found.get("text") or "").split())
    is_refused = found.get("outcome") == "refused"
    return Publish(str(found.get("id")), str(found.get("event")), counts, _code(found), text, is_refused)


def _refusal(found: Mapping[str, object]) -> Refusal:
    return Refusal(str(found.get("channel")), _code(found), str(found.get("text") or found.get("reason") or ""))


def _code(found: Mapping[str, object]) -> Code | None:
    return CODES.get(str(found.get("code")))

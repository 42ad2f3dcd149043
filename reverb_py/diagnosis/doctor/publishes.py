"""The server's list of publishes (`GET /apps/<id>/publishes`), which reverb-py has and no other server."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time

from reverb_py import codes
from reverb_py.codes import CODES, Code
from reverb_py.diagnosis.doctor.exchange import Answer, NoAnswer
from reverb_py.diagnosis.doctor.recognize import json_object
from reverb_py.diagnosis.doctor.signed import LIBRARY, answer_to, signed
from reverb_py.diagnosis.doctor.visit import Visit

LIMIT = "500"  # of the newest; the doctor's own are among them
LIBRARIES = ("pusher-http-", "reverb-py ")  # how those call themselves that publish; a scanner is none of them
# What only somebody's request has who signs, or means to: strangers do not.
SIGNED = (
    *(codes.WRONG_SECRET, codes.WRONG_KEY, codes.CLOCK_SKEW, codes.TOO_LARGE),
    *(codes.INVALID_REQUEST, codes.INVALID_SOCKET_ID, codes.OVER_QUOTA),
)


@dataclass(frozen=True, slots=True)
class Publish:
    """One publish attempt, as the server tells it; `channels` maps each to the number of sockets it matched."""

    id: str
    event: str
    channels: Mapping[str, int]
    code: Code | None
    text: str
    is_refused: bool = False  # then neither event nor channels are known
    time: float = 0  # Unix seconds, of the server's clock
    app: str = ""
    publisher: str = ""

    @property
    def reached(self) -> int:
        return sum(self.channels.values())

    @property
    def is_of_library(self) -> bool:
        return self.publisher.startswith(LIBRARIES)

    def is_refused_in_earnest(self, app_id: str) -> bool:
        """Return True for a refusal that a publisher of this app got: not a scanner, not another app's publisher."""
        return self.is_refused and self.app == app_id and (self.is_of_library or self.code in SIGNED)

    def is_worth_telling(self, app_id: str) -> bool:
        """Return False for what anybody on the internet can cause, without a library and without a signature."""
        if not self.is_refused or self.is_of_library:
            return True
        return self.app == app_id and self.code not in (None, codes.QUERY_DROPPED)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A subscription that the server refused."""

    channel: str
    code: Code | None
    text: str
    time: float = 0  # Unix seconds, of the server's clock


@dataclass(frozen=True, slots=True)
class Publishes:
    """The newest first. Neither what the doctor publishes itself is among them, nor what strangers were refused."""

    publishes: tuple[Publish, ...]
    refusals: tuple[Refusal, ...]
    now: float = 0  # by the server's clock

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
    told = tuple(each for each in map(_publish, others) if each.is_worth_telling(visit.target.app_id))
    refusals = tuple(_refusal(each) for each in _objects(found.get("subscriptions_refused")))
    return Publishes(told, refusals, _now(answer))


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
    whose = (_time(found), str(found.get("app") or ""), str(found.get("publisher") or ""))
    return Publish(str(found.get("id")), str(found.get("event")), counts, _code(found), text, is_refused, *whose)


def _refusal(found: Mapping[str, object]) -> Refusal:
    text = str(found.get("text") or found.get("reason") or "")
    return Refusal(str(found.get("channel")), _code(found), text, _time(found))


def _time(found: Mapping[str, object]) -> float:
    at = found.get("time")
    return float(at) if isinstance(at, int | float) else 0.0


def _now(answer: Answer) -> float:
    """The server's clock: what it tells is as old as that says, whatever this machine's does."""
    try:
        return parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except ValueError:
        return time()


def _code(found: Mapping[str, object]) -> Code | None:
    return CODES.get(str(found.get("code")))

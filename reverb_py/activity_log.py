"""What happens, in lines for people and machines: a listener for facts that keeps within a rate.

Above some tens of lines a second of one kind they are counted, and summed up once a second, so that logging never
costs speed or disk. No secret, no auth value and no payload ever stands in a fact.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from logging import DEBUG, INFO, WARNING
from typing import Any

from reverb_py.codes import Code
from reverb_py.hub import facts

logger = logging.getLogger("reverb_py")

REPEAT = 60  # seconds; once in each such span the same warning is said again
REMEMBERED = 1_000  # warnings that are not repeated
SHOWN = 3  # channels of one publish that are named
LONGEST = 1_000  # characters of a text: a stranger's path may have 32 KiB, the name of an event a megabyte


@dataclass(frozen=True, slots=True)
class Kind:
    """How facts of one type are told."""

    name: str  # the `event` field of JSON lines
    level: int
    plural: str  # for the sum: "120 more <plural> in the last second"
    line: Callable[[Any], str]


class ActivityLog:
    """Call it with facts; call `tick` once a second."""

    def __init__(self, rate: int) -> None:
        """`rate` is how many lines of one kind and level a second may hold."""
        self._rate = rate
        self._told: dict[tuple[type, int], int] = {}
        self._received = 0  # by the publishes that were summed up
        self._said: OrderedDict[tuple[str, str], int] = OrderedDict()  # app id, what -> the second in which it was told
        self._seconds = 0

    def __call__(self, fact: facts.Fact) -> None:
        kind = KINDS[type(fact)]
        level = _level(fact, kind)
        if not logger.isEnabledFor(level) or self._is_repeated(fact):
            return
        kept = type(fact), level
        told = self._told[kept] = self._told.get(kept, 0) + 1
        if told <= self._rate:
            fact = _bounded(fact)
            self._note(fact)
            logger.log(level, "%s", kind.line(fact), extra={"fields": {"event": kind.name, **_fields(fact)}})
        elif isinstance(fact, facts.Published):
            self._received += sum(fact.received.values())

    def tick(self) -> None:
        """End a second: sum up what was not told line by line."""
        told, self._told = self._told, {}
        received, self._received = self._received, 0
        for (type_, level), count in told.items():
            if count > self._rate:
                kind, more = KINDS[type_], count - self._rate
                detail = f", {received} received" if type_ is facts.Published else ""
                text = f"{more} more {kind.plural} in the last second{detail}"
                sums = {"event": f"{kind.name}_sum", "count": more}
                logger.log(level, "%s", text, extra={"fields": sums})
        self._seconds += 1

    def _is_repeated(self, fact: facts.Fact) -> bool:
        if not isinstance(fact, facts.Noticed):
            return False
        told = self._said.get(_key(fact))
        return told is not None and self._seconds - told < REPEAT

    def _note(self, fact: facts.Fact) -> None:
        if isinstance(fact, facts.Noticed):
            self._said.pop(_key(fact), None)
            self._said[_key(fact)] = self._seconds
            if len(self._said) > REMEMBERED:
                self._said.popitem(last=False)


def _key(fact: facts.Noticed) -> tuple[str, str]:
    return fact.app_id, (fact.key or fact.what)[:LONGEST]


def _level(fact: facts.Fact, kind: Kind) -> int:
    if isinstance(fact, facts.Disconnected) and fact.is_ours and fact.close_code in (4100, 4201):
        return WARNING  # for a reason that somebody should know
    if isinstance(fact, facts.Noticed) and not fact.is_warning:
        return INFO
    return kind.level


def _bounded(fact: facts.Fact) -> facts.Fact:
    """The fact with its long texts cut."""
    values = [(each.name, getattr(fact, each.name)) for each in fields(fact)]
    cut: dict[str, Any] = {name: text[:LONGEST] for name, text in values if isinstance(text, str)}
    return replace(fact, **cut)


def _fields(fact: facts.Fact) -> dict[str, object]:
    shown = asdict(fact)
    if isinstance(code := getattr(fact, "code", None), Code):
        shown["code"] = code.id
    if "event" in shown:  # the name of the line's own kind stands there
        shown["event_name"] = shown.pop("event")
    if isinstance(fact, facts.Published):
        received = fact.received
        shown |= {"channels": list(received)[:SHOWN], "received": sum(received.values())}
        if fact.hint is not None:
            shown |= {"hint": fact.hint.text, "code": fact.hint.code.id}
        del shown["data"]  # no payload ever stands in the log
        shown["left_out"] = list(fact.left_out)[:SHOWN]
    elif isinstance(fact, facts.Disconnected | facts.RequestRefused):
        shown["channels"] = list(fact.channels)[:SHOWN]
    return shown


def _published(fact: facts.Published) -> str:
    names = list(fact.received)
    shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    received = sum(fact.received.values())
    by = f", {fact.publisher[:60]}" if fact.publisher else ""
    what = f"{received} received on other nodes" if fact.is_elsewhere else f"{received} received"
    line = f"Published {fact.event} to {shown}: {what}, {fact.size} bytes, {fact.seconds * 1e3:.1f} ms{by}"
    if fact.hint is None or fact.hint.is_likely:  # the latter is a warning of its own
        return line
    return f"{line}; {fact.hint.text} [{fact.hint.code}]"


def _with_code(text: str, code: Code | None) -> str:
    return text if code is None else f"{text} [{code}] {code.fix}"


def _refused(fact: facts.RequestRefused) -> str:
    request = " ".join(filter(None, (str(fact.status), fact.method, fact.path)))  # the latter two are not always known
    by = f" ({fact.publisher[:60]})" if fact.publisher else ""
    what = f" of {fact.event} for {', '.join(fact.channels[:SHOWN])}" if fact.event else ""
    return f"Request refused: {request}{what}: {fact.reason}{by}"


KINDS: dict[type, Kind] = {
    facts.Connected: Kind("connected", INFO, "connections", lambda f: f"New connection: socket_id={f.socket_id}"),
    facts.Disconnected: Kind(
        "disconnected",
        DEBUG,
        "connections closed",
        lambda f: f"Connection closed: socket_id={f.socket_id}, {f.close_code} {f.reason}".rstrip(),
    ),
    facts.HandshakeRefused: Kind(
        "handshake_refused",
        WARNING,
        "handshakes refused",
        lambda f: _with_code(
            f"Handshake refused: {f.close_code} {f.reason} ({f.path} from {f.remote or 'unknown'})", f.code
        ),
    ),
    facts.Subscribed: Kind("subscribed", INFO, "subscriptions", lambda f: f"Channel subscribed: {f.channel}"),
    facts.SubscriptionRefused: Kind(
        "subscription_refused",
        WARNING,
        "subscriptions refused",
        lambda f: _with_code(f"Subscription refused: {f.channel} for socket_id={f.socket_id}: {f.reason}", f.code),
    ),
    facts.Unsubscribed: Kind(
        "unsubscribed", DEBUG, "subscriptions ended", lambda f: f"Channel unsubscribed: {f.channel}"
    ),
    facts.ChannelOccupied: Kind(
        "channel_occupied", DEBUG, "channels occupied", lambda f: f"Channel occupied: {f.channel}"
    ),
    facts.ChannelVacated: Kind("channel_vacated", DEBUG, "channels vacated", lambda f: f"Channel vacated: {f.channel}"),
    facts.MemberAdded: Kind(
        "member_added", DEBUG, "members added", lambda f: f"Member added: {f.user_id} to {f.channel}"
    ),
    facts.MemberRemoved: Kind(
        "member_removed", DEBUG, "members removed", lambda f: f"Member removed: {f.user_id} from {f.channel}"
    ),
    facts.CacheMissed: Kind("cache_missed", DEBUG, "cache misses", lambda f: f"Cache missed: {f.channel}"),
    facts.SignedIn: Kind(
        "signed_in", DEBUG, "sign-ins", lambda f: f"Signed in: socket_id={f.socket_id} as {f.user_id}"
    ),
    facts.SignInRefused: Kind(
        "sign_in_refused",
        WARNING,
        "sign-ins refused",
        lambda f: f"Sign-in refused: {f.reason} (socket_id={f.socket_id})",
    ),
    facts.ClientEventSent: Kind(
        "client_event",
        DEBUG,
        "client events",
        lambda f: f"Client event: {f.event} on {f.channel} from socket_id={f.socket_id}, {f.received} received",
    ),
    facts.MessageRefused: Kind(
        "message_refused",
        INFO,
        "messages refused",
        lambda f: _with_code(f"Message refused: {f.reason} (socket_id={f.socket_id})", f.code),
    ),
    facts.Published: Kind("published", INFO, "publishes", _published),
    facts.RequestRefused: Kind("request_refused", WARNING, "requests refused", _refused),
    facts.Noticed: Kind("noticed", WARNING, "warnings", lambda f: _with_code(f.what, f.code)),
}

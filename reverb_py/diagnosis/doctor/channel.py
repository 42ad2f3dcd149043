"""The user's own channel: who is subscribed, which channel may be meant instead, and what was published to it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import takewhile
from time import monotonic
from urllib.parse import quote

from reverb_py import codes
from reverb_py.client.api import encoded
from reverb_py.codes import CODES
from reverb_py.diagnosis.doctor.exchange import Answer, NoAnswer
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.opening import OWN
from reverb_py.diagnosis.doctor.publishes import Publish, Publishes, publishes
from reverb_py.diagnosis.doctor.recognize import json_object
from reverb_py.diagnosis.doctor.signed import answer_to, signed
from reverb_py.diagnosis.doctor.visit import Visit
from reverb_py.diagnosis.near_misses import NearMiss, near_misses

CHECK, NEAR, PUBLISHED = "channel", "channel.near", "channel.publishes"
REFUSED, EVENT, WATCH = "channel.refused", "channel.event", "channel.watch"
POLL = 0.5  # seconds between two looks at the publishes
QUOTED = 3  # sentences of the server
RECENT = 300  # seconds; what a client was refused before says little about now
ALL = ("", "private-", "presence-", "cache-")
NOTHING_ARRIVES = (
    codes.BROADCASTS_DISCARDED.fix,
    codes.NO_WORKER.fix,
    codes.WORKER_DIFFERS.fix,
)


async def channel(visit: Visit) -> AsyncIterator[Finding]:
    """Yield what the server knows of `inquiry.channel`, then what comes of an event, and of watching."""
    if not visit.accepts:
        yield visit.skipped(CHECK, f"The channel {visit.inquiry.channel}", "questions are refused")
        return
    try:
        is_occupied, finding = await _occupied(visit)
        yield finding
        for miss in [] if is_occupied else await _near(visit):
            yield miss
        told = await publishes(visit)
        for about in _about_publishes(visit, told, is_occupied=is_occupied) if told else ():
            yield about
        if visit.inquiry.event:
            yield await _event(visit)
    except NoAnswer as error:
        yield Finding(Status.FAIL, f"A question about the channel gets no answer: {error}", CHECK)


async def watch(visit: Visit) -> AsyncIterator[Finding]:
    """Yield each publish to the channel (or to any, when none was named) for as long as was asked for."""
    wanted, ends = visit.inquiry.channel, monotonic() + visit.inquiry.watch
    told = await publishes(visit) if visit.accepts else None
    if told is None:
        yield visit.skipped(WATCH, "Watching publishes", "the server has no list of them")
        return
    known = {each.id for each in told.publishes}
    count = 0
    while monotonic() < ends:
        await asyncio.sleep(POLL)
        told = await publishes(visit) or told
        for each in reversed([each for each in told.publishes if each.id not in known]):
            known.add(each.id)
            if each.is_refused or not wanted or wanted in each.channels:
                count += 1
                yield _seen(each)
    if not count:
        title = f"Nothing was published{f' to {wanted}' if wanted else ''} within {visit.inquiry.watch:g} s"
        yield Finding(Status.WARN, title, WATCH, None, "", NOTHING_ARRIVES)


async def _occupied(visit: Visit) -> tuple[bool, Finding]:
    name = visit.inquiry.channel
    answer = await _asked(visit, f"/channels/{quote(name, safe='')}", {"info": "subscription_count"})
    if answer.status != 200:  # hosted Pusher refuses the count unless it was switched on
        answer = await _asked(visit, f"/channels/{quote(name, safe='')}", {})
    about = json_object(answer.text)
    if answer.status != 200:
        return False, Finding(Status.WARN, f"The server refuses to tell about {name}", CHECK, None, answer.excerpt)
    if not about.get("occupied"):
        title = f"Nobody is subscribed to {name} now"
        return False, Finding(Status.WARN, title, CHECK, codes.SUBSCRIBER_LEFT, "an event published now is lost")
    count = about.get("subscription_count") or about.get("user_count")
    who = f"{count} {'subscriber' if count == 1 else 'subscribers'}" if count else "somebody"
    return True, Finding(Status.PASS, f"{name} has {who}", CHECK, None, "", (), answer.milliseconds)


async def _near(visit: Visit) -> list[Finding]:
    name = visit.inquiry.channel
    occupied = await _all_occupied(visit)
    found = near_misses(name, {each: None for each in occupied if not each.startswith(OWN)})
    return [
        Finding(_weight(miss), f"Did you mean {miss.channel}? It is occupied: {miss.why}", NEAR, miss.code)
        for miss in found
    ]


def _weight(miss: NearMiss) -> Status:
    """Another prefix is a mistake; another id may well be another customer's."""
    return Status.FAIL if miss.code is codes.PREFIX_DIFFERS else Status.WARN


async def _all_occupied(visit: Visit) -> list[str]:
    """Return the occupied channels; where they are too many for one answer, those that begin as the wanted one."""
    answer = await _asked(visit, "/channels", {})
    channels = json_object(answer.text).get("channels")
    if isinstance(channels, dict):
        return list(channels)
    stem = visit.inquiry.channel.rpartition("-")[2][:8]
    answers = await asyncio.gather(*(_asked(visit, "/channels", {"filter_by_prefix": prefix + stem}) for prefix in ALL))
    parts = [json_object(each.text).get("channels") for each in answers]
    return [name for part in parts if isinstance(part, dict) for name in part]


async def _asked(visit: Visit, path: str, query: dict[str, str]) -> Answer:
    return await answer_to(visit, signed(visit.target, path, query=query))


def _about_publishes(visit: Visit, told: Publishes, *, is_occupied: bool) -> Iterator[Finding]:
    """What the server's list says: refusals, publishes to the channel, to one that looks like it, others, or none."""
    name, app_id = visit.inquiry.channel, visit.target.app_id
    for refusal in [each for each in told.refusals if each.channel == name and told.now - each.time < RECENT][:1]:
        # Anybody may have been refused. Where others are subscribed, the way to subscribe is right.
        status = Status.WARN if is_occupied else Status.FAIL
        code = refusal.code or codes.SUBSCRIPTION_REFUSED
        yield Finding(status, f"A subscription to {name} was refused", REFUSED, code, refusal.text)
    mine = told.of(name)
    refused = [each for each in told.refused if not mine or each.time > mine[0].time]
    yield from _refused(app_id, refused, told)
    for publish in mine[:QUOTED]:
        yield _seen(publish, is_occupied=is_occupied)
    since = list(takewhile(lambda publish: name not in publish.channels, told.accepted))
    misses = near_misses(name, {each: None for publish in since for each in publish.channels})
    if mine:  # then another customer's channel, with its own id, is no sign of anything
        misses = [miss for miss in misses if miss.code is codes.PREFIX_DIFFERS]
    if since and (misses or not mine):
        yield from _others(name, since, misses)
    elif not told.accepted and not refused and is_occupied:
        yield _never(name)


def _refused(app_id: str, refused: list[Publish], told: Publishes) -> Iterator[Finding]:
    """What was refused since the channel got its last event: of this app, then of apps that the server has not."""
    ours = [each for each in refused if each.app == app_id]
    earnest = next((each for each in ours if each.is_refused_in_earnest(app_id)), None)
    if ours:
        shown = earnest or ours[0]
        is_over = bool(told.accepted) and told.accepted[0].time > shown.time
        status = Status.FAIL if earnest and not is_over else Status.WARN
        title = f"Publishes of this app are refused, {len(ours)} of the last {len(ours) + len(told.accepted)}"
        yield Finding(status, title, PUBLISHED, shown.code, shown.text)
    others = [each for each in refused if each.app != app_id]
    if others:
        title = f"Somebody publishes to app {others[0].app[:40]}, which this server does not have"
        yield Finding(Status.WARN, title, PUBLISHED, others[0].code, others[0].text)


def _others(name: str, since: list[Publish], misses: list[NearMiss]) -> Iterator[Finding]:
    """What was published since the channel got its last event, or ever."""
    for miss in misses:
        title = f"The newest events are published to {miss.channel}, and none to {name}: {miss.why}"
        yield Finding(_weight(miss), title, PUBLISHED, miss.code)
    if not misses:
        names = ", ".join(dict.fromkeys(each.event for each in since[:10]))
        title = f"Other events are published, and none to {name}"
        yield Finding(Status.WARN, title, PUBLISHED, codes.NEVER_FIRED, f"the newest: {names}")


def _never(name: str) -> Finding:
    """A private channel that is occupied shows that the web service signs rightly; so its publisher is to blame."""
    if not name.startswith(("private-", "presence-")):
        title = f"{name} is occupied, and this server got no publish since it started"
        return Finding(Status.WARN, title, PUBLISHED, codes.BROADCASTS_DISCARDED, "", NOTHING_ARRIVES)
    title = f"{name} is occupied, so that authorization works, and no publish reached this server since it started"
    evidence = "RVB111: the worker has other variables; RVB110: no worker; RVB101: broadcasts are discarded"
    return Finding(Status.FAIL, title, PUBLISHED, codes.WORKER_DIFFERS, evidence, NOTHING_ARRIVES)


def _seen(publish: Publish, *, is_occupied: bool = False) -> Finding:
    """One publish to the channel, in the server's words. That it reached nobody, and would now, has a reason too."""
    code = publish.code or (codes.NO_HISTORY if is_occupied and not publish.reached else None)
    status = Status.PASS if publish.reached and not code else Status.WARN
    return Finding(status, publish.text or f"{publish.event}: {publish.reached} subscribers", PUBLISHED, code)


async def _event(visit: Visit) -> Finding:
    """Publish the event that was asked for."""
    event, name = visit.inquiry.event, visit.inquiry.channel
    body = encoded({"name": event, "channels": [name], "data": visit.inquiry.data})
    answer = await answer_to(visit, signed(visit.target, "/events", body=body))
    if answer.status != 200:
        return Finding(Status.FAIL, f"{event} was refused", EVENT, _hint(answer), answer.excerpt)
    delivered, hint = answer.headers.get("x-reverb-delivered", ""), _hint(answer)
    if not delivered:
        return Finding(Status.PASS, f"{event} was accepted; the server does not say for how many", EVENT)
    status = Status.WARN if hint or delivered == "0" else Status.PASS
    evidence = answer.headers.get("x-reverb-hint", "")
    return Finding(status, f"{event} was delivered to {delivered}", EVENT, hint, evidence, (), answer.milliseconds)


def _hint(answer: Answer) -> codes.Code | None:
    said = answer.headers.get("x-reverb-hint", "") + answer.text
    return next((code for id, code in CODES.items() if id in said), None)

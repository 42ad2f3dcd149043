"""The checks over the network, in their order, each bounded in time; what a failure makes impossible is skipped."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from time import monotonic

from reverb_py.diagnosis.doctor.auth_endpoint import auth_endpoint
from reverb_py.diagnosis.doctor.channel import channel, watch
from reverb_py.diagnosis.doctor.client_side import client_side
from reverb_py.diagnosis.doctor.credentials import credentials
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.identify import identify
from reverb_py.diagnosis.doctor.loopback import loopback
from reverb_py.diagnosis.doctor.network import network
from reverb_py.diagnosis.doctor.soak import soak
from reverb_py.diagnosis.doctor.target import Inquiry, Target
from reverb_py.diagnosis.doctor.tls import tls
from reverb_py.diagnosis.doctor.visit import Surroundings, Visit, surroundings
from reverb_py.diagnosis.doctor.websocket import apps_not_proxied, websocket

Phase = Callable[[Visit], AsyncIterator[Finding]]
WAY: tuple[Phase, ...] = (network, tls, identify)
PATIENCE = 4  # times the inquiry's timeout, for one phase
CLOSING = 5  # seconds to close what a phase opened, beyond what it was asked to wait
_WHAT = {
    **{"tls": "TLS", "identify": "Who answers", "credentials": "App id and secret", "websocket": "The WebSocket"},
    **{"loopback": "Publishing to a channel of the doctor's own", "channel": "The channel", "watch": "Watching"},
    **{"soak": "Silence on a connection"},
}


async def probe(
    target: Target, inquiry: Inquiry, client: Target | None = None, around: Surroundings | None = None
) -> AsyncIterator[Finding]:
    """Yield what each check of `target` finds, as it is found. `client` are the values of the app that listens."""
    visit = Visit(target, inquiry, around or surroundings())
    for phase in WAY:
        async for finding in _in_time(phase, visit):
            yield finding
    # Where /apps ends at something strange, the WebSocket tells whether a proxy is to blame: it goes first then.
    steps: tuple[Phase, ...] = (_proxied,) if visit.apps_answer else (credentials, websocket, loopback)
    for phase in (*steps, *_on_request(inquiry)):
        async for finding in _in_time(phase, visit):
            yield finding
    if client is not None and _connects_otherwise(client, target):
        yield await client_side(visit, client)
    if inquiry.auth_endpoint:
        async for finding in _in_time(auth_endpoint, visit):
            yield finding


async def probe_other(
    target: Target, source: str, inquiry: Inquiry, around: Surroundings | None = None
) -> AsyncIterator[Finding]:
    """Yield whether a second publisher, whose variables are from `source`, reaches its server and is accepted there.

    By other names: what is found of one publisher proves nothing of another.
    """
    visit = Visit(target, inquiry, around or surroundings())
    for phase in (*WAY, _proxied_or_credentials):
        async for each in _in_time(phase, visit):
            yield replace(each, title=f"{source}: {each.title}", check=f"worker.{each.check}")


async def _proxied_or_credentials(visit: Visit) -> AsyncIterator[Finding]:
    if visit.blocked:
        yield visit.skipped("credentials", _WHAT["credentials"])
        return
    async for finding in (_proxied if visit.apps_answer else credentials)(visit):
        yield finding


def _connects_otherwise(client: Target, target: Target) -> bool:
    return (client.websocket_url, client.key) != (target.websocket_url, target.key)


def _on_request(inquiry: Inquiry) -> list[Phase]:
    asked = ((inquiry.channel, channel), (inquiry.watch, watch), (inquiry.soak, soak))
    return [phase for wanted, phase in asked if wanted]


async def _proxied(visit: Visit) -> AsyncIterator[Finding]:
    async for finding in websocket(visit):
        yield finding
    visit.blocked = "nothing passes /apps on"
    yield apps_not_proxied(visit)


async def _in_time(phase: Phase, visit: Visit) -> AsyncIterator[Finding]:
    """Yield a phase's findings until its time is over; a phase that is blocked is skipped."""
    name = phase.__name__
    if visit.blocked and phase is not auth_endpoint and name in _WHAT:
        yield visit.skipped(name, _WHAT[name])
        return
    inquiry = visit.inquiry
    asked = {"watch": inquiry.watch, "soak": inquiry.soak}.get(name, 0)
    ends = monotonic() + asked + max(PATIENCE * inquiry.timeout, CLOSING)
    findings = phase(visit)
    while True:
        try:
            async with asyncio.timeout(ends - monotonic()):
                finding = await anext(findings, None)
        except TimeoutError:
            yield Finding(Status.WARN, f"{_WHAT.get(name, name)}: not finished in time", name)
            return
        if finding is None:
            return
        yield finding

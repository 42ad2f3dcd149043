"""The whole way round: several sockets of the doctor's own, several publishes, and every one must arrive everywhere.

One socket and one publish would be lucky on one of two servers that do not know of each other.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from secrets import token_hex
from time import perf_counter

from reverb_py import codes
from reverb_py.client.api import encoded
from reverb_py.client.reach import Unreachable
from reverb_py.client.socket import Closed, Refused, Socket
from reverb_py.codes import Code
from reverb_py.diagnosis.doctor.exchange import Answer, NoAnswer
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.opening import OWN, opened, refusal
from reverb_py.diagnosis.doctor.pieces import in_pieces
from reverb_py.diagnosis.doctor.recognize import is_challenge
from reverb_py.diagnosis.doctor.signed import answer_to, signed
from reverb_py.diagnosis.doctor.visit import Visit
from reverb_py.diagnosis.doctor.websocket import REFUSALS

CHECK = "loopback"
SOCKETS, PUBLISHES = 4, 8
PATIENCE = 1.5  # seconds after the last publish
EVENT = "reverb-doctor"


@dataclass(slots=True, eq=False)
class Round:
    """What was published and what arrived, of one channel."""

    channel: str = field(default_factory=lambda: OWN + token_hex(6))
    sent: dict[int, float] = field(default_factory=dict)  # number -> when
    arrived: dict[tuple[int, int], float] = field(default_factory=dict)  # (socket, number) -> milliseconds
    refusals: list[tuple[str, Code | None]] = field(default_factory=list)  # what was answered, and why

    @property
    def expected(self) -> int:
        return SOCKETS * len(self.sent)


async def loopback(visit: Visit) -> AsyncIterator[Finding]:
    """Yield whether all publishes arrived, and whether a publish in pieces is accepted."""
    if not (visit.accepts and visit.connects):
        why = "publishes are refused" if visit.connects else "no WebSocket opens"
        yield visit.skipped(CHECK, "Publishing to a channel of the doctor's own", why)
        return
    around = Round()
    try:
        async with AsyncExitStack() as stack:
            sockets = await asyncio.gather(
                *(stack.enter_async_context(opened(visit, visit.target)) for _ in range(SOCKETS))
            )
            refused = await _subscribed(visit, around, sockets)
            if refused:
                yield refused
                return
            await _go_round(visit, around, sockets)
            yield judged(around)
            yield await in_pieces(visit, around.channel)
    except (Refused, Unreachable, Closed, TimeoutError) as error:
        yield _unusable(error)


def judged(around: Round) -> Finding:
    """Say what arrived of what was published."""
    if around.refusals:
        title = f"{len(around.refusals)} of {PUBLISHES} publishes were refused, though questions are accepted"
        evidence, code = around.refusals[0]
        return Finding(Status.FAIL, title, CHECK, code, evidence)
    times = sorted(around.arrived.values())
    median = times[len(times) // 2] if times else 0.0
    count = f"{len(times)} of {around.expected}"
    if len(times) == around.expected:
        evidence = f"median {median:.0f} ms, slowest {times[-1]:.0f} ms"
        title = f"{count} events arrived on {SOCKETS} sockets"
        return Finding(Status.PASS, title, CHECK, None, evidence, (), median)
    title = f"Only {count} events arrived on {SOCKETS} sockets: some servers did not know of the publish"
    by_socket = [sum(at == each for at, _ in around.arrived) for each in range(SOCKETS)]
    evidence = f"of {len(around.sent)} publishes the sockets received {', '.join(map(str, by_socket))}"
    return Finding(Status.FAIL, title, CHECK, codes.NODES_APART, evidence, (), median)


def _unusable(error: Exception) -> Finding:
    code = REFUSALS.get(error.code, ("", None))[1] if isinstance(error, Refused) else None
    why = str(error) or "no answer in time"
    return Finding(Status.FAIL, f"{SOCKETS} sockets at once could not be used", CHECK, code, why)


async def _subscribed(visit: Visit, around: Round, sockets: list[Socket]) -> Finding | None:
    asked = (refusal(socket, visit.target, around.channel, visit.inquiry.timeout) for socket in sockets)
    why = next(filter(None, await asyncio.gather(*asked)), "")
    if not why:
        return None
    title = "The server refuses a subscription that was signed with this secret"
    return Finding(Status.FAIL, title, CHECK, codes.SUBSCRIPTION_REFUSED, why)


async def _go_round(visit: Visit, around: Round, sockets: list[Socket]) -> None:
    listening = [asyncio.create_task(_listen(around, at, socket)) for at, socket in enumerate(sockets)]
    try:
        await asyncio.gather(*(_publish(visit, around, number) for number in range(PUBLISHES)))
        await asyncio.wait(listening, timeout=PATIENCE)
    finally:
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)


async def _publish(visit: Visit, around: Round, number: int) -> None:
    data = json.dumps({"number": number})
    body = encoded({"name": EVENT, "channels": [around.channel], "data": data})
    around.sent[number] = perf_counter()
    try:
        answer = await answer_to(visit, signed(visit.target, "/events", body=body))
    except NoAnswer as error:
        around.refusals.append((str(error), codes.SATURATED))
        return
    if answer.status != 200:
        around.refusals.append((answer.excerpt, _code_of(answer)))


def _code_of(answer: Answer) -> Code | None:
    """Questions are accepted, so that only what is different about a POST can be the reason."""
    if is_challenge(answer):
        return codes.BOT_CHALLENGE
    if answer.is_html:
        return codes.APPS_NOT_PROXIED
    return {413: codes.TOO_LARGE, 403: codes.OVER_QUOTA, 429: codes.OVER_QUOTA}.get(answer.status)


async def _listen(around: Round, at: int, socket: Socket) -> None:
    """Note what arrives until it is all that is published."""
    seen: set[int] = set()
    while len(seen) < PUBLISHES:
        message = await socket.receive()
        content = message.content
        if message.channel != around.channel or message.event != EVENT or not isinstance(content, dict):
            continue
        number = content.get("number")
        if number in around.sent:
            seen.add(number)
            around.arrived[at, number] = (perf_counter() - around.sent[number]) * 1000

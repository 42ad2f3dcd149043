"""Silence on a connection, for as long as was asked: who ends it, and when?

The client's own keepalive would hide it, so that this one connection is opened without.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from time import monotonic
from urllib.parse import quote

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from reverb_py import codes
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.visit import Visit

CHECK = "soak"
NOT_ANSWERED = 4201  # the server waited for a pong


@dataclass(frozen=True, slots=True)
class Silence:
    """How it went: the pings of Pusher's kind that came, and the close code, None when the connection stayed."""

    seconds: float
    pings: int
    code: int | None


async def soak(visit: Visit) -> AsyncIterator[Finding]:
    """Yield whether a silent connection stays open for `inquiry.soak` seconds."""
    if not visit.connects:
        yield visit.skipped(CHECK, "Silence on a connection", "no WebSocket opens")
        return
    try:
        yield judged(await _silence(visit))
    except (OSError, WebSocketException) as error:
        yield Finding(Status.FAIL, "No WebSocket opens for the silence", CHECK, None, str(error))


def judged(silence: Silence) -> Finding:
    """Say what the end of a silent connection means."""
    at = f"{silence.seconds:.0f} s"
    evidence = f"{silence.pings} pusher:ping answered, and every ping of WebSocket's own"
    if silence.code is None:
        return Finding(Status.PASS, f"A silent connection stays open for {at}", CHECK, None, evidence)
    if silence.code == NOT_ANSWERED:
        title = f"The server ended the connection after {at}: it did not take the answers to its pings"
        return Finding(Status.FAIL, title, CHECK, codes.PING_FLAVOUR, evidence)
    if silence.code in (4200, 1001, 1012):
        title = f"The server closed the connection with {silence.code} after {at}: it restarts"
        return Finding(Status.WARN, title, CHECK, codes.DEPLOY_CUTS, evidence)
    title = f"A silent connection is ended after {at}, with {silence.code}"
    return Finding(Status.FAIL, title, CHECK, codes.IDLE_PROXY, evidence)


async def _silence(visit: Visit) -> Silence:
    """Say nothing unasked; answer pings as a client does. Raises OSError and WebSocketException."""
    url = f"{visit.target.websocket_url}/app/{quote(visit.target.key, safe='')}?protocol=7&client=reverb-py&version=1.0"
    tls = visit.tls if url.startswith("wss:") else None
    pings, began = 0, monotonic()
    async with connect(url, ssl=tls, proxy=None, ping_interval=None, close_timeout=1) as websocket:
        try:
            async with asyncio.timeout(visit.inquiry.soak):
                while True:
                    if '"pusher:ping"' in str(await websocket.recv()):
                        pings += 1
                        await websocket.send(json.dumps({"event": "pusher:pong", "data": {}}))
        except TimeoutError:
            return Silence(visit.inquiry.soak, pings, None)
        except ConnectionClosed as end:
            return Silence(monotonic() - began, pings, end.rcvd.code if end.rcvd else 1006)

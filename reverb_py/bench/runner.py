"""One run: look whether somebody is there, connect, publish, wait for what is on its way, leave."""

import asyncio
import ssl
import time
from collections.abc import Sequence

from reverb_py.bench.client import Client, NotSubscribed, subscribe
from reverb_py.bench.plan import Plan
from reverb_py.bench.publisher import Publisher, Unanswered, publish
from reverb_py.bench.tally import LONGEST_TEXT, Channel, Listener, Tally

AT_ONCE = 64  # connections that are being opened at the same time
QUIET = 2.0  # seconds without any copy after which the missing ones are lost
LOOK = 0.02  # seconds between two looks at what is missing
LINGER = 0.2  # seconds for a second copy of the last event
FAREWELL = 2.0  # seconds for closing

CREDENTIALS = (4001, 4003, 4009)  # pp 2.1: unknown key, disabled app, signature
clock = time.monotonic  # uvloop's own knows milliseconds only


class Unreachable(Exception):
    """Nobody answers, or nobody lets us in, for a reason other than the credentials."""


class RefusedCredentials(Exception):
    """The server knows no such app, key or signature."""


def new_tally(plan: Plan) -> Tally:
    return Tally([Channel() for _ in range(plan.channels)])


async def run(plan: Plan, tally: Tally) -> None:
    """Do what the plan says, and count in the tally. Cancelled, it ends in order, and the tally says so.

    Raise Unreachable or RefusedCredentials when nothing could be measured.
    """
    publishers = [Publisher(plan, _tls(plan.http_url)) for _ in range(plan.publishers)]
    clients: list[Client] = []
    try:
        try:
            await _probe(publishers[0], plan)
            await _connect(plan, tally, clients)
            await _publish(plan, tally, publishers)
        except asyncio.CancelledError:
            tally.interrupted = True
        await _stragglers(tally)
    finally:
        await _leave(clients, publishers)


def _tls(url: str) -> ssl.SSLContext | None:
    return ssl.create_default_context() if url.startswith(("wss:", "https:")) else None


async def _probe(publisher: Publisher, plan: Plan) -> None:
    """Ask about a channel of our own: signed, and cheap also where millions are connected."""
    try:
        answer = await publisher.get(f"/channels/{plan.channel(0)}")
    except Unanswered as silence:
        raise Unreachable(f"{plan.http_url}: {silence}") from None
    if answer.status in (401, 403, 404):
        raise RefusedCredentials(f"HTTP {answer.status}: {answer.body.decode(errors='replace').strip()[:LONGEST_TEXT]}")


async def _connect(plan: Plan, tally: Tally, clients: list[Client]) -> None:
    """Open all connections, at the plan's rate. The first goes alone: where it is refused, all would be."""
    tls, places = _tls(plan.url), asyncio.Semaphore(AT_ONCE)

    async def connect(number: int) -> None:
        index = number % plan.channels
        listener = Listener(tally, tally.channels[index])
        client = Client(plan, index, listener, clock)
        clients.append(client)
        async with places:
            await subscribe(client, plan, tls)
        tally.listeners.append(listener)

    async def try_to_connect(number: int) -> None:
        try:
            await connect(number)
        except NotSubscribed as refusal:
            tally.not_connected.add(str(refusal))

    try:
        await connect(0)
    except NotSubscribed as refusal:
        kind = RefusedCredentials if refusal.code in CREDENTIALS else Unreachable
        raise kind(f"{plan.url}: {refusal}") from None
    start = clock()
    async with asyncio.TaskGroup() as group:
        for number in range(1, plan.connections):
            await asyncio.sleep(max(0.0, start + number / plan.connect_rate - clock()))
            group.create_task(try_to_connect(number))


async def _publish(plan: Plan, tally: Tally, publishers: Sequence[Publisher]) -> None:
    # Who cannot connect now will say so at its first publish.
    await asyncio.gather(*(publisher.dial() for publisher in publishers), return_exceptions=True)
    cpu, tally.started = time.process_time(), clock()
    try:
        async with asyncio.TaskGroup() as group:
            for index, publisher in enumerate(publishers):
                group.create_task(publish(plan, tally, publisher, index, clock))
    finally:
        tally.seconds, tally.cpu = clock() - tally.started, time.process_time() - cpu


async def _stragglers(tally: Tally) -> None:
    """Wait for the copies on their way: until none is missing, or none has come for a while."""
    seen, since = tally.delivered, clock()
    while tally.outstanding and clock() - since < QUIET:
        await asyncio.sleep(LOOK)
        if tally.delivered != seen:
            seen, since = tally.delivered, clock()
    if tally.started is not None:
        await asyncio.sleep(LINGER)


async def _leave(clients: Sequence[Client], publishers: Sequence[Publisher]) -> None:
    for publisher in publishers:
        publisher.close()
    for client in clients:
        client.leave()
    if clients:
        await asyncio.wait([client.gone for client in clients], timeout=FAREWELL)
    for client in clients:
        client.abort()

"""A publisher that goes on whatever becomes of the server, and counts what became of each of its triggers."""

import asyncio
from collections import Counter

from reverb_py.conformance.target import signed_query
from tests.torture.killers import request
from tests.torture.watching import APP

PUBLISHERS = 4  # at once
EVENT = b'{"name":"ev","channel":"flock","data":"{}"}'
TOLD = "Published ev to flock"  # what the server's log says of each


async def once(port: int, event: bytes = EVENT) -> str:
    """Publish over a connection of its own: `answered`, `refused` before it was sent, or `unanswered`."""
    query = signed_query(APP, "POST", f"/apps/{APP.id}/events", event, {}, {})
    line = f"POST /apps/{APP.id}/events?{query} HTTP/1.1"
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return "refused"
    try:
        writer.write(request(line, f"Content-Length: {len(event)}", "Connection: close", body=event))
        answer = await reader.read()
    except ConnectionError:
        answer = b""
    finally:
        writer.transport.abort()
    return "answered" if answer.startswith(b"HTTP/1.1 200 ") else "unanswered"


async def publish_on(port: int, told: Counter[str], pace: float) -> None:
    """Publish until nobody listens any more."""
    while not told["refused"]:
        told[await once(port)] += 1
        await asyncio.sleep(pace)

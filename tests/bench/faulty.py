"""A server with a fault: `python -m tests.bench.faulty PORT lost|duplicates|disordered|dropped`.

It is the ordinary way, but every 500th copy is left out, sent twice, or sent behind the next one of its socket; or
every connection is closed a moment after its subscription.
"""

import asyncio
import os
import sys
from itertools import count
from typing import Any

import uvicorn
from starlette.websockets import WebSocket, WebSocketDisconnect

from bench.ordinary import app

MOMENT = 0.02  # seconds: less than the benchmark waits before it looks
send_text, receive_json = WebSocket.send_text, WebSocket.receive_json
copies = count(1)
held: dict[WebSocket, str] = {}
subscribed: set[WebSocket] = set()


async def faulty(self: WebSocket, text: str) -> None:
    if "ticket.assigned" in text and next(copies) % 500 == 0:
        if FAULT == "lost":
            return
        if FAULT == "duplicates":
            await send_text(self, text)
        elif self not in held:
            held[self] = text
            return
    await send_text(self, text)
    if self in held:
        await send_text(self, held.pop(self))


async def closing(self: WebSocket) -> Any:
    if self in subscribed:
        await asyncio.sleep(MOMENT)
        await self.close()
        raise WebSocketDisconnect
    subscribed.add(self)
    return await receive_json(self)


if __name__ == "__main__":
    FAULT = sys.argv[2]
    if FAULT == "dropped":
        WebSocket.receive_json = closing  # type: ignore[method-assign, assignment]
    else:
        WebSocket.send_text = faulty  # type: ignore[method-assign, assignment]
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="warning",
        ssl_certfile=os.environ.get("REVERB_TLS_CERT"),
        ssl_keyfile=os.environ.get("REVERB_TLS_KEY"),
    )

"""A server with a fault: `python -m tests.bench.faulty PORT lost|duplicates|disordered`.

It is the ordinary way, but every 500th copy is left out, sent twice, or sent behind the next one of its socket.
"""

import sys
from itertools import count

import uvicorn
from starlette.websockets import WebSocket

from bench.ordinary import app

send_text = WebSocket.send_text
copies = count(1)
held: dict[WebSocket, str] = {}


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


if __name__ == "__main__":
    FAULT = sys.argv[2]
    WebSocket.send_text = faulty  # type: ignore[method-assign, assignment]
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")

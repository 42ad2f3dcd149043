"""Silent TLS subscribers: `python -m bench.tls_clients PORT COUNT`.

It says when all are there, for each line on stdin how many still are, as load.c does, and goes when stdin ends.
"""

import asyncio
import json
import ssl
import sys
from collections.abc import Sequence
from contextlib import suppress

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.protocol import State

from bench.measure import WRONG
from bench.process import KEY

SUBSCRIBE = '{"event":"pusher:subscribe","data":{"channel":"bench-0"}}'
AT_ONCE = 32
PATIENCE = 1200  # seconds: never longer, whatever happens


async def subscribe(port: int, places: asyncio.Semaphore, trusting: ssl.SSLContext) -> ClientConnection:
    async with places:
        uri = f"wss://127.0.0.1:{port}/app/{KEY}?protocol=7"
        socket = await connect(uri, ssl=trusting, ping_interval=None, compression=None, open_timeout=60)
        await socket.recv()  # the greeting
        await socket.send(SUBSCRIBE)
        await socket.recv()  # the acknowledgement
        return socket


async def main(port: int, count: int) -> None:
    trusting = ssl._create_unverified_context()  # a certificate that was made for this run
    places = asyncio.Semaphore(AT_ONCE)
    sockets = await asyncio.gather(*(subscribe(port, places, trusting) for _ in range(count)))
    print(f'{{"connected":{len(sockets)}}}', flush=True)
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while await asyncio.to_thread(sys.stdin.readline):
                print(json.dumps(count_open(sockets)), flush=True)


def count_open(sockets: Sequence[ClientConnection]) -> dict[str, int]:
    """What load.c answers for a run, of a run without events."""
    subscribed = sum(socket.state is State.OPEN for socket in sockets)
    return {**dict.fromkeys(WRONG, 0), "dropped": len(sockets) - subscribed, "subscribed": subscribed}


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))

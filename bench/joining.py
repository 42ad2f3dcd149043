"""What joining costs an event that has nothing to be joined with: `python -m bench.joining`.

One event to 200 sockets over loopback TCP, in this process: its frames noted and sent at the end of the turn, as the
server does, against frames sent at once. CPU time with the kernel's part, in turn; and, where valgrind is, the
instructions of the process alone, which do not drift.
"""

import argparse
import asyncio
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from types import SimpleNamespace

from reverb_py.cluster.last_events import LastEvents
from reverb_py.hub.app import App, Apps, Credential
from reverb_py.hub.connection import Connection
from reverb_py.node import Node
from reverb_py.transports.endpoint import Endpoint
from reverb_py.transports.sockets import raise_descriptor_limit
from reverb_py.transports.turn import Turn
from reverb_py.transports.websocket import WebSocket

SUBSCRIBERS, EVENTS, ROUNDS = 200, 50, 41
PAYLOAD = b'{"event":"ev","channel":"a","data":"%b"}' % (b"x" * 170)
APP = App("1", (Credential("key", "secret"),))


class AtOnce(WebSocket):
    """Sends each frame when it is written, as if there were no turn."""

    __slots__ = ()

    def write(self, frame: bytes) -> None:
        if self._gone:
            return
        if self._socket is None or (self._behind and self._transport.get_write_buffer_size()):
            self._buffer([frame])
            return
        self._behind = False
        try:
            sent = self._socket.send(frame)
        except OSError:
            sent = 0
        if sent != len(frame):
            self._buffer([frame[sent:]])


@dataclass(slots=True)
class Audience:
    """A channel with its subscribers, and their far ends."""

    node: Node
    far: list[socket.socket]

    def drain(self) -> None:
        for each in self.far:
            while len(each.recv(1 << 16)) == 1 << 16:
                pass


def audience(kind: type[WebSocket]) -> Audience:
    """Connect SUBSCRIBERS sockets with this transport; only what a broadcast touches is there."""
    loop = asyncio.get_running_loop()
    node = Node(Apps([APP]), clock=loop.time, last_events=LastEvents(1 << 20), tell=lambda fact: None)
    endpoint, far = Endpoint(node, Turn(loop)), []
    with socket.create_server(("127.0.0.1", 0), backlog=SUBSCRIBERS) as listener:
        for number in range(SUBSCRIBERS):
            far.append(socket.create_connection(listener.getsockname()))
            near, _ = listener.accept()
            websocket = kind(endpoint=endpoint, server_state=SimpleNamespace(connections=set()))  # type: ignore[arg-type]
            websocket._socket = near
            websocket._behind = False
            connection = Connection(APP, f"1.{number}", websocket.write, websocket.close)
            node.hub.add(connection)
            node.hub.hold(connection, "a")
            node.hub.admit(connection, "a", None)
    return Audience(node, far)


async def publish(to: Audience, events: int) -> float:
    """Publish, one event a turn; the CPU seconds that it took."""
    started = time.process_time()
    for _ in range(events):
        to.node.publish(APP.id, "a", PAYLOAD)
        await asyncio.sleep(0)
    taken = time.process_time() - started
    to.drain()
    return taken


async def compare() -> None:
    joined, at_once = audience(WebSocket), audience(AtOnce)
    pairs = [(await publish(joined, EVENTS), await publish(at_once, EVENTS)) for _ in range(ROUNDS)]
    copies = SUBSCRIBERS * EVENTS
    for name, times in zip(("joined", "at once"), zip(*pairs, strict=True), strict=True):
        print(f"{name:8} {median(times) / copies * 1e6:6.2f} µs of CPU a copy")
    print(f"ratio    {median(one / other for one, other in pairs):6.3f}")


def instructions(way: str, events: int) -> int:
    """User-space instructions of a whole run of this many events."""
    with TemporaryDirectory() as place:
        out = Path(place) / "callgrind"
        tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
        command = [*tool, sys.executable, "-m", "bench.joining", "--only", way, "--events", str(events)]
        subprocess.run(command, check=True, capture_output=True)
        line = next(each for each in out.read_text().splitlines() if each.startswith(("totals:", "summary:")))
    return int(line.split()[1])


def count() -> None:
    few, many = 20, 120
    each = {way: instructions(way, many) - instructions(way, few) for way in ("joined", "at-once")}
    for way, number in each.items():
        print(f"{way:8} {number / (many - few) / SUBSCRIBERS:6.0f} instructions a copy, without the kernel's")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["joined", "at-once"], help="run one way and print nothing")
    parser.add_argument("--events", type=int, default=EVENTS)
    asked = parser.parse_args()
    raise_descriptor_limit()
    if asked.only:
        asyncio.run(_run(WebSocket if asked.only == "joined" else AtOnce, asked.events))
        return
    asyncio.run(compare())
    if shutil.which("valgrind"):
        count()


async def _run(kind: type[WebSocket], events: int) -> None:
    await publish(audience(kind), events)


if __name__ == "__main__":
    main()

"""A WebSocket over a transport that keeps what is written, and takes it as slowly as a test wants."""

import asyncio
from collections.abc import Mapping
from typing import Any

from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.uri import parse_uri

from reverb_py.handshake import Handshake
from reverb_py.hub.app import App
from reverb_py.node import Node
from reverb_py.transports.endpoint import Endpoint
from reverb_py.transports.turn import Turn
from reverb_py.transports.websocket import WebSocket
from tests.fakes import APP, World

UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


class FakeTransport(asyncio.Transport):
    """`writes` is what each `write` was given. While it is `stuck` nothing leaves its buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.stuck = False
        self.is_reading_now = True
        self.aborted = False
        self._high = 65_536
        self._buffered = 0
        self._paused = False
        self._closing = False
        self._protocol: asyncio.BaseProtocol | None = None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = high or 0

    def get_write_buffer_size(self) -> int:
        return self._buffered

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self._closing, "written after close"
        self.writes.append(bytes(data))
        if self.stuck:
            self._buffered += len(data)
        if self._buffered > self._high and not self._paused:
            self._paused = True
            assert isinstance(self._protocol, asyncio.Protocol)
            self._protocol.pause_writing()  # inside write, as every loop does it

    def take(self) -> None:
        """Let the peer read all that waits."""
        self.stuck, self._buffered = False, 0
        if self._paused:
            self._paused = False
            assert isinstance(self._protocol, asyncio.Protocol)
            self._protocol.resume_writing()

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            if not self._buffered:
                self._lose()

    def abort(self) -> None:
        if not self.aborted:
            self.aborted = self._closing = True
            self._lose()

    def _lose(self) -> None:
        assert self._protocol is not None
        asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    def pause_reading(self) -> None:
        assert not self._closing, "uvloop raises here"
        self.is_reading_now = False

    def resume_reading(self) -> None:
        assert not self._closing, "uvloop raises here"
        self.is_reading_now = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


class Side:
    """One WebSocket of a node, and what its peer sees."""

    def __init__(self, node: Node, websocket: WebSocket, transport: FakeTransport) -> None:
        self.node = node
        self.websocket = websocket
        self.transport = transport

    def frames(self) -> list[Frame]:
        """What has been written behind the answer to the upgrade, read by websockets' own parser."""
        _, _, data = b"".join(self.transport.writes).partition(b"\r\n\r\n")
        peer = ClientProtocol(parse_uri("ws://localhost/"), state=State.OPEN, max_size=None)
        peer.receive_data(data)
        assert peer.parser_exc is None
        return [event for event in peer.events_received() if isinstance(event, Frame)]

    def texts(self) -> list[str]:
        return [bytes(frame.data).decode() for frame in self.frames() if frame.opcode is Opcode.TEXT]

    def goodbye(self) -> tuple[int, str] | None:
        """The close frame, which is the last one if there is any."""
        closes = [frame for frame in self.frames() if frame.opcode is Opcode.CLOSE]
        assert closes in ([], self.frames()[-1:])
        close = Close.parse(closes[0].data) if closes else None
        return (close.code, close.reason) if close else None


class FakeServer:
    """A node with WebSockets that are opened by hand. `open` is what uvicorn waits for at a stop."""

    def __init__(self, app: App = APP, *, max_backlog: int = 1 << 20, websocket: type[WebSocket] = WebSocket) -> None:
        self.world = World(app)
        self.node = self.world.node
        self.endpoint = Endpoint(self.node, Turn(asyncio.get_running_loop()), max_backlog=max_backlog)
        self.state = ServerState()
        self._websocket = websocket

    def connect(self, early: bytes = b"", headers: Mapping[str, str] | None = None) -> Side:
        """A client whose upgrade was answered; `early` came behind its request."""
        app = self.world.app
        transport = FakeTransport()
        websocket = self._websocket(endpoint=self.endpoint, server_state=self.state)
        request = Request(f"/app/{app.key}", Headers({**UPGRADE, **(headers or {})}))
        websocket.open(transport, request, Handshake(f"/app/{app.key}", "protocol=7", None, None), early)
        return Side(self.node, websocket, transport)


async def turn() -> None:
    """Let the loop turn twice: what was marked is flushed, what was lost is known."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)

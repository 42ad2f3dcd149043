"""A client of the protocol's WebSocket: one connection, what it receives, how it ended. It does not reconnect.

What the server pings is answered unasked, and not handed on.
"""

import asyncio
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websocket_connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI, WebSocketException
from websockets.typing import Origin

from reverb_py import codes
from reverb_py.client.reach import Unreachable, tls_context, unreachable

TIMEOUT = 10.0  # seconds for the handshake
CLOSE_TIMEOUT = 1.0
ANSWERS = frozenset(
    {"pusher_internal:subscription_succeeded", "pusher:subscription_error", "pusher_internal:subscription_error"}
)


@dataclass(frozen=True, slots=True)
class Message:
    """One text frame. `event` is "" when it is not of the protocol; `data` is as it came, usually a JSON string."""

    event: str
    channel: str
    data: Any
    text: str

    @property
    def content(self) -> Any:
        """The data decoded once; itself when it is no JSON."""
        if not isinstance(self.data, str):
            return self.data
        try:
            return json.loads(self.data)
        except ValueError:
            return self.data


class Refused(Exception):
    """The server ended the handshake with a code of the protocol: 4001 for an unknown key, 4009 for an origin."""

    def __init__(self, code: int | None, message: str) -> None:
        super().__init__(f"{message} ({code})" if code else message)
        self.code = code
        self.message = message


class NotUpgraded(Unreachable):
    """Somebody answered in plain HTTP."""

    def __init__(self, status: int, headers: dict[str, str], body: str) -> None:
        super().__init__(f"HTTP {status} instead of a WebSocket", codes.NOT_AN_UPGRADE if status == 426 else None)
        self.status = status
        self.headers = headers
        self.body = body


class Closed(Exception):
    """The connection ended; 1006 when nobody said why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed with {code} {reason}".rstrip())
        self.code = code
        self.reason = reason


class Socket:
    """An established connection: `async for message in socket` until it is closed."""

    def __init__(self, websocket: ClientConnection, socket_id: str, activity_timeout: float | None) -> None:
        self.socket_id = socket_id
        self.activity_timeout = activity_timeout  # as the server said it, None when it did not
        self._websocket = websocket
        self._kept: deque[Message] = deque()

    @property
    def close_code(self) -> int | None:
        """None while it is open."""
        return self._websocket.close_code

    @property
    def close_reason(self) -> str:
        return self._websocket.close_reason or ""

    async def send(self, event: str, data: object, channel: str = "") -> None:
        """Raise Closed when the connection has ended."""
        named = {"channel": channel} if channel else {}
        await self.send_text(json.dumps({"event": event, "data": data, **named}, ensure_ascii=False))

    async def send_text(self, text: str) -> None:
        try:
            await self._websocket.send(text)
        except ConnectionClosed as end:
            raise _closed(end) from None

    async def subscribe(self, channel: str, auth: str | None = None, channel_data: str | None = None) -> None:
        """Ask for a channel; the answer comes among the messages."""
        asked = {"channel": channel, "auth": auth, "channel_data": channel_data}
        await self.send("pusher:subscribe", {name: value for name, value in asked.items() if value is not None})

    async def join(
        self, channel: str, auth: str | None = None, channel_data: str | None = None, timeout: float = TIMEOUT
    ) -> Message:
        """Ask for a channel and return its answer, refusal included; other messages are kept. Raise TimeoutError."""
        await self.subscribe(channel, auth, channel_data)
        return await self.wait_for(lambda each: each.channel == channel and each.event in ANSWERS, timeout)

    async def wait_for(self, is_it: Callable[[Message], bool], timeout: float = TIMEOUT) -> Message:
        """The next message for which `is_it` is true; the others are kept. Raise TimeoutError or Closed."""
        others: list[Message] = []
        try:
            async with asyncio.timeout(timeout):
                while not is_it(message := await self.receive()):
                    others.append(message)
                return message
        finally:
            self._kept.extendleft(reversed(others))

    async def receive(self, timeout: float | None = None) -> Message:
        """The next message; raise Closed at the end, TimeoutError when none came in time."""
        if self._kept:
            return self._kept.popleft()
        async with asyncio.timeout(timeout):
            while True:
                message = await _read(self._websocket)
                if message.event != "pusher:ping":
                    return message
                await self.send("pusher:pong", {})

    def __aiter__(self) -> AsyncIterator[Message]:
        return self._messages()

    async def _messages(self) -> AsyncIterator[Message]:
        try:
            while True:
                yield await self.receive()
        except Closed:
            return

    async def close(self) -> None:
        await self._websocket.close()


class _Connect(websocket_connect):
    """Follows no redirect: it is an answer, and one that is worth knowing."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


@asynccontextmanager
async def connect(
    url: str,
    key: str,
    *,
    origin: str | None = None,
    timeout: float = TIMEOUT,
    verify: bool = True,
    close_timeout: float = CLOSE_TIMEOUT,
) -> AsyncIterator[Socket]:
    """Connect to `<url>/app/<key>` and wait for the server's greeting; raise Refused or Unreachable.

    `url` is ws:// or wss://, with the server's path prefix, if any. `close_timeout` seconds after its closing frame the
    connection is cut.
    """
    websocket = await _open(url, key, origin, timeout, verify, close_timeout)
    try:
        yield await _greeted(websocket, timeout)
    finally:
        await websocket.close()


async def _open(
    url: str, key: str, origin: str | None, timeout: float, verify: bool, close_timeout: float
) -> ClientConnection:
    address = f"{url.rstrip('/')}/app/{quote(key, safe='')}?protocol=7&client=reverb-py&version=1.0"
    context: ssl.SSLContext | None = tls_context(verify) if url.startswith("wss:") else None
    try:
        return await _Connect(
            address,
            origin=Origin(origin) if origin else None,
            open_timeout=timeout,
            close_timeout=close_timeout,
            ssl=context,
            proxy=None,
            max_size=None,
        )
    except InvalidStatus as answer:
        response = answer.response
        body = (response.body or b"").decode(errors="replace")
        raise NotUpgraded(response.status_code, dict(response.headers.raw_items()), body) from None
    except (OSError, TimeoutError, InvalidHandshake, InvalidURI, WebSocketException, UnicodeError) as error:
        raise unreachable(error, urlsplit(url).hostname or url) from error


async def _greeted(websocket: ClientConnection, timeout: float) -> Socket:
    try:
        async with asyncio.timeout(timeout):
            message = await _read(websocket)
    except TimeoutError:
        raise Unreachable("the WebSocket opened, but no pusher:connection_established came") from None
    except Closed as end:
        raise Refused(end.code, end.reason or "the server closed the connection") from None
    content = message.content if isinstance(message.content, dict) else {}
    if message.event == "pusher:error":
        code = content.get("code")
        raise Refused(code if isinstance(code, int) else None, str(content.get("message", "")))
    if message.event != "pusher:connection_established" or not content.get("socket_id"):
        raise Unreachable(f"the WebSocket opened, but it does not speak Pusher's protocol: {message.text[:80]!r}")
    timeout_said = content.get("activity_timeout")
    said = float(timeout_said) if isinstance(timeout_said, int | float) else None
    return Socket(websocket, str(content["socket_id"]), said)


async def _read(websocket: ClientConnection) -> Message:
    try:
        received = await websocket.recv()
    except ConnectionClosed as end:
        raise _closed(end) from None
    text = received if isinstance(received, str) else received.decode(errors="replace")
    try:
        frame = json.loads(text)
    except ValueError:
        frame = None
    if not isinstance(frame, dict):
        return Message("", "", text, text)
    return Message(str(frame.get("event", "")), str(frame.get("channel") or ""), frame.get("data"), text)


def _closed(end: ConnectionClosed) -> Closed:
    return Closed(end.rcvd.code, end.rcvd.reason) if end.rcvd else Closed(1006, "")

"""A client that speaks the Pusher protocol, and breaks it where a case wants that."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Literal

from reverb_py.conformance import signing
from reverb_py.conformance.link import Answer, Link
from reverb_py.conformance.verify import Deviation, equal, that
from reverb_py.conformance.wire import Opcode, WireFrame, client_frame, close_payload, read_close

Frame = dict[str, Any]
PATIENCE = 5.0  # seconds for one frame that must come
FAREWELL = 1.0
AUTO: Final = "auto"
SIGNED = ("private-", "presence-")


class Client:
    """One connection. What it reads, it reads when asked: nothing runs in the background.

    WebSocket PINGs are answered while it reads, unless `answers_pings` is off. Frames of `ignored_events` are
    dropped: a server may count subscriptions aloud, and that is nobody's deviation.
    """

    def __init__(self, link: Link, key: str, secret: str, settle: float = 0.0) -> None:
        self.link = link
        self.key = key
        self.secret = secret
        self.settle = settle
        self.socket_id = ""
        self.established: Frame = {}
        self.answers_pings = True
        self.ignored_events = {"pusher_internal:subscription_count"}
        self.pings: deque[bytes] = deque()
        self._pongs: deque[bytes] = deque()
        self._texts: deque[str] = deque()
        self._partial = b""
        self._end: tuple[int, str] | None = None
        self._sent_close = False

    @property
    def answer(self) -> Answer:
        """The server's answer to the upgrade request."""
        return self.link.answer

    # What it sends

    async def send(self, message: Mapping[str, Any] | Sequence[Any] | str) -> None:
        """Send one text frame: a string as it stands, anything else as JSON."""
        text = message if isinstance(message, str) else json.dumps(message)
        await self.send_bytes(client_frame(text.encode()))

    async def send_bytes(self, raw: bytes) -> None:
        """Send these bytes as they are; `wire.client_frame` makes frames of every kind."""
        await self.link.send(raw)

    async def send_close(self, code: int | None = 1000, reason: str = "") -> None:
        """Send a close frame, with an empty payload when the code is None."""
        self._sent_close = True
        payload = b"" if code is None else close_payload(code, reason)
        await self.send_bytes(client_frame(payload, Opcode.CLOSE))

    async def ping(self, payload: bytes = b"") -> None:
        """Send a WebSocket PING and read until its PONG; raise Deviation when that does not come."""
        await self.send_bytes(client_frame(payload, Opcode.PING))
        equal(await self.pong(), payload, "the payload of the PONG")

    async def subscribe(self, channel: Any, auth: Any = AUTO, channel_data: str | None = None, **more: Any) -> None:
        """Send `pusher:subscribe`. AUTO signs private and presence names; an `auth` of None is left out."""
        if auth == AUTO:
            auth = self.sign(channel, channel_data) if str(channel).startswith(SIGNED) else None
        data = {"channel": channel, "auth": auth, "channel_data": channel_data}
        given = {name: value for name, value in data.items() if value is not None}
        await self.send({"event": "pusher:subscribe", "data": {**given, **more}})

    async def subscribed(self, channel: str, auth: Any = AUTO, channel_data: str | None = None) -> Frame:
        """Subscribe, and return the acknowledgement, which must be the next frame."""
        await self.subscribe(channel, auth, channel_data)
        return await self.acknowledged(channel)

    async def acknowledged(self, channel: str) -> Frame:
        """The next frame, which must acknowledge a subscription to this channel."""
        frame = await self.frame()
        equal(frame.get("event"), "pusher_internal:subscription_succeeded", f"after subscribing, {frame!r}")
        equal(frame.get("channel"), channel, "the channel of the acknowledgement")
        return frame

    async def unsubscribe(self, channel: Any) -> None:
        await self.send({"event": "pusher:unsubscribe", "data": {"channel": channel}})

    async def signin(self, user_data: str, auth: str | None = None) -> None:
        """Send `pusher:signin` with this JSON text, signed unless `auth` is given."""
        auth = auth or signing.user_auth(self.key, self.secret, self.socket_id, user_data)
        await self.send({"event": "pusher:signin", "data": {"auth": auth, "user_data": user_data}})

    def sign(self, channel: str, channel_data: str | None = None) -> str:
        return signing.channel_auth(self.key, self.secret, self.socket_id, channel, channel_data)

    # What it reads

    async def frame(self, seconds: float = PATIENCE) -> Frame:
        """The next text frame, as the object that it must be; raise Deviation when none comes in time."""
        while True:
            frame = parsed(await self.text(seconds))
            if frame.get("event") not in self.ignored_events:
                return frame

    async def text(self, seconds: float = PATIENCE) -> str:
        """The next text message, fragments joined, as it came."""
        await self._until(lambda: bool(self._texts) or self._end is not None, seconds, "a frame")
        if not self._texts:
            raise Deviation(f"expected a frame, but the connection was closed with {self._end}")
        return self._texts.popleft()

    async def pong(self, seconds: float = PATIENCE) -> bytes:
        """The payload of the next WebSocket PONG."""
        await self._until(lambda: bool(self._pongs) or self._end is not None, seconds, "a PONG")
        if not self._pongs:
            raise Deviation(f"expected a PONG, but the connection was closed with {self._end}")
        return self._pongs.popleft()

    async def closed(self, seconds: float = PATIENCE) -> tuple[int, str]:
        """Read until the close: its code and reason; 1005 for one without a code, 1006 for none at all."""
        await self._until(lambda: self._end is not None, seconds, "a close frame")
        return self._end or (1006, "")

    def unread(self) -> list[Frame]:
        """Take the text frames that were read while waiting for something else."""
        frames = [parsed(text) for text in self._texts]
        self._texts.clear()
        return [frame for frame in frames if frame.get("event") not in self.ignored_events]

    async def nothing(self, seconds: float = 0.3, by: Literal["ping", "waiting"] = "ping") -> None:
        """Raise Deviation when a frame comes: a `pusher:ping` is sent, and its pong must be the very next.

        That proves two things more: the connection is usable, and the server has handled all that it sent
        before. To prove that something sent by A did not reach B, first let A see `nothing`. Where a ping
        would disturb (rate limits), wait for `seconds` instead.
        """
        if by == "waiting":
            await self._silent(seconds)
            return
        if self.settle:
            await self._silent(self.settle)
        await self.send({"event": "pusher:ping", "data": {}})
        frame = await self.frame()
        that(frame.get("event") == "pusher:pong", f"expected nothing (but a pong), got {frame!r}")

    async def refused(self, code: int | None = None, naming: str = "") -> str:
        """The message of the next frame, which must be `pusher:error` with this code and mention `naming`."""
        return refusal(await self.frame(), code, naming)

    # How it reads

    async def _silent(self, seconds: float) -> None:
        """Raise Deviation when a text frame or a close comes within this time."""
        try:
            async with asyncio.timeout(seconds):
                while self._end is None and not self._heard():
                    await self._pump(seconds + 1)
        except TimeoutError:
            return
        closed = f", then the end of the connection, {self._end}" if self._end else ""
        raise Deviation(f"expected nothing, got {self.unread()!r}{closed}")

    def _heard(self) -> bool:
        """Drop what is ignored; True when something is left."""
        kept = [text for text in self._texts if parsed(text).get("event") not in self.ignored_events]
        self._texts = deque(kept)
        return bool(kept)

    async def _until(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while not condition():
            left = deadline - asyncio.get_running_loop().time()
            try:
                await self._pump(max(left, 0.0))
            except TimeoutError:
                raise Deviation(f"expected {what} within {seconds:g} s, got nothing") from None

    async def _pump(self, seconds: float) -> None:
        """Read one wire frame and put it where it belongs."""
        frame = await self.link.receive(seconds)
        if frame is None:
            self._end = self._end or (1006, "")
        elif frame.opcode is Opcode.CLOSE:
            await self._answer_close(frame.payload)
        elif frame.opcode is Opcode.PING:
            await self._answer_ping(frame.payload)
        elif frame.opcode is Opcode.PONG:
            self._pongs.append(frame.payload)
        else:
            self._collect(frame)

    async def _answer_close(self, payload: bytes) -> None:
        self._end = self._end or read_close(payload)
        if not self._sent_close:
            self._sent_close = True
            await self.send_bytes(client_frame(payload, Opcode.CLOSE))

    async def _answer_ping(self, payload: bytes) -> None:
        self.pings.append(payload)
        if self.answers_pings:
            await self.send_bytes(client_frame(payload, Opcode.PONG))

    def _collect(self, frame: WireFrame) -> None:
        if frame.opcode is Opcode.BINARY:
            raise Deviation(f"a binary frame from the server: {frame.payload[:80]!r}")
        self._partial += frame.payload
        if frame.fin:
            text, self._partial = self._partial.decode(), b""
            self._texts.append(text)

    async def aclose(self) -> None:
        """Leave: a close frame unless one was sent, its answer if that comes soon, the end."""
        if self.answer.status == 101 and not self._sent_close and self._end is None:
            await self.send_close()
            with suppress(Deviation):  # what it does with our farewell is another case's affair
                await self.closed(FAREWELL)
        await self.link.aclose()

    def abort(self) -> None:
        """Vanish: a TCP reset without a close frame."""
        self._sent_close = True
        self.link.abort()


def parsed(text: str) -> Frame:
    """A text frame as the JSON object that it must be."""
    try:
        frame = json.loads(text)
    except ValueError:
        raise Deviation(f"expected JSON, got {text[:200]!r}") from None
    if not isinstance(frame, dict):
        raise Deviation(f"expected a JSON object, got {text[:200]!r}")
    return frame


def data_of(frame: Frame) -> Any:
    """What the frame's `data`, which must be a string, says as JSON."""
    data = frame.get("data")
    if not isinstance(data, str):
        raise Deviation(f"expected data to be a string, got {frame!r}")
    try:
        return json.loads(data)
    except ValueError:
        raise Deviation(f"expected data to be a string of JSON, got {frame!r}") from None


def refusal(frame: Frame, code: int | None = None, naming: str = "") -> str:
    """The message of a `pusher:error` frame, which must have this code and mention `naming`."""
    equal(frame.get("event"), "pusher:error", f"expected a refusal, {frame!r}")
    data = frame.get("data")
    if not isinstance(data, dict):
        raise Deviation(f"expected the data of pusher:error to be an object, got {data!r}")
    equal(data.get("code"), code, f"the code in {frame!r}")
    message = data.get("message")
    if not isinstance(message, str) or not message:
        raise Deviation(f"expected pusher:error to have a message, got {frame!r}")
    that(naming in message, f"expected the message to mention {naming!r}, got {message!r}")
    return message

"""A listener: one WebSocket connection with one subscription, as light as Python allows.

The reader knows only what a server sends: frames without a mask and without extensions (RFC 6455 5.2).
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import orjson

from reverb_py.bench.plan import EVENT, Plan, place
from reverb_py.bench.tally import Listener
from reverb_py.conformance.link import parse_head, upgrade_request
from reverb_py.conformance.signing import channel_auth
from reverb_py.conformance.verify import Deviation
from reverb_py.conformance.wire import Opcode, client_frame, close_payload, read_close

PATIENCE = 10.0  # seconds for connection, upgrade and subscription together
PONG = client_frame(b'{"event":"pusher:pong","data":{}}')
FAREWELL = client_frame(close_payload(1000), Opcode.CLOSE)
TEXT = 0x81  # the first byte of a whole text message: FIN, opcode 1


class NotSubscribed(Exception):
    """The connection did not get as far as a subscription. `code` is the server's, if it gave one."""

    def __init__(self, text: str, code: int | None = None) -> None:
        super().__init__(text)
        self.code = code


class Client(asyncio.Protocol):
    """`subscribed` ends with None, or with NotSubscribed; after it, each copy goes to the listener.

    `gone` is done when the connection has ended.
    """

    def __init__(self, plan: Plan, index: int, listener: Listener, clock: Callable[[], float]) -> None:
        loop = asyncio.get_running_loop()
        self.subscribed: asyncio.Future[None] = loop.create_future()
        self.gone: asyncio.Future[None] = loop.create_future()
        self._plan, self._channel = plan, plan.channel(index)
        self._listener, self._clock = listener, clock
        self._transport: asyncio.Transport | None = None
        self._rest = b""  # of a head or frame that is not there as a whole
        self._partial = b""  # of a fragmented message
        self._upgraded = False
        self._end = ""  # what the server said when it ended the connection
        self._leaving = False

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        transport.write(upgrade_request(self._plan.address.geturl(), {}))

    def data_received(self, data: bytes) -> None:
        try:
            if self._rest:
                data = self._rest + data
            self._rest = self._frames(data) if self._upgraded else self._head(data)
        except (ValueError, KeyError, TypeError, Deviation) as error:  # whatever a server may say instead
            self._stop(f"it sent what the protocol does not know: {error!r}")

    def connection_lost(self, exc: Exception | None) -> None:
        end = self._end or f"1006 the connection was lost{f': {exc}' if exc else ''}"
        if not self.subscribed.done():
            self.subscribed.set_exception(NotSubscribed(end))
        elif self._listener.is_open and not self._leaving:
            self._listener.is_open = False
            self._listener.tally.closed.add(end)
        if not self.gone.done():
            self.gone.set_result(None)

    # The way in

    def _head(self, data: bytes) -> bytes:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return data
        answer = parse_head(data)
        if answer.status != 101:
            said = answer.body.decode("latin-1").strip()
            self._refuse(f"the upgrade was answered with HTTP {answer.status}{f': {said}' if said else ''}")
            return b""
        self._upgraded = True
        return self._frames(data[end + 4 :])

    def _frames(self, data: bytes) -> bytes:
        """Obey every whole frame; the bytes of one that is not whole."""
        at, size = 0, len(data)
        while size - at >= 2:
            length, start = data[at + 1], at + 2
            if length >= 126:
                if length > 127:
                    raise ValueError("a masked frame from the server")
                start += 2 if length == 126 else 8
                if size < start:
                    break
                length = int.from_bytes(data[at + 2 : start])
            if size < start + length:
                break
            self._frame(data[at], data[start : start + length])
            at = start + length
        return data[at:]

    def _frame(self, first: int, payload: bytes) -> None:
        if first == TEXT:
            self._message(payload)
        elif first & 0x0F == Opcode.PING:
            self._write(client_frame(payload, Opcode.PONG))
        elif first & 0x0F == Opcode.CLOSE:
            code, reason = read_close(payload)
            self._stop(f"{code} {reason}", code)
        elif first & 0x0F in (Opcode.TEXT, Opcode.CONTINUATION):
            self._partial += payload
            if first & 0x80:
                whole, self._partial = self._partial, b""
                self._message(whole)

    def _message(self, payload: bytes) -> None:
        message = orjson.loads(payload)
        event = message["event"]
        if event == EVENT and message.get("channel") != self._channel:
            self._listener.tally.strays += 1
        elif event == EVENT:
            copy = orjson.loads(message["data"])
            self._listener.receive(copy["n"], self._clock() - copy["at"])
        elif event == "pusher:ping":
            self._write(PONG)
        elif not self.subscribed.done():
            self._progress(event, message.get("data"))

    def _progress(self, event: str, data: Any) -> None:
        """One step on the way to the subscription."""
        if event == "pusher:connection_established":
            self._subscribe(_object(data)["socket_id"])
        elif event == "pusher_internal:subscription_succeeded":
            self.subscribed.set_result(None)
        elif event == "pusher:error":
            error = _object(data)
            self._refuse(f"{error.get('code') or 'no code'}: {error.get('message')}", error.get("code"))
        elif event == "pusher:subscription_error":
            self._refuse(f"the subscription was refused: {data}")

    # The way out

    def _subscribe(self, socket_id: str) -> None:
        data = {"channel": self._channel}
        if self._plan.private:
            app = self._plan.app
            data["auth"] = channel_auth(app.key, app.secret, socket_id, self._channel)
        self._write(client_frame(orjson.dumps({"event": "pusher:subscribe", "data": data})))

    def _write(self, frame: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame)

    def _refuse(self, text: str, code: int | None = None) -> None:
        if not self.subscribed.done():
            self.subscribed.set_exception(NotSubscribed(text, code))
        self.leave()

    def _stop(self, text: str, code: int | None = None) -> None:
        """Close because of the server; what it said is told in connection_lost."""
        self._end = self._end or text
        if not self.subscribed.done():
            self._refuse(text, code)
        elif self._transport is not None:
            self._transport.close()

    def leave(self) -> None:
        """Say goodbye and close; what ends now is not the server's doing."""
        self._leaving = True
        self._write(FAREWELL)
        if self._transport is not None:
            self._transport.close()
        elif not self.gone.done():
            self.gone.set_result(None)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def forget(self) -> None:
        """The loop gave up connecting, and has closed the transport by itself: without connection_lost, on uvloop."""
        self._transport = None
        self.subscribed.cancel()
        self.leave()


def _object(data: Any) -> dict[str, Any]:
    """Hosted Pusher writes the data of `pusher:error` as an object, Reverb as the text of one."""
    found = orjson.loads(data) if isinstance(data, str) else data
    return found if isinstance(found, dict) else {}


async def subscribe(client: Client, plan: Plan, tls: ssl.SSLContext | None) -> None:
    """Connect and subscribe; raise NotSubscribed."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(PATIENCE):
            try:
                await loop.create_connection(lambda: client, *place(plan.address), ssl=tls)
            except BaseException:
                client.forget()
                raise
            await client.subscribed
    except TimeoutError:
        client.leave()
        raise NotSubscribed(f"no subscription within {PATIENCE:g} s") from None
    except OSError as error:
        raise NotSubscribed(f"no connection: {error}") from None

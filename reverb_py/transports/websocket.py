"""Bytes to session and back: an asyncio.Protocol around websockets' sans-I/O ServerProtocol.

No task, no queue and no ASGI scope for a connection. Incoming frames are RFC 6455's affair; outgoing ones are made
once per event elsewhere, and take the one door out, `write`, so that nothing overtakes anything.
"""

import asyncio
import logging
from dataclasses import replace
from socket import SocketType
from typing import Any

from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import SEND_EOF, State

from reverb_py.handshake import Handshake
from reverb_py.hub.app import App
from reverb_py.hub.connection import Connection
from reverb_py.protocol import messages
from reverb_py.protocol.errors import ErrorCode, Refused
from reverb_py.protocol.frames import text_frame
from reverb_py.session import Session
from reverb_py.transports.endpoint import Endpoint
from reverb_py.transports.failures import WINDOW
from reverb_py.transports.rfc6455 import Fragments, Rfc6455
from reverb_py.transports.sockets import plain_socket

logger = logging.getLogger(__name__)

LAST_WORDS = 5.0  # seconds that a peer has to take the close frame and answer it
MANY_FRAMES = 16  # that one segment may earn its sender before they are written
REST = 1.0  # seconds in which nothing is read after each failed signature, when an address has too many of them
MOST_RESTS = 5  # one after the other: far below what liveness allows, and peers that are gone are soon noticed
PAUSE_AT = 65_536  # bytes unsent at which a reader counts as slow; it is closed at `max_backlog`
BELOW_TLS = 65_536  # bytes in the transport below TLS before that one pauses (asyncio's and uvloop's default)
ABNORMAL = 1006  # RFC 6455 7.4.1: there was no close frame

_quiet = logging.getLogger(__name__ + ".rfc6455")  # ServerProtocol logs twice for each connection
_quiet.setLevel(logging.WARNING)


class WebSocket(asyncio.Protocol):
    """One client's socket. `open` is called by the HTTP protocol, in place of connection_made."""

    __slots__ = (
        "__weakref__",
        "_behind",
        "_endpoint",
        "_fragments",
        "_gone",
        "_joining",
        "_open",
        "_pending",
        "_remote",
        "_rests",
        "_rfc6455",
        "_session",
        "_socket",
        "_timer",
        "_transport",
        "slow_since",
    )

    _transport: asyncio.Transport
    _rfc6455: Rfc6455

    def __init__(self, *, endpoint: Endpoint, server_state: ServerState, **_: Any) -> None:
        self._endpoint = endpoint
        self._open = server_state.connections  # uvicorn waits for them when it stops
        self._session: Session | None = None
        self._pending: bytes | list[bytes] | None = None  # one frame, or several
        self._fragments: Fragments | None = None  # of a message that is not complete
        self._socket: SocketType | None = None  # the transport's own, to send without a detour
        self._behind = True  # the transport may hold bytes: what follows must queue behind them
        self._gone = False  # goodbye was said: nothing more is written
        self._joining = False  # the session wants nothing read at the moment
        self._rests = 0  # in which nothing is read, because of failed signatures
        self._remote = ""  # the client's address
        self._timer: asyncio.TimerHandle | None = None
        self.slow_since = 0.0

    def open(self, transport: asyncio.Transport, request: Request, handshake: Handshake, early: bytes) -> None:
        """Answer an upgrade request; `early` is what the client sent behind it."""
        self._transport = transport
        transport.set_protocol(self)
        refusal: Refused | None = None
        max_size: int | None = None
        try:
            app = self._endpoint.admit(handshake)
            max_size = app.max_message_size or None
        except Refused as refused:
            refusal = refused.with_traceback(None)  # that holds this frame: a cycle
        self._rfc6455 = Rfc6455(state=State.OPEN, max_size=max_size, logger=_quiet)
        response = self._answer(request, too_often=self._endpoint.is_one_too_many(refusal, handshake.remote))
        response.headers["X-Powered-By"] = "reverb-py"
        self._open.add(self)  # type: ignore[arg-type]  # uvicorn's own classes stand there; it calls shutdown() only
        self.write(response.serialize())
        if response.status_code != 101:
            self._endpoint.tell_refused(handshake, response.status_code, response.body.decode().strip())
            self._finish(linger=False)
        elif refusal is not None:
            path = "a path with a secret" if refusal.names_secret else handshake.path
            self._endpoint.tell_refused(replace(handshake, path=path), refusal.code, refusal.message + refusal.detail)
            message = self._endpoint.node.redacted(refusal.message)
            self.write(text_frame(messages.error(message, refusal.code)))
            self.close(refusal.code, message)
        else:
            self._rfc6455.forget_handshake()
            self._remote = handshake.remote
            self._begin(app)
            if early:
                self.data_received(early)

    def _answer(self, request: Request, *, too_often: bool) -> Response:
        if too_often:
            response = self._rfc6455.reject(429, "Too many refused handshakes from this address.\n")
            response.headers["Retry-After"] = str(int(WINDOW))
            return response
        if request.headers.get_all("Sec-WebSocket-Version") not in ([], ["13"]):
            response = self._rfc6455.reject(426, "WebSocket version 13 is spoken here.\n")  # RFC 6455 4.4
            response.headers["Sec-WebSocket-Version"] = "13"
            return response
        response = self._rfc6455.accept(request)
        if response.status_code == 101:
            return response
        # Its text repeats the header that it does not like.
        return self._rfc6455.reject(response.status_code, self._endpoint.node.redacted(response.body.decode()))

    def _begin(self, app: App) -> None:
        node = self._endpoint.node
        self._transport.set_write_buffer_limits(high=min(PAUSE_AT, self._endpoint.max_backlog))
        self._socket = plain_socket(self._transport)
        connection = Connection(app, self._endpoint.new_socket_id(), self.write, self.close)
        connection.last_seen = node.clock()
        self._session = Session(node, connection, self._hold_back, self._signature_failed)
        node.connect(connection)

    # In.

    def data_received(self, data: bytes) -> None:
        session = self._session
        self._rfc6455.receive_data(data)
        frames = self._rfc6455.events_received()
        if frames and session is not None:  # part of a frame is no life: it might come byte by byte, for ever
            session.connection.last_seen = self._endpoint.node.clock()
            session.connection.pinged_at = 0.0
        for frame in frames:
            if self._gone or session is None:  # we said goodbye; a client's own close comes last in this list
                break
            if isinstance(frame, Frame) and frame.opcode in (Opcode.TEXT, Opcode.CONT, Opcode.BINARY):
                self._receive(frame, session)
                frame.data = b""  # the parser keeps the frame until the next one comes, perhaps for ever
                self._flush_much()
        self._collect()

    def _flush_much(self) -> None:
        """Let the limit for slow readers see what one segment of questions is answered with, before all are read.

        To subscribe again takes 60 bytes, and repeats a cached event of a megabyte.
        """
        if isinstance(self._pending, list) and len(self._pending) > MANY_FRAMES:
            self.flush()

    def _receive(self, frame: Frame, session: Session) -> None:
        try:
            if self._fragments is None and frame.fin:
                text: str | None = str(frame.data, "utf-8")  # binary frames are taken as text, as Reverb takes them
            else:
                text = self._add(frame)
        except UnicodeDecodeError:
            self._fragments = None
            self._rfc6455.fail(1007, "invalid UTF-8")
            self._collect()  # now: what came behind it in the same segment is not obeyed
            return
        if text is not None:
            self._obey(text, session)

    def _add(self, frame: Frame) -> str | None:
        """Return the text of a fragmented message with its last frame; raise UnicodeDecodeError when it can be none."""
        if self._fragments is None:
            self._fragments = Fragments()
        text = self._fragments.add(frame.data, is_last=frame.fin)
        if frame.fin:
            self._fragments = None
        return text

    def _obey(self, text: str, session: Session) -> None:
        try:
            session.receive(text)
        except Exception:
            logger.exception("A message of %s failed, a fault of this server", session.connection.socket_id)
            self.close(1011, "Internal error")  # RFC 6455 7.4.1; clients come back after a second

    def _collect(self) -> None:
        """Send what ServerProtocol wants sent: pongs, the echo of a close, the reason of a failure."""
        for data in self._rfc6455.data_to_send():
            if data is not SEND_EOF and data:
                self.write(data)
                continue
            answered = self._rfc6455.close_rcvd is not None
            if self._gone:
                self._transport.close()
            else:
                self._finish(linger=not answered)
                self._end_session()

    def _hold_back(self, hold: bool) -> None:
        self._joining = hold
        self._read_or_wait()

    def _read_or_wait(self) -> None:
        if self._transport.is_closing():
            return
        if self._joining or self._rests:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _signature_failed(self) -> None:
        """Read nothing of this client for a second when its address has too many, and one more for each further one."""
        if self._endpoint.signs_wrong_too_often(self._remote):
            self._rests = min(self._rests + 1, MOST_RESTS)
            if self._rests == 1:
                self._read_or_wait()
                asyncio.get_running_loop().call_later(REST, self._end_rest)

    def _end_rest(self) -> None:
        self._rests -= 1
        if self._rests:
            asyncio.get_running_loop().call_later(REST, self._end_rest)
        else:
            self._read_or_wait()

    # Out.

    def write(self, frame: bytes) -> None:
        """Have a frame sent at the end of this turn; the only door out. Ignored after goodbye."""
        pending = self._pending
        if self._gone:
            return
        if pending is None:
            self._pending = frame
            turn = self._endpoint.turn
            if turn.dirty:
                turn.dirty.append(self)
            else:
                turn.mark(self)
        elif isinstance(pending, list):
            pending.append(frame)
        else:
            self._pending = [pending, frame]

    def flush(self) -> None:
        """Write what is pending, joined: to the socket itself while it keeps up, else through the transport's buffer.

        The transport would make the same system call later; the detour costs a fifth of a copy (bench/README.md).
        """
        pending, self._pending = self._pending, None
        if pending is None:
            return
        if self._behind and self._socket is not None and self._transport.get_write_buffer_size():
            self._buffer(pending if isinstance(pending, list) else [pending])
            return
        data = b"".join(pending) if isinstance(pending, list) else pending
        if self._socket is None:
            self._buffer([data])
            return
        self._behind = False
        try:
            sent = self._socket.send(data)
        except OSError:  # no room, or no peer: the transport deals with both
            sent = 0
        if sent != len(data):
            self._buffer(_unsent(pending if isinstance(pending, list) else [pending], sent))

    def _buffer(self, frames: list[bytes]) -> None:
        """Leave them to the transport; close a reader that was too far behind before it.

        They go unjoined: a thousand slow readers then wait for the same bytes, and not for a copy each. A single large
        message is no reason to close: the list of a presence channel may have megabytes.
        """
        if self._transport.is_closing():
            return
        behind = self._transport.get_write_buffer_size()
        self._behind = True
        if len(frames) == 1:
            self._transport.write(frames[0])
        else:
            self._transport.writelines(frames)
        self._endpoint.backlog.add(self, sum(map(len, frames)))
        if behind > self._endpoint.max_backlog and not self._gone:
            self.close(ErrorCode.OVER_CAPACITY, f"Too slow: {behind} bytes behind")

    def close(self, code: int, reason: str) -> None:
        """Say goodbye with a code and a reason, and end the session; harmless the second time."""
        if self._gone:
            return
        if self._rfc6455.state is State.OPEN:
            self._rfc6455.send_close(code, reason.encode()[:123].decode(errors="ignore"))
        for data in filter(None, self._rfc6455.data_to_send()):  # or the answer to a goodbye of the same segment
            self.write(data)
        self._finish(linger=self._rfc6455.close_rcvd is None)
        self._end_session(code, reason, is_ours=True)

    def _finish(self, *, linger: bool) -> None:
        """Write what is left and nothing after it.

        With `linger` the peer's own close is awaited: to close while unread bytes lie in our socket would reset the
        connection, and the close frame with it.
        """
        self._gone = True  # before the flush, which would close a slow reader a second time
        self.flush()
        if not linger:
            self._transport.close()
        self._timer = asyncio.get_running_loop().call_later(LAST_WORDS, self._transport.abort)

    def pause_writing(self) -> None:
        # Called inside transport.write, in the middle of a broadcast: only a mark here.
        self.slow_since = self._endpoint.node.clock()
        self._endpoint.slow.add(self)

    def resume_writing(self) -> None:
        self.slow_since = 0.0
        self._endpoint.slow.discard(self)

    # The end, whatever it was.

    def eof_received(self) -> None:
        pass  # the transport closes, connection_lost follows

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone = True
        self._pending = None
        if self._socket is not None:
            self._socket.detach()  # else it would close a descriptor that is not its own
            self._socket = None
        self._end_session()
        self._open.discard(self)
        self._endpoint.slow.discard(self)
        self._endpoint.backlog.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self._rfc6455.parser.close()  # breaks ServerProtocol's cycle: no work for the garbage collector
        self._rfc6455.parser_exc = None  # and this one: a broken frame's traceback holds ServerProtocol

    @property
    def unsent(self) -> int:
        """Bytes that wait in the transport, also those before a goodbye; over TLS the memory that they take at most.

        What is told there stands before a second transport, that is full, in a buffer of OpenSSL, that grows by thirds.
        """
        size = self._transport.get_write_buffer_size()
        return BELOW_TLS + size * 4 // 3 if size and self._socket is None else size

    def drop(self, reason: str) -> None:
        """End the connection at once, and free what waits for its peer: a close frame would wait behind it."""
        self._gone = True
        self._end_session(ErrorCode.OVER_CAPACITY, reason, is_ours=True)
        self._transport.abort()

    def abort(self) -> None:
        """End the connection without further words."""
        self._transport.abort()

    def shutdown(self) -> None:
        """Called by uvicorn when it stops, for those that are still here."""
        self.close(ErrorCode.RECONNECT, "Please reconnect immediately")

    def _end_session(self, code: int = ABNORMAL, reason: str = "", *, is_ours: bool = False) -> None:
        session, self._session = self._session, None  # breaks our own cycle
        if session is None:
            return
        close = self._rfc6455.close_sent or self._rfc6455.close_rcvd  # theirs may have been no valid one
        if close is not None and code == ABNORMAL:
            code, reason = close.code, close.reason
        self._endpoint.node.disconnect(session.connection, code, reason, is_ours=is_ours)


def _unsent(frames: list[bytes], sent: int) -> list[bytes]:
    """What is left of these frames behind the first `sent` bytes, which are fewer than all."""
    for number, frame in enumerate(frames):
        if sent < len(frame):
            return [frame[sent:], *frames[number + 1 :]]
        sent -= len(frame)
    return []

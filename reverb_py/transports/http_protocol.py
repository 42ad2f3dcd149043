"""uvicorn's httptools protocol, with what it lacks: limits on head and time, and whole upgrades.

Three things it gets wrong are mended here (tests/transports/test_uvicorn_seam.py watches them): bytes behind an
upgrade request are lost, a request with `Upgrade: h2c` loses its body, and a head may be of any size and last for ever.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl
from uvicorn.server import ServerState
from websockets.datastructures import Headers
from websockets.http11 import Request

from reverb_py import codes
from reverb_py.codes import Code
from reverb_py.handshake import Handshake
from reverb_py.hub import facts
from reverb_py.transports.endpoint import Endpoint
from reverb_py.transports.publishing import ShortWay
from reverb_py.transports.unread import Unread
from reverb_py.transports.websocket import WebSocket

CLIENT_HELLO = b"\x16\x03"  # how TLS begins (RFC 8446 5.1: a handshake record of version 3.x)
MAX_PIPELINE = 16  # requests that may wait behind one: each is a scope and a cycle of 700 times its bytes
MIN_WAIT = 1.0  # seconds before an idle connection is looked at again


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Of one request, and `max_open`: connections, WebSockets included, above which newcomers get 503; 0 is none."""

    max_head: int = 32_768  # bytes
    timeout: float = 10.0  # seconds until head and body must have arrived
    max_open: int = 0
    slow_timeout: float = 10.0  # seconds in which a peer must take some of what waits for it


class HttpProtocol(HttpToolsProtocol):
    """One HTTP connection, until it ends or becomes a WebSocket."""

    def __init__(
        self,
        *,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        endpoint: Endpoint,
        limits: HttpLimits,
        short_way: ShortWay,
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._endpoint = endpoint
        self._limits = limits
        self._short_way = short_way
        self._head = 0  # bytes of the request's head so far
        self._in_head = True
        self._in_message = False
        self._heard = 0.0  # when the last bytes came, by the loop's clock
        self._deadline: asyncio.TimerHandle | None = None
        self._unread = Unread(self.loop, limits.slow_timeout)
        self._at_work: RequestResponseCycle | None = None
        self._ending = False  # nothing more is read: the answers that are due end the connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        # As uvicorn's, but without its questions for both addresses, seven system calls: see _ask_addresses.
        self.connections.add(self)
        self.transport = transport
        self.flow = FlowControl(transport)
        self.scheme = "https" if is_ssl(transport) else "http"
        if self._limits.max_open and len(self.connections) > self._limits.max_open:
            self._refuse(503, "Service Unavailable", "Too many connections.", "retry-after: 1\r\n")
        else:
            self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_deadline()
        self._unset_keepalive_if_required()
        self._unread.stop()
        if self._at_work is not None:  # uvicorn knows of the last one only, and this may wait to write
            self._at_work.disconnected = True
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread.watch(self.transport)

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():  # else the rest is waited for
            self._unread.stop()

    def data_received(self, data: bytes) -> None:
        if self.parser is None or self._ending or self.transport.is_closing():
            return
        self._heard = self.loop.time()
        if self._takes_short_way(data):
            return
        if self._in_head:
            self._head += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            if self._is_answering():  # its answer would stand among the frames; nobody legitimate does this
                self._end_after_answers()
            elif self._head_size() > self._limits.max_head:
                self._refuse_head()
            elif self._should_upgrade():
                self._upgrade(rest)
            else:
                self._ignore_upgrade(rest)
        except httptools.HttpParserError:
            if data.startswith(CLIENT_HELLO):
                self._refuse(400, "Bad Request", codes.TLS_TO_PLAIN.title + ".", code=codes.TLS_TO_PLAIN)
            else:
                self._refuse(400, "Bad Request", "Bad request.")
        else:
            if self._in_head and self._head > self._limits.max_head:
                self._refuse_head()
            # Most requests come whole and need no timer. Blank lines begin no message, and would last for ever.
            elif (self._in_message or self._head) and self._deadline is None:
                self._start_deadline()

    # What the parser calls.

    def on_message_begin(self) -> None:
        # As uvicorn's, but its scope is made later, for those who take the ordinary way.
        self.url, self.headers, self.expect_100_continue = b"", [], False
        self._in_message = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # else it is a trailer: nobody reads those, and they have no limit
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._ending or self.parser.should_upgrade():
            self._in_head = False
            return  # `data_received` decides about an upgrade, when the parser raises
        # Bytes are counted by the segment, and are 0 for a head behind another request in one segment.
        if not 0 < self._head <= self._limits.max_head and self._head_size() > self._limits.max_head:
            self._refuse_head()
        elif len(self.pipeline) >= MAX_PIPELINE:
            self._end_after_answers()
        if not self._ending and not self.transport.is_closing():
            self._take_ordinary_way()
        self._in_head = False

    def _take_ordinary_way(self) -> None:
        """Have uvicorn make a scope of the head, and start Starlette on it."""
        self._ask_addresses()
        url, headers, expect = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = url, headers, expect
        self.scope["headers"] = headers
        super().on_headers_complete()
        if self._endpoint.node.draining:  # the next request finds another process, or another connection to this one
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        if not self._ending and not self.parser.should_upgrade() and self.cycle is not None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head, self._head, self._in_message = True, 0, False
        self._stop_deadline()
        if not self._ending and not self.parser.should_upgrade() and self.cycle is not None:
            super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._at_work = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._unread.watch(self.transport)
        elif self.pipeline:  # uvicorn reads on after each answer: requests whose answers nobody reads would pile up
            self.flow.pause_reading()

    # The short way (publishing.py).

    def _takes_short_way(self, data: bytes) -> bool:
        """Publish and answer at once, if `data` asks just for that and nobody waits before it."""
        if self._in_message or self._head or self.pipeline or self.flow.write_paused:
            return False
        if self._is_answering():  # that answer must not be overtaken
            return False
        if self._endpoint.node.draining:  # its answer ends the connection
            return False
        published = self._short_way.publish(data)
        if published is None:
            return False
        self._stop_deadline()
        self.transport.write(self._short_way.answer(published, self.server_state.default_headers))
        self.server_state.total_requests += 1
        if self.timeout_keep_alive_task is None:
            self._look_again(self.timeout_keep_alive)
        return True

    # Idle connections. One timer serves many requests: none moves it, it looks again when it fires.

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if nobody has asked anything for the whole time (called by the timer)."""
        self.timeout_keep_alive_task = None
        idle = self.loop.time() - self._heard
        if self._in_message or self._is_answering() or idle < self.timeout_keep_alive:
            self._look_again(max(self.timeout_keep_alive - idle, MIN_WAIT))
        else:
            self._close()

    def _look_again(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def shutdown(self) -> None:
        """Called by uvicorn when it stops: who is asking, or has asked nothing yet, ends with the answer."""
        if self._is_answering() or (self._heard and not self._in_message):
            super().shutdown()

    # Upgrades.

    def _upgrade(self, early: bytes) -> None:
        """Hand the socket over to a WebSocket, with the request that was parsed and what came behind it."""
        try:
            url = httptools.parse_url(self.url)
        except httptools.HttpParserInvalidURLError:
            self._refuse(400, "Bad Request", "Bad request.")
            return
        self._stop_deadline()
        self._unset_keepalive_if_required()  # of a request before it: the timer would close the WebSocket
        self._unread.stop()
        self.connections.discard(self)
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.headers]
        method, version = self.parser.get_method().decode(), self.parser.get_http_version()
        request = Request(self.url.decode("latin-1"), Headers(pairs), method, f"HTTP/{version}")
        headers = dict(pairs)
        handshake = Handshake(
            path=(url.path or b"/").decode("latin-1"),
            query=(url.query or b"").decode("latin-1"),
            origin=headers.get("origin"),
            secure=self._secure(headers),
            remote=self._endpoint.proxies.client_of(self._peer, headers),
        )
        self.parser = None  # type: ignore[assignment]  # breaks the parser's cycle: no work for the collector
        websocket: WebSocket = self.ws_protocol_class(  # type: ignore[assignment, call-arg, misc]
            config=self.config, server_state=self.server_state, app_state=self.app_state
        )
        websocket.open(self.transport, request, handshake, early)
        if self.flow.write_paused:  # the transport tells that only once
            websocket.pause_writing()

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Read a request again without its Upgrade header, which a server may ignore (RFC 9110, 7.8)."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._refuse(405, "Method Not Allowed", "Method not allowed.")
            return
        lines = [b"%b: %b\r\n" % header for header in self.headers if header[0] not in (b"upgrade", b"connection")]
        if not self.parser.should_keep_alive() or any(b"close" in value.lower() for value in self._all(b"connection")):
            lines.append(b"connection: close\r\n")
        self.parser = httptools.HttpRequestParser(self)
        self._in_head, self._head = True, 0
        self.data_received(b"".join((method, b" ", self.url, b" HTTP/1.1\r\n", *lines, b"\r\n", rest)))

    def _all(self, name: bytes) -> list[bytes]:
        return [value for each, value in self.headers if each == name]

    def _secure(self, headers: Mapping[str, str]) -> bool | None:
        return True if self.scheme == "https" else self._endpoint.proxies.secure(self._peer, headers)

    def _ask_addresses(self) -> None:
        """Learn who speaks with whom: for a scope, a handshake or a refusal; most publishes need neither."""
        if self.client is None:
            self.server, self.client = get_local_addr(self.transport), get_remote_addr(self.transport)

    @property
    def _peer(self) -> str:
        self._ask_addresses()
        return self.client[0] if self.client else ""

    # Refusals without a route.

    def _head_size(self) -> int:
        """Bytes of the parsed head, with what separates its parts on the wire."""
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse_head(self) -> None:
        text = f"Request header fields too large: {self._limits.max_head} bytes are allowed (REVERB_MAX_HEADER_SIZE)."
        self._refuse(431, "Request Header Fields Too Large", text)

    def _too_late(self) -> None:
        self._deadline = None
        if self._head and not self._is_answered():
            text = f"The request did not arrive within {self._limits.timeout:g} seconds (REVERB_REQUEST_TIMEOUT)."
            self._refuse(408, "Request Timeout", text)
        else:
            self._close()

    def _is_answered(self) -> bool:
        """Return True when the request in work was refused by its head, and only its body is still coming."""
        return not self._in_head and self.cycle is not None and self.cycle.response_complete

    def _is_answering(self) -> bool:
        """Return True when a request before waits for its answer."""
        return self.cycle is not None and not self.cycle.response_complete

    def _end_after_answers(self) -> None:
        """Read nothing more, and end the connection with the last answer that is due."""
        self._ending = True
        self._stop_deadline()
        self.cycle.keep_alive = False

    def _refuse(self, status: int, phrase: str, text: str, extra: str = "", code: Code | None = None) -> None:
        if self.transport.is_closing():
            return
        self._stop_deadline()
        if self._in_head and self._is_answering():
            self._end_after_answers()
            return
        head = f"HTTP/1.1 {status} {phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n{extra}"
        self.transport.write(f"{head}content-length: {len(text)}\r\nconnection: close\r\n\r\n{text}".encode())
        self._close()
        reason = f"{text} From {self._peer}." if code is None else f"{text} From {self._peer}. [{code}] {code.fix}"
        fact = facts.RequestRefused("", "", "", status, code, reason)
        self._endpoint.node.tell(fact)

    def _close(self) -> None:
        """End the connection once all is sent, if the peer takes it."""
        self.transport.close()
        self._unread.watch(self.transport)

    def _start_deadline(self) -> None:
        self._deadline = self.loop.call_later(self._limits.timeout, self._too_late)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

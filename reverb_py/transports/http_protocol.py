"""uvicorn's httptools protocol, with what it lacks: limits on head and time, and whole upgrades.

Three things it gets wrong are mended here (tests/transports/test_uvicorn_seam.py watches them): bytes behind an
upgrade request are lost, a request with `Upgrade: h2c` loses its body, and a head may be of any size and last for ever.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState
from websockets.datastructures import Headers
from websockets.http11 import Request

from reverb_py.handshake import Handshake
from reverb_py.hub import facts
from reverb_py.transports.publishing import Publish, ShortWay
from reverb_py.transports.websocket import Endpoint, WebSocket

MIN_WAIT = 1.0  # seconds before an idle connection is looked at again


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Of one request. `max_descriptor` is the file descriptor from which newcomers are answered 503; 0 is none."""

    max_head: int = 32_768  # bytes
    timeout: float = 10.0  # seconds until head and body must have arrived
    max_descriptor: int = 0


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
        self._publish: Publish | None = None  # a request on the short way, whose body is on its way
        self._head = 0  # bytes of the request's head so far
        self._in_head = True
        self._in_message = False
        self._heard = 0.0  # when the last bytes came, by the loop's clock
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._limits.max_descriptor:
            sock = transport.get_extra_info("socket")
            if sock is not None and sock.fileno() >= self._limits.max_descriptor:
                self._refuse(503, "Service Unavailable", "Too many connections.", "retry-after: 1\r\n")
                return
        self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_deadline()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.parser is None or self.transport.is_closing():
            return
        self._heard = self.loop.time()
        if self._in_head:
            self._head += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            if self._head_size() > self._limits.max_head:
                self._refuse_head()
            elif self._should_upgrade():
                self._upgrade(rest)
            else:
                self._ignore_upgrade(rest)
        except httptools.HttpParserError:
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
        if self.parser.should_upgrade():
            self._in_head = False
            return  # `data_received` decides, when the parser raises
        # Bytes are counted by the segment, and are 0 for a head behind another request in one segment.
        if not 0 < self._head <= self._limits.max_head and self._head_size() > self._limits.max_head:
            self._refuse_head()
        elif self._may_take_short_way():
            self._publish = self._short_way.begin(self.url, self.headers)
        self._in_head = False
        if self._publish is None and not self.transport.is_closing():
            self._take_ordinary_way()

    def _take_ordinary_way(self) -> None:
        """Have uvicorn make a scope of the head, and start Starlette on it."""
        url, headers, expect = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = url, headers, expect
        self.scope["headers"] = headers
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._publish is not None:
            self._publish.chunks.append(body)
        elif not self.parser.should_upgrade() and self.cycle is not None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head, self._head, self._in_message = True, 0, False
        self._stop_deadline()
        if self._publish is not None and self._short_way.finish(self._publish):
            self._publish = None
            self._answer_published()
            return
        self._leave_short_way()
        if not self.parser.should_upgrade() and self.cycle is not None:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.pipeline:  # uvicorn reads on after each answer: requests whose answers nobody reads would pile up
            self.flow.pause_reading()

    # The short way (publishing.py).

    def _may_take_short_way(self) -> bool:
        """Return True for a plain POST with nobody before it: a shorter answer must not overtake a longer one."""
        parser = self.parser
        return (
            parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and (self.cycle is None or self.cycle.response_complete)
            and not self.pipeline
            and not self.flow.write_paused  # the ordinary way waits until somebody reads
        )

    def _answer_published(self) -> None:
        """Write what uvicorn would write for Starlette's answer, and wait for the next request as it would."""
        keep_alive = self.parser.should_keep_alive()
        self.transport.write(self._short_way.answer(self.server_state.default_headers, keep_alive=keep_alive))
        self.server_state.total_requests += 1
        if not keep_alive:
            self.transport.close()
        elif self.timeout_keep_alive_task is None:
            self._look_again(self.timeout_keep_alive)

    def _leave_short_way(self) -> None:
        """Hand a request over to Starlette as if it had gone there from the beginning."""
        begun, self._publish = self._publish, None
        if begun is not None:
            self._take_ordinary_way()
            for chunk in begun.chunks:
                super().on_body(chunk)

    # Idle connections. One timer serves many requests: none moves it, it looks again when it fires.

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if nobody has asked anything for the whole time (called by the timer)."""
        self.timeout_keep_alive_task = None
        idle = self.loop.time() - self._heard
        answering = self.cycle is not None and not self.cycle.response_complete
        if self._in_message or answering or idle < self.timeout_keep_alive:
            self._look_again(max(self.timeout_keep_alive - idle, MIN_WAIT))
        else:
            super().timeout_keep_alive_handler()

    def _look_again(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def shutdown(self) -> None:
        """Called by uvicorn when it stops: a request whose body is on its way is answered still."""
        self._leave_short_way()
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

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Read a request again without its Upgrade header, which a server may ignore (RFC 9110, 7.8)."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._refuse(405, "Method Not Allowed", "Method not allowed.")
            return
        lines = [b"%b: %b\r\n" % header for header in self.headers if header[0] not in (b"upgrade", b"connection")]
        self.parser = httptools.HttpRequestParser(self)
        self._in_head, self._head = True, 0
        self.data_received(b"".join((method, b" ", self.url, b" HTTP/1.1\r\n", *lines, b"\r\n", rest)))

    def _secure(self, headers: Mapping[str, str]) -> bool | None:
        return True if self.scheme == "https" else self._endpoint.proxies.secure(self._peer, headers)

    @property
    def _peer(self) -> str:
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
            self.transport.close()

    def _is_answered(self) -> bool:
        """Return True when the request in work was refused by its head, and only its body is still coming."""
        return not self._in_head and self._publish is None and self.cycle is not None and self.cycle.response_complete

    def _refuse(self, status: int, phrase: str, text: str, extra: str = "") -> None:
        if self.transport.is_closing():
            return
        self._stop_deadline()
        if self._in_head and self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False  # a request before this one waits for its answer, the last one then
            return
        head = f"HTTP/1.1 {status} {phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n{extra}"
        self.transport.write(f"{head}content-length: {len(text)}\r\nconnection: close\r\n\r\n{text}".encode())
        self.transport.close()
        fact = facts.RequestRefused("", "", "", status, None, f"{text} From {self._peer}.")
        self._endpoint.node.tell(fact)

    def _start_deadline(self) -> None:
        self._deadline = self.loop.call_later(self._limits.timeout, self._too_late)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

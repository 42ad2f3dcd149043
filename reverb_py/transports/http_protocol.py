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
from reverb_py.transports.websocket import Endpoint, WebSocket


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
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._endpoint = endpoint
        self._limits = limits
        self._head = 0  # bytes of the request's head so far
        self._in_head = True
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
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self.parser is None or self.transport.is_closing():
            return
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

    # What the parser calls.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._deadline is None:
            self._start_deadline()

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self.parser.should_upgrade():
            return  # `data_received` decides, when the parser raises
        if self._head_size() > self._limits.max_head:
            self._refuse_head()
        if not self.transport.is_closing():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self.parser.should_upgrade() and self.cycle is not None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head, self._head = True, 0
        self._stop_deadline()
        if not self.parser.should_upgrade() and self.cycle is not None:
            super().on_message_complete()

    # Upgrades.

    def _upgrade(self, early: bytes) -> None:
        """Hand the socket over to a WebSocket, with the request that was parsed and what came behind it."""
        self._stop_deadline()
        self.connections.discard(self)
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.headers]
        method, version = self.parser.get_method().decode(), self.parser.get_http_version()
        request = Request(self.url.decode("latin-1"), Headers(pairs), method, f"HTTP/{version}")
        url = httptools.parse_url(self.url)
        headers = dict(pairs)
        handshake = Handshake(
            path=url.path.decode("latin-1"),
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
        if self._head:
            text = f"The request did not arrive within {self._limits.timeout:g} seconds (REVERB_REQUEST_TIMEOUT)."
            self._refuse(408, "Request Timeout", text)
        else:
            self.transport.close()

    def _refuse(self, status: int, phrase: str, text: str, extra: str = "") -> None:
        if self.transport.is_closing():
            return
        self._stop_deadline()
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

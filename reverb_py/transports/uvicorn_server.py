"""uvicorn's Server with our way to listen and to stop: three phases on the first signal, at once on the second.

Stock uvicorn closes its listener before `/up` could ever say 503, never exits with 0 on SIGTERM, and ignores a second
one.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator
from socket import socket
from ssl import SSLContext
from typing import TypedDict
from weakref import WeakSet

import uvicorn

from reverb_py.node import Node
from reverb_py.protocol.errors import ErrorCode
from reverb_py.transports.http_protocol import HttpProtocol
from reverb_py.transports.sockets import accept_all
from reverb_py.transports.websocket import WebSocket

logger = logging.getLogger("reverb_py")

LAST_LOOK = 1.0  # seconds after the last goodbye for the answers; Docker kills 10 s after its signal
LAST_REQUESTS = 0.5  # seconds for the requests that are left then: half a request would hold up the end for long
MAX_STEP = 0.1  # seconds between two goodbyes: a handful of clients need no long farewell
TICK = 0.05  # seconds between two looks at who is still here


class TlsOptions(TypedDict):
    """How a loop speaks TLS with who connects; `ssl` of None is plain TCP."""

    ssl: SSLContext | None
    ssl_handshake_timeout: float | None
    ssl_shutdown_timeout: float | None


class Server(uvicorn.Server):
    """Serves until a signal. `exit_code` is 0 after a drain, 1 when a second signal or a fault cut it short."""

    def __init__(
        self,
        config: uvicorn.Config,
        node: Node,
        *,
        drain: float,
        tls_timeout: float,
        on_listening: Callable[[], None],
        reload: Callable[[], None],
        is_worker: bool = False,
    ) -> None:
        """`drain` is how many seconds the goodbyes are spread over; `reload` is called on SIGHUP.

        `tls_timeout` is how many seconds a peer has for its part of a TLS handshake, and of the end of TLS.

        A worker is told by its parent. What reaches the whole group is not for it: Ctrl-C, and a supervisor's SIGTERM
        (systemd sends one to each process), which must not count twice. So SIGINT is ignored, SIGTERM only begins the
        stop, and SIGQUIT ends at once.
        """
        super().__init__(config)
        self._node = node
        self._drain_seconds = drain
        self._tls_timeout = tls_timeout
        self._on_listening = on_listening
        self._reload = reload
        self._is_worker = is_worker
        self._draining: asyncio.Task[None] | None = None
        self._made: WeakSet[HttpProtocol] = WeakSet()  # over TLS, where they have no transport until its handshake ends
        self.servers: list[asyncio.Server] = []
        self.exit_code = 0

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Listen on these bound sockets: as uvicorn, which leaves TLS the timeouts of the loop, 60 and 30 seconds."""
        loop = asyncio.get_running_loop()
        for sock in sockets or []:
            server = await loop.create_server(self._protocol, sock=sock, backlog=self.config.backlog, **self._tls())
            self.servers.append(server)
        self.started = True
        self._on_listening()

    def _protocol(self) -> asyncio.Protocol:
        """A new connection."""
        arguments = {"config": self.config, "server_state": self.server_state, "app_state": self.lifespan.state}
        made: HttpProtocol = self.config.http_protocol_class(**arguments)  # type: ignore[assignment]  # ours
        if self.config.ssl is not None:
            self._made.add(made)
        return made

    def _tls(self) -> TlsOptions:
        timeout = self._tls_timeout if self.config.ssl is not None else None
        return {"ssl": self.config.ssl, "ssl_handshake_timeout": timeout, "ssl_shutdown_timeout": timeout}

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        handlers = {signal.SIGINT: self.stop, signal.SIGTERM: self.stop, signal.SIGHUP: self._reload}
        if self._is_worker:
            handlers = {signal.SIGTERM: self.begin_to_stop, signal.SIGQUIT: self.stop_at_once}
            handlers[signal.SIGHUP] = self._reload
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, handlers)  # a worker is born with them blocked, to lose none
        try:
            yield
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)

    def stop(self) -> None:
        """Begin to stop; the second call ends at once."""
        if self._draining is None:
            self.begin_to_stop()
        else:
            self.stop_at_once()

    def begin_to_stop(self) -> None:
        if self._draining is None:
            logger.info("Gracefully terminating connections.")
            self._node.draining = True
            self._draining = asyncio.get_running_loop().create_task(self._drain())

    def stop_at_once(self) -> None:
        logger.warning("Stopping at once: clients, and requests in work, are not waited for.")
        self.exit_code = 1
        self.force_exit = self.should_exit = True
        if self._draining is not None:
            self._draining.cancel()

    async def _drain(self) -> None:
        try:
            await self._say_goodbye()
        except Exception:
            logger.exception("The goodbyes failed, a fault of this server")
            self.exit_code = 1
        self.should_exit = True  # phase three: uvicorn calls `shutdown`

    async def _say_goodbye(self) -> None:
        """Phase one and two: triggers still run, newcomers get 4100 and 503, every socket gets 4200, evenly spread."""
        websockets = self._websockets()
        step = min(self._drain_seconds / max(len(websockets), 1), MAX_STEP)
        loop = asyncio.get_running_loop()
        started = loop.time()
        for number, websocket in enumerate(websockets):
            wait = started + number * step - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            websocket.close(ErrorCode.RECONNECT, "Please reconnect immediately")
        deadline = loop.time() + LAST_LOOK
        while loop.time() < deadline and self._websockets():  # noqa: ASYNC110, a set that uvicorn owns
            await asyncio.sleep(TICK)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Phase three: nobody listens any more; who came before is answered, or dropped after LAST_REQUESTS."""
        late = [each for listener in sockets or [] for each in accept_all(listener)]
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        taken = [loop.create_task(self._take(each)) for each in late]
        await asyncio.sleep(TICK)  # in which is read what was sent before
        # uvicorn waits for those only whose handshake is done. Who failed in it may be here too, until it is collected.
        self.server_state.connections.update(each for each in self._made if each.transport is None)
        drop = loop.call_later(LAST_REQUESTS, self._drop_everybody)
        await super().shutdown(sockets)
        drop.cancel()
        for task in taken:
            task.cancel()

    async def _take(self, late: socket) -> None:
        """Serve who waited to be accepted when the listener closed, which would have reset the connection."""
        with contextlib.suppress(OSError):  # of a TLS handshake; its peer knows
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, late, **self._tls())

    def _drop_everybody(self) -> None:
        self.force_exit = True
        for each in list(self.server_state.connections):
            if isinstance(each, WebSocket):
                each.abort()
            elif each.transport is not None:
                each.transport.abort()
            else:
                self.server_state.connections.discard(each)

    def _websockets(self) -> list[WebSocket]:
        return [each for each in self.server_state.connections if isinstance(each, WebSocket)]

"""What the WebSockets of one node share: who may come in, and the bounds on all of them together."""

from dataclasses import dataclass, field
from random import randint
from typing import TYPE_CHECKING

from reverb_py import codes
from reverb_py.codes import Code
from reverb_py.handshake import Handshake, find_app
from reverb_py.hub import facts
from reverb_py.hub.app import App
from reverb_py.node import Node
from reverb_py.protocol.errors import ErrorCode, Refused
from reverb_py.transports.backlog import Backlog
from reverb_py.transports.failures import Failures
from reverb_py.transports.proxies import TrustedProxies
from reverb_py.transports.turn import Turn

if TYPE_CHECKING:
    from reverb_py.transports.websocket import WebSocket

REFUSALS: dict[int, Code] = {
    ErrorCode.UNKNOWN_APP: codes.UNKNOWN_KEY,
    ErrorCode.UNAUTHORIZED: codes.ORIGIN_REFUSED,
    ErrorCode.APP_DISABLED: codes.OVER_QUOTA,
    ErrorCode.OVER_QUOTA: codes.OVER_CAPACITY,
    ErrorCode.OVER_CAPACITY: codes.OVER_CAPACITY,
}

# Refusals that say something about the client, and not about the state of this server.
CLIENTS_FAULT = frozenset(
    {
        *(ErrorCode.UNKNOWN_APP, ErrorCode.APP_DISABLED, ErrorCode.PATH_NOT_FOUND, ErrorCode.BAD_VERSION),
        *(ErrorCode.UNSUPPORTED_VERSION, ErrorCode.NO_VERSION, ErrorCode.UNAUTHORIZED, ErrorCode.TLS_ONLY),
    }
)


@dataclass(slots=True)
class Endpoint:
    """What the WebSockets of one node share."""

    node: Node
    turn: Turn
    prefix: str = ""
    proxies: TrustedProxies = field(default_factory=TrustedProxies)
    max_backlog: int = 1 << 20  # bytes unsent at which a slow reader is closed
    backlog: Backlog = field(default_factory=lambda: Backlog(0))  # of all of them together
    failures: Failures = field(default_factory=lambda: Failures(0, lambda: 0.0))  # refused handshakes
    signatures: Failures = field(default_factory=lambda: Failures(0, lambda: 0.0))  # of channels and sign-ins, failed
    slow: "set[WebSocket]" = field(default_factory=set)  # whose peers do not read at the moment

    def admit(self, handshake: Handshake) -> App:
        """Return the app whose client may connect now, or raise Refused."""
        app = find_app(handshake, self.node.apps, self.prefix)
        if self.node.draining:
            raise Refused(ErrorCode.OVER_CAPACITY, "Server is restarting, come back in a second")
        if app.max_connections and self.node.hub.connected(app.id) >= app.max_connections:
            raise Refused(ErrorCode.OVER_QUOTA, "Application is over connection quota")
        if self.node.capacity and len(self.node.hub.connections) >= self.node.capacity:
            raise Refused(ErrorCode.OVER_CAPACITY, "Server is over capacity")
        return app

    def new_socket_id(self) -> str:
        """Return `<1..1e9>.<1..1e9>`, unique among this node's connections."""
        while True:
            socket_id = f"{randint(1, 1_000_000_000)}.{randint(1, 1_000_000_000)}"
            if socket_id not in self.node.hub.connections:
                return socket_id

    def close_stuck(self, now: float, slow_timeout: float) -> None:
        """Close those whose peers have read nothing for `slow_timeout` seconds."""
        for websocket in [each for each in self.slow if now - each.slow_since >= slow_timeout]:
            websocket.close(ErrorCode.OVER_CAPACITY, f"Too slow: nothing was read for {slow_timeout:g} seconds")

    def is_one_too_many(self, refusal: Refused | None, remote: str) -> bool:
        """Count a refusal that is the client's fault; return True when its address had too many of them."""
        if refusal is None or refusal.code not in CLIENTS_FAULT:
            return False
        return self.failures.is_one_too_many(remote)

    def signs_wrong_too_often(self, remote: str) -> bool:
        """Count a failed signature of a channel or a sign-in; return True when its address had too many of them."""
        if not self.signatures.is_one_too_many(remote):
            return False
        who, limit = remote or "A peer without an address", self.signatures.limit
        what = f"{who} had more than {limit} failed signatures in a minute: each makes its connection wait a second"
        self.node.tell(facts.Noticed("", what, codes.SUBSCRIPTION_REFUSED))
        return True

    def tell_refused(self, handshake: Handshake, code: int, reason: str) -> None:
        """`code` is a close code, or the HTTP status of an upgrade that was not one."""
        why = None if self.node.draining else REFUSALS.get(code)
        self.node.tell(facts.HandshakeRefused(handshake.path, handshake.remote, code, reason, why))

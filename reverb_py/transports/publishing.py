"""Publishing over HTTP, and its short way: `POST /apps/<id>/events` inside the HTTP protocol, with no task or scope.

The short way is for a publish that will succeed, and for nothing else: whatever is odd or wrong takes the ordinary
way through Starlette, which answers it. So there is one place that refuses, and one text for each refusal.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from time import perf_counter

from reverb_py.hub import facts
from reverb_py.hub.app import App
from reverb_py.node import Node
from reverb_py.protocol import triggers
from reverb_py.protocol.triggers import Trigger
from reverb_py.transports.http_auth import Authenticator, Head, Refusal

Headers = list[tuple[bytes, bytes]]


@dataclass(slots=True, eq=False)
class Publish:
    """An authenticated request whose body is on its way. `size` bytes were announced, no more can come."""

    app: App
    body_md5: str
    size: int
    publisher: str
    started: float
    chunks: list[bytes] = field(default_factory=list)


def publish(node: Node, app: App, trigger: Trigger, publisher: str, started: float) -> None:
    """Trigger an event that was checked, and tell of it. `started` is the perf_counter of its head's end."""
    received = node.trigger(app, trigger)
    seconds = perf_counter() - started
    node.tell(facts.Published(app.id, trigger.event, received, len(trigger.data.encode()), seconds, publisher))


class ShortWay:
    """Begins at the end of a head, ends with the body. Acts on the node as the route `events` does."""

    def __init__(self, node: Node, authenticator: Authenticator, *, prefix: str, max_request_size: int) -> None:
        self._node = node
        self._authenticate = authenticator.authenticate
        self._start = f"{prefix}/apps/".encode()
        self._max_request_size = max_request_size
        self._headers: Headers = []
        self._answer = b""

    def begin(self, url: bytes, headers: Headers) -> Publish | None:
        """Return the publish that this head announces; None when it is none, or may not be one."""
        path, _, query = url.partition(b"?")
        if not path.startswith(self._start) or not path.endswith(b"/events"):
            return None
        app_id = path[len(self._start) : -len(b"/events")]
        if not app_id.isalnum():  # other routes end so too, and ids may be percent-encoded
            return None
        started = perf_counter()
        size, publisher = _of_headers(headers)
        if not 0 < size <= (self._max_request_size or size):
            return None
        try:
            head = Head("POST", path.decode(), query.decode(), has_body=True)
            app, parameters = self._authenticate(app_id.decode(), head)
        except (Refusal, UnicodeDecodeError):
            return None
        return Publish(app, parameters["body_md5"], size, publisher, started)

    def finish(self, begun: Publish) -> bool:
        """Check the body and publish; False when the ordinary way must answer, and nothing was delivered."""
        body = b"".join(begun.chunks)
        if not fits_md5(body, begun.body_md5):
            return False
        try:
            trigger = triggers.parse_event(body, begun.app)
        except (triggers.Unparsable, triggers.Invalid, triggers.TooLarge):
            return False
        if trigger.info:  # a question to the occupancy, whose answer may take its time
            return False
        publish(self._node, begun.app, trigger, begun.publisher, begun.started)
        return True

    def answer(self, default_headers: Headers, *, keep_alive: bool) -> bytes:
        """Return byte for byte what uvicorn writes for Starlette's answer; it changes its headers once a second."""
        if default_headers is not self._headers:
            self._headers = default_headers
            lines = b"".join([b"%b: %b\r\n" % header for header in default_headers])
            self._answer = b"HTTP/1.1 200 OK\r\n" + lines + b"content-length: 2\r\ncontent-type: application/json\r\n"
        return self._answer + (b"\r\n{}" if keep_alive else b"connection: close\r\n\r\n{}")


def fits_md5(body: bytes, claimed: str) -> bool:
    """Return True when the body is the one whose MD5 (hex) was signed."""
    md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
    return hmac.compare_digest(md5.encode(), claimed.encode())


def _of_headers(headers: Headers) -> tuple[int, str]:
    """Return the size of the body, 0 when it is not certain, and the publisher's library."""
    size, publisher = 0, ""
    for name, value in headers:
        if name == b"content-length":
            size = int(value)  # the parser has checked it
        elif name == b"x-pusher-library":
            publisher = value.decode("latin-1")
        elif name in (b"transfer-encoding", b"expect"):
            return 0, ""
    return size, publisher

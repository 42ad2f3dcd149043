"""Publishing over HTTP, and its short way: `POST /apps/<id>/events` inside the HTTP protocol, with no task or scope.

The short way is for a publish as the official libraries make it, whole in one segment, that will succeed. Whatever is
odd or wrong goes through httptools and Starlette and is answered there: one place refuses, with one text for each
refusal.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from functools import partial
from time import perf_counter

from reverb_py import codes
from reverb_py.hub import facts
from reverb_py.hub.app import App
from reverb_py.node import Node
from reverb_py.protocol import triggers
from reverb_py.protocol.names import is_socket_id
from reverb_py.protocol.signatures import matches
from reverb_py.protocol.triggers import Trigger
from reverb_py.transports.http_auth import Authenticator

Headers = list[tuple[bytes, bytes]]

SHOWN = 10  # event ids of one batch that are told, hosted Pusher's limit for a batch
LONGEST_HINT = 1_000  # characters
LONGEST_DATA = 10_240  # characters of data that a receipt keeps, hosted Pusher's limit for an event
LONGEST_NAME = 200  # characters of a library or a socket id that are kept
ENCODED_TWICE = ('"{', '"[', '"\\"')

# One header line that changes neither how the body is framed nor what becomes of the connection.
_LINE = (
    rb"(?:(?!(?i:content-length|transfer-encoding|expect|upgrade|(?:proxy-)?connection(?!: ?keep-alive\r)):)"
    rb"[-0-9A-Za-z_]+:[ -~]*\r\n)*"
)
_UNPRINTABLE = re.compile("[^ -~]")
_LIBRARY = re.compile(rb"(?i)\r\nx-pusher-library: ?([ -~]*)\r\n")


def _request(prefix: str) -> re.Pattern[bytes]:
    """The head of a publish: a subset of what httptools takes, so that the two never read one request differently."""
    return re.compile(
        rb"POST %b(?P<path>/apps/(?P<app>[0-9A-Za-z]+)/events)\?"
        rb"(?P<query>auth_key=(?P<key>[-0-9A-Za-z_]+)&auth_timestamp=(?P<time>[0-9]{1,12})&auth_version=1\.0"
        rb"&body_md5=(?P<md5>[0-9a-f]{32}))&auth_signature=(?P<signature>[0-9a-f]{64}) HTTP/1\.1\r\n"
        rb"%b(?i:content-length): ?(?P<size>[1-9][0-9]{0,8})\r\n%b\r\n" % (re.escape(prefix.encode()), _LINE, _LINE)
    )


def publish(node: Node, app: App, trigger: Trigger, publisher: str, started: float) -> facts.Published:
    """Trigger an event that was checked; return what was told of it. `started` is the perf_counter of its head's end.

    When nobody received it, it says why, as far as that can be seen. When nobody here did and there are other nodes,
    it is told a moment later.
    """
    received = node.trigger(app, trigger)
    seconds = perf_counter() - started
    size = len(trigger.data.encode())
    by = publisher[:LONGEST_NAME]
    published = facts.Published(app.id, trigger.event, received, size, seconds, by, node.new_event_id())
    if trigger.socket_id is not None:
        published.excluded = trigger.socket_id[:LONGEST_NAME]
        if not is_socket_id(trigger.socket_id):
            what = f"the publisher of {trigger.event} wants socket {trigger.socket_id[:40]!r} left out, which is none"
            node.tell(facts.Noticed(app.id, what, codes.INVALID_SOCKET_ID))
        sender = node.hub.connections.get(trigger.socket_id)
        if sender is not None:
            published.left_out = tuple(channel for channel in received if channel in sender.channels)
    if node.keeps_payloads:
        published.data = trigger.data[:LONGEST_DATA]
    if any(received.values()):
        node.tell(published)
    else:
        published.is_known = False
        node.occupancy.count(app.id, tuple(received), partial(_found, node, published))
    if trigger.data.startswith(ENCODED_TWICE):
        what = f"the data of {trigger.event} is a JSON string that holds JSON again"
        node.tell(facts.Noticed(app.id, what, codes.DATA_ENCODED, is_warning=False))
    return published


def _found(node: Node, published: facts.Published, elsewhere: Sequence[int]) -> None:
    """Tell of an event that nobody here listened to, once it is known who did elsewhere."""
    published.is_known = True
    if any(elsewhere):
        published.is_elsewhere = True
        published.received = dict(zip(published.received, elsewhere, strict=True))
    else:
        published.hint = node.explain(published)
    node.tell(published)


def outcome(published: Sequence[facts.Published]) -> Iterator[tuple[str, str]]:
    """Yield the headers that tell a publisher what became of its events: ids, deliveries, and why there were none."""
    yield "X-Reverb-Event-Id", ", ".join(each.id for each in published[:SHOWN])
    if all(each.is_known for each in published):
        yield "X-Reverb-Delivered", str(sum(sum(each.received.values()) for each in published))
    hint = next((each.hint for each in published if each.hint is not None), None)
    if hint is not None:
        yield "X-Reverb-Hint", _shown(hint)


def _shown(hint: facts.Hint) -> str:
    """A hint as a header may hold it: printable ASCII, whatever clients had a part in the text."""
    return _UNPRINTABLE.sub("?", f"{hint.code} {hint.text}"[:LONGEST_HINT])


class ShortWay:
    """Acts on the node as the route `events` does, or not at all."""

    def __init__(
        self, node: Node, authenticator: Authenticator, *, prefix: str, max_request_size: int, max_head: int
    ) -> None:
        self._node = node
        self._is_timely = authenticator.is_timely
        self._request = _request(prefix)
        self._max_request_size = max_request_size
        self._max_head = max_head
        self._headers: Headers = []
        self._head = b""

    def publish(self, data: bytes) -> facts.Published | None:
        """Publish what `data` asks for; None when it is no whole publish, or the ordinary way must answer it."""
        match = self._request.match(data)
        if match is None or match.end() > self._max_head:
            return None
        started = perf_counter()
        path, app_id, query, key, time, md5, signature, size = match.groups()
        app = self._node.apps.by_id(app_id.decode())
        body = data[match.end() :]
        if app is None or not app.enabled or len(body) != int(size) or 0 < self._max_request_size < len(body):
            return None
        text = f"POST\n{path.decode()}\n{query.decode()}"
        if key.decode() not in app.keys or not matches(app.secrets, text, signature.decode()):
            return None
        if not self._is_timely(int(time)) or not fits_md5(body, md5.decode()):
            return None
        try:
            trigger = triggers.parse_event(body, app)
        except (triggers.Unparsable, triggers.Invalid, triggers.TooLarge):
            return None
        if self._node.backplane.refusal(trigger.channels):
            return None
        if trigger.info:  # a question to the occupancy, whose answer may take its time
            return None
        library = _LIBRARY.search(data, 0, match.end())
        return publish(self._node, app, trigger, library[1].decode() if library else "", started)

    def answer(self, published: facts.Published, default_headers: Headers) -> bytes:
        """Return byte for byte what uvicorn writes for Starlette's answer; it changes its headers once a second."""
        if default_headers is not self._headers:
            self._headers = default_headers
            lines = b"".join([b"%b: %b\r\n" % header for header in default_headers])
            self._head = b"HTTP/1.1 200 OK\r\n%b" % lines
        # As `outcome`, for one event and three times as fast.
        delivered = sum(published.received.values())
        told = f"x-reverb-event-id: {published.id}\r\n"
        if published.is_known:
            told += f"x-reverb-delivered: {delivered}\r\n"
        if published.hint is not None:
            told += f"x-reverb-hint: {_shown(published.hint)}\r\n"
        return b"%b%bcontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}" % (self._head, told.encode())


def fits_md5(body: bytes, claimed: str) -> bool:
    """Return True when the body is the one whose MD5 (hex) was signed."""
    md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
    return hmac.compare_digest(md5.encode(), claimed.encode())

"""The server under test: where it is, what apps it has, and the ways to reach it."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import ssl as tls
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypedDict, Unpack
from urllib.parse import quote, urlsplit

import httpx

from reverb_py.conformance import signing
from reverb_py.conformance.client import Client, data_of
from reverb_py.conformance.link import CHUNK, connect, dial, reachable
from reverb_py.conformance.verify import Deviation, equal, that

LIKE_PUSHER_JS = "protocol=7&client=js&version=8.6.0&flash=false"
HTTP_PATIENCE = 10.0  # seconds
Headers = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class TargetApp:
    """An app of the target. `activity_timeout` is what it is known to announce, None when it is not known."""

    id: str
    key: str
    secret: str = field(repr=False)
    activity_timeout: int | None = None


class Knobs(TypedDict, total=False):
    """Ways to sign a request wrongly, or differently."""

    key: str
    secret: str
    timestamp: int | str
    version: str
    body_md5: str  # instead of that of the body; given for a GET, it is added
    signature: str  # instead of the right one
    signed_path: str  # instead of /apps/<id>/…
    omit: Sequence[str]  # auth parameters to leave out before signing; auth_signature too
    unsigned: Mapping[str, str]  # query parameters that the signature does not cover
    headers: Mapping[str, str]


class OwnServer(Protocol):
    """A server process that a case started for itself."""

    target: Target
    port: int

    @property
    def output(self) -> str: ...

    def terminate(self) -> None: ...

    def send_signal(self, number: signal.Signals) -> None: ...

    async def exit_code(self, seconds: float = 15.0) -> int: ...


class Launch(Protocol):
    """Starts a server with these options and settings; with `ready`, waits until it answers.

    It knows MAIN only; a setting of "" in `env` takes it away. `port` of None means a free one.
    """

    def __call__(
        self,
        *options: str,
        env: Mapping[str, str] | None = None,
        ready: bool = True,
        tls: bool = False,
        port: int | None = None,
    ) -> AbstractAsyncContextManager[OwnServer]: ...


class Target:
    """A server to be judged. `launch` is None for a server that is not ours to start and stop.

    `http_url` is where the HTTP API is, if that is not the WebSocket's address with http for ws.
    `settle` is the number of seconds that a case waits for what must not come, in addition to the proof by
    ping: more than 0 for servers that deliver after they have answered.
    """

    def __init__(
        self,
        url: str,
        apps: Mapping[str, TargetApp],
        *,
        http_url: str | None = None,
        launch: Launch | None = None,
        settle: float = 0.0,
        tls_context: tls.SSLContext | None = None,
    ) -> None:
        self.url = url.rstrip("/")  # ws://host:port[/prefix] or wss://…
        self.apps = dict(apps)
        self.launch = launch
        self.settle = settle
        self.tls_context = tls_context
        self.http_url = http_url.rstrip("/") if http_url else "http" + self.url.removeprefix("ws")
        self._run = os.urandom(3).hex()
        self._counter = itertools.count(1)
        self._http: httpx.AsyncClient | None = None

    def name(self, prefix: str) -> str:
        """A channel name (or user id) with this prefix that no other case uses, in this run or another."""
        return f"{prefix}-{self._run}-{next(self._counter)}"

    # WebSocket

    @asynccontextmanager
    async def open(
        self,
        app: str = "MAIN",
        query: str | None = LIKE_PUSHER_JS,
        path: str | None = None,
        headers: Headers | None = None,
        subprotocols: Sequence[str] = (),
        behind: bytes = b"",
    ) -> AsyncIterator[Client]:
        """A connection whose upgrade was answered, with whatever status; nothing else has been read.

        `path` replaces `/app/<key>` behind the URL's prefix; `behind` goes into the request's own segment.
        """
        fixture = self.apps[app]
        tail = f"?{query}" if query else ""
        offered = {"Sec-WebSocket-Protocol": ", ".join(subprotocols)} if subprotocols else {}
        url = f"{self.url}{path or f'/app/{fixture.key}'}{tail}"
        link = await connect(url, {**offered, **(headers or {})}, self.tls_context, behind)
        client = Client(link, fixture.key, fixture.secret, self.settle)
        try:
            yield client
        finally:
            await client.aclose()

    @asynccontextmanager
    async def client(
        self,
        app: str = "MAIN",
        query: str | None = LIKE_PUSHER_JS,
        path: str | None = None,
        headers: Headers | None = None,
        subprotocols: Sequence[str] = (),
        behind: bytes = b"",
    ) -> AsyncIterator[Client]:
        """An established connection: `connection_established` has come as the first frame."""
        async with self.open(app, query, path, headers, subprotocols, behind) as client:
            await established(client)
            yield client

    # HTTP

    async def post(
        self,
        path: str,
        body: Mapping[str, Any] | bytes,
        app: str = "MAIN",
        params: Mapping[str, str] | None = None,
        **knobs: Unpack[Knobs],
    ) -> httpx.Response:
        """POST to `/apps/<id><path>`, signed."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.request("POST", path, raw, app, params, **knobs)

    async def get(
        self, path: str, params: Mapping[str, str] | None = None, app: str = "MAIN", **knobs: Unpack[Knobs]
    ) -> httpx.Response:
        """GET `/apps/<id><path>`, signed."""
        return await self.request("GET", path, b"", app, params, **knobs)

    async def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        app: str = "MAIN",
        params: Mapping[str, str] | None = None,
        **knobs: Unpack[Knobs],
    ) -> httpx.Response:
        """Any method on `/apps/<id><path>`, signed as the official libraries do, or as the knobs say."""
        fixture = self.apps[app]
        full = f"/apps/{fixture.id}{path}"
        query = signed_query(fixture, method, full, body, params or {}, knobs)
        headers = {"Content-Type": "application/json"} if body else {}
        return await self.http(method, f"{full}?{query}", body, {**headers, **knobs.get("headers", {})})

    async def http(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """An unsigned request; `target` is a path (behind the prefix, if the URL has one) with its query."""
        if self._http is None:
            verify = self.tls_context or True
            self._http = httpx.AsyncClient(timeout=HTTP_PATIENCE, verify=verify, trust_env=False)
        try:
            return await self._http.request(method, self.http_url + target, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise Deviation(f"no answer to {method} {urlsplit(target).path}: {error!r}") from None

    async def trigger(
        self,
        channels: str | Sequence[str],
        event: str = "ev",
        data: str = "{}",
        app: str = "MAIN",
        **more: Any,
    ) -> httpx.Response:
        """Publish one event, with `more` in the body (`socket_id`, `info`); the answer must be 200."""
        names = [channels] if isinstance(channels, str) else list(channels)
        response = await self.post("/events", {"name": event, "data": data, "channels": names, **more}, app)
        equal(response.status_code, 200, f"the status of a publish, {response.text[:200]!r}")
        return response

    async def raw(self, data: bytes, seconds: float = 2.0, url: str | None = None) -> bytes:
        """Send these bytes over a new connection; what comes back until its end or the time's."""
        address = url or self.url
        received = bytearray()
        with reachable(address):
            reader, writer = await dial(address, self.tls_context)
            writer.write(data)
            try:
                async with asyncio.timeout(seconds):
                    while chunk := await reader.read(CHUNK):
                        received += chunk
            except (TimeoutError, ConnectionError):
                pass
            finally:
                writer.close()
        return bytes(received)

    async def aclose(self) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None


async def established(client: Client) -> None:
    """Read `connection_established`, which must be the first frame after a 101, into the client."""
    equal(client.answer.status, 101, "the status of the upgrade")
    frame = await client.frame()
    equal(frame.get("event"), "pusher:connection_established", f"the first frame, {frame!r}")
    client.established = data_of(frame)
    that(isinstance(client.established, dict), f"expected an object in data, got {frame!r}")
    client.socket_id = client.established.get("socket_id", "")
    that(client.socket_id, f"expected a socket_id, got {frame!r}")


def signed_query(app: TargetApp, method: str, path: str, body: bytes, params: Mapping[str, str], knobs: Knobs) -> str:
    """The query of a signed request: signed as it is, percent-encoded as it goes."""
    auth = {
        "auth_key": knobs.get("key", app.key),
        "auth_timestamp": str(knobs.get("timestamp", int(time.time()))),
        "auth_version": knobs.get("version", "1.0"),
    }
    if body or "body_md5" in knobs:
        auth["body_md5"] = knobs.get("body_md5", signing.body_md5(body))
    omitted = knobs.get("omit", ())
    signed = {**params, **{name: value for name, value in auth.items() if name not in omitted}}
    secret = knobs.get("secret", app.secret)
    right = signing.request_signature(secret, method, knobs.get("signed_path", path), signed)
    sent = {**signed, **knobs.get("unsigned", {}), "auth_signature": knobs.get("signature", right)}
    return "&".join(f"{quote(name)}={quote(value)}" for name, value in sent.items() if name not in omitted)

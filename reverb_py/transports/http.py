"""The HTTP API: Starlette routes that authenticate, check, act on the node, and answer.

Statuses are Reverb's, error bodies plain text (Laravel prints them verbatim), successes JSON objects.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from time import perf_counter

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from reverb_py import codes
from reverb_py.cluster.occupancy import Channels, Unreachable
from reverb_py.hub import facts
from reverb_py.hub.app import App
from reverb_py.node import Node
from reverb_py.protocol import triggers
from reverb_py.protocol.names import is_cache, is_channel, is_presence, user_of
from reverb_py.protocol.signatures import values_of
from reverb_py.protocol.triggers import Trigger
from reverb_py.transports.failures import WINDOW, Failures
from reverb_py.transports.http_auth import INVALID, Authenticator, Head, Refusal
from reverb_py.transports.publishing import fits_md5, outcome, publish

Info = dict[str, object]

AGAIN = {"Retry-After": "1"}  # seconds; a node tries to reach Redis again as often


class Json(Response):
    """A JSON body without charset: it is always UTF-8."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        return orjson.dumps(content)


class HttpApi:
    """The endpoints. `max_request_size` bounds a body in bytes; the head has its own limit.

    `failures` counts wrong signatures by the client's address, which `client_of` finds for a peer and headers.
    """

    def __init__(
        self,
        node: Node,
        authenticator: Authenticator,
        *,
        prefix: str,
        max_request_size: int,
        receipts: Callable[[App, Mapping[str, str]], Info],
        failures: Failures,
        client_of: Callable[[str, Mapping[str, str]], str],
    ) -> None:
        """`receipts` answers what became of an app's publishes, for these query parameters."""
        self._node = node
        self._receipts = receipts
        self._failures = failures
        self._client_of = client_of
        self._auth = authenticator
        self._prefix = prefix
        self._max_request_size = max_request_size

    def is_secret(self, text: str) -> bool:
        """Return True when it must not be shown: somebody used an app's secret in another place."""
        return self._node.apps.has_secret(text)

    def redacted(self, text: str) -> str:
        """The text without secrets."""
        return self._node.redacted(text)

    def routes(self) -> list[Route]:
        """Every route, below the server's prefix; `/up` also without it."""
        app, channel = self._prefix + "/apps/{app_id}", "/channels/{channel}"
        return [
            Route(app + "/events", self.events, methods=["POST"]),
            Route(app + "/batch_events", self.batch_events, methods=["POST"]),
            Route(app + "/connections", self.connections),
            Route(app + "/publishes", self.publishes),
            Route(app + "/channels", self.channels),
            Route(app + channel, self.channel),
            Route(app + channel + "/users", self.users),
            Route(app + channel + "/events", self.channel_events, methods=["POST"]),
            Route(app + channel + "/stats", self.channel_stats),
            Route(app + "/users/{user_id}/terminate_connections", self.terminate, methods=["POST"]),
            Route(self._prefix + "/users/{user_id}/terminate_connections", self.terminate, methods=["POST"]),
            Route(self._prefix + "/app/{key}", self.not_an_upgrade),
            *[Route(path, self.up) for path in dict.fromkeys(("/up", self._prefix + "/up"))],
        ]

    # Publishing.

    async def events(self, request: Request) -> Response:
        started = perf_counter()
        app, parameters, body = await self._read(request)
        if not body and "name" in parameters:  # query-string publishing (pp 7.1)
            trigger = triggers.event_of(_fields_of(parameters), app)
        else:
            trigger = triggers.parse_event(body, app)
        headers = self._publish(app, [trigger], request, started)
        if not trigger.info:
            return Json({}, headers=headers)
        try:
            infos = await self._infos(app, trigger.channels, trigger.info)
        except Unreachable:  # it is published, and a refusal would have it published again
            infos = [{} for _ in trigger.channels]
        return Json({"channels": dict(zip(trigger.channels, infos, strict=True))}, headers=headers)

    async def batch_events(self, request: Request) -> Response:
        started = perf_counter()
        app, _, body = await self._read(request)
        batch = triggers.parse_batch(body, app)
        headers = self._publish(app, batch, request, started)
        if not any(trigger.info for trigger in batch):
            return Json({}, headers=headers)
        try:
            infos = await asyncio.gather(*[self._info(app, each.channels[0], each.info) for each in batch])
        except Unreachable:  # as above
            infos = [{} for _ in batch]
        return Json({"batch": infos}, headers=headers)

    async def channel_events(self, request: Request) -> Response:
        """The publish endpoint of 2012 (pp 7.8): the body is the data, the rest stands in path and query."""
        started = perf_counter()
        app, parameters, body = await self._read(request)
        try:
            data = body.decode()
        except UnicodeDecodeError:
            raise triggers.Unparsable("The body is not valid UTF-8.") from None
        fields = {"name": parameters.get("name"), "socket_id": parameters.get("socket_id")}
        fields |= {"data": data, "channel": request.path_params["channel"]}
        headers = self._publish(app, [triggers.event_of(fields, app)], request, started)
        return Json({}, status_code=202, headers=headers)

    def _publish(self, app: App, batch: Sequence[Trigger], request: Request, started: float) -> dict[str, str]:
        """Publish, and return the headers that tell what became of it; refuse all when the bus cannot take it."""
        self._check_bus([channel for trigger in batch for channel in trigger.channels])
        library = request.headers.get("x-pusher-library", "")
        return dict(outcome([publish(self._node, app, trigger, library, started) for trigger in batch]))

    def _check_bus(self, channels: Sequence[str] = ()) -> None:
        """Raise Refusal when the other nodes are out of reach: nothing is done by halves."""
        refusal = self._node.backplane.refusal(channels)
        if refusal:
            raise Refusal(503, "Not accepted, try again.", codes.REDIS_AWAY, f"{refusal}.", AGAIN)

    # Questions.

    async def publishes(self, request: Request) -> Response:
        """Receipts of the last publishes, and why subscriptions were refused."""
        app, parameters, _ = await self._read(request)
        return Json(self._receipts(app, parameters))

    async def connections(self, request: Request) -> Response:
        app, _, _ = await self._read(request)
        everywhere = await self._node.occupancy.connections(app.id)
        return Json({"connections": self._node.hub.connected(app.id) if everywhere is None else everywhere})

    async def channels(self, request: Request) -> Response:
        app, parameters, _ = await self._read(request)
        prefix, info = parameters.get("filter_by_prefix", ""), _info_of(parameters)
        occupied = await self._node.occupancy.channels(app.id)
        names = [name for name in occupied if name.startswith(prefix) and user_of(name) is None]
        infos = await self._infos(app, names, info, occupied)
        return Json({"channels": dict(zip(names, infos, strict=True))})

    async def channel(self, request: Request) -> Response:
        app, parameters, _ = await self._read(request)
        channel = _channel_of(request, app)
        occupied = await self._node.occupancy.subscriptions(app.id, channel) > 0
        return Json({"occupied": occupied} | await self._info(app, channel, _info_of(parameters), with_null=True))

    async def users(self, request: Request) -> Response:
        app, _, _ = await self._read(request)
        channel = _channel_of(request, app)
        if not is_presence(channel):
            raise triggers.Invalid(f"Users can only be retrieved for presence channels, {channel} is none.")
        members = await self._node.occupancy.members(app.id, channel)
        return Json({"users": [{"id": user_id} for user_id in members]})

    async def channel_stats(self, request: Request) -> Response:
        """The question of 2012 (pp 7.8)."""
        app, _, _ = await self._read(request)
        channel = _channel_of(request, app)
        count = await self._node.occupancy.subscriptions(app.id, channel)
        users = await self._info(app, channel, frozenset({"user_count"}))
        return Json({"occupied": count > 0, **users, "connection_count": count})

    async def _infos(
        self, app: App, channels: Sequence[str], wanted: frozenset[str], known: Channels | None = None
    ) -> Sequence[Info]:
        """Return the wanted attributes of each channel, asked for all at once, and not if they are `known`."""
        if not wanted:
            return [{} for _ in channels]
        if known is None:
            return await asyncio.gather(*[self._info(app, channel, wanted) for channel in channels])
        if "cache" not in wanted:  # nothing is left to be asked, and a task for each would be most of the answer's cost
            return [await self._info(app, each, wanted, known=known[each]) for each in channels]
        return await asyncio.gather(*[self._info(app, each, wanted, known=known[each]) for each in channels])

    async def _info(
        self,
        app: App,
        channel: str,
        wanted: frozenset[str],
        *,
        with_null: bool = False,
        known: tuple[int, int] | None = None,
    ) -> Info:
        """Return those of the wanted attributes that apply to the channel; the rest is left out."""
        occupancy, info = self._node.occupancy, Info()
        if "user_count" in wanted and is_presence(channel):
            info["user_count"] = known[1] if known else len(await occupancy.members(app.id, channel))
        if "subscription_count" in wanted and not is_presence(channel):
            info["subscription_count"] = known[0] if known else await occupancy.subscriptions(app.id, channel)
        if "cache" in wanted and is_cache(channel):
            cached = await self._cached(app, channel)
            if cached is not None or with_null:
                info["cache"] = cached
        return info

    async def _cached(self, app: App, channel: str) -> Info | None:
        event = await self._node.occupancy.last_event_of(app.id, channel)
        if event is None:
            return None
        fields: Info = orjson.loads(event.payload)
        return fields | {"ttl": max(1, int(event.expires - self._node.clock()))}

    # The rest.

    async def terminate(self, request: Request) -> Response:
        app, _, _ = await self._read(request)
        self._check_bus()
        self._node.terminate(app, request.path_params["user_id"])
        return Json({})

    async def up(self, request: Request) -> Response:
        """Readiness (Reverb's answer); 503 while draining, so that nothing new is sent here.

        Redis's absence is told with `?detail`, and is no reason for a restart: who is connected here is served on.
        """
        detail = self._node.backplane.health if "detail" in request.query_params else {}
        draining = self._node.draining
        return Json({"health": "DRAINING" if draining else "OK", **detail}, 503 if draining else 200)

    async def not_an_upgrade(self, request: Request) -> Response:
        text = "This is a WebSocket address, but the request asks for no upgrade."
        refusal = Refusal(426, text, codes.NOT_AN_UPGRADE)
        path = "a WebSocket's"  # its own holds the client's key, or by mistake a secret
        self._node.tell(facts.RequestRefused("", request.method, path, 426, refusal.code, refusal.text))
        return PlainTextResponse(refusal.text, 426, {"Upgrade": "websocket", "Connection": "Upgrade"})

    async def _read(self, request: Request) -> tuple[App, dict[str, str], bytes]:
        """Authenticate by the head alone, then read the body within its limit and compare its MD5."""
        path = request.scope["raw_path"].decode("latin-1")
        query = request.scope["query_string"].decode("latin-1")
        length = request.headers.get("content-length")
        has_body = length not in (None, "0") or "transfer-encoding" in request.headers
        app_id = request.path_params.get("app_id")
        if app_id is None:
            named = self._auth.app_of_key(query)
            app_id = named.id if named else ""
        try:
            app, parameters = self._auth.authenticate(app_id, Head(request.method, path, query, has_body))
        except Refusal as refusal:
            raise self._cut_short(refusal, request) from None
        body = request.state.body = await self._body(request, _announced(request))
        if "body_md5" in parameters and has_body and not fits_md5(body, parameters["body_md5"]):
            reason = "body_md5 is not the MD5 of the body that arrived: it was changed on its way."
            raise Refusal(401, INVALID, codes.WRONG_SECRET, reason)
        return app, parameters, body

    def _cut_short(self, refusal: Refusal, request: Request) -> Refusal:
        """Count a wrong signature; return few words with 429 when its address had too many, else the refusal itself."""
        if refusal.status != 401:
            return refusal
        peer = request.client.host if request.client else ""
        address = self._client_of(
            peer, dict(request.headers.items())
        )  # of a header given twice the last, a proxy's own
        if not self._failures.is_one_too_many(address):
            return refusal
        headers = {"Retry-After": str(int(WINDOW))}
        return Refusal(429, f"Too many refused requests from {address}.", refusal.code, headers=headers)

    async def _body(self, request: Request, announced: int) -> bytes:
        limit = self._max_request_size
        if limit and announced > limit:
            raise _too_large(announced, limit)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if limit and len(body) > limit:
                raise _too_large(len(body), limit)
        return bytes(body)


def create_app(api: HttpApi, tell: Callable[[facts.Fact], None]) -> Starlette:
    """Return the ASGI application: the routes, and every refusal turned into its answer and told."""

    def answer(request: Request, refusal: Refusal, body: bytes = b"") -> Response:
        app_id, path = request.path_params.get("app_id", ""), request.url.path
        if api.is_secret(app_id):
            app_id, path = "", "a path with a secret"
        told = facts.RequestRefused(app_id, request.method, path, refusal.status, refusal.code, refusal.text)
        event, channels = triggers.claimed(body) if body else ("", ())
        tell(replace(told, publisher=_publisher(request), size=_announced(request), event=event, channels=channels))
        return PlainTextResponse(api.redacted(refusal.text), refusal.status, refusal.headers)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        return answer(request, error)

    async def bad_trigger(request: Request, error: Exception) -> Response:
        status, code = _TRIGGER_ERRORS[type(error)]
        return answer(request, Refusal(status, str(error), code), request.state.body)

    async def unreachable(request: Request, error: Exception) -> Response:
        return answer(request, Refusal(503, "Not answered, try again.", codes.REDIS_AWAY, f"{error}.", AGAIN))

    async def no_route(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        response = answer(request, _route_refusal(request, error.status_code))
        response.headers.update(error.headers or {})
        return response

    async def gone(request: Request, error: Exception) -> Response:
        return Response(status_code=400)  # nobody is there to read it

    handlers: dict[int | type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        Refusal: refused,
        HTTPException: no_route,
        ClientDisconnect: gone,
        Unreachable: unreachable,
        **dict.fromkeys(_TRIGGER_ERRORS, bad_trigger),
    }
    app = Starlette(routes=api.routes(), exception_handlers=handlers)
    app.router.redirect_slashes = False
    return app


_TRIGGER_ERRORS: dict[type[Exception], tuple[int, codes.Code]] = {
    triggers.Unparsable: (400, codes.INVALID_REQUEST),
    triggers.Invalid: (422, codes.INVALID_REQUEST),
    triggers.TooLarge: (413, codes.TOO_LARGE),
}


def _announced(request: Request) -> int:
    """Return the bytes of the body as its head tells them, 0 when it does not."""
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() and len(length) < 16 else 0


def _publisher(request: Request) -> str:
    return request.headers.get("x-pusher-library") or request.headers.get("user-agent", "")


def _route_refusal(request: Request, status: int) -> Refusal:
    if status == 405 and request.method == "GET" and request.url.path.endswith(("/events", "/batch_events")):
        return Refusal(405, "Method not allowed.", codes.REDIRECTED_PUBLISH)
    if status == 404 and request.url.path.endswith(("/broadcasting/auth", "/pusher/auth")):
        reason = "This is a route of your application, and this is the WebSocket server: correct the client's endpoint."
        return Refusal(404, "Not found.", codes.SUBSCRIPTION_REFUSED, reason)
    return Refusal(status, {404: "Not found.", 405: "Method not allowed."}.get(status, "Bad request."))


def _too_large(size: int, limit: int) -> Refusal:
    reason = f"The body has {size} bytes or more, {limit} are allowed: raise REVERB_MAX_REQUEST_SIZE."
    return Refusal(413, "Payload too large.", codes.TOO_LARGE, reason)


def _channel_of(request: Request, app: App) -> str:
    channel: str = request.path_params["channel"]
    if not is_channel(channel, app.max_channel_name):
        raise triggers.Invalid(f"Invalid channel name {channel[:200]!r}.")
    return channel


def _info_of(parameters: dict[str, str]) -> frozenset[str]:
    """Read `info=a,b`, or PHP's `info[0]=a&info[1]=b`."""
    values = [parameters.get("info", ""), *values_of(parameters, "info")]
    return frozenset(part.strip() for value in values for part in value.split(",") if part.strip())


def _fields_of(parameters: dict[str, str]) -> dict[str, object]:
    """Read an event from a query string: `name`, `data`, `channel` or `channels[]` as often as wanted."""
    names = values_of(parameters, "channels")
    return {**parameters, "channels": names} if names else {**parameters}

"""The application of `auth-server`: an auth endpoint that never says no."""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from reverb_py.client.api import encoded
from reverb_py.client.signing import Credentials, channel_auth, user_auth
from reverb_py.protocol.names import is_channel, is_encrypted, is_presence

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
LOCAL_NAMES = (".localhost", ".test", ".local")  # no registry gives them away (RFC 6761, RFC 6762)
Tell = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Authorizer:
    """Its answers. `tell` hears what was signed: `{"what", "socket_id", "channel", …}`, never a signature."""

    credentials: Credentials
    user_info: object
    tell: Tell

    async def channel(self, request: Request) -> Response:
        asked = await _fields(request)
        socket_id, name = asked.get("socket_id", ""), asked.get("channel_name", "")
        if not _is_socket_id(socket_id) or not is_channel(name):
            return PlainTextResponse("socket_id and channel_name are needed", 422)
        if is_encrypted(name):
            return PlainTextResponse("encrypted channels need a shared_secret, which this endpoint does not have", 403)
        data = self._member("user_id", asked) if is_presence(name) else None
        self.tell({"what": f"signed {name}", "socket_id": socket_id, "channel": name, "channel_data": data})
        more = {} if data is None else {"channel_data": data}
        return JSONResponse({"auth": channel_auth(self.credentials, socket_id, name, data), **more})

    async def user(self, request: Request) -> Response:
        asked = await _fields(request)
        socket_id = asked.get("socket_id", "")
        if not _is_socket_id(socket_id):
            return PlainTextResponse("socket_id is needed", 422)
        data = self._member("id", asked)
        self.tell({"what": f"signed the sign-in {data}", "socket_id": socket_id, "user_data": data})
        return JSONResponse({"auth": user_auth(self.credentials, socket_id, data), "user_data": data})

    def _member(self, name: str, asked: dict[str, str]) -> str:
        """Who it is: the user that the request names, else one for each connection."""
        user_id = asked.get("user_id") or f"user-{asked['socket_id']}"
        return encoded({name: user_id, "user_info": self.user_info}).decode()


class OwnPages:
    """Lets pages of the developer's own origins ask: any other that is open in the browser could sign what it will.

    What is no browser sends no Origin, and is served. A foreign page is refused, and not only kept from reading the
    answer: one whose name was made to point here would be of our own origin.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = {each.rstrip("/").lower() for each in origins}
        # A page sends its cookies to Laravel's endpoint: browsers want its origin repeated then, and not a star.
        self._shared = CORSMiddleware(
            app, allow_origin_regex=".*", allow_credentials=True, allow_methods=["POST"], allow_headers=["*"]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = Headers(scope=scope).get("origin") if scope["type"] == "http" else None
        if origin is None:
            await self._app(scope, receive, send)
        elif origin.lower() in self._origins or is_local(origin):
            await self._shared(scope, receive, send)
        else:
            text = f"Pages of {origin} are not served; --origin {origin} allows them."
            await PlainTextResponse(text, 403)(scope, receive, send)


def is_local(origin: str) -> bool:
    """Return True for a page of this machine or of a name that only a local network has."""
    try:
        parts = urlsplit(origin)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and (host in LOCAL_HOSTS or host.endswith(LOCAL_NAMES))


def authorizer(credentials: Credentials, user_info: object, tell: Tell, origins: Collection[str] = ()) -> Starlette:
    answers = Authorizer(credentials, user_info, tell)
    paths = {
        "/broadcasting/auth": answers.channel,
        "/pusher/auth": answers.channel,
        "/pusher/user-auth": answers.user,
    }
    routes = [Route(path, answer, methods=["POST"]) for path, answer in paths.items()]
    return Starlette(routes=routes, middleware=[Middleware(OwnPages, origins=origins)])


async def _fields(request: Request) -> dict[str, str]:
    """The members of a JSON object, or of a form; what is neither has none."""
    body = (await request.body()).decode(errors="replace")
    if "json" not in request.headers.get("content-type", ""):
        return dict(parse_qsl(body))
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return {name: str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _is_socket_id(text: str) -> bool:
    """Two numbers: anything else may make a signature of something else."""
    first, dot, second = text.partition(".")
    return bool(dot) and first.isdecimal() and second.isdecimal()

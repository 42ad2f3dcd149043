"""A Laravel application, as far as its broadcasting clients see it: a real HTTP server that signs with the secret.

Whoever asks must show a bearer token of TOKENS, or gets 403. `channel_answer` is its `routes/channels.php`.
"""

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

from reverb_py.conformance import signing
from tests.clients.apps import MAIN, publisher

OLD_MASTER_KEY = bytes(range(32))
MASTER_KEY = bytes(range(32, 64))  # the publishers'


@dataclass(frozen=True, slots=True)
class User:
    id: str
    name: str


TOKENS = {"token-of-100": User("100", "Ann"), "token-of-7": User("7", "Bob")}


def channel_answer(user: User, channel: str) -> object:
    """What the channel's callback returns: false or true, or on presence channels who the user is."""
    if drivers := re.fullmatch(r"private-customer\.(\d+)\.driver-location", channel):
        return user.id == drivers[1]
    if channel.startswith("presence-yes"):
        return True  # a frequent mistake: an array should be returned
    return {"name": user.name}


class Laravel:
    """The application, at `url`. `authorized` lists the channels that it signed for, in order."""

    def __init__(self, reverb_port: int) -> None:
        """`reverb_port` is where it publishes to."""
        self.authorized: list[str] = []
        self.sdk = publisher(reverb_port)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, token: str, socket_id: str, body: str) -> dict[str, Any] | None:
        """What a POST is answered with; None is 403."""
        user = TOKENS.get(token)
        if user is None:
            return None
        form = {name: values[0] for name, values in parse_qs(body).items()}
        match path.removeprefix("/api"):
            case "/broadcasting/auth":
                return self._authorize(user, form["socket_id"], form["channel_name"])
            case "/broadcasting/user-auth":
                return authenticate(user, form["socket_id"])
            case "/orders":  # broadcast(new OrderShipped)->toOthers()
                self.sdk.trigger(body, "App\\Events\\OrderShipped", {"id": 1}, socket_id)
                return {}
        return None

    def _authorize(self, user: User, socket_id: str, channel: str) -> dict[str, Any] | None:
        answer = channel_answer(user, channel)
        if answer is False:
            return None
        self.authorized.append(channel)
        secret = "another-secret" if channel.startswith("private-forged") else MAIN.secret
        if channel.startswith("presence-"):
            data = json.dumps({"user_id": user.id, "user_info": answer})
            return {"auth": signing.channel_auth(MAIN.key, secret, socket_id, channel, data), "channel_data": data}
        signed = {"auth": signing.channel_auth(MAIN.key, secret, socket_id, channel)}
        if channel.startswith("private-encrypted-"):
            rotated = channel.endswith("-rotated") and self.authorized.count(channel) == 1
            signed["shared_secret"] = shared_secret(channel, OLD_MASTER_KEY if rotated else MASTER_KEY)
        return signed

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        laravel = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                answer = laravel.answer(self.path, token, self.headers.get("X-Socket-ID", ""), body)
                payload = json.dumps(answer or {}).encode()
                self.send_response(403 if answer is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_: object) -> None:
                """Say nothing: a refused request is part of some tests."""

        return Handler


def authenticate(user: User, socket_id: str) -> dict[str, Any]:
    """The answer of the user authentication endpoint."""
    user_data = json.dumps({"id": user.id, "user_info": {"name": user.name}})
    return {"auth": signing.user_auth(MAIN.key, MAIN.secret, socket_id, user_data), "user_data": user_data}


def shared_secret(channel: str, master_key: bytes) -> str:
    """The key of an encrypted channel, as clients get it."""
    return base64.b64encode(hashlib.sha256(channel.encode() + master_key).digest()).decode()

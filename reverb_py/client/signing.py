"""What a publisher and an application's auth endpoint sign: requests, channels, sign-ins. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from reverb_py.protocol import signatures


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks. The secret never leaves: only what it signs does."""

    app_id: str
    key: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request's query with its signature, and the text that was signed."""

    parameters: dict[str, str]
    text: str

    @property
    def query(self) -> str:
        return urlencode(self.parameters, quote_via=quote)


def app_path(app_id: str) -> str:
    """Where the HTTP API of an app is, below the server's prefix."""
    return f"/apps/{quote(app_id, safe='')}"


def sign_request(
    credentials: Credentials,
    method: str,
    path: str,
    *,
    parameters: Mapping[str, str] | None = None,
    body: bytes = b"",
    now: float,
) -> SignedRequest:
    """Sign as pusher-http-php does: `path` without the server's prefix, `body_md5` only where there is a body."""
    signed = {
        **(parameters or {}),
        "auth_key": credentials.key,
        "auth_timestamp": str(int(now)),
        "auth_version": "1.0",
    }
    if body:
        signed["body_md5"] = body_md5(body)
    text = signatures.request_text(method.upper(), path, signed)
    return SignedRequest({**signed, "auth_signature": signatures.sign(credentials.secret, text)}, text)


def body_md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def channel_auth(credentials: Credentials, socket_id: str, channel: str, channel_data: str | None = None) -> str:
    """The `auth` of a subscription: `<key>:<signature>`; `channel_data` byte for byte as it will be sent."""
    return _auth(credentials, signatures.channel_text(socket_id, channel, channel_data))


def user_auth(credentials: Credentials, socket_id: str, user_data: str) -> str:
    """The `auth` of a sign-in."""
    return _auth(credentials, signatures.user_text(socket_id, user_data))


def _auth(credentials: Credentials, text: str) -> str:
    return f"{credentials.key}:{signatures.sign(credentials.secret, text)}"

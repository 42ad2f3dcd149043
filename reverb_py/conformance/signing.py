"""The signatures of a client's side, from the documentation: a bug in the server's own must not hide here."""

import hashlib
import hmac
from collections.abc import Mapping


def hexdigest(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def channel_auth(key: str, secret: str, socket_id: str, channel: str, channel_data: str | None = None) -> str:
    """`key:hmac` for a private or presence channel. `channel_data` is signed exactly as it is sent."""
    text = f"{socket_id}:{channel}" if channel_data is None else f"{socket_id}:{channel}:{channel_data}"
    return f"{key}:{hexdigest(secret, text)}"


def user_auth(key: str, secret: str, socket_id: str, user_data: str) -> str:
    return f"{key}:{hexdigest(secret, f'{socket_id}::user::{user_data}')}"


def request_signature(secret: str, method: str, path: str, params: Mapping[str, str]) -> str:
    """The `auth_signature` over method, path and all other query parameters, sorted and unescaped."""
    query = "&".join(f"{name}={params[name]}" for name in sorted(params))
    return hexdigest(secret, f"{method}\n{path}\n{query}")


def body_md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()

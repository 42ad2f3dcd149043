"""What a client asks for: one message in, one command out. The patterns below are the schema.

Refusals carry hosted Pusher's texts (pp 2.3), because people search for them.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from reverb_py.protocol.errors import ClientEventError, PusherError
from reverb_py.protocol.json_text import member_text
from reverb_py.protocol.names import MAX_EVENT_NAME, is_reserved_event


@dataclass(frozen=True, slots=True)
class Subscribe:
    """`{"event":"pusher:subscribe","data":{"channel":"private-x","auth":"key:hmac","channel_data":"…"}}`"""

    channel: str
    auth: str | None = None
    channel_data: str | None = None


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """`{"event":"pusher:unsubscribe","data":{"channel":"private-x"}}`"""

    channel: str


@dataclass(frozen=True, slots=True)
class SignIn:
    """`{"event":"pusher:signin","data":{"auth":"key:hmac","user_data":"{\\"id\\":\\"7\\"}"}}`"""

    auth: str
    user_data: str


@dataclass(frozen=True, slots=True)
class Ping:
    """`{"event":"pusher:ping","data":{}}`; the data is not looked at, Java sends none."""


@dataclass(frozen=True, slots=True)
class Pong:
    """`{"event":"pusher:pong","data":{}}`; a sign of life, nothing more."""


@dataclass(frozen=True, slots=True)
class ClientEvent:
    """`{"event":"client-typing","channel":"private-x","data":…}`; `data` is the text that others get."""

    event: str
    channel: str
    data: str


Command = Subscribe | Unsubscribe | SignIn | Ping | Pong | ClientEvent


def parse(text: str) -> Command:
    """Turn one client message into a command, or raise PusherError."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise PusherError("Invalid message format: not JSON") from None
    if not isinstance(message, dict):
        raise PusherError("Invalid message format: not a JSON object")
    event = message.get("event")
    if not isinstance(event, str) or not event.strip():
        raise PusherError("Invalid message format: event must be a non-empty string")
    if event.startswith("client-"):
        return _client_event(text, event, message)
    match event:
        case "pusher:ping":
            return Ping()
        case "pusher:pong":
            return Pong()
        case "pusher:subscribe":
            return _subscribe(_data(message))
        case "pusher:unsubscribe":
            return Unsubscribe(_channel(_data(message)))
        case "pusher:signin":
            return _sign_in(_data(message))
    error = PusherError if is_reserved_event(event) else ClientEventError
    raise error(f"Unsupported event received on socket: {event[:MAX_EVENT_NAME]}")


def _data(message: dict[str, Any]) -> dict[str, Any]:
    data = message.get("data")
    if isinstance(data, str):  # some clients encode it twice; Reverb takes that, so do we
        try:
            data = orjson.loads(data)
        except orjson.JSONDecodeError:
            data = None
    if not isinstance(data, dict):
        raise PusherError("Expected parameter data to be a hash")
    return data


def _subscribe(data: dict[str, Any]) -> Subscribe:
    return Subscribe(_channel(data), _text(data, "auth"), _text(data, "channel_data"))


def _sign_in(data: dict[str, Any]) -> SignIn:
    auth, user_data = _text(data, "auth"), _text(data, "user_data")
    if auth is None or user_data is None:
        raise PusherError("Invalid sign-in: auth and user_data must be non-empty strings")
    return SignIn(auth, user_data)


def _client_event(text: str, event: str, message: dict[str, Any]) -> ClientEvent:
    channel = message.get("channel")
    if not isinstance(channel, str) or not channel:
        raise ClientEventError("Invalid client event (must contain channel and data)")
    if len(event) > MAX_EVENT_NAME:
        raise ClientEventError(f"Invalid client event (its name is longer than {MAX_EVENT_NAME} characters)")
    data = message.get("data")
    if not isinstance(data, str):
        try:
            data = member_text(text, "data") or "null"
        except RecursionError:
            raise ClientEventError("Invalid client event (its data is nested too deeply)") from None
    return ClientEvent(event, channel, data)


def _channel(data: dict[str, Any]) -> str:
    channel = data.get("channel")
    if not isinstance(channel, str) or not channel:
        raise PusherError("Invalid channel name: channel must be a non-empty string")
    return channel


def _text(data: dict[str, Any], name: str) -> str | None:
    """Return the string, None when it is absent, null or empty: clients leave it out in all three ways."""
    value = data.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise PusherError(f"Expected parameter {name} to be a string")
    return value

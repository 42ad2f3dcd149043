"""Who somebody is: the member of a presence channel, the signed-in user. Parsed from signed strings only."""

from dataclasses import dataclass

import orjson

from reverb_py.protocol.errors import PusherError
from reverb_py.protocol.json_text import member_text
from reverb_py.protocol.names import is_user_id

NULL = b"null"


@dataclass(frozen=True, slots=True)
class Member:
    """A user in a presence channel."""

    user_id: str
    user_info: bytes = NULL  # JSON, as the application wrote it


@dataclass(frozen=True, slots=True)
class User:
    """A signed-in user."""

    id: str
    user_info: bytes = NULL  # JSON, as the application wrote it

    def as_member(self) -> Member:
        """The membership of a signed-in user who joins without `channel_data` (pp 3.6)."""
        return Member(self.id, self.user_info)


def parse_member(channel_data: str) -> Member:
    """Read `{"user_id": "7", "user_info": {…}}`, or raise PusherError. Numbers become their decimal text.

    `user_info` may be any JSON: a Laravel callback that returns `true` gives `true`.
    """
    fields = _parse_object(channel_data, "channel_data")
    user_id = fields.get("user_id")
    if isinstance(user_id, bool) or not isinstance(user_id, str | int | float) or user_id == "":
        raise PusherError("channel_data is invalid: user_id must be a non-empty string or a number")
    text = user_id if isinstance(user_id, str) else _text(channel_data, "user_id")
    return Member(text, _text(channel_data, "user_info").encode())


def parse_user(user_data: str) -> User:
    """Read `{"id": "7", "user_info": {…}}`, or raise PusherError.

    The id must be a string: pusher-js ignores a success whose id is a number (pp 5.1).
    """
    fields = _parse_object(user_data, "user_data")
    user_id = fields.get("id")
    if not isinstance(user_id, str) or not is_user_id(user_id):
        raise PusherError("user_data is invalid: id must be a string of 1 to 128 of the characters a-zA-Z0-9_-=@,.;")
    return User(user_id, _text(user_data, "user_info").encode())


def _parse_object(text: str, name: str) -> dict[str, object]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise PusherError(f"{name} is invalid: it is not JSON") from None
    if not isinstance(value, dict):
        raise PusherError(f"{name} is invalid: it is not a JSON object")
    return value


def _text(text: str, name: str) -> str:
    """The JSON text of a member, `null` when there is none."""
    try:
        return member_text(text, name) or "null"
    except RecursionError:
        raise PusherError(f"{name} cannot be read: the JSON around it is nested too deeply") from None

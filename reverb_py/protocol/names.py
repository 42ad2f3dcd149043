"""The rules for names: channels and their kinds, event names. Predicates over strings, nothing else.

A kind is decided by the longest prefix, dash included: `privatefoo` is a public channel.
"""

import re

MAX_CHANNEL_NAME = 200  # characters; what every server SDK checks (hosted documents 164)
MAX_EVENT_NAME = 200  # characters (pp 0.3)
MAX_USER_ID = 128  # characters of a signed-in user's id (pp 5.4)
SERVER_TO_USER = "#server-to-user-"

# `:` would let an auth endpoint sign a forged sign-in, `#` is reserved for server-to-user (pp 3.1).
_NAME = re.compile(r"[-a-zA-Z0-9_=@,.;]+")
_SOCKET_ID = re.compile(r"[0-9]+\.[0-9]+")
_LOOKS_GUARDED = re.compile(r"(?:private|presence|cache)(?!-)")


def is_channel(name: str, max_length: int = MAX_CHANNEL_NAME) -> bool:
    """Return True when a channel may have this name.

    >>> is_channel("private-customer.100.driver-location"), is_channel("a b"), is_channel("#server-to-user-7")
    (True, False, True)
    """
    if len(name) > max_length:
        return False
    return _NAME.fullmatch(name.removeprefix(SERVER_TO_USER)) is not None


def is_user_id(user_id: str) -> bool:
    """Return True when a user may sign in with this id: it must fit into a channel name."""
    return len(user_id) <= MAX_USER_ID and _NAME.fullmatch(user_id) is not None


def is_socket_id(text: str) -> bool:
    """Return True when it looks like what servers of this protocol call a connection."""
    return _SOCKET_ID.fullmatch(text) is not None


def needs_authorization(channel: str) -> bool:
    """Return True for private and presence channels, encrypted and cache ones included."""
    return channel.startswith(("private-", "presence-"))


def is_presence(channel: str) -> bool:
    return channel.startswith("presence-")


def is_encrypted(channel: str) -> bool:
    """Return True when its payloads are ciphertext that the server only passes on."""
    return channel.startswith("private-encrypted-")


def is_cache(channel: str) -> bool:
    """Return True when its last event is kept for those who subscribe later."""
    return channel.startswith(("cache-", "private-cache-", "presence-cache-", "private-encrypted-cache-"))


def user_of(channel: str) -> str | None:
    """Return the user id of a server-to-user channel, None for every other channel."""
    return channel[len(SERVER_TO_USER) :] if channel.startswith(SERVER_TO_USER) else None


def looks_guarded(channel: str) -> bool:
    """Return True for a public channel that Reverb takes for another kind, as it compares without the dash."""
    return _LOOKS_GUARDED.match(channel) is not None


def is_reserved_event(event: str) -> bool:
    """Return True for the names that only the server itself may send: clients obey them."""
    return event.startswith(("pusher:", "pusher_internal:"))

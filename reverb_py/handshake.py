"""Who may open a WebSocket: one pure decision, before any of our state exists for the client.

A refusal is always sent on a completed upgrade: before it a browser sees only 1006, and comes back for ever.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from reverb_py.hub.app import App, Apps
from reverb_py.protocol.errors import ErrorCode, Refused
from reverb_py.protocol.signatures import parse_query

SHOWN = 200  # characters of an origin or of the list of origins, in the log
MAX_HOST = 253  # characters of a host name (RFC 1035 2.3.4)

_INTEGER = re.compile(r"[-+]?[0-9]+")


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a client asked for. `secure` is None when a proxy stands between and does not say."""

    path: str  # as it was sent, percent-encoded, without the query
    query: str
    origin: str | None
    secure: bool | None
    remote: str = ""  # the client's address, for the log


def find_app(handshake: Handshake, apps: Apps, prefix: str = "") -> App:
    """Return the app that the client may talk to, or raise Refused with the code that stops it (pp 2.2).

    Quota and capacity are the node's affair and come after this.
    """
    key = _key(handshake.path, prefix)
    app = apps.by_key(key)
    if app is None and apps.has_secret(key):
        text = "Application does not exist: this is the secret of an app, connect with its key"
        raise Refused(ErrorCode.UNKNOWN_APP, text, names_secret=True)
    if app is None:
        raise Refused(ErrorCode.UNKNOWN_APP, f"Application does not exist: no app has the key {key[:40]!r}")
    if not app.enabled:
        raise Refused(ErrorCode.APP_DISABLED, "Application is disabled")
    if app.force_tls and handshake.secure is False:
        raise Refused(ErrorCode.TLS_ONLY, "Application accepts TLS connections only, use wss://")
    _check_protocol(parse_query(handshake.query).get("protocol"), strict=app.strict_protocol)
    if not _origin_allowed(handshake.origin, app.allowed_origins):
        shown = repr(handshake.origin[:SHOWN]) if handshake.origin else "no origin"
        listed = ", ".join(app.allowed_origins[:SHOWN])[:SHOWN] or "none"
        raise Refused(ErrorCode.UNAUTHORIZED, "Origin not allowed", detail=f": {shown}, allowed are {listed}")
    return app


def _key(path: str, prefix: str) -> str:
    key = path.removeprefix(prefix).removeprefix("/app/")
    if not path.startswith(prefix + "/app/") or not key or "/" in key:
        raise Refused(ErrorCode.PATH_NOT_FOUND, f"Path not found, connect to {prefix}/app/<key>")
    return unquote(key)


def _check_protocol(version: str | None, *, strict: bool) -> None:
    if version is None:
        if strict:  # Dart clients without metadata send none, so that this is not the default
            raise Refused(ErrorCode.NO_VERSION, "No protocol version supplied")
        return
    if not _INTEGER.fullmatch(version):
        raise Refused(ErrorCode.BAD_VERSION, "Invalid protocol version: not an integer")
    if len(version) > 9 or not 4 <= int(version) <= 7:  # int() refuses thousands of digits
        raise Refused(ErrorCode.UNSUPPORTED_VERSION, "Unsupported protocol version: 4 to 7 are spoken here")


def _origin_allowed(origin: str | None, allowed: tuple[str, ...]) -> bool:
    """Compare the host of `Origin` only, as Reverb does; without a list of hosts everybody may come in."""
    if "*" in allowed:
        return True
    try:
        host = urlsplit(origin or "").hostname
    except ValueError:
        return False
    if host is None or len(host) > MAX_HOST:
        return False
    return any(_pattern(each).fullmatch(host) for each in allowed)


@lru_cache(maxsize=1_000)
def _pattern(allowed: str) -> re.Pattern[str]:
    """A host in which `*` stands for any characters, dots too: `*.example.com` does not fit `example.com`.

    A host may be written in its own letters; browsers send it in ASCII.
    """
    written = dict.fromkeys((allowed, ".".join(_in_ascii(label) for label in allowed.split("."))))
    return re.compile("|".join(map(_wildcards, written)), re.IGNORECASE)


def _wildcards(allowed: str) -> str:
    """Each `*` but the last is the shortest that fits, and is not tried again: else several would take for ever."""
    first, *parts = map(re.escape, allowed.split("*"))
    if not parts:
        return first
    return first + "".join(f"(?>.*?{part})" for part in parts[:-1]) + ".*" + parts[-1]


def _in_ascii(label: str) -> str:
    try:
        return label.encode("idna").decode() if not label.isascii() else label
    except UnicodeError:
        return label

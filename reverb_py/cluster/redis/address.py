"""Where a Redis is and how one logs in there; read from a URL. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

# By scheme, whether it is TLS. tls and tcp are Laravel's, the others redis-py's and valkey-py's.
SCHEMES = {"redis": False, "tcp": False, "valkey": False, "rediss": True, "tls": True, "valkeys": True, "unix": False}

_FORM = "write redis://user:password@host:6379/0 (rediss:// for TLS) or unix:///path"
_ENCODED = "percent-encode what stands in user and password of / ? # @ : and %"


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A host and a port, or a socket's path. A user without a password is none: Redis wants both."""

    host: str = "127.0.0.1"
    port: int = 6379
    username: str = ""
    password: str = field(default="", repr=False)
    database: int = 0
    tls: bool = False
    unix_socket: str = ""  # then host, port and tls do not matter
    ca_file: str = ""  # of who signed the server's certificate; "" is whom the system trusts
    verify: bool = True  # False takes any certificate

    @classmethod
    def parse(cls, url: str) -> "RedisAddress":
        """Read a URL; raise ValueError with what is wrong and how to mend it, and no part of the URL."""
        scheme, separator, _ = url.strip().partition("://")
        scheme = scheme.lower()
        if not separator or scheme not in SCHEMES:
            raise ValueError(f"must begin with redis://, rediss:// or tls:// (both TLS), or unix://: {_FORM}")
        parts, port = _split(url.strip())
        asked = {name.lower(): text for name, text in parse_qsl(parts.query)}
        unix_socket = unquote(parts.path) if scheme == "unix" else ""
        if scheme == "unix" and (parts.hostname or not unix_socket.strip("/")):
            raise ValueError("must name a socket's file, after three slashes: write unix:///path")
        return cls(
            host=unquote(parts.hostname or "") or cls().host,
            port=cls().port if port is None else port,
            username=unquote(parts.username or "") or asked.get("username", ""),
            password=unquote(parts.password or "") or asked.get("password", ""),
            database=_database("" if unix_socket else parts.path, asked),
            tls=SCHEMES[scheme],
            unix_socket=unix_socket,
            ca_file=asked.get("ssl_ca_certs", ""),
            verify=_verifies(asked.get("ssl_cert_reqs", "required")),
        )

    @property
    def shown(self) -> str:
        """For people and logs: `redis://host:6379/0`, without user and password."""
        if self.unix_socket:
            return f"unix://{self.unix_socket}" + (f"?db={self.database}" if self.database else "")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"redis{'s' if self.tls else ''}://{host}:{self.port}/{self.database}"


def _split(url: str) -> tuple[SplitResult, int | None]:
    """The parts and the port; `urlsplit` repeats in its errors what may be a part of a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(f"has a host or port that cannot be read: {_FORM}, and {_ENCODED}") from None
    if port == 0:
        raise ValueError("has the port 0: it must be from 1 to 65535")
    if any(character.isspace() for character in parts.netloc) or parts.fragment:
        raise ValueError(f"holds a space or a #: {_FORM}, and {_ENCODED}")
    return parts, port


def _database(path: str, asked: Mapping[str, str]) -> int:
    """`?db=` as redis-py has it, `?database=` as Laravel, or the path; 0 when none is there."""
    text = asked.get("db") or asked.get("database") or path.strip("/") or "0"
    if not re.fullmatch("[0-9]{1,9}", text):
        raise ValueError(f"must name its database by a number: {_FORM}, and {_ENCODED}")
    return int(text)


def _verifies(text: str) -> bool:
    """redis-py's words, and those of Python's ssl module."""
    word = text.lower().removeprefix("cert_")
    if word not in ("none", "optional", "required"):
        raise ValueError("must have one of none, optional, required for ssl_cert_reqs")
    return word != "none"

"""How single values are read and checked: types for pydantic. A ValueError says what it must be."""

import re
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

MOST_WORKERS = 256  # far above the cores of a machine; more is a slip of the pen

_SPACE_OR_SLASH = re.compile(r"[\s/\\]")


def number(value: object) -> object:
    """Refuse `true` and `false`, which Python would take for 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


def word(value: object) -> object:
    """Take a word in any case."""
    return value.strip().lower() if isinstance(value, str) else value


def switch(value: object) -> object:
    """Laravel's env() knows `true` and `false` only; 1 and 0, on and off, yes and no are pydantic's."""
    return value.strip() if isinstance(value, str) else value


def items(value: object) -> object:
    """Split what is written with commas; a list stays a list."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, Sequence):
        return tuple(value)
    raise ValueError("must be a list, or a text with commas")


def host(value: str) -> str:
    """A bare address or name; "" is every address of both families, however it was written."""
    bare = value.strip()
    if bare in ("", "*", "::", "[::]"):
        return ""
    if "://" in bare:
        raise ValueError("must be a host alone: leave out the scheme")
    if _SPACE_OR_SLASH.search(bare):
        raise ValueError("must be a host alone: no slash and no space")
    if ":" in bare and not _is_ipv6(bare):
        raise ValueError("must be a host alone: the port has its own setting")
    return bare


def _is_ipv6(text: str) -> bool:
    try:
        return ip_address(text.removeprefix("[").removesuffix("]").partition("%")[0]).version == 6
    except ValueError:
        return False


def path(value: str) -> str:
    """`ws`, `/ws` and `/ws/` are `/ws`; nothing stays nothing."""
    bare = value.strip().strip("/")
    if re.search(r"[\s?#\\]|://", bare):
        raise ValueError("must be a path such as /ws")
    return f"/{bare}" if bare else ""


def proxies(value: tuple[str, ...]) -> tuple[str, ...]:
    for each in value:
        if each != "*":
            try:
                ip_network(each, strict=False)
            except ValueError:
                raise ValueError(f"must be addresses or networks (10.0.0.0/8), or *: {each!r} is none") from None
    return value


def origin_host(origin: str) -> str:
    """Reduce a full URL, or a host with a port, to the host: the rest is not compared, as in Reverb."""
    bare = origin.strip()
    try:
        found = urlsplit(bare if "://" in bare else f"//{bare}").hostname
    except ValueError:
        found = None
    if not found:
        raise ValueError(f"must be hosts such as app.example.com or *.example.com: {origin!r} is none")
    return found


def origins(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(origin_host(each) for each in value))


def identifier(value: object) -> object:
    """An id or key as text; a number, as JSON and TOML may write it, is its digits."""
    _refuse_truth(value)
    text = str(value) if isinstance(value, int) else value
    if not isinstance(text, str) or not text.strip():
        raise ValueError("must be a text that is not empty")
    if re.search(r"[\s/?#:%\x00-\x1f]", text):
        raise ValueError("must be without spaces, slashes, colons, and the signs ? # %: it is part of an address")
    return text


def secret(value: object) -> object:
    _refuse_truth(value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text that is not empty")
    return value


def text(value: object) -> object:
    """A text, or a number's digits, as TOML may write a password."""
    _refuse_truth(value)
    return str(value) if isinstance(value, int) else value


def prefix(value: str) -> str:
    """Begins names in Redis. Braces would choose the shard of a Redis Cluster."""
    if not value.strip() or re.search(r"[{}\x00-\x1f]", value):
        raise ValueError("must be a text without braces, and not empty")
    return value


def _refuse_truth(value: object) -> None:
    if isinstance(value, bool):
        raise ValueError("must be a text, but this word is a truth value, as Laravel reads it too: take another")


Count = Annotated[int, BeforeValidator(number), Field(ge=0)]
Positive = Annotated[int, BeforeValidator(number), Field(gt=0)]
Size = Count
Seconds = Annotated[float, BeforeValidator(number), Field(ge=0, allow_inf_nan=False)]
SomeSeconds = Annotated[float, BeforeValidator(number), Field(gt=0, allow_inf_nan=False)]
Port = Annotated[int, BeforeValidator(number), Field(ge=0, le=65_535)]
Lease = Annotated[float, BeforeValidator(number), Field(ge=3, allow_inf_nan=False)]  # it is renewed once a second
Workers = Annotated[int, BeforeValidator(number), Field(ge=1, le=MOST_WORKERS)]
Text = Annotated[str, BeforeValidator(text)]
Prefix = Annotated[str, AfterValidator(prefix)]
Switch = Annotated[bool, BeforeValidator(switch)]
Host = Annotated[str, AfterValidator(host)]
Path = Annotated[str, AfterValidator(path)]
List = Annotated[tuple[str, ...], BeforeValidator(items)]
Proxies = Annotated[List, AfterValidator(proxies)]
Origins = Annotated[List, AfterValidator(origins)]
Identifier = Annotated[str, BeforeValidator(identifier)]
Secret = Annotated[str, BeforeValidator(secret), Field(repr=False)]
Word: Any = BeforeValidator(word)

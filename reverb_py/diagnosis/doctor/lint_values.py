"""Values that cannot be meant: lines that Laravel refuses, and hosts, ports and schemes that are none."""

import re
from collections.abc import Callable, Iterator

from reverb_py import codes
from reverb_py.diagnosis.doctor.environment import text_of
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.masks import Masks
from reverb_py.diagnosis.doctor.target import Environment

_TEMPLATE = re.compile(r"\$\{\{.*?\}\}|\$\{[^}]*\}|^\$[A-Z_]+$")
_QUOTE = re.compile(r"""^['"]|['"]$""")
_SCHEMES = ("http", "https", "ws", "wss", "tcp", "tls", "ssl", "redis", "rediss")
PREFIXES = ("REVERB", "PUSHER", "VITE_REVERB", "VITE_PUSHER")
PARTS = ("APP_ID", "APP_KEY", "APP_SECRET", "HOST", "PORT", "SCHEME", "SERVER_HOST", "SERVER_PORT", "SERVER_PATH")
OURS = (*(f"{prefix}_{part}" for prefix in PREFIXES for part in PARTS), "BROADCAST_CONNECTION", "REDIS_URL")


def malformed(environment: Environment, masks: Masks) -> Iterator[Finding]:
    """Yield RVB213 for every variable of ours whose value nobody can have meant, and every line that is refused."""
    for problem in environment.file.problems:
        title = f"line {problem.line} of {environment.source} is refused by Laravel ({problem.name}): {problem.what}"
        yield Finding(Status.FAIL, title, "lint.values", codes.MALFORMED_VALUE)
    for name in OURS:
        wrong = _wrong(environment, name)
        if wrong and not (name.startswith("VITE_") and "${" in environment.values[name]):  # RVB610 tells
            title = f"{name} {wrong.what}"
            shown = f"{name}={_shown(environment.values[name], name, masks)} in {environment.source}"
            fix = (f"{name}={wrong.meant}",) if wrong.meant else ()
            yield Finding(wrong.status, title, "lint.values", codes.MALFORMED_VALUE, shown, fix)


class _Wrong:
    """What is wrong with a value, and what was probably meant ("" when that cannot be shown)."""

    def __init__(self, what: str, meant: str = "", status: Status = Status.FAIL) -> None:
        self.what, self.meant, self.status = what, meant, status


def _wrong(environment: Environment, name: str) -> _Wrong | None:
    if name not in environment.values:
        return None
    raw, text = environment.values[name], text_of(environment.values, name)
    if found := _TEMPLATE.search(text):
        return _Wrong(f"holds {_template(found[0])}, which nobody has replaced")
    if text != text.strip() or "\n" in text or "\r" in text:
        return _Wrong("has blanks or a line end around its value")
    if _QUOTE.search(text):
        return _Wrong("has a quote that belongs to its value")
    if raw != text and _QUOTE.search(raw):
        return _Wrong("stands in quotes twice; Laravel takes both away, others do not", status=Status.WARN)
    kind = _KINDS.get(name.rpartition("_")[2])
    return kind(text) if kind and text else None


def _template(found: str) -> str:
    return "${{…}}" if found.startswith("${{") else "${…}" if found.startswith("${") else found


def _host(text: str) -> _Wrong | None:
    scheme, separator, rest = text.rpartition("://")
    bare = rest.partition("/")[0]
    if separator:
        return _Wrong(f"begins with {known_scheme(scheme)}, and must be the bare host", _meant(bare))
    if "/" in text:
        return _Wrong("holds a slash, and must be the bare host", _meant(bare))
    if re.search(r"\s", text):
        return _Wrong("holds blanks")
    if text.count(":") == 1:
        return _Wrong("holds a port, which belongs into the variable for it", _meant(text.partition(":")[0]))
    return None


def known_scheme(scheme: str) -> str:
    """`tls://` and its like; whatever is no such word may be a secret."""
    return f"{scheme.lower()}://" if scheme.lower() in _SCHEMES else "a scheme"


def _meant(host: str) -> str:
    return host if re.fullmatch(r"[\w.-]+\.[\w.-]+|localhost", host) else ""


def _port(text: str) -> _Wrong | None:
    if text.isascii() and text.isdigit() and 0 < int(text) < 65_536:
        return None
    return _Wrong("is no port number")


def _scheme(text: str) -> _Wrong | None:
    if text in ("http", "https"):
        return None
    meant = {"wss": "https", "ws": "http", "tls": "https", "ssl": "https"}.get(text.rstrip(":/").lower(), "")
    return _Wrong("must be http or https", meant or (text.lower() if text.lower() in ("http", "https") else ""))


def _shown(text: str, name: str, masks: Masks) -> str:
    """A literal only where it cannot be a secret that stands in the wrong variable."""
    if name.endswith(("_SECRET", "_KEY", "_ID", "_URL")):
        return f"({len(text)} characters)"
    is_harmless = re.search(r"[$:/.\s]", text) or len(text) < 8
    return masks.literal(text) if is_harmless and "@" not in text else f"({len(text)} characters)"


_KINDS: dict[str, Callable[[str], _Wrong | None]] = {"HOST": _host, "PORT": _port, "SCHEME": _scheme}

"""From one process's variables to the server it publishes to: config/broadcasting.php as Laravel evaluates it.

Pure: texts in, values out. It opens no file and looks at no other environment than the one it is given.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from reverb_py.diagnosis.doctor.target import Environment, Target
from reverb_py.laravel_env import EnvFile, parse, value

BROADCASTERS = ("reverb", "pusher")  # that speak this protocol
RELEVANT = ("BROADCAST_", "REVERB_", "PUSHER_", "QUEUE_CONNECTION", "VITE_REVERB_", "VITE_PUSHER_", "RAILWAY_")
# `railway variable list --kv` and `env` print values as they are: no quotes, no comments, blanks and all.
_LISTING = re.compile(r"^RAILWAY_(PROJECT|ENVIRONMENT|SERVICE|DEPLOYMENT)_ID=", re.MULTILINE)
# The second line of a key in base64 may end in `==`, and is no name.
_LISTED = re.compile(r"([A-Z_][A-Z0-9_]*)=(?!=)(.*)")
_CREDENTIALS = ("APP_ID", "APP_KEY", "APP_SECRET")


@dataclass(frozen=True, slots=True)
class Publisher:
    """What one environment makes of a process that publishes. Texts as configured, defaults put in."""

    environment: Environment
    variable: str  # BROADCAST_CONNECTION, BROADCAST_DRIVER, or "" when neither is set
    connection: str  # reverb, pusher, log, …; "" when neither is set
    prefix: str  # REVERB or PUSHER: whose variables count
    host: str
    port: str
    scheme: str
    app_id: str
    key: str
    secret: str = field(repr=False)

    @property
    def source(self) -> str:
        return self.environment.source

    @property
    def broadcasts(self) -> bool:
        """Return True when events leave this process towards a server of this protocol."""
        return self.connection in BROADCASTERS

    @property
    def missing(self) -> list[str]:
        """The names of the app's variables that are not set."""
        given = (self.app_id, self.key, self.secret)
        return [f"{self.prefix}_{name}" for name, text in zip(_CREDENTIALS, given, strict=True) if not text]

    def target(self) -> Target | None:
        """Where it publishes; None when a part is missing or not readable. A malformed host is cleaned first."""
        host, port = clean_host(self.host), self.port or ("443" if self.scheme == "https" else "80")
        is_port = port.isascii() and port.isdigit() and 0 < int(port) < 65_536
        if self.missing or not host or not is_port or self.scheme not in ("http", "https"):
            return None
        path = text_of(self.environment.values, "REVERB_SERVER_PATH").strip("/")
        prefix = f"/{path}" if path else ""
        return Target(self.scheme, host, int(port), self.app_id, self.key, self.secret, prefix)


def read(text: str, source: str, process: Mapping[str, str] | None = None) -> Environment:
    """Read an env file's text. What the process has set already wins over the file, as in Laravel."""
    file = listing(text) if _LISTING.search(text) else parse(text, process)
    return Environment(source, EnvFile({**file.values, **(process or {})}, file.problems))


def listing(text: str) -> EnvFile:
    """Read NAME=value lines literally; a line without a name belongs to the value before it."""
    values: dict[str, str] = {}
    last = ""
    for line in text.splitlines():
        found = _LISTED.fullmatch(line)
        if found:
            last, values[found[1]] = found[1], found[2]
        elif last:
            values[last] += "\n" + line
    return EnvFile(values)


def is_relevant(environ: Mapping[str, str]) -> bool:
    """Return True when a process's own variables say something about broadcasting or where it runs."""
    return any(name.startswith(RELEVANT) for name in environ)


def text_of(values: Mapping[str, str], name: str, default: str = "") -> str:
    """Return the variable as Laravel's `env()` gives it, as text: `default` when unset, "" for null and false."""
    if name not in values:
        return default
    found = value(values[name])
    return found if isinstance(found, str) else "true" if found else ""


def is_on_railway(values: Mapping[str, str]) -> bool:
    # The tokens are what a laptop or a pipeline has.
    return any(name.startswith("RAILWAY_") and not name.endswith("TOKEN") for name in values)


def is_private_name(host: str) -> bool:
    """Return True for names that only a private network knows: they never have a certificate of their own."""
    return host.endswith((".internal", ".local", ".svc", ".cluster.local")) or bool(host and "." not in host)


def is_loopback(host: str) -> bool:
    return host in ("localhost", "0.0.0.0", "::1", "::", "[::1]", "[::]") or host.startswith("127.")


def clean_host(host: str) -> str:
    """Return the host that a malformed value means: without scheme, user, port, path, quotes and blanks."""
    bare = re.sub(r"^[a-z]+://", "", host.strip().strip("'\"").strip(), flags=re.IGNORECASE)
    bare = bare.rpartition("@")[2].partition("/")[0]  # a password may hold slashes
    if bare.startswith("["):
        return bare[1:].partition("]")[0]
    bare = bare if bare.count(":") > 1 else bare.partition(":")[0]
    return "" if re.search(r"[\s${}]", bare) else bare.lower()


def publisher(environment: Environment) -> Publisher:
    """Evaluate the variables. Where they name no broadcaster, those of the app that is configured count."""
    values = environment.values
    variable = next((name for name in ("BROADCAST_CONNECTION", "BROADCAST_DRIVER") if name in values), "")
    connection = (text_of(values, variable) or "null") if variable else ""
    prefix = "PUSHER" if connection == "pusher" or _only_pusher(connection, values) else "REVERB"
    host = text_of(values, f"{prefix}_HOST") or _hosted(prefix, values)
    port, scheme = text_of(values, f"{prefix}_PORT", "443"), text_of(values, f"{prefix}_SCHEME", "https")
    parts = tuple(text_of(values, f"{prefix}_{name}") for name in _CREDENTIALS)
    if not any(parts) and "PUSHER_URL" in values:
        scheme, host, port, parts = _from_url(text_of(values, "PUSHER_URL")) or (scheme, host, port, parts)
    return Publisher(environment, variable, connection, prefix, host, port, scheme, *parts)


def _only_pusher(connection: str, values: Mapping[str, str]) -> bool:
    return connection != "reverb" and "REVERB_APP_KEY" not in values and "PUSHER_APP_KEY" in values


def _hosted(prefix: str, values: Mapping[str, str]) -> str:
    """What Laravel's `pusher` connection takes without a host."""
    return f"api-{text_of(values, 'PUSHER_APP_CLUSTER', 'mt1')}.pusher.com" if prefix == "PUSHER" else ""


def _from_url(url: str) -> tuple[str, str, str, tuple[str, str, str]] | None:
    """`http://<key>:<secret>@<host>:<port>/apps/<id>`, as Pusher's libraries read it; None when it is another."""
    try:
        parts = urlsplit(url)
        port = str(parts.port or (443 if parts.scheme == "https" else 80))
    except ValueError:
        return None
    found = re.fullmatch(r"/apps/([^/]+)/?", parts.path)
    if not found or not parts.hostname or not parts.username or not parts.password:
        return None
    return parts.scheme, parts.hostname, port, (found[1], unquote(parts.username), unquote(parts.password))

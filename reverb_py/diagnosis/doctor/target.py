"""Where a publisher publishes and as whom, and what else the doctor was asked to look at. Values only."""

from dataclasses import dataclass, field

from reverb_py.laravel_env import EnvFile


@dataclass(frozen=True, slots=True)
class Target:
    """A server as a publisher's variables name it, evaluated as Laravel's config/broadcasting.php does."""

    scheme: str  # http or https
    host: str  # without brackets
    port: int
    app_id: str
    key: str
    secret: str = field(repr=False)
    path: str = ""  # prefix, "/reverb" or ""

    @property
    def http_url(self) -> str:
        """Without a slash at its end, the prefix included."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    @property
    def websocket_url(self) -> str:
        return "ws" + self.http_url.removeprefix("http")


@dataclass(frozen=True, slots=True)
class Environment:
    """One process's variables: the file or stream they came from, and the raw texts as `laravel_env.parse` gives them.

    `values` are unquoted once; `laravel_env.value` makes of a text what Laravel's `env()` makes of it.
    """

    source: str  # "web.env", "standard input", "this process's environment"
    file: EnvFile

    @property
    def values(self) -> dict[str, str]:
        return self.file.values


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What was asked for on the command line, beside the publisher's environment."""

    channel: str = ""  # the user's own, whose subscribers and near misses are looked for
    auth_endpoint: str = ""  # URL of the application's channel authorization
    bearer: str = field(default="", repr=False)
    origin: str = ""  # of a web page, for the WebSocket's handshake
    event: str = ""  # published to `channel` when given: only ever on request
    data: str = "{}"
    watch: float = 0  # seconds to look at the server's publishes
    soak: float = 0  # seconds to stay silent on a socket
    insecure: bool = False  # go on with a certificate that cannot be verified
    timeout: float = 2.0  # seconds for one connection or answer

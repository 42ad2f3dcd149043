"""Where the server is and who asks: options, then the environment or an env file, then what `serve --dev` keeps.

Values are read as Laravel reads them. A secret comes from a variable or a file, never from the command line.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from reverb_py import codes, laravel_env
from reverb_py.cli.credentials import PLACE, Generated, kept
from reverb_py.cli.exits import ExitCode, configuration_errors
from reverb_py.cli.masking import SWAPPED, know
from reverb_py.cli.paste import Endpoint, bracketed
from reverb_py.cli.remote import SECRET_ENV, stop, websocket_url
from reverb_py.client.signing import Credentials
from reverb_py.settings import ConfigError

Url = Annotated[str, typer.Option(help="Where the server is: http(s):// or ws(s)://host:port[/prefix].")]
AppId = Annotated[str, typer.Option("--app-id", help="The app's id, if not REVERB_APP_ID.")]
Key = Annotated[str, typer.Option(help="The app's key, if not REVERB_APP_KEY.")]
SecretEnv = Annotated[str, typer.Option(metavar="NAME", help="Name of the variable that holds the secret.")]
EnvFile = Annotated[
    str, typer.Option(metavar="FILE|-", help="Take REVERB_HOST, REVERB_APP_KEY, … from it; - is standard input.")
]
Insecure = Annotated[bool, typer.Option("--insecure", help="Do not verify the server's certificate.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say too what should have been signed.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]

DEFAULT_PORT = 8080
_PARTS = {"app_id": "REVERB_APP_ID", "key": "REVERB_APP_KEY"}


@dataclass(frozen=True, slots=True)
class Target:
    """A server's address and an app on it. `url` is http:// or https://, with the path prefix, if any."""

    url: str
    credentials: Credentials

    @property
    def websocket(self) -> str:
        return "ws" + self.url.removeprefix("http")

    @property
    def endpoint(self) -> Endpoint:
        scheme, _, rest = self.url.partition("://")
        authority, _, path = rest.partition("/")
        host, colon, port = authority.rpartition(":")
        if not colon or port.endswith("]"):
            host, port = authority, "443" if scheme == "https" else "80"
        return Endpoint("here", scheme, host.strip("[]"), int(port), f"/{path}" if path else "")


def find(url: str, app_id: str, key: str, secret_env: str, env_file: str, *, secret_needed: bool = True) -> Target:
    """Put the target together; end with exit code 2 and what is missing. Without need the secret may be ""."""
    values = variables(env_file)
    given = {
        "app_id": app_id or values.get(_PARTS["app_id"], ""),
        "key": key or values.get(_PARTS["key"], ""),
        "secret": values.get(secret_env, "") or (os.environ.get(secret_env, "") if secret_env != SECRET_ENV else ""),
    }
    is_incomplete = not all(given.values()) and not env_file
    ours = _developments(is_needed=is_incomplete)
    know([given["secret"], ours.secret if ours else ""])
    if ours and given["key"] == ours.secret:
        raise stop(ExitCode.USAGE, f"the key that is given is the secret of {PLACE}: {SWAPPED}")
    others = _contradictions(given, ours) if ours else []
    if others == ["key"] and not is_incomplete:  # servers do not look at it when an event is published
        what = f"the key is not the one of {PLACE}, though id and secret are. {codes.WRONG_KEY.fix} ({codes.WRONG_KEY})"
        typer.echo(what, err=True)
    if ours and is_incomplete and not others:
        given = {"app_id": ours.id, "key": ours.key, "secret": ours.secret}
    needed = [name for name in given if secret_needed or name == "key"]
    missing = [{**_PARTS, "secret": secret_env}[name] for name in needed if not given[name]]
    if missing:
        raise stop(ExitCode.USAGE, f"{' and '.join(missing)} not found{_where(env_file, others)}. {_HOW}")
    address = websocket_url(url).replace("ws", "http", 1) if url else address_in(values)
    return Target(address, Credentials(given["app_id"], given["key"], given["secret"]))


_HOW = "Set it, name a file by --env-file, or start a server with its own by: reverb-py serve --dev"


def _where(env_file: str, others: list[str]) -> str:
    if env_file:
        return f" in {_name(env_file)}"
    if others:
        return f": not in the environment or .env, and {PLACE} is ignored, because its {others[0]} is another"
    return f": not in the environment, .env or {PLACE}"


def _developments(*, is_needed: bool) -> Generated | None:
    """Those that `serve --dev` keeps; a file that cannot be read ends the command only when it is needed."""
    try:
        return kept(Path.cwd())
    except ConfigError:
        if not is_needed:
            return None
        with configuration_errors():
            raise


def _contradictions(given: dict[str, str], ours: Generated) -> list[str]:
    """What is given and is not theirs, in words."""
    theirs = {
        "key": (given["key"], ours.key),
        "id": (given["app_id"], ours.id),
        "secret": (given["secret"], ours.secret),
    }
    return [name for name, (value, own) in theirs.items() if value not in ("", own)]


def variables(env_file: str, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables' values, as Laravel's `env()` gives them; what is empty or null is left out."""
    environ = os.environ if environ is None else environ
    read = _read(env_file, environ)
    values = {name: laravel_env.value(text) for name, text in read.items()}
    return {name: value for name, value in values.items() if isinstance(value, str) and value}


def _read(env_file: str, environ: Mapping[str, str]) -> dict[str, str]:
    if env_file:
        return _parsed(_text_of(env_file), _name(env_file), {})
    default = Path(".env")
    try:
        text = default.read_text(encoding="utf-8") if default.is_file() else ""
    except (OSError, UnicodeDecodeError):
        text = ""  # nobody asked for it
    return {**_parsed(text, ".env", environ, only="REVERB_"), **environ}


def _text_of(env_file: str) -> str:
    try:
        return sys.stdin.read() if env_file == "-" else Path(env_file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise stop(ExitCode.USAGE, f"cannot read {_name(env_file)}: {why}") from None


def _parsed(text: str, name: str, environ: Mapping[str, str], only: str = "") -> dict[str, str]:
    file = laravel_env.parse(text, environ)
    problem = next((each for each in file.problems if each.name.startswith(only)), None)
    if problem:
        what = f"{name}, line {problem.line}: {problem.name}: {problem.what}. Laravel would not start with it"
        raise stop(ExitCode.USAGE, f"{what} ({codes.MALFORMED_VALUE})")
    return file.values


def _name(env_file: str) -> str:
    return "standard input" if env_file == "-" else env_file


def address_in(values: Mapping[str, str]) -> str:
    """What REVERB_HOST, _PORT, _SCHEME and _SERVER_PATH say; without a host it is the server of this machine."""
    host = values.get("REVERB_HOST", "")
    if host:
        scheme, port = values.get("REVERB_SCHEME", "https"), values.get("REVERB_PORT", "443")  # Laravel's defaults
    else:
        own_port = values.get("REVERB_SERVER_PORT") or values.get("PORT") or str(DEFAULT_PORT)
        scheme, port = values.get("REVERB_SCHEME", "http"), values.get("REVERB_PORT", own_port)
    path = values.get("REVERB_SERVER_PATH", "").strip("/")
    _check(host, port, scheme)
    local = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host.strip("[]"), host)
    return f"{scheme}://{bracketed(local)}:{port}" + (f"/{path}" if path else "")


def _check(host: str, port: str, scheme: str) -> None:
    is_bad = {
        "REVERB_HOST": any(sign in host for sign in "/ ${}\"'@?#"),
        "REVERB_PORT": not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536),
        "REVERB_SCHEME": scheme not in ("http", "https"),
    }
    values = {"REVERB_HOST": host, "REVERB_PORT": port, "REVERB_SCHEME": scheme}
    for name, bad in is_bad.items():
        if bad:
            text = f"{name} is {values[name]!r}. {codes.MALFORMED_VALUE.fix} ({codes.MALFORMED_VALUE})"
            raise stop(ExitCode.USAGE, text)

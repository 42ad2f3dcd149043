"""What the commands share that ask a server over the network: their options, and how these are checked."""

import os
from typing import Annotated
from urllib.parse import urlsplit

import typer

from reverb_py.cli.exits import ExitCode
from reverb_py.cli.masking import masked
from reverb_py.log import escaped

Url = Annotated[str, typer.Option(help="Where it listens: ws://host:port[/prefix] or wss://…")]
AppId = Annotated[str, typer.Option("--app-id", envvar="REVERB_APP_ID", help="The app's id.")]
Key = Annotated[str, typer.Option(envvar="REVERB_APP_KEY", help="The app's key.")]
HttpUrl = Annotated[str, typer.Option(help="Where the HTTP API is, if not at --url with http for ws.")]
SecretEnv = Annotated[str, typer.Option(help="Name of the environment variable that holds the secret.")]
SECRET_ENV = "REVERB_APP_SECRET"  # noqa: S105, a name


def websocket_url(url: str) -> str:
    """The URL with ws for http, without a slash at its end; end with exit code 2 when it is none."""
    address = url.replace("http", "ws", 1) if url.startswith("http") else url
    return _address("--url", address, ("ws", "wss"))


def api_url(url: str, websocket: str) -> str:
    """Where the HTTP API is: the URL, if one is given, else that of the WebSockets with http for ws."""
    return _address("--http-url", url or "http" + websocket.removeprefix("ws"), ("http", "https"))


def _address(option: str, url: str, schemes: tuple[str, str]) -> str:
    try:
        parts = urlsplit(url)
        is_right = parts.scheme in schemes and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, or brackets that do not close
        is_right = False
    if not is_right:
        raise stop(
            ExitCode.USAGE, f"{option} must be {schemes[0]}:// or {schemes[1]}:// and a host, and {url!r} is not"
        )
    return url.rstrip("/")


def secret_in(name: str) -> str:
    """The secret in that variable; end with exit code 2 when there is none."""
    secret = os.environ.get(name, "")
    if not secret:
        raise stop(ExitCode.USAGE, f"the app's secret is missing: set {name}, or name another by --secret-env")
    return secret


def stop(code: int, text: str) -> typer.Exit:
    """Say it on stderr, in one line that gives no orders to a terminal; the exit to be raised."""
    typer.echo(escaped(masked(text)), err=True)
    return typer.Exit(code)

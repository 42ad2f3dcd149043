"""`reverb-py healthcheck`: for Docker's HEALTHCHECK and for scripts; the standard library only."""

import http.client
import ssl
from typing import Annotated

import typer

from reverb_py.cli.exits import ExitCode, configuration_errors
from reverb_py.cli.options import Config, EnvFile, NoEnvFile, option
from reverb_py.settings import CommandLine, ConfigError, Settings, load_server

TIMEOUT = 3.0  # seconds; Docker's default interval is 30
LOOPBACK = {"": ("127.0.0.1", "::1"), "0.0.0.0": ("127.0.0.1",)}


def healthcheck(
    host: Annotated[str, option("host")] = "",
    port: Annotated[str, option("port")] = "",
    path: Annotated[str, option("path")] = "",
    config: Config = "",
    env_file: EnvFile = "",
    no_env_file: NoEnvFile = False,
) -> None:
    """Ask the local server, found by the same settings as serve's, whether it is up. It needs no app.

    Exit code: 0 it is, 1 it answers otherwise (it is stopping), 2 configuration, 3 nobody answers.
    """
    with configuration_errors():
        typed = CommandLine({"host": host, "port": port, "path": path}, config, env_file, not no_env_file)
        settings = load_server(typed)
        if settings.port == 0:
            raise ConfigError("port 0 is a different one at each start: set REVERB_SERVER_PORT, or use --port")
    status = _ask(settings)
    if status is None:
        typer.echo(f"nobody answers on port {settings.port}", err=True)
        raise typer.Exit(ExitCode.UNREACHABLE)
    if status != http.client.OK:
        typer.echo(f"the server answers /up with {status}", err=True)
        raise typer.Exit(ExitCode.NEGATIVE)
    typer.echo("up")


def _ask(settings: Settings) -> int | None:
    """Return the status of `/up`, or None when none of the addresses answers."""
    for host in LOOPBACK.get(settings.host, (settings.host.strip("[]"),)):
        connection = _connection(host, settings)
        try:
            connection.request("GET", f"{settings.path}/up")
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            continue
        finally:
            connection.close()
    return None


def _connection(host: str, settings: Settings) -> http.client.HTTPConnection:
    if not settings.tls_cert:
        return http.client.HTTPConnection(host, settings.port, timeout=TIMEOUT)
    # The certificate is for the public name, and nothing secret is sent to this machine's own port.
    unverified = ssl._create_unverified_context()  # noqa: S323
    return http.client.HTTPSConnection(host, settings.port, timeout=TIMEOUT, context=unverified)

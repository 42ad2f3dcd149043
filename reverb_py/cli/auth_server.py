"""`reverb-py auth-server`: a local auth endpoint that says yes to everybody, for those who write clients."""

import json as json_text
import os
import socket
from typing import Annotated

import typer
import uvicorn

from reverb_py.cli import show
from reverb_py.cli.authorizer import authorizer
from reverb_py.cli.exits import ExitCode
from reverb_py.cli.paste import bracketed
from reverb_py.cli.remote import SECRET_ENV, stop
from reverb_py.cli.target import AppId, EnvFile, Json, Key, SecretEnv, find

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def auth_server(
    host: Annotated[str, typer.Option(help="Where it listens. Anything but this machine is open to your network.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: one that is free.")] = 0,
    user_info: Annotated[str, typer.Option(metavar="JSON", help="What presence channels show of everybody.")] = "{}",
    origin: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="Pages of it may ask too, such as https://app.example.com. Repeatable."),
    ] = None,
    app_id: AppId = "",
    key: Key = "",
    secret_env: SecretEnv = SECRET_ENV,
    env_file: EnvFile = "",
    json: Json = False,
) -> None:
    """Authorize every channel for everybody, and print what was signed. For development only.

    \b
    Examples:
      reverb-py auth-server --port 8000
      reverb-py auth-server --json

    It answers POST /broadcasting/auth, /pusher/auth and /pusher/user-auth, forms and JSON, from programs and from pages
    of localhost, 127.0.0.1, [::1], *.test, *.local and --origin. Pages from elsewhere are refused: any that is open in
    your browser could have signed what it wants. Who joins a presence channel is the user_id of the request, else one
    for each connection.
    """
    mine = find("", app_id, key, secret_env, env_file).credentials
    try:
        info = json_text.loads(user_info)
    except ValueError:
        raise stop(ExitCode.USAGE, "--user-info must be JSON") from None
    listener = _listener(host, port)
    address = f"http://{bracketed(host)}:{listener.getsockname()[1]}"
    if json:
        show.record({"url": address})
    else:
        show.line(("listening on ", ""), (f"{address}/broadcasting/auth", "bold"))
    if host not in LOOPBACK:
        show.talk(("everybody in your network can have channels of this app signed", "yellow"))
    tell = show.record if json else (lambda row: show.line(f"{row['what']} for {row['socket_id']}"))
    config = uvicorn.Config(
        authorizer(mine, info, tell, origin or ()), log_level="warning", access_log=False, lifespan="off"
    )
    uvicorn.Server(config).run(sockets=[listener])


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error).lower()
        raise stop(ExitCode.USAGE, f"cannot listen on {bracketed(host)}:{port}: {why}. Choose another --port") from None

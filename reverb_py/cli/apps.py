"""`reverb-py apps`: new credentials, and the lines that other programs need to use those that there are."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from reverb_py.cli import paste, show
from reverb_py.cli.credentials import generate
from reverb_py.cli.remote import SECRET_ENV
from reverb_py.cli.target import AppId, EnvFile, Json, Key, SecretEnv, Url, find
from reverb_py.hub.app import App, Credential

SECRET_LENGTH = 32

apps = typer.Typer(
    help="Make credentials, and print the lines that use them.", no_args_is_help=True, rich_markup_mode=None
)


class Place(StrEnum):
    LARAVEL = "laravel"
    FLUTTER = "flutter"
    JAVASCRIPT = "javascript"
    VITE = "vite"
    PYTHON = "python"
    RAILWAY = "railway"


LINES: dict[Place, Callable[[paste.Subject], str]] = {
    Place.LARAVEL: paste.laravel,
    Place.FLUTTER: lambda subject: paste.flutter(subject.app, subject.endpoint),
    Place.JAVASCRIPT: lambda subject: paste.javascript(subject.app, subject.endpoint),
    Place.VITE: paste.vite,
    Place.PYTHON: paste.python,
    Place.RAILWAY: paste.railway,
}


@apps.command()
def new(json: Json = False) -> None:
    """Print new credentials, as `reverb:install` makes them. They are kept nowhere.

    \b
    Examples:
      reverb-py apps new >> .env
      reverb-py apps new --json
    """
    made = generate(SECRET_LENGTH)
    if json:
        show.record({"id": made.id, "key": made.key, "secret": made.secret})
    else:
        for name, value in (("ID", made.id), ("KEY", made.key), ("SECRET", made.secret)):
            typer.echo(f"REVERB_APP_{name}={value}")


@apps.command()
def env(
    place: Annotated[Place, typer.Option("--for", help="Where the lines are to be pasted.")],
    url: Url = "",
    app_id: AppId = "",
    key: Key = "",
    secret_env: SecretEnv = SECRET_ENV,
    env_file: EnvFile = "",
    show_secret: Annotated[bool, typer.Option("--show-secret", help="Print the secret too.")] = False,
) -> None:
    """Print the lines to paste, for Laravel, for a client or a build.

    They are for the app and the server that the other commands would ask.

    \b
    Examples:
      reverb-py apps env --for laravel --show-secret
      reverb-py apps env --for flutter --url wss://ws.example.com
    """
    target = find(url, app_id, key, secret_env, env_file)
    mine = target.credentials
    app = App(mine.app_id, (Credential(mine.key, mine.secret),))
    typer.echo(LINES[place](paste.Subject(app, target.endpoint, show_secret)))
    if place is Place.LARAVEL and not show_secret:
        show.talk(("REVERB_APP_SECRET is left out, as a comment: --show-secret prints it", "yellow"))

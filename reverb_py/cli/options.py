"""Options that set a setting; their help comes from the table of settings."""

from typing import Annotated, Any

import typer

from reverb_py.settings.table import BY_NAME


def option(name: str) -> Any:
    """An option for the setting of that name: its text, its variables and its default."""
    row = BY_NAME[name]
    return typer.Option(help=f"{row.about.text} {_details(name)}", show_default=False, metavar=_metavar(name))


def _details(name: str) -> str:
    row = BY_NAME[name]
    return f"[env: {', '.join(row.about.variables)}; default: {row.shown_default}]"


def _metavar(name: str) -> str:
    about = BY_NAME[name].about
    return "|".join(about.choices) or about.unit.upper().replace(" ", "_") or name.rpartition("_")[2].upper()


def flag(name: str) -> Any:
    """The same for a switch."""
    return typer.Option(f"--{name}", help=f"{BY_NAME[name].about.text} {_details(name)}", show_default=False)


Config = Annotated[
    str,
    typer.Option(
        metavar="FILE",
        show_default=False,
        help="The TOML file. [env: REVERB_CONFIG; default: reverb.toml or config/reverb.toml, if any]",
    ),
]
EnvFile = Annotated[
    str,
    typer.Option(
        metavar="FILE",
        show_default=False,
        help="The env file, read as Laravel reads it. [env: REVERB_ENV_FILE; default: .env, if any]",
    ),
]
NoEnvFile = Annotated[bool, typer.Option("--no-env-file", help="Read no env file.", show_default=False)]

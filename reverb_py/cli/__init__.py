"""The command line: `reverb-py <command>`. Each command is a module, imported only when it is called for."""

import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from reverb_py import __version__


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command's function is, and what the list of commands says about it."""

    module: str
    function: str
    summary: str
    hidden: bool = False


COMMANDS = {
    "serve": Entry("reverb_py.cli.serve", "serve", "Start the server."),
    "start": Entry("reverb_py.cli.serve", "serve", "The same as serve."),
    "reverb:start": Entry("reverb_py.cli.serve", "serve", "The same as serve.", hidden=True),
    "config": Entry("reverb_py.cli.config", "config", "Print every setting as an annotated reverb.toml."),
    "healthcheck": Entry("reverb_py.cli.healthcheck", "healthcheck", "Ask the local server whether it is up."),
    "conformance": Entry(
        "reverb_py.cli.conformance", "conformance", "Judge a server by the protocol's numbered cases."
    ),
    "doctor": Entry("reverb_py.cli.doctor", "doctor", "Find out why an event did not arrive, and what to change."),
    "bench": Entry("reverb_py.cli.bench", "bench", "Load a server, and count what arrives and how fast."),
}


class Commands(TyperGroup):
    """Knows every command by name and summary; what they import waits until one is called."""

    # Typer has click inside from 0.26 on and beside itself before, so that its types have no lasting name.
    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, _load(name) if name in COMMANDS else command, rest


def _load(name: str) -> Any:
    entry = COMMANDS[name]
    alone = _typer()
    alone.command(name, context_settings=_HELP)(getattr(import_module(entry.module), entry.function))
    return typer.main.get_command(alone)


def _typer(**options: Any) -> typer.Typer:
    # Plain help: rich's markup would swallow "[env: PORT]", and its import costs time.
    return typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=_HELP,
        **options,
    )


_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

app = _typer(cls=Commands, no_args_is_help=True, help="A Pusher-protocol WebSocket server: Laravel Reverb in Python.")


@app.callback(invoke_without_command=True, epilog="Begin with: reverb-py serve --dev")
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"reverb-py {__version__}")
        raise typer.Exit


def _waits() -> None:
    """Stands for a command that is not imported yet."""


for _name, _entry in COMMANDS.items():
    app.command(_name, help=_entry.summary, hidden=_entry.hidden)(_waits)


def main() -> None:
    """Run the command line, and exit with one of `exits.ExitCode`."""
    try:
        app(prog_name="reverb-py")
    except KeyboardInterrupt:
        sys.exit(130)

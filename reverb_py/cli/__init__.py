"""The command line: `reverb-py <command>`. Each command is a module, imported only when it is called for."""

import os
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.completion import completion_init  # type: ignore[attr-defined]  # public by name, not by __all__
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
    "trigger": Entry("reverb_py.cli.trigger", "trigger", "Publish an event, and see who received it."),
    "listen": Entry("reverb_py.cli.listen", "listen", "Subscribe to channels, and print what comes."),
    "channels": Entry("reverb_py.cli.queries", "channels", "List the occupied channels."),
    "connections": Entry("reverb_py.cli.queries", "connections", "Count the connections."),
    "events": Entry("reverb_py.cli.events", "events", "What became of the last publishes."),
    "sign": Entry("reverb_py.cli.sign", "sign", "Sign requests and channels, and see why a signature fails."),
    "auth-server": Entry("reverb_py.cli.auth_server", "auth_server", "A local endpoint that authorizes everybody."),
    "apps": Entry("reverb_py.cli.apps", "apps", "Make credentials, and print the lines that use them."),
    "explain": Entry("reverb_py.cli.explain", "explain", "What an RVB code means, and what to change."),
    "completion": Entry("reverb_py.cli.completion", "completion", "Print the completion script of a shell."),
}


class Commands(TyperGroup):
    """Knows every command by name and summary; what they import waits until one is called."""

    # Typer has click inside from 0.26 on and beside itself before, so that its types have no lasting name.
    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, _load(name) if name in COMMANDS else command, rest


def _load(name: str) -> Any:
    entry = COMMANDS[name]
    function = getattr(import_module(entry.module), entry.function)
    alone = _typer()
    if isinstance(function, typer.Typer):  # a command with commands of its own
        function.info.context_settings = _HELP
        return typer.main.get_group(function)
    alone.command(name, context_settings=_HELP)(function)
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
    if "_REVERB_PY_COMPLETE" in os.environ:  # a shell asks what fits; `completion` made it ask so
        completion_init()
    try:
        app(prog_name="reverb-py")
    except KeyboardInterrupt:
        sys.exit(130)

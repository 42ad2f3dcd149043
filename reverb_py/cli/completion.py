"""`reverb-py completion`: a script that lets the shell complete commands and options."""

from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import get_completion_script  # type: ignore[attr-defined]  # public by name, not by __all__

PROGRAM = "reverb-py"
VARIABLE = "_REVERB_PY_COMPLETE"  # which typer derives from the program's name


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="Whose script.")]) -> None:
    """Print the script that completes commands and options in a shell.

    \b
    Examples:
      source <(reverb-py completion bash)                                     in ~/.bashrc
      source <(reverb-py completion zsh)                                      in ~/.zshrc, after compinit
      reverb-py completion fish > ~/.config/fish/completions/reverb-py.fish
    """
    typer.echo(get_completion_script(prog_name=PROGRAM, complete_var=VARIABLE, shell=shell.value))

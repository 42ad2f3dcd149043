"""`reverb-py explain`: what an RVB code means, and what to change."""

from dataclasses import asdict
from difflib import get_close_matches
from typing import Annotated, Any

import typer

from reverb_py.cli import show
from reverb_py.cli.exits import ExitCode
from reverb_py.cli.remote import stop
from reverb_py.cli.target import Json
from reverb_py.codes import CODES, Code


def explain(
    code: Annotated[str, typer.Argument(help="RVB401, rvb401 or 401; without it: the list.")] = "",
    json: Json = False,
) -> None:
    """Explain a code of the server's log, of doctor or of the other commands.

    \b
    Examples:
      reverb-py explain RVB401
      reverb-py explain 401 --json
      reverb-py explain               the whole list

    Exit code: 0; 2 for a code that there is not.
    """
    chosen = [_named(code)] if code else list(CODES.values())
    for each in chosen:
        if json:
            show.record(_fields(each))
        elif code:
            _tell(each)
        else:
            show.line((each.id, "bold"), f"  {each.title}")


def _named(text: str) -> Code:
    """The code; end with exit code 2 and those that look like it."""
    name = "RVB" + text.strip().upper().removeprefix("RVB").lstrip("-_ ")
    if name in CODES:
        return CODES[name]
    near = get_close_matches(name, CODES, n=3, cutoff=0.6)
    meant = f"Did you mean {' or '.join(near)}? " if near else ""
    raise stop(ExitCode.USAGE, f"there is no code {text!r}. {meant}All of them: reverb-py explain")


def _tell(code: Code) -> None:
    show.line((f"{code.id}  {code.title}", "bold"))
    for name in ("hop", "cause", "seen", "fix", "reference"):
        text = str(getattr(code, name))
        if text:
            show.line((f"  {name:<10}", "cyan"), text)


def _fields(code: Code) -> dict[str, Any]:
    return {**asdict(code), "hop": code.hop}

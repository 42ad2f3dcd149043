"""`reverb-py completion`: a shell that has read its script completes commands, their commands and their options."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reverb_py.cli import COMMANDS
from tests.cli.conftest import Command
from tests.server_process import REPOSITORY

SHELLS = ["bash", "zsh", "fish"]


@pytest.fixture
def path(place: Path) -> str:
    """A PATH on which `reverb-py` is this one."""
    program = place / "reverb-py"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={REPOSITORY} exec {sys.executable} -m reverb_py "$@"\n')
    program.chmod(0o755)
    return f"{place}:{os.environ['PATH']}"


def completed(path: str, *words: str) -> set[str]:
    """What bash offers when Tab is pressed at the end of these words."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    script = (
        'source <(reverb-py completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
        '_reverb_py_completion reverb-py; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        [bash, "-c", script, "bash", "reverb-py", *words],
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_every_command_that_is_not_hidden_is_offered(path: str) -> None:
    assert completed(path, "") == {name for name, entry in COMMANDS.items() if not entry.hidden}


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("con",), {"config", "conformance", "connections"}),
        (("apps", ""), {"new", "env"}),
        (("sign", "v"), {"verify"}),
        (("trigger", "--expect"), {"--expect-delivery"}),
        (("apps", "env", "--for", "la"), {"laravel"}),
        (("completion", ""), set(SHELLS)),
    ],
)
def test_what_fits_is_offered(path: str, words: tuple[str, ...], offered: set[str]) -> None:
    assert completed(path, *words) == offered


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script_that_calls_the_program(command: Command, shell: str) -> None:
    script = command("completion", shell).stdout
    assert "_REVERB_PY_COMPLETE" in script
    assert f"complete_{shell}" in script


def test_another_shell_is_a_usage_error(command: Command) -> None:
    assert command("completion", "tcsh").exit_code == 2

"""`reverb-py explain`: every code in any spelling, and a hint where there is none."""

import json
import os
import subprocess
import sys

import pytest

from reverb_py.codes import CODES
from tests.cli.conftest import Command
from tests.server_process import REPOSITORY


@pytest.mark.parametrize("spelling", ["RVB401", "rvb401", "401", "RVB-401", " 401 "])
def test_a_code_is_found_in_any_spelling(command: Command, spelling: str) -> None:
    result = command("explain", spelling)
    assert result.exit_code == 0
    code = CODES["RVB401"]
    for text in (code.id, code.title, code.cause, code.seen, code.fix, code.reference, "match"):
        assert text in result.stdout


@pytest.mark.parametrize("id", CODES)
def test_every_code_can_be_explained_to_a_program(command: Command, id: str) -> None:
    row = json.loads(command("explain", id, "--json").stdout)
    assert row["id"] == id
    assert set(row) == {"id", "title", "cause", "seen", "fix", "reference", "hop"}


def test_without_a_code_all_are_listed(command: Command) -> None:
    lines = command("explain").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(CODES)
    assert len(command("explain", "--json").stdout.splitlines()) == len(CODES)


def test_an_unknown_code_is_a_usage_error_with_those_that_look_like_it(command: Command) -> None:
    result = command("explain", "RVB4O1")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "there is no code 'RVB4O1'. Did you mean RVB4" in result.stderr


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_reader_who_leaves_early_ends_it_quietly_and_well(options: tuple[str, ...]) -> None:
    nobody, pipe = os.pipe()
    os.close(nobody)
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    arguments = [sys.executable, "-m", "reverb_py", "explain", *options]
    done = subprocess.run(arguments, stdout=pipe, stderr=subprocess.PIPE, env=env, check=False)
    os.close(pipe)
    assert (done.returncode, done.stderr) == (0, b"")

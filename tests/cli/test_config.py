"""`reverb-py config` prints the file that the repository keeps, and starting with that file changes nothing."""

import subprocess
import sys
import tomllib
from pathlib import Path

from reverb_py.settings import CommandLine, Settings, load
from tests.cli.conftest import Command
from tests.server_process import REPOSITORY


def test_it_prints_the_file_of_the_repository(command: Command) -> None:
    result = command("config")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (REPOSITORY / "config" / "reverb.toml").read_text(encoding="utf-8")


def test_a_server_that_is_started_with_it_has_the_defaults(command: Command, place: Path) -> None:
    file = place / "reverb.toml"
    file.write_text(command("config").stdout, encoding="utf-8")
    assert tomllib.loads(file.read_text(encoding="utf-8")) == {}
    assert load(CommandLine(config=str(file)), environ={}, directory=place).settings == Settings()


def test_it_can_be_sent_into_a_file_in_any_locale(place: Path) -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "reverb_py", "config"],
        env={"PYTHONPATH": str(REPOSITORY), "LC_ALL": "C"},
        capture_output=True,
        check=True,
    )
    assert printed.stdout == (REPOSITORY / "config" / "reverb.toml").read_bytes()
    assert printed.stderr == b""

"""The commands, and what their help says: each option of a setting names its variables and its default."""

import inspect
import re
import subprocess
import sys
from typing import Any, get_args

import pytest

from reverb_py import __version__
from reverb_py.cli import COMMANDS
from reverb_py.cli.healthcheck import healthcheck
from reverb_py.cli.serve import serve
from reverb_py.settings.table import BY_NAME
from tests.cli.conftest import Command
from tests.server_process import REPOSITORY

NOT_SETTINGS = {"dev": "--dev", "config": "--config", "env_file": "--env-file", "no_env_file": "--no-env-file"}
NAMED_SHORTER = {"scaling_enabled": "--scaling"}
OF_SERVE = [name for name in inspect.signature(serve).parameters if name not in NOT_SETTINGS]
OF_HEALTHCHECK = [name for name in inspect.signature(healthcheck).parameters if name not in NOT_SETTINGS]


def flat(text: str) -> str:
    """Help in one line, as its wrapping depends on the terminal."""
    return re.sub(r"\s+", " ", text)


def help_of(shown: str, option: str) -> str:
    """What stands behind an option, up to the next one."""
    found = re.search(rf" {option} (.*?)(?= --[a-z]|$)", flat(shown).replace("Reverb's --debug", "Reverb's debug"))
    assert found is not None, f"{option} is not in the help"
    return found[1]


@pytest.mark.parametrize(
    ("command_name", "name"),
    [*(("serve", name) for name in OF_SERVE), *(("healthcheck", name) for name in OF_HEALTHCHECK)],
)
def test_an_option_says_what_it_is_for_and_names_its_variables_and_its_default(
    command: Command, command_name: str, name: str
) -> None:
    row = BY_NAME[name]
    option = NAMED_SHORTER.get(name, "--" + name.replace("_", "-"))
    shown = help_of(command(command_name, "--help").stdout, option)
    assert flat(row.about.text).replace("Reverb's --debug", "Reverb's debug") in shown
    assert f"[env: {', '.join(row.about.variables)}; default: {row.shown_default}]" in shown


@pytest.mark.parametrize("name", ["config", "env_file"])
def test_the_files_have_variables_too(command: Command, name: str) -> None:
    shown = help_of(command("serve", "--help").stdout, NOT_SETTINGS[name])
    assert re.search(r"\[env: REVERB_\w+; default: .*\]", shown)


@pytest.mark.parametrize("function", [serve, healthcheck])
def test_an_option_left_out_says_nothing_so_that_lower_sources_are_heard(function: Any) -> None:
    for name, parameter in inspect.signature(function).parameters.items():
        assert parameter.default in ("", False), f"{name} would hide what is set elsewhere"
        assert get_args(parameter.annotation), f"{name} has no help"


@pytest.mark.parametrize("name", [name for name in COMMANDS if not COMMANDS[name].hidden])
def test_every_command_is_listed_and_has_help(command: Command, name: str) -> None:
    listed = flat(command("--help").stdout)
    assert f" {name} {COMMANDS[name].summary}" in listed
    for asked in ("--help", "-h"):
        result = command(name, asked)
        assert (result.exit_code, result.stdout.startswith(f"Usage: reverb-py {name} ")) == (0, True)


def test_artisans_name_is_known_and_not_listed(command: Command) -> None:
    assert command("reverb:start", "--help").exit_code == 0
    assert "reverb:start" not in command("--help").stdout


def test_the_version_is_the_packages(command: Command) -> None:
    assert command("--version").stdout == f"reverb-py {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("serve", "--nonsense"), ("serve", "--port"), ("serve", "extra"), ("config", "--x")]
)
def test_what_nobody_understands_is_exit_code_2_and_no_traceback(command: Command, arguments: tuple[str, ...]) -> None:
    result = command(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr
    assert "Error: " in result.stderr


def test_help_imports_no_server() -> None:
    """A list of commands must be there at once."""
    code = """if True:
        import sys
        from typer.testing import CliRunner
        from reverb_py.cli import app
        assert CliRunner().invoke(app, ["--help"]).exit_code == 0
        slow = {"uvicorn", "starlette", "uvloop", "pydantic", "httpx", "rich"} & set(sys.modules)
        assert not slow, slow
        """
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(REPOSITORY)}, check=True)

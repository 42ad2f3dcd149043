"""`reverb-py conformance` as its user sees it: what it prints, and its exit codes."""

import json

import pytest
import typer
from typer.testing import CliRunner, Result

from reverb_py.cli.conformance import conformance
from reverb_py.conformance.target import TargetApp
from tests.conformance.fixture import fixture_apps
from tests.server_process import ServerProcess, free_port

APPS = fixture_apps()
PASSED, DEVIATES, USAGE, UNREACHABLE, REFUSED = 0, 1, 2, 3, 4

command = typer.Typer()
command.command()(conformance)


def ask(url: str, *options: str, app: TargetApp = APPS["MAIN"], secret: str | None = None) -> Result:
    """Run the command for this app, with the secret in the environment."""
    environment = {"REVERB_APP_SECRET": app.secret if secret is None else secret, "COLUMNS": "120"}
    arguments = ["--url", url, "--app-id", app.id, "--key", app.key, *options]
    return CliRunner().invoke(command, arguments, env=environment)


@pytest.fixture
def url(server: ServerProcess) -> str:
    return f"ws://127.0.0.1:{server.port}"


def test_what_passes_is_exit_code_0_and_a_table_with_counts(url: str) -> None:
    result = ask(url, "--only", "pp-56,pp-14")
    assert (result.exit_code, result.stderr) == (PASSED, result.stderr)
    assert "1 passed, 0 deviates, 1 not shown, of 2 cases" in result.stdout
    assert "needs an app with other settings: Q1" in result.stdout


def test_json_names_number_title_verdict_and_seconds(url: str) -> None:
    result = ask(url, "--only", "pp-56", "--json")
    document = json.loads(result.stdout)
    assert document["counts"] == {"passed": 1, "deviates": 0, "not shown": 0}
    (case,) = document["cases"]
    assert set(case) == {"numbers", "title", "verdict", "text", "seconds"}
    assert "pp-56" in case["numbers"]


def test_a_deviation_is_exit_code_1_and_says_what_was_expected(url: str) -> None:
    result = ask(url, "--only", "pp-1", app=APPS["ORIGINS"])
    assert result.exit_code == DEVIATES
    assert "pusher:connection_established" in result.stdout


@pytest.mark.parametrize(
    ("options", "secret", "text"),
    [
        (("--only", "pp-56,pp-9999"), None, "there is no case pp-9999"),
        (("--only", "everything"), None, "'everything' is not a case"),
        ((), "", "REVERB_APP_SECRET"),
        (("--secret-env", "NOT_SET_ANYWHERE"), None, "NOT_SET_ANYWHERE"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_one_line(
    url: str, options: tuple[str, ...], secret: str | None, text: str
) -> None:
    result = ask(url, *options, secret=secret)
    assert result.exit_code == USAGE
    assert text in result.stderr


def test_an_address_of_another_kind_is_wrong_usage() -> None:
    result = ask("localhost:8080")
    assert result.exit_code == USAGE
    assert "ws://" in result.stderr


def test_silence_is_exit_code_3_and_names_the_address() -> None:
    address = f"ws://127.0.0.1:{free_port()}"
    result = ask(address)
    assert result.exit_code == UNREACHABLE
    assert address in result.stderr


def test_refused_credentials_are_exit_code_4_and_never_shown(url: str) -> None:
    result = ask(url, secret="not-the-secret-of-main")
    assert result.exit_code == REFUSED
    assert "not-the-secret-of-main" not in result.output
    assert "Check the app id, the key and the secret" in result.stderr

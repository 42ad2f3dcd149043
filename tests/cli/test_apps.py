"""`reverb-py apps`: credentials that are used at once, lines to paste, and no secret that nobody asked for."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from reverb_py import laravel_env
from tests.cli.conftest import Command
from tests.client.serving import APP, ENV
from tests.server_process import ServerProcess

PLACES = ["laravel", "flutter", "javascript", "vite", "python", "railway"]


def test_new_credentials_have_the_form_of_reverb_install_and_are_new(command: Command) -> None:
    first, second = (json.loads(command("apps", "new", "--json").stdout) for _ in range(2))
    assert all(first[name] != second[name] for name in ("key", "secret"))
    assert len(first["id"]) == 6
    assert first["id"].isdigit()
    assert (len(first["key"]), len(first["secret"])) == (20, 32)
    assert (first["key"] + first["secret"]).isalnum()


def test_new_lines_start_a_server_and_are_understood_by_the_other_commands(command: Command, place: Path) -> None:
    lines = command("apps", "new").stdout
    (place / "new.env").write_text(lines)
    with ServerProcess(env=laravel_env.parse(lines).values) as server:
        server.wait_until_ready()
        options = ("--env-file", "new.env", "--url", f"http://127.0.0.1:{server.port}")
        assert command("connections", *options).stdout == "0\n"


@pytest.mark.parametrize("place_name", PLACES)
def test_no_secret_is_printed_that_nobody_asked_for(command: Command, place_name: str) -> None:
    result = command("apps", "env", "--for", place_name, env=ENV)
    assert result.exit_code == 0
    assert result.stdout.strip()
    assert APP.secret not in result.output


@pytest.mark.parametrize(("place_name", "shown"), [("laravel", True), ("python", True), ("vite", False)])
def test_a_secret_is_printed_when_it_is_asked_for_and_never_into_a_page(
    command: Command, place_name: str, shown: bool
) -> None:
    result = command("apps", "env", "--for", place_name, "--show-secret", env=ENV)
    assert (APP.secret in result.stdout) is shown


def test_the_lines_for_laravel_bring_the_commands_to_the_same_server(command: Command, place: Path) -> None:
    options = ("--url", "wss://ws.example.com/prefix", "--show-secret")
    lines = command("apps", "env", "--for", "laravel", *options, env=ENV).stdout
    assert laravel_env.parse(lines).values == {
        "BROADCAST_CONNECTION": "reverb",
        **ENV,
        **{"REVERB_HOST": "ws.example.com", "REVERB_PORT": "443", "REVERB_SCHEME": "https"},
        "REVERB_SERVER_PATH": "/prefix",
    }


def test_the_lines_for_python_are_python_that_makes_a_client(command: Command) -> None:
    text = command("apps", "env", "--for", "python", env=ENV).stdout
    ast.parse(text)
    asked = f"{text}\ninner = client._pusher_client; print(inner.host, inner.port, inner.ssl, inner.key)"
    done = subprocess.run([sys.executable, "-c", asked], env=ENV, capture_output=True, text=True, check=True)
    assert done.stdout == f"127.0.0.1 8080 False {APP.key}\n"


def test_the_lines_of_a_build_name_the_server(command: Command) -> None:
    lines = command("apps", "env", "--for", "vite", "--url", "https://ws.example.com", env=ENV).stdout
    assert lines.splitlines() == [
        f"VITE_REVERB_APP_KEY={APP.key}",
        "VITE_REVERB_HOST=ws.example.com",
        "VITE_REVERB_PORT=443",
        "VITE_REVERB_SCHEME=https",
    ]


def test_without_the_secret_the_lines_for_laravel_replace_no_right_one(command: Command) -> None:
    result = command("apps", "env", "--for", "laravel", env=ENV)
    assert "REVERB_APP_SECRET" not in laravel_env.parse(result.stdout).values
    assert "# REVERB_APP_SECRET=…  --show-secret prints it" in result.stdout.splitlines()
    assert result.stderr == "REVERB_APP_SECRET is left out, as a comment: --show-secret prints it\n"


@pytest.mark.parametrize("group", ["apps", "sign"])
def test_no_summary_of_a_group_is_cut_on_a_usual_terminal(command: Command, group: str) -> None:
    commands = command(group, "--help", env={"COLUMNS": "80"}).stdout.partition("Commands:")[2]
    assert commands
    assert "..." not in commands

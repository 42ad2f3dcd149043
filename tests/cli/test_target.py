"""Where the server is and who asks: options, environment, env files, what `serve --dev` keeps; in this order."""

from pathlib import Path

import pytest

from reverb_py.cli.credentials import development_credentials
from reverb_py.cli.target import Target, address_in, find
from reverb_py.client.signing import Credentials
from tests.cli.conftest import Command

APP = {"REVERB_APP_ID": "1", "REVERB_APP_KEY": "k", "REVERB_APP_SECRET": "hidden"}
LINES = "\n".join(f"{name}={value}" for name, value in APP.items())


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"REVERB_PORT": "9000"}, "http://127.0.0.1:9000"),
        ({"PORT": "9001"}, "http://127.0.0.1:9001"),
        ({"REVERB_SERVER_PORT": "9002", "PORT": "9001"}, "http://127.0.0.1:9002"),
        ({"REVERB_HOST": "ws.example.com"}, "https://ws.example.com:443"),  # Laravel's defaults
        ({"REVERB_HOST": "ws.example.com", "PORT": "9001"}, "https://ws.example.com:443"),
        ({"REVERB_HOST": "h", "REVERB_PORT": "80", "REVERB_SCHEME": "http"}, "http://h:80"),
        ({"REVERB_HOST": "0.0.0.0", "REVERB_PORT": "80", "REVERB_SCHEME": "http"}, "http://127.0.0.1:80"),
        ({"REVERB_HOST": "::1", "REVERB_PORT": "80", "REVERB_SCHEME": "http"}, "http://[::1]:80"),
        ({"REVERB_SERVER_PATH": "/ws/"}, "http://127.0.0.1:8080/ws"),
    ],
)
def test_the_address_is_what_laravel_makes_of_the_variables(variables: dict[str, str], url: str) -> None:
    assert address_in(variables) == url


@pytest.mark.mode("RVB213", "trigger")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REVERB_HOST", "https://ws.example.com"),
        ("REVERB_HOST", "${{reverb.RAILWAY_PRIVATE_DOMAIN}}"),
        ("REVERB_HOST", "ws.example.com/"),
        ("REVERB_PORT", "$PORT"),
        ("REVERB_PORT", "0"),
        ("REVERB_SCHEME", "wss"),
    ],
)
def test_a_malformed_value_is_named_with_rvb213(command: Command, name: str, value: str) -> None:
    result = command("trigger", "a", "b", env={**APP, "REVERB_HOST": "h", name: value})
    assert result.exit_code == 2
    assert "RVB213" in result.stderr
    assert f"{name} is {value!r}" in result.stderr


def found(**options: str) -> Target:
    given = {"url": "", "app_id": "", "key": "", "secret_env": "REVERB_APP_SECRET", "env_file": "", **options}
    return find(**given)  # type: ignore[arg-type]


def test_the_environment_comes_before_the_env_file_of_the_directory(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / ".env").write_text(f'{LINES}\nREVERB_HOST="h" # a comment\n')
    monkeypatch.setenv("REVERB_APP_KEY", "other")
    assert found() == Target("https://h:443", Credentials("1", "other", "hidden"))


def test_an_env_file_that_is_named_is_the_only_source(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "worker.env").write_text(LINES)
    monkeypatch.setenv("REVERB_APP_KEY", "other")
    monkeypatch.setenv("REVERB_HOST", "elsewhere")
    assert found(env_file="worker.env") == Target("http://127.0.0.1:8080", Credentials("1", "k", "hidden"))


def test_options_come_first(place: Path) -> None:
    (place / ".env").write_text(f"{LINES}\nREVERB_HOST=h\nREVERB_PORT=broken")
    assert found(url="wss://ws.example.com/p/", app_id="2", key="x") == Target(
        "https://ws.example.com/p", Credentials("2", "x", "hidden")
    )


def test_the_secret_may_stand_in_another_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET", "hidden")
    assert found(app_id="2", key="x", secret_env="MY_SECRET").credentials.secret == "hidden"


def test_without_anything_it_is_the_app_of_serve_dev(place: Path) -> None:
    made = development_credentials(place)
    assert found() == Target("http://127.0.0.1:8080", Credentials(made.id, made.key, made.secret))


def test_the_app_of_serve_dev_is_not_mixed_with_another(place: Path, command: Command) -> None:
    development_credentials(place)
    result = command("channels", "--key", "another")
    assert result.exit_code == 2
    assert "REVERB_APP_ID and REVERB_APP_SECRET not found" in result.stderr


def test_what_is_missing_is_named_with_where_it_was_looked_for(place: Path, command: Command) -> None:
    nothing = command("channels")
    assert nothing.exit_code == 2
    assert "REVERB_APP_ID and REVERB_APP_KEY and REVERB_APP_SECRET not found" in nothing.stderr
    (place / "worker.env").write_text("REVERB_APP_ID=1\nREVERB_APP_KEY=k\nREVERB_APP_SECRET=null")
    one = command("channels", "--env-file", "worker.env")
    assert "REVERB_APP_SECRET not found in worker.env" in one.stderr


def test_a_line_that_laravel_refuses_is_named_without_its_value(place: Path, command: Command) -> None:
    (place / "worker.env").write_text('REVERB_APP_ID=1\nREVERB_APP_SECRET="hidden')
    result = command("channels", "--env-file", "worker.env")
    assert result.exit_code == 2
    assert "worker.env, line 2: REVERB_APP_SECRET: a double quote is not closed" in result.stderr
    assert "hidden" not in result.output


def test_an_env_file_that_cannot_be_read_is_a_usage_error(command: Command) -> None:
    result = command("channels", "--env-file", "none.env")
    assert (result.exit_code, result.stderr) == (2, "cannot read none.env: No such file or directory\n")


def test_the_secret_is_not_in_a_repr() -> None:
    assert "hidden" not in repr(Target("http://h", Credentials("1", "k", "hidden")))


def test_the_secret_of_serve_dev_as_a_key_is_named_and_not_printed(place: Path, command: Command) -> None:
    made = development_credentials(place)
    env = {"REVERB_APP_ID": made.id, "REVERB_APP_KEY": made.secret, "REVERB_APP_SECRET": made.key}
    result = command("trigger", "a", "b", "--dry-run", env=env)
    assert (result.exit_code, "key and secret are swapped" in result.stderr) == (2, True)
    assert made.secret not in result.output


def test_a_kept_file_that_is_not_used_says_why(place: Path, command: Command) -> None:
    development_credentials(place)
    result = command("channels", "--key", "another")
    assert ".reverb/credentials.json is ignored, because its key is another" in result.stderr


def test_another_key_beside_the_kept_id_and_secret_is_told(place: Path, command: Command) -> None:
    made = development_credentials(place)
    env = {"REVERB_APP_ID": made.id, "REVERB_APP_KEY": "another", "REVERB_APP_SECRET": made.secret}
    result = command("trigger", "a", "b", "--dry-run", env=env)
    assert "the key is not the one of .reverb/credentials.json, though id and secret are." in result.stderr
    assert "RVB303" in result.stderr
    right = command("trigger", "a", "b", "--dry-run", env={**env, "REVERB_APP_KEY": made.key})
    assert "RVB303" not in right.stderr

"""The env file and the TOML file: where they are looked for, and what is refused in them."""

import os

import pytest

from tests.settings.place import Place, warnings


def test_another_env_file_may_be_named_or_none_read(place: Place) -> None:
    place.write(".env", "PORT=1")
    place.write("other.env", "PORT=2")
    assert place.load({"REVERB_ENV_FILE": "other.env"}).settings.port == 2
    assert place.load(env_file="other.env").settings.port == 2
    assert place.load({"REVERB_ENV_FILE": "other.env"}, use_env_file=False).settings.port == 8080


def test_another_toml_file_may_be_named(place: Place) -> None:
    place.write("config/reverb.toml", "port = 1")
    place.write("other.toml", "port = 2")
    assert place.load().settings.port == 1
    assert place.load({"REVERB_CONFIG": "other.toml"}).settings.port == 2
    assert place.load(config="other.toml").settings.port == 2
    place.write(".env", "REVERB_CONFIG=other.toml")
    assert place.load().settings.port == 2


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("prot = 1", ["unknown key 'prot' in reverb.toml", "did you mean port?"]),
        ("ping_interval = 1", ["unknown key 'ping_interval'", "[app_defaults]"]),
        ("[app_defaults]\nkeep_alive = 1", ["'keep_alive' of [app_defaults] in reverb.toml", "to the server"]),
        ("zzz = 1", ["unknown key 'zzz'", "remove it"]),
        ("port = ", ["reverb.toml is not valid TOML"]),
        ('port = "$PORT"', ["port in reverb.toml holds $PORT"]),
        ("port = true", ["port in reverb.toml is True", "must be a number"]),
        ("app_defaults = 1", ["must be a table"]),
        (f"port = {'[' * 2_000}", ["reverb.toml is nested too deeply"]),
        (f"port = {'[' * 100}{']' * 100}", ["port in reverb.toml is nested too deeply"]),
        (f"port = {'1' * 5_000}", ["reverb.toml is not valid TOML"]),
        ('trusted_proxies = ["${{x}}"]', ["trusted_proxies in reverb.toml holds ${{x}}"]),
        ('[app_defaults]\nallowed_origins = ["${{x}}"]', ["allowed_origins of [app_defaults] in reverb.toml holds"]),
        ("apps = 1", ["must be a list of apps"]),
        ('[[apps]]\nid = "1"\nkey = "a"', ["[[apps]] number 1 in reverb.toml has no secret"]),
        ('[[apps]]\nkey = "a"', ["[[apps]] number 1 in reverb.toml has no id"]),
        (
            '[[apps]]\nid = "1"\nkey = "a"\nsecret = "s"\nactivity_timeout = 0',
            ["activity_timeout of [[apps]] number 1 in reverb.toml is 0", "greater than 0"],
        ),
    ],
)
def test_a_toml_file_that_cannot_work_is_refused_by_file_and_key(place: Place, text: str, parts: list[str]) -> None:
    place.write("reverb.toml", text)
    line = place.refusal()
    assert [part for part in parts if part not in line] == [], line


def test_a_line_of_ours_that_laravel_could_not_read_is_refused_and_a_foreign_one_left_out(place: Place) -> None:
    place.write(".env", "TITLE=two words\nREVERB_HOST=my host\n")
    assert "line 2 of .env (REVERB_HOST)" in place.refusal()
    place.write(".env", "TITLE=two words\nPORT=1\n")
    configuration = place.load()
    assert configuration.settings.port == 1
    assert "line 1 of .env (TITLE)" in warnings(configuration)


def test_a_line_without_a_valid_name_is_told_by_its_number_alone(place: Place) -> None:
    place.write(".env", "A=1\nhunter2/hunter2\n")
    told = warnings(place.load())
    assert "line 2 of .env cannot be read" in told
    assert "hunter2" not in told


@pytest.mark.parametrize(("value", "what"), [('"x', "a double quote is not closed"), ("'x", "a single quote is not")])
def test_a_quote_that_is_not_closed_is_not_to_be_put_in_quotes(place: Place, value: str, what: str) -> None:
    place.write(".env", f"REVERB_HOST={value}\n")
    line = place.refusal()
    assert what in line
    assert "Put the value" not in line


@pytest.mark.parametrize(
    ("environ", "part"),
    [
        ({"REVERB_CONFIG": "fifo"}, "cannot read fifo: it is a pipe or a device"),
        ({"REVERB_ENV_FILE": "fifo"}, "it is a pipe or a device"),
        ({"REVERB_APP_ID": "1", "REVERB_APP_KEY": "key", "REVERB_APP_SECRET_FILE": "{}/fifo"}, "it is a pipe or a"),
        ({"REVERB_CONFIG": "/dev/zero"}, "cannot read /dev/zero: it is a pipe or a device"),
        ({"REVERB_CONFIG": "."}, "Is a directory"),
    ],
)
@pytest.mark.parametrize("has_writer", [False, True])
def test_a_file_that_never_ends_is_refused_at_once(
    place: Place, environ: dict[str, str], part: str, has_writer: bool
) -> None:
    """Before, a reload that read one held up the whole server."""
    os.mkfifo(place.directory / "fifo")
    writer = os.open(place.directory / "fifo", os.O_RDWR) if has_writer else None
    try:
        assert part in place.refusal({name: text.format(place.directory) for name, text in environ.items()})
    finally:
        if writer is not None:
            os.close(writer)

"""A configuration that cannot be used is told without its secrets, also those that only it has."""

import json

import pytest

from tests.settings.place import TRIO, Place, warnings

NEW = "another-secret-yy77"


def app(number: int, key: str, secret: str, more: str = "") -> str:
    return f'[[apps]]\nid = "{number}"\nkey = "{key}"\nsecret = "{secret}"\n{more}\n'


@pytest.mark.parametrize(
    ("toml", "part"),
    [
        (app(1, NEW, NEW) + app(2, NEW, "b"), "two apps have the key '<a secret>'"),
        (app(1, "a", NEW).replace('"1"', f'"{NEW}"') * 2, "have the id '<a secret>'"),
        (app(1, f"{NEW} x", "swapped"), "key of [[apps]] number 1 in reverb.toml: must be without spaces"),
        (app(1, "a", "b").replace('"1"', f'"{NEW}/x"'), "id of [[apps]] number 1 in reverb.toml: must be"),
        (app(1, "a", "b", f'{NEW} = "secret"'), "unknown key (not shown"),
        (app(1, "a", NEW, f'{NEW} = "secret"'), "unknown key (not shown"),
        (app(1, "a", NEW, f'activity_timeout = "{NEW}"'), "activity_timeout of [[apps]] number 1 in reverb.toml is"),
        (f'port = "{NEW}"\n' + app(1, "a", "b", f'more_credentials = [{{key = "c", secret = "{NEW}"}}]'), "port in"),
        (f'{NEW} = "secret"', "unknown key (not shown"),
    ],
)
def test_a_refusal_shows_no_secret_of_the_file(place: Place, toml: str, part: str) -> None:
    place.write("reverb.toml", toml)
    line = place.refusal()
    assert NEW not in line
    assert part in line


@pytest.mark.parametrize("place_of", ["variable", "file", "JSON", "env file"])
def test_a_refusal_shows_no_secret_of_the_environment(place: Place, place_of: str) -> None:
    place.write("secret", NEW + "\n")
    environ = {
        "variable": {**TRIO, "REVERB_APP_SECRET": NEW},
        "file": {"REVERB_APP_ID": "1", "REVERB_APP_KEY": "key", "REVERB_APP_SECRET_FILE": f"{place.directory}/secret"},
        "JSON": {"REVERB_APPS": json.dumps([{"id": 1, "key": "a", "secret": NEW}])},
        "env file": {},
    }[place_of]
    place.write(".env", f"REVERB_APP_SECRET={NEW}" if place_of == "env file" else "")
    assert place.refusal({**environ, "REVERB_SERVER_PORT": NEW}).startswith("REVERB_SERVER_PORT is '<a secret>': ")


def test_a_notice_shows_no_secret(place: Place) -> None:
    place.write("reverb.toml", app(1, "a", NEW, f'accept_client_events_from = "{NEW}"'))
    told = warnings(place.load())
    assert "accept_client_events_from of [[apps]] number 1 in reverb.toml is '<a secret>'" in told
    assert NEW not in told


def test_what_is_broken_hides_nothing_else(place: Place) -> None:
    """The search for secrets finds its way through what cannot be read."""
    assert "REVERB_APPS is not valid JSON" in place.refusal({"REVERB_APPS": "[" * 9})
    assert "cannot read" in place.refusal({**TRIO, "REVERB_APP_SECRET": "", "REVERB_APP_SECRET_FILE": "/nowhere"})

"""The id, key and secret of one app: in files of their own, or left behind by another server."""

import re

import pytest

from tests.settings.place import TRIO, Place, warnings


def test_a_secret_may_stand_in_a_file_of_its_own(place: Place) -> None:
    place.write("secret", "hunter2\n")
    environ = {**TRIO, "REVERB_APP_SECRET_FILE": str(place.directory / "secret")}
    del environ["REVERB_APP_SECRET"]
    (app,) = place.load(environ).apps
    assert app.secrets == ("hunter2",)


@pytest.mark.parametrize("prefix", ["PUSHER_APP", "SOKETI_DEFAULT_APP", "SOCKUDO_DEFAULT_APP"])
def test_the_variables_of_another_server_are_used_and_told(place: Place, prefix: str) -> None:
    environ = {f"{prefix}_ID": "1", f"{prefix}_KEY": "key", f"{prefix}_SECRET": "hunter2"}
    configuration = place.load(environ)
    assert [app.keys for app in configuration.apps] == [("key",)]
    assert re.search(r"Found (Pusher|soketi|sockudo) variables", configuration.notices[0].text)
    own = place.load({**environ, **TRIO, "REVERB_APP_KEY": "own"})
    assert [app.keys for app in own.apps] == [("own",)]


def test_half_of_another_servers_variables_is_ignored_with_a_warning(place: Place) -> None:
    configuration = place.load({"PUSHER_APP_ID": "1", "PUSHER_APP_KEY": "", "PUSHER_APP_SECRET": ""})
    assert len(configuration.apps) == 0
    assert "PUSHER_APP_ID is ignored" in warnings(configuration)


def test_a_pusher_url_is_an_app(place: Place) -> None:
    (app,) = place.load({"PUSHER_URL": "https://key:hunter2@api.pusherapp.com/apps/7"}).apps
    assert (app.id, app.key, app.secrets) == ("7", "key", ("hunter2",))


@pytest.mark.parametrize(
    "url", ["http://key:hunter2@[bad/apps/7", "http://key:hunter2@[bad]/apps/7", "hunter2", "http://key:hunter2@host"]
)
def test_a_pusher_url_that_is_none_is_ignored_with_a_warning(place: Place, url: str) -> None:
    configuration = place.load({"PUSHER_URL": url})
    assert len(configuration.apps) == 0
    assert "PUSHER_URL is ignored" in warnings(configuration)
    assert "hunter2" not in warnings(configuration)

"""The applications: one from three variables, many from JSON and TOML, one id one app."""

import json

from reverb_py.hub.app import Credential
from tests.settings.place import REPOSITORY, TRIO, Place


def test_one_app_comes_from_the_three_variables_even_from_two_sources(place: Place) -> None:
    place.write(".env", "REVERB_APP_ID=1\nREVERB_APP_KEY=key\nREVERB_APP_SECRET=in-the-file")
    (app,) = place.load({"REVERB_APP_SECRET": "hunter2"}).apps
    assert (app.id, app.credentials) == ("1", (Credential("key", "hunter2"),))


def test_many_apps_come_from_json_and_from_toml(place: Place) -> None:
    place.write("reverb.toml", '[[apps]]\nid = "3"\nkey = "c"\nsecret = "s"\ncache_ttl = 5\n')
    listed = [{"id": 2, "key": "b", "secret": "s", "more_credentials": [{"key": "b2", "secret": "s2"}]}]
    apps = place.load({**TRIO, "REVERB_APPS": json.dumps(listed)}).apps
    assert [(app.id, app.keys) for app in apps] == [("1", ("key",)), ("3", ("c",)), ("2", ("b", "b2"))]
    third = apps.by_id("3")
    assert third is not None
    assert third.cache_ttl == 5


def test_an_app_of_the_file_may_have_its_secret_in_the_environment(place: Place) -> None:
    place.write("reverb.toml", '[[apps]]\nid = "1"\nmax_connections = 5\n')
    (app,) = place.load(TRIO).apps
    assert (app.max_connections, app.secrets) == (5, ("hunter2",))


def test_a_limit_of_all_apps_gives_way_to_an_apps_own(place: Place) -> None:
    place.write(
        "reverb.toml",
        "[app_defaults]\nmax_connections = 1\nmax_user_id = 1\nmax_event_name = 1\n"
        '[[apps]]\nid = "1"\nkey = "a"\nsecret = "s"\nmax_event_name = 3\n',
    )
    (app,) = place.load({"REVERB_APP_MAX_USER_ID": "2", "REVERB_APP_MAX_EVENT_NAME": "2"}).apps
    assert (app.max_connections, app.max_user_id, app.max_event_name) == (1, 2, 3)


def test_generated_credentials_get_the_limits_that_are_set_for_all(place: Place) -> None:
    app = place.load({"REVERB_APP_MAX_CONNECTIONS": "5"}).app("1", "k", "s")
    assert (app.max_connections, app.credentials) == (5, (Credential("k", "s"),))


def test_no_secret_stands_in_a_repr(place: Place) -> None:
    configuration = place.load({**TRIO, "REVERB_APPS": '[{"id": 2, "key": "b", "secret": "hunter2"}]'})
    assert "hunter2" not in repr(configuration) + repr(list(configuration.apps))


def test_the_conformance_apps_are_valid(place: Place) -> None:
    assert len(place.load(config=str(REPOSITORY / "tests" / "conformance" / "reverb.toml")).apps) >= 16

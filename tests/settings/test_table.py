"""The one table of settings: every row has its variables, and every variable is read."""

from reverb_py.hub.app import ClientEventsFrom
from reverb_py.settings import SETTINGS
from reverb_py.settings.table import REDIS_SETTINGS
from tests.settings.place import TRIO, Place

SCALING = {"REVERB_SCALING_ENABLED": "true", "REDIS_URL": "redis://redis"}
OF_REDIS = {row.name for row in REDIS_SETTINGS}  # each is read in test_redis.py


def test_every_row_of_the_table_is_read_from_each_of_its_variables(place: Place) -> None:
    texts = {str: "text", bool: "true", tuple: "127.0.0.1", int: "7", float: "7", ClientEventsFrom: "all"}
    strict = {"tls_cert", "tls_key"}  # both or none, and real files
    for row in SETTINGS:
        if row.default is None or row.name in strict | OF_REDIS:
            continue
        text = row.about.choices[-1] if row.about.choices else texts[type(row.default)]
        if row.default is True:
            text = "false"
        for variable in row.about.variables:
            configuration = place.load({**TRIO, **(SCALING if row.name == "workers" else {}), variable: text})
            (app,) = configuration.apps
            if row.scope == "server":
                assert getattr(configuration.settings, row.name) != row.default, variable
            elif row.name.startswith("rate_limit"):
                assert (app.rate_limit is not None) == (row.name == "rate_limiting_enabled")
            else:
                assert getattr(app, row.name) != row.default, variable


def test_every_setting_says_what_it_is_for_in_one_line_and_has_a_variable_of_its_own() -> None:
    for row in SETTINGS:
        assert row.about.text.endswith(".")
        assert row.about.variables[0].startswith("REDIS_" if row.name in OF_REDIS else "REVERB_"), row.name
    variables = [name for row in SETTINGS for name in row.about.variables]
    assert len(variables) == len(set(variables))

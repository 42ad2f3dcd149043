"""The limits of an app: each from its variables, all from the profile, with the hub's own defaults."""

from dataclasses import MISSING, fields

import pytest

from reverb_py.hub.app import App, ClientEventsFrom, RateLimit
from reverb_py.settings.table import APP_LIMITS
from tests.settings.place import Place


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("REVERB_ALLOWED_ORIGINS", "a.example, *.b.example", "allowed_origins", ("a.example", "*.b.example")),
        ("REVERB_ALLOWED_ORIGINS", "*", "allowed_origins", ("*",)),
        ("REVERB_APP_PING_INTERVAL", "20", "ping_interval", 20),
        ("REVERB_APP_PONG_TIMEOUT", "5", "pong_timeout", 5),
        ("REVERB_APP_MAX_CONNECTIONS", "7", "max_connections", 7),
        ("REVERB_APP_MAX_MESSAGE_SIZE", "0", "max_message_size", 0),
        ("REVERB_APP_FORCE_TLS", "true", "force_tls", True),
        ("REVERB_APP_ACCEPT_CLIENT_EVENTS_FROM", "none", "accept_client_events_from", ClientEventsFrom.NONE),
        ("REVERB_APP_MAX_PRESENCE_MEMBERS", "9", "max_presence_members", 9),
        ("REVERB_APP_RATE_LIMITING_ENABLED", "true", "rate_limit", RateLimit(60, 60, False)),
        ("REVERB_APP_RATE_LIMIT_MAX_ATTEMPTS", "5", "rate_limit", None),
    ],
)
def test_a_variable_sets_an_apps_limit(place: Place, variable: str, text: str, field: str, value: object) -> None:
    assert getattr(place.app({variable: text}), field) == value


@pytest.mark.parametrize("nothing", ["null", "(null)", "empty", "(Empty)", ""])
def test_an_app_limit_set_to_nothing_is_its_default(place: Place, nothing: str) -> None:
    assert place.app({"REVERB_APP_ACTIVITY_TIMEOUT": nothing}).activity_timeout == 30


def test_the_whole_rate_limit_is_read(place: Place) -> None:
    app = place.app(
        {
            "REVERB_APP_RATE_LIMITING_ENABLED": "true",
            "REVERB_APP_RATE_LIMIT_MAX_ATTEMPTS": "5",
            "REVERB_APP_RATE_LIMIT_DECAY_SECONDS": "2",
            "REVERB_APP_RATE_LIMIT_TERMINATE": "(true)",
        }
    )
    assert app.rate_limit == RateLimit(5, 2, True)


def test_the_pusher_profile_fills_what_is_not_set(place: Place) -> None:
    app = place.app({"REVERB_PROFILE": "pusher", "REVERB_APP_MAX_BATCH_SIZE": "0"})
    assert (app.max_event_size, app.max_event_channels, app.max_batch_size) == (10_240, 100, 0)
    assert (app.max_client_events, app.max_presence_members, app.max_user_id) == (10, 100, 128)
    assert (app.max_presence_user_size, app.max_channel_name, app.strict_protocol) == (1_024, 164, True)
    assert not app.terminate_members


def test_the_models_have_every_field_of_an_app_with_its_default() -> None:
    elsewhere = {"id", "credentials", "rate_limit"}
    ours = {row.name: row.default for row in APP_LIMITS if not row.name.startswith("rate_limit")}
    theirs = {field.name: field.default for field in fields(App) if field.init and field.name not in elsewhere}
    assert MISSING not in theirs.values()
    assert ours == theirs
    rate = {row.name: row.default for row in APP_LIMITS if row.name.startswith("rate_limit_")}
    assert RateLimit(*rate.values()) == RateLimit()  # type: ignore[arg-type]  # in the table's order

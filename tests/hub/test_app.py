"""Apps are found by id and by every key, and show no secret."""

from dataclasses import FrozenInstanceError, replace

import pytest

from reverb_py.hub.app import App, Apps, ClientEventsFrom, Credential, RateLimit

ONE = App("1", (Credential("new", "hunter2"), Credential("old", "hunter3")))
TWO = App("2", (Credential("other", "hunter4"),))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("enabled", True),
        ("force_tls", False),
        ("strict_protocol", False),
        ("allowed_origins", ("*",)),
        ("max_connections", 0),
        ("activity_timeout", 30),
        ("ping_interval", 60),
        ("pong_timeout", 30),
        ("max_message_size", 65_536),
        ("rate_limit", None),
        ("accept_client_events_from", ClientEventsFrom.MEMBERS),
        ("max_client_events", 100),
        ("max_client_event_size", 10_240),
        ("max_channel_name", 200),
        ("max_event_name", 0),
        ("max_event_size", 0),
        ("max_event_channels", 0),
        ("max_batch_size", 0),
        ("max_presence_members", 0),
        ("max_presence_user_size", 0),
        ("max_user_id", 0),
        ("terminate_members", True),
        ("cache_ttl", 1_800),
    ],
)
def test_an_app_that_sets_nothing_refuses_nothing_that_works_elsewhere(name: str, value: object) -> None:
    assert getattr(App("1", (Credential("key", "secret"),)), name) == value


def test_reverbs_limit_has_reverbs_numbers() -> None:
    assert RateLimit() == RateLimit(max_attempts=60, decay_seconds=60, terminate=False)


def test_the_newest_credential_is_the_one_to_use_and_every_one_counts() -> None:
    assert ONE.key == "new"
    assert ONE.keys == ("new", "old")
    assert ONE.secrets == ("hunter2", "hunter3")


def test_an_app_that_gets_other_credentials_uses_those() -> None:
    """A changed copy must not keep the old secrets, or a rotation would change nothing."""
    rotated = replace(ONE, credentials=(Credential("newest", "hunter5"),))
    assert (rotated.key, rotated.keys, rotated.secrets) == ("newest", ("newest",), ("hunter5",))
    assert rotated != ONE


@pytest.mark.parametrize(
    "shown",
    [repr(ONE), repr(Credential("k", "hunter2")), str(ONE), f"{Apps([ONE])!r}"],
    ids=["an app", "a credential", "a text", "all apps"],
)
def test_no_secret_is_shown(shown: str) -> None:
    assert "hunter" not in shown


def test_an_app_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        ONE.max_connections = 5  # type: ignore[misc]


def test_an_app_is_found_by_its_id_and_by_each_of_its_keys() -> None:
    apps = Apps([ONE, TWO])
    assert [apps.by_id("1"), apps.by_id("2"), apps.by_id("3")] == [ONE, TWO, None]
    assert [apps.by_key(key) for key in ("new", "old", "other", "none", "")] == [ONE, ONE, TWO, None, None]
    assert (list(apps), len(apps)) == ([ONE, TWO], 2)


@pytest.mark.parametrize(
    ("second", "what"),
    [
        (replace(TWO, id="1"), "two apps have the id '1'"),
        (replace(TWO, credentials=(Credential("old", "x"),)), "two apps have the key 'old'"),
        (replace(TWO, credentials=(Credential("other", "x"), Credential("new", "x"))), "two apps have the key 'new'"),
    ],
)
def test_two_apps_that_could_not_be_told_apart_are_refused(second: App, what: str) -> None:
    with pytest.raises(ValueError, match=what) as refused:
        Apps([ONE, second])
    assert "hunter" not in str(refused.value)


def test_one_app_may_have_a_key_twice_with_two_secrets() -> None:
    app = App("1", (Credential("key", "new"), Credential("key", "old")))
    assert Apps([app]).by_key("key") is app

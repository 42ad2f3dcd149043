"""What works otherwise than it looks is told at start, once, and nothing else is."""

import logging

import pytest

from tests.settings.place import TRIO, Place, warnings


@pytest.mark.parametrize(
    ("environ", "part"),
    [
        ({"REVERB_APP_SECERT": "x"}, "REVERB_APP_SECERT is no setting, and ignored; did you mean REVERB_APP_SECRET?"),
        ({"REVERB_PROT": "x"}, "did you mean REVERB_PORT?"),
        ({"WEB_CONCURRENCY": "4"}, "WEB_CONCURRENCY is '4', and ignored: one process serves everybody. More need REV"),
        ({"REVERB_SCALING_ENABLED": "on", "WEB_CONCURRENCY": "auto"}, "ignored: it is no number from 1 to 256"),
        ({"REVERB_SCALING_ENABLED": "on", "RAILWAY_PROJECT_ID": "x"}, "No Redis is named: redis://127.0.0.1:6379/0"),
        ({"REVERB_APP_ACCEPT_CLIENT_EVENTS_FROM": "all"}, "channels that they have not joined"),
        ({"REVERB_APP_ACCEPT_CLIENT_EVENTS_FROM": "nobody"}, "switches client events off"),
        ({"LOG_LEVEL": "trace"}, "LOG_LEVEL is 'trace'"),
        ({"PORT": "1", "REVERB_SERVER_PORT": "2"}, "PORT is '1', but the server listens on 2"),
        ({**TRIO, "REVERB_APP_SECRET": "hunter2\n"}, "REVERB_APP_SECRET begins or ends with white space"),
        ({"RAILWAY_ENVIRONMENT_ID": "x"}, "RAILWAY_DEPLOYMENT_DRAINING_SECONDS is not set"),
        ({"REVERB_PORT": "tcp://10.0.0.1:8080"}, "service link"),
    ],
)
def test_what_works_otherwise_than_it_looks_is_warned_about_once(
    place: Place, environ: dict[str, str], part: str
) -> None:
    told = warnings(place.load(environ))
    assert told.count(part) == 1, told
    assert "hunter2" not in told


@pytest.mark.parametrize("off", ["false", "off", "no", "0", "null", ""])
def test_scaling_that_is_off_is_not_worth_a_word(place: Place, off: str) -> None:
    assert place.load({"REVERB_SCALING_ENABLED": off}).notices == ()


@pytest.mark.parametrize("redis", [{"REDIS_URL": "redis://redis"}, {"REDISHOST": "redis"}])
def test_scaling_over_a_redis_that_is_named_is_not_worth_a_word(place: Place, redis: dict[str, str]) -> None:
    assert place.load({"REVERB_SCALING_ENABLED": "true", **redis, "REDIS_PASSWORD": "null"}).notices == ()


def test_the_redis_of_this_machine_is_told_where_it_may_be_meant(place: Place) -> None:
    (notice,) = place.load({"REVERB_SCALING_ENABLED": "true"}).notices
    assert (notice.level, notice.text[:20]) == (logging.INFO, "No Redis is named: r")


@pytest.mark.parametrize(("scaling", "told"), [("false", True), ("true", False)])
def test_a_replica_is_told_how_to_scale_unless_it_does(place: Place, scaling: str, told: bool) -> None:
    railway = {"RAILWAY_REPLICA_ID": "r", "RAILWAY_DEPLOYMENT_DRAINING_SECONDS": "20"}
    notices = place.load({**railway, "REVERB_SCALING_ENABLED": scaling, "REDIS_URL": "redis://redis"}).notices
    assert ["set REVERB_SCALING_ENABLED=true and REDIS_URL" in notice.text for notice in notices] == [True] * told


def test_the_variables_of_a_laravel_project_give_no_warning(place: Place) -> None:
    place.write(
        ".env",
        "BROADCAST_CONNECTION=reverb\nREVERB_APP_ID=1\nREVERB_APP_KEY=k\nREVERB_APP_SECRET=s\n"
        'REVERB_HOST="localhost"\nREVERB_PORT=8080\nREVERB_SCHEME=http\nREVERB_SERVER=reverb\n'
        "REVERB_SCALING_ENABLED=false\nREDIS_HOST=127.0.0.1\nREDIS_PASSWORD=null\nLOG_LEVEL=debug\n"
        'VITE_REVERB_APP_KEY="${REVERB_APP_KEY}"\nVITE_REVERB_HOST="${REVERB_HOST}"\n',
    )
    kubernetes = {"REVERB_SERVICE_HOST": "10.0.0.1", "REVERB_PORT_8080_TCP_ADDR": "10.0.0.1"}
    assert place.load(kubernetes).notices == ()


def test_a_name_that_has_only_reverb_in_common_is_not_suggested(place: Place) -> None:
    assert warnings(place.load({"REVERB_ZZZ": "x"})) == "REVERB_ZZZ is no setting, and ignored"

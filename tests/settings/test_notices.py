"""What works otherwise than it looks is told at start, once, and nothing else is."""

import pytest

from tests.settings.place import TRIO, Place, warnings


@pytest.mark.parametrize(
    ("environ", "part"),
    [
        ({"REVERB_APP_SECERT": "x"}, "REVERB_APP_SECERT is no setting, and ignored; did you mean REVERB_APP_SECRET?"),
        ({"REVERB_PROT": "x"}, "did you mean REVERB_PORT?"),
        ({"REVERB_SCALING_ENABLED": "true"}, "one node runs"),
        ({"REVERB_SCALING_ENABLED": "on"}, "one node runs"),
        ({"REVERB_SCALING_ENABLED": "Yes"}, "one node runs"),
        ({"REVERB_SCALING_ENABLED": "1"}, "one node runs"),
        ({"REVERB_SCALING_ENABLED": "redis"}, "one node runs"),
        ({"WEB_CONCURRENCY": "4"}, "WEB_CONCURRENCY is '4', and ignored"),
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

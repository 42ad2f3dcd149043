"""Where Redis is: every spelling of Laravel and Railway, read while scaling is on, and left alone while it is off."""

from pathlib import Path

import pytest

from reverb_py.cluster.redis.address import RedisAddress
from reverb_py.settings import load_server
from tests.conformance.fixture import CERTIFICATE
from tests.settings.place import Place

ON = {"REVERB_SCALING_ENABLED": "true"}
SECRET = "hunter2"
TOML = """
scaling_enabled = true
redis_host = "toml"
redis_port = 7
redis_password = 1234
redis_database = 2
redis_scheme = "tls"
"""


@pytest.mark.parametrize(
    ("environ", "address"),
    [
        ({}, RedisAddress()),
        ({"REDIS_URL": "rediss://me:hunter2@redis:6380/2"}, RedisAddress("redis", 6380, "me", SECRET, 2, tls=True)),
        ({"REDIS_URL": "unix:///run/redis.sock"}, RedisAddress(unix_socket="/run/redis.sock")),
        ({"REDIS_URL": "redis://one", "REDIS_HOST": "two", "REDIS_PORT": "x", "REDIS_DB": "9"}, RedisAddress("one")),
        ({"REDIS_URL": "redis://one", "REDIS_PASSWORD": "hunter2"}, RedisAddress("one", password=SECRET)),
        (
            {"REDIS_URL": "redis://me@one", "REDIS_USERNAME": "you", "REDIS_PASSWORD": "hunter2"},
            RedisAddress("one", username="me", password=SECRET),
        ),
        (
            {"REDIS_URL": "redis://:hunter2@one", "REDIS_USERNAME": "you", "REDIS_PASSWORD": "x"},
            RedisAddress("one", password=SECRET),
        ),
        ({"REDIS_URL": "null", "REDIS_HOST": "two"}, RedisAddress("two")),
        ({"REDIS_HOST": "redis"}, RedisAddress("redis")),
        ({"REDISHOST": "redis"}, RedisAddress("redis")),
        ({"REDIS_HOST": "one", "REDISHOST": "two"}, RedisAddress("one")),
        ({"REDIS_HOST": "tls://redis"}, RedisAddress("redis", tls=True)),
        ({"REDIS_HOST": "tls://redis", "REDIS_PORT": "6380"}, RedisAddress("redis", 6380, tls=True)),
        ({"REDIS_HOST": "tls://redis:6380", "REDIS_PORT": "6379"}, RedisAddress("redis", 6380, tls=True)),
        ({"REDIS_HOST": "tcp://redis", "REDIS_SCHEME": "tls"}, RedisAddress("redis")),
        ({"REDIS_HOST": "tls://:hunter2@redis"}, RedisAddress("redis", password=SECRET, tls=True)),
        ({"REDIS_HOST": "::1"}, RedisAddress("::1")),
        ({"REDIS_HOST": "[::1]"}, RedisAddress("::1")),
        ({"REDIS_HOST": "/run/redis.sock", "REDIS_PORT": "0"}, RedisAddress(unix_socket="/run/redis.sock")),
        ({"REDIS_HOST": "unix:///run/redis.sock"}, RedisAddress(unix_socket="/run/redis.sock")),
        ({"REDIS_PORT": "6380"}, RedisAddress(port=6380)),
        ({"REDISPORT": "6380"}, RedisAddress(port=6380)),
        ({"REDIS_PORT": "tcp://10.0.0.1:6379"}, RedisAddress()),
        ({"REDIS_USERNAME": "me"}, RedisAddress(username="me")),
        ({"REDISUSER": "default"}, RedisAddress(username="default")),
        ({"REDIS_PASSWORD": "hunter2"}, RedisAddress(password=SECRET)),
        ({"REDISPASSWORD": "hunter2"}, RedisAddress(password=SECRET)),
        ({"REDIS_PASSWORD": "null", "REDIS_USERNAME": "(null)"}, RedisAddress()),
        ({"REDIS_PASSWORD": "", "REDIS_HOST": "empty"}, RedisAddress()),
        ({"REDIS_PASSWORD": '"hunter2"'}, RedisAddress(password=SECRET)),
        ({"REDIS_PASSWORD": "p@s/s#w:rd"}, RedisAddress(password="p@s/s#w:rd")),
        ({"REDIS_DB": "3"}, RedisAddress(database=3)),
        ({"REDIS_SCHEME": "tls"}, RedisAddress(tls=True)),
        ({"REDIS_SCHEME": "REDISS"}, RedisAddress(tls=True)),
        ({"REDIS_SCHEME": "tcp"}, RedisAddress()),
    ],
)
def test_every_spelling_is_read(place: Place, environ: dict[str, str], address: RedisAddress) -> None:
    assert place.load({**ON, **environ}).settings.redis_address == address


def test_the_file_is_read_too_and_sources_come_before_names(place: Place) -> None:
    place.write("reverb.toml", TOML)
    settings = place.load().settings
    assert settings.redis_address == RedisAddress("toml", 7, "", "1234", 2, tls=True)
    place.write(".env", "REDIS_HOST=env-file\n")
    assert place.load({"REDISHOST": "environment"}).settings.redis_address.host == "environment"
    assert place.load().settings.redis_address.host == "env-file"


@pytest.mark.parametrize("name", ["REDIS_URL", "REDIS_PASSWORD"])
def test_what_is_secret_may_stand_in_a_file(place: Place, tmp_path: Path, name: str) -> None:
    text = f"redis://:{SECRET}@127.0.0.1" if name == "REDIS_URL" else SECRET
    tmp_path.joinpath("secret").write_text(f"{text}\n")
    configuration = place.load({**ON, f"{name}_FILE": str(tmp_path / "secret")})
    assert configuration.settings.redis_address == RedisAddress(password=SECRET)
    assert SECRET not in repr(configuration.settings)


def test_where_redis_was_set_is_known(place: Place) -> None:
    place.write(".env", "REDIS_HOST=redis\n")
    origins = place.load({**ON, "REDISPORT": "7"}).origins
    assert origins == {
        "scaling_enabled": "REVERB_SCALING_ENABLED",
        "redis_host": "REDIS_HOST in .env",
        "redis_port": "REDISPORT",
    }


NONSENSE = [
    {"REDIS_URL": "hunter2"},
    {"REDIS_URL": "redis://:hunter2@redis:port"},
    {"REDIS_URL": "${{Redis.REDIS_URL}}"},
    {"REDIS_URL": "redis://:${{Redis.PASSWORD}}@redis"},
    {"REDIS_URL": "redis://redis", "REDIS_URL_FILE": "/nowhere"},
    {"REDIS_PASSWORD_FILE": "/nowhere"},
    {"REDIS_URL": "rediss://redis?ssl_ca_certs=/nowhere"},
    {"REDIS_HOST": "http://redis"},
    {"REDIS_HOST": "my redis"},
    {"REDIS_HOST": "$REDIS"},
    {"REDIS_PORT": "six"},
    {"REDIS_PORT": "65536"},
    {"REDIS_DB": "cache"},
    {"REDIS_SCHEME": "quic"},
    {"REDIS_PASSWORD": "true"},
]


@pytest.mark.parametrize("environ", NONSENSE)
def test_nonsense_is_refused_in_one_line_while_scaling_is_on(place: Place, environ: dict[str, str]) -> None:
    line = place.refusal({**ON, **environ})
    assert next(iter(environ)) in line
    assert SECRET not in line


@pytest.mark.parametrize("environ", NONSENSE)
def test_nonsense_is_not_even_looked_at_while_scaling_is_off(place: Place, environ: dict[str, str]) -> None:
    configuration = place.load(environ)
    assert (configuration.settings.redis_address, configuration.notices) == (RedisAddress(), ())


def test_a_line_that_laravel_refuses_stops_the_start_only_while_scaling_is_on(place: Place) -> None:
    place.write(".env", "REDIS_PASSWORD=two words\n")
    assert "line 1 of .env (REDIS_PASSWORD)" in place.refusal(ON)
    (notice,) = place.load().notices
    assert "it is left out" in notice.text


def test_certificates_that_can_be_read_are_accepted(place: Place) -> None:
    file = CERTIFICATE["REVERB_TLS_CERT"]
    address = place.load({**ON, "REDIS_URL": f"rediss://redis?ssl_ca_certs={file}"}).settings.redis_address
    assert (address.ca_file, address.verify) == (file, True)


def test_a_running_servers_settings_are_read_whatever_is_wrong_with_redis(place: Place) -> None:
    read = load_server(environ={**ON, "REDIS_URL": "nonsense", "REVERB_WORKERS": "3"}, directory=place.directory)
    assert (read.scaling_enabled, read.workers) == (True, 3)


@pytest.mark.parametrize(
    ("environ", "part"),
    [
        ({"REVERB_SCALING_CHANNEL": "{tag}"}, "without braces"),
        ({"REVERB_SCALING_LEASE": "2"}, "greater than or equal to 3"),
        ({"REVERB_SCALING_LEASE": "inf"}, "must be a number"),
        ({"REVERB_SCALING_BUFFER": "0"}, "greater than 0"),
        ({"REVERB_SCALING_ENABLED": "redis"}, "must be true or false"),
        ({"REVERB_SCALING_CLUSTER": "16"}, "must be true or false"),
    ],
)
def test_what_scaling_cannot_work_with_is_refused(place: Place, environ: dict[str, str], part: str) -> None:
    assert part in place.refusal(environ)


def test_a_channel_may_be_named_after_an_application(place: Place) -> None:
    assert place.load({"REVERB_SCALING_CHANNEL": "My App: live"}).settings.scaling_channel == "My App: live"

"""Where settings come from, in which order, how they are read, and what is refused with which line."""

import json
import logging
import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from reverb_py.hub.app import App, ClientEventsFrom, Credential, RateLimit
from reverb_py.settings import SETTINGS, CommandLine, ConfigError, Configuration, Settings, load
from reverb_py.settings.annotated_toml import annotated_toml
from reverb_py.settings.table import APP_LIMITS

REPOSITORY = Path(__file__).resolve().parents[1]
TRIO = {"REVERB_APP_ID": "1", "REVERB_APP_KEY": "key", "REVERB_APP_SECRET": "hunter2"}


class Place:
    """A working directory with the files that a case needs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, name: str, text: str) -> None:
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def load(
        self,
        environ: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        **typed: str | bool,
    ) -> Configuration:
        command_line = CommandLine(options or {}, **typed)  # type: ignore[arg-type]  # as the case says
        return load(command_line, environ=environ or {}, directory=self.directory)

    def app(self, environ: Mapping[str, str]) -> App:
        (app,) = self.load({**TRIO, **environ}).apps
        return app

    def refusal(self, environ: Mapping[str, str] | None = None, options: Mapping[str, str] | None = None) -> str:
        with pytest.raises(ConfigError) as refused:
            self.load(environ, options)
        assert "\n" not in str(refused.value)
        return str(refused.value)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def warnings(configuration: Configuration) -> str:
    return "\n".join(each.text for each in configuration.notices if each.level >= logging.WARNING)


# Precedence.


def test_nothing_set_anywhere_is_the_defaults_and_no_app(place: Place) -> None:
    configuration = place.load()
    assert configuration.settings == Settings()
    assert (len(configuration.apps), configuration.notices, configuration.origins) == (0, (), {})


def test_each_source_beats_the_ones_below(place: Place) -> None:
    place.write("reverb.toml", "port = 1")
    assert place.load().settings.port == 1
    place.write(".env", "REVERB_SERVER_PORT=2")
    assert place.load().settings.port == 2
    assert place.load({"REVERB_SERVER_PORT": "3"}).settings.port == 3
    assert place.load({"REVERB_SERVER_PORT": "3"}, {"port": "4"}).settings.port == 4


def test_sources_come_before_names(place: Place) -> None:
    place.write(".env", "REVERB_SERVER_PORT=1")
    assert place.load({"PORT": "2"}).settings.port == 2
    assert place.load({"PORT": "2", "REVERB_SERVER_PORT": "3"}).settings.port == 3


def test_the_origin_of_a_value_is_known(place: Place) -> None:
    place.write("reverb.toml", 'path = "ws"')
    place.write(".env", "REVERB_DRAIN=1")
    origins = place.load({"PORT": "2"}, {"host": "::1"}).origins
    assert origins == {
        "host": "--host",
        "port": "PORT",
        "drain": "REVERB_DRAIN in .env",
        "path": "path in reverb.toml",
    }


def test_set_to_nothing_says_nothing_and_null_asks_for_the_default(place: Place) -> None:
    place.write(".env", "REVERB_SERVER_PORT=1\nREVERB_DRAIN=3")
    read = place.load({"REVERB_SERVER_PORT": "", "REVERB_DRAIN": "(null)"}).settings
    assert (read.port, read.drain) == (1, 8)


@pytest.mark.parametrize("nothing", ["null", "(null)", "empty", "(Empty)", ""])
def test_an_app_limit_set_to_nothing_is_its_default(place: Place, nothing: str) -> None:
    assert place.app({"REVERB_APP_ACTIVITY_TIMEOUT": nothing}).activity_timeout == 30


def test_an_option_that_is_empty_falls_back_as_artisans_does(place: Place) -> None:
    assert place.load({"PORT": "2"}, {"port": ""}).settings.port == 2


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


# How values are read.


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("REVERB_SERVER_HOST", "*", "host", ""),
        ("REVERB_SERVER_HOST", "::", "host", ""),
        ("REVERB_SERVER_HOST", "[::]", "host", ""),
        ("REVERB_SERVER_HOST", "0.0.0.0", "host", "0.0.0.0"),
        ("REVERB_SERVER_HOST", "[::1]", "host", "[::1]"),
        ("REVERB_SERVER_HOST", "fe80::1%eth0", "host", "fe80::1%eth0"),
        ("REVERB_SERVER_PORT", '"9000"', "port", 9000),
        ("REVERB_SERVER_PORT", "0", "port", 0),
        ("REVERB_SERVER_PATH", "ws", "path", "/ws"),
        ("REVERB_SERVER_PATH", "/ws/", "path", "/ws"),
        ("REVERB_SERVER_PATH", "/", "path", ""),
        ("REVERB_SERVER_PATH", "a/b", "path", "/a/b"),
        ("REVERB_DEBUG", "(true)", "debug", True),
        ("REVERB_DEBUG", "false", "debug", False),
        ("LOG_LEVEL", "Emergency", "log_level", "emergency"),
        ("REVERB_LOG_LEVEL", "notice", "log_level", "notice"),
        ("LOG_FORMAT", "JSON", "log_format", "json"),
        ("REVERB_SCHEME", "https", "public_scheme", "https"),
        ("REVERB_TRUSTED_PROXIES", "10.0.0.0/8, ::1", "trusted_proxies", ("10.0.0.0/8", "::1")),
        ("REVERB_TRUSTED_PROXIES", "*", "trusted_proxies", ("*",)),
        ("REVERB_REQUEST_TIMEOUT", "2.5", "request_timeout", 2.5),
        ("REVERB_SIGNATURE_TOLERANCE", "0", "signature_tolerance", 0),
        ("REVERB_PROFILE", "pusher", "profile", "pusher"),
    ],
)
def test_a_variable_becomes_a_setting(place: Place, variable: str, text: str, field: str, value: object) -> None:
    assert getattr(place.load({variable: text}).settings, field) == value


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


def test_every_row_of_the_table_is_read_from_each_of_its_variables(place: Place) -> None:
    texts = {str: "text", bool: "true", tuple: "127.0.0.1", int: "7", float: "7", ClientEventsFrom: "all"}
    strict = {"tls_cert", "tls_key"}  # both or none, and real files
    for row in SETTINGS:
        if row.default is None or row.name in strict:
            continue
        text = row.about.choices[-1] if row.about.choices else texts[type(row.default)]
        for variable in row.about.variables:
            configuration = place.load({**TRIO, variable: text})
            (app,) = configuration.apps
            if row.scope == "server":
                assert getattr(configuration.settings, row.name) != row.default, variable
            elif row.name.startswith("rate_limit"):
                assert (app.rate_limit is not None) == (row.name == "rate_limiting_enabled")
            elif row.name == "enabled":
                assert app.enabled
            else:
                assert getattr(app, row.name) != row.default, variable


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


def test_origins_written_as_urls_are_reduced_to_hosts_with_a_warning(place: Place) -> None:
    configuration = place.load({**TRIO, "REVERB_ALLOWED_ORIGINS": "https://a.example:3000/x,b.example,*.c.example:80"})
    (app,) = configuration.apps
    assert app.allowed_origins == ("a.example", "b.example", "*.c.example")
    assert "counts as 'a.example'" in warnings(configuration)
    assert "counts as 'b.example'" not in warnings(configuration)


# Apps.


def test_one_app_comes_from_the_three_variables_even_from_two_sources(place: Place) -> None:
    place.write(".env", "REVERB_APP_ID=1\nREVERB_APP_KEY=key\nREVERB_APP_SECRET=in-the-file")
    (app,) = place.load({"REVERB_APP_SECRET": "hunter2"}).apps
    assert (app.id, app.credentials) == ("1", (Credential("key", "hunter2"),))


def test_a_secret_may_stand_in_a_file_of_its_own(place: Place) -> None:
    place.write("secret", "hunter2\n")
    environ = {**TRIO, "REVERB_APP_SECRET_FILE": str(place.directory / "secret")}
    del environ["REVERB_APP_SECRET"]
    (app,) = place.load(environ).apps
    assert app.secrets == ("hunter2",)


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


def test_the_pusher_profile_fills_what_is_not_set(place: Place) -> None:
    app = place.app({"REVERB_PROFILE": "pusher", "REVERB_APP_MAX_BATCH_SIZE": "0"})
    assert (app.max_event_size, app.max_event_channels, app.max_batch_size) == (10_240, 100, 0)
    assert (app.max_client_events, app.max_presence_members, app.max_user_id) == (10, 100, 128)
    assert (app.max_presence_user_size, app.max_channel_name, app.strict_protocol) == (1_024, 164, True)


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


def test_generated_credentials_get_the_limits_that_are_set_for_all(place: Place) -> None:
    app = place.load({"REVERB_APP_MAX_CONNECTIONS": "5"}).app("1", "k", "s")
    assert (app.max_connections, app.credentials) == (5, (Credential("k", "s"),))


def test_no_secret_stands_in_a_repr(place: Place) -> None:
    configuration = place.load({**TRIO, "REVERB_APPS": '[{"id": 2, "key": "b", "secret": "hunter2"}]'})
    assert "hunter2" not in repr(configuration) + repr(list(configuration.apps))


# Refusals.


@pytest.mark.parametrize(
    ("environ", "parts"),
    [
        ({"REVERB_SERVER_PORT": "$PORT"}, ["REVERB_SERVER_PORT", "$PORT", "PORT is read anyway"]),
        ({"REVERB_SERVER_HOST": "${{shared.HOST}}"}, ["REVERB_SERVER_HOST", "${{shared.HOST}}"]),
        ({"REVERB_HOST": "${APP_HOST}"}, ["REVERB_HOST", "${APP_HOST}"]),
        ({**TRIO, "REVERB_APP_SECRET": "${{secret(32)}}"}, ["REVERB_APP_SECRET holds a reference"]),
        ({"REVERB_APP_ACTIVITY_TIMEOUT": "0"}, ["REVERB_APP_ACTIVITY_TIMEOUT", "greater than 0", "pusher-js"]),
        ({"REVERB_APP_ACTIVITY_TIMEOUT": "-1"}, ["greater than 0"]),
        ({"REVERB_APP_ACTIVITY_TIMEOUT": "2.5"}, ["must be a whole number (seconds)"]),
        ({"REVERB_APP_ACTIVITY_TIMEOUT": "true"}, ["must be a number"]),
        ({"REVERB_APP_ACTIVITY_TIMEOUT": "99999999"}, ["less than or equal to 2147483"]),
        ({"REVERB_APP_PING_INTERVAL": "inf"}, ["REVERB_APP_PING_INTERVAL", "must be a number"]),
        ({"REVERB_APP_ID": "1", "REVERB_APP_KEY": "a"}, ["REVERB_APP_SECRET is missing", "REVERB_APP_KEY"]),
        ({"REVERB_APP_SECRET": "hunter2"}, ["REVERB_APP_ID and REVERB_APP_KEY are missing"]),
        ({**TRIO, "REVERB_APP_KEY": "a/b"}, ["REVERB_APP_KEY is 'a/b'", "without spaces, slashes"]),
        ({**TRIO, "REVERB_APP_SECRET_FILE": "/nowhere"}, ["both set"]),
        ({"REVERB_APP_SECRET_FILE": "/nowhere"}, ["REVERB_APP_SECRET_FILE", "cannot read '/nowhere'"]),
        ({"REVERB_SERVER_HOST": "http://0.0.0.0"}, ["REVERB_SERVER_HOST", "leave out the scheme"]),
        ({"REVERB_SERVER_HOST": "a/b"}, ["no slash"]),
        ({"REVERB_SERVER_HOST": "a b"}, ["no space"]),
        ({"REVERB_SERVER_HOST": "0.0.0.0:80"}, ["the port has its own setting"]),
        ({"REVERB_HOST": "https://example.com"}, ["REVERB_HOST", "leave out the scheme"]),
        ({"REVERB_SERVER_PORT": "http"}, ["REVERB_SERVER_PORT is 'http'", "whole number", "8080"]),
        ({"REVERB_SERVER_PORT": "65536"}, ["less than or equal to 65535"]),
        ({"REVERB_SCHEME": "wss"}, ["REVERB_SCHEME", "one of http, https"]),
        ({"REVERB_LOG_LEVEL": "loud"}, ["one of debug, info, notice"]),
        ({"REVERB_APPS": '[{"id": 1,'}, ["REVERB_APPS is not valid JSON", "line 1, column 11"]),
        ({"REVERB_APPS": '{"id": 1}'}, ["REVERB_APPS must be a list of apps"]),
        ({"REVERB_APPS": '[{"key": "a", "secret": "hunter2"}]'}, ["REVERB_APPS number 1 has no id"]),
        ({"REVERB_APPS": '[{"id": 1, "key": "a"}]'}, ["has no secret"]),
        ({"REVERB_APPS": '[{"id": 1, "key": "a", "secret": 77}]'}, ["secret of REVERB_APPS number 1"]),
        ({"REVERB_APPS": '[{"id": 1, "kye": "a"}]'}, ["unknown key 'kye'", "did you mean key?"]),
        (
            {"REVERB_APPS": '[{"id": 1, "key": "a", "secret": "s", "more_credentials": [{"key": "b"}]}]'},
            ["more_credentials of REVERB_APPS number 1 (0, secret)"],
        ),
        (
            {"REVERB_APPS": '[{"id": 1, "key": "a", "secret": "s"}, {"id": "1", "key": "b", "secret": "s"}]'},
            ["two apps of REVERB_APPS have the id '1'"],
        ),
        (
            {"REVERB_APPS": '[{"id": 1, "key": "a", "secret": "s"}, {"id": 2, "key": "a", "secret": "s"}]'},
            ["two apps have the key 'a'"],
        ),
        ({"REVERB_TLS_CERT": "cert.pem"}, ["REVERB_TLS_CERT is set and REVERB_TLS_KEY is not"]),
        ({"REVERB_TLS_KEY": "key.pem"}, ["REVERB_TLS_KEY is set and REVERB_TLS_CERT is not"]),
        ({"REVERB_TLS_CERT": "/no.pem", "REVERB_TLS_KEY": "/no.key"}, ["/no.pem", "No such file"]),
        ({"REVERB_TRUSTED_PROXIES": "10.0.0.0/8,nginx"}, ["'nginx' is none"]),
        ({"REVERB_ALLOWED_ORIGINS": "https://"}, ["REVERB_ALLOWED_ORIGINS", "must be hosts"]),
        ({"REVERB_CONFIG": "nowhere.toml"}, ["nowhere.toml", "REVERB_CONFIG"]),
        ({"REVERB_ENV_FILE": "nowhere.env"}, ["nowhere.env", "REVERB_ENV_FILE"]),
    ],
)
def test_what_cannot_work_is_refused_in_one_line_without_secrets(
    place: Place, environ: dict[str, str], parts: list[str]
) -> None:
    line = place.refusal(environ)
    assert [part for part in parts if part not in line] == [], line
    assert "hunter2" not in line


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


# Warnings.


@pytest.mark.parametrize(
    ("environ", "part"),
    [
        ({"REVERB_APP_SECERT": "x"}, "REVERB_APP_SECERT is no setting, and ignored; did you mean REVERB_APP_SECRET?"),
        ({"REVERB_SCALING_ENABLED": "true"}, "one node runs"),
        ({"WEB_CONCURRENCY": "4"}, "WEB_CONCURRENCY is '4', and ignored"),
        ({"REVERB_APP_ACCEPT_CLIENT_EVENTS_FROM": "all"}, "channels that they have not joined"),
        ({"REVERB_APP_ACCEPT_CLIENT_EVENTS_FROM": "nobody"}, "switches client events off"),
        ({"LOG_LEVEL": "trace"}, "LOG_LEVEL is 'trace'"),
        ({"PORT": "1", "REVERB_SERVER_PORT": "2"}, "PORT is '1', but the server listens on 2"),
        ({**TRIO, "REVERB_APP_SECRET": "hunter2\n"}, "REVERB_APP_SECRET begins or ends with white space"),
        ({"REVERB_PORT": "tcp://10.0.0.1:8080"}, "service link"),
    ],
)
def test_what_works_otherwise_than_it_looks_is_warned_about_once(
    place: Place, environ: dict[str, str], part: str
) -> None:
    told = warnings(place.load(environ))
    assert told.count(part) == 1, told
    assert "hunter2" not in told


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


# Platforms.


def test_railway_widens_ipv4_trusts_its_edge_and_gives_its_draining_time(place: Place) -> None:
    railway = {"RAILWAY_ENVIRONMENT_ID": "x", "RAILWAY_DEPLOYMENT_DRAINING_SECONDS": "20"}
    configuration = place.load({**railway, "REVERB_SERVER_HOST": "0.0.0.0"})
    read = configuration.settings
    assert (read.host, read.trusted_proxies, read.drain) == ("", ("*",), 18)
    assert "0.0.0.0" in configuration.notices[0].text
    assert configuration.platform.managed
    own = place.load({**railway, "REVERB_DRAIN": "1", "REVERB_TRUSTED_PROXIES": "10.0.0.1"}).settings
    assert (own.trusted_proxies, own.drain) == (("10.0.0.1",), 1)
    assert place.load({"RAILWAY_DEPLOYMENT_DRAINING_SECONDS": "1"}).settings.drain == 0


def test_elsewhere_ipv4_stays_ipv4(place: Place) -> None:
    configuration = place.load({"REVERB_SERVER_HOST": "0.0.0.0", "KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    assert configuration.settings.host == "0.0.0.0"
    assert configuration.platform.managed


# The table.


def test_the_models_have_every_field_of_an_app_with_its_default() -> None:
    elsewhere = {"id", "credentials", "rate_limit"}
    ours = {row.name: row.default for row in APP_LIMITS if not row.name.startswith("rate_limit")}
    theirs = {field.name: field.default for field in fields(App) if field.name not in elsewhere}
    assert MISSING not in theirs.values()
    assert ours == theirs
    rate = {row.name: row.default for row in APP_LIMITS if row.name.startswith("rate_limit_")}
    assert RateLimit(*rate.values()) == RateLimit()  # type: ignore[arg-type]  # in the table's order


def test_every_setting_says_what_it_is_for_in_one_line_and_has_a_reverb_variable() -> None:
    for row in SETTINGS:
        assert row.about.text.endswith(".")
        assert row.about.variables[0].startswith("REVERB_"), row.name
    variables = [name for row in SETTINGS for name in row.about.variables]
    assert len(variables) == len(set(variables))


def test_the_annotated_file_of_the_repository_is_the_generated_one() -> None:
    written = (REPOSITORY / "config" / "reverb.toml").read_text(encoding="utf-8")
    assert written == annotated_toml(), "write it anew: reverb-py config > config/reverb.toml"
    assert tomllib.loads(written) == {}


def test_the_annotated_file_shows_the_defaults(place: Place) -> None:
    """Every commented line, made real, gives a configuration that is the default one, with one app."""
    lines = [line.removeprefix("# ") for line in annotated_toml().splitlines()]
    text = "\n".join(line for line in lines if re.match(r"\w+ = |\[+\w+\]+$", line))
    place.write("reverb.toml", text.replace(' = "a long random text"', ' = "s"'))
    configuration = place.load()
    assert configuration.settings == Settings()
    (app,) = configuration.apps
    assert app == App("912345", (Credential("my-app-key", "s"), Credential("old-key", "old secret")))


def test_a_certificate_with_its_key_is_accepted(place: Place, tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    settings = place.load({"REVERB_TLS_CERT": str(cert), "REVERB_TLS_KEY": str(key)}).settings
    assert (settings.tls_cert, settings.tls_key) == (str(cert), str(key))
    assert str(cert) in place.refusal({"REVERB_TLS_CERT": str(cert), "REVERB_TLS_KEY": str(cert)})


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """A self-signed pair for localhost."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(private, hashes.SHA256())
    )
    cert, key = directory / "cert.pem", directory / "key.pem"
    cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    key.write_bytes(private.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return cert, key


def test_the_conformance_apps_are_valid(place: Place) -> None:
    assert len(place.load(config=str(REPOSITORY / "tests" / "conformance" / "reverb.toml")).apps) >= 16

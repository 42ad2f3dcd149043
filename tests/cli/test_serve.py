"""`reverb-py serve`: from what was typed and set to a running server, or to one line and exit code 2."""

import asyncio
import json
import logging
import os
import re
import signal
import sys
from pathlib import Path

import httpx
import pytest

from reverb_py.conformance.expect import eventually, handshake_refused
from reverb_py.conformance.target import Target, TargetApp
from reverb_py.conformance.verify import Deviation
from reverb_py.conformance.wire import client_frame
from reverb_py.settings import ConfigError
from tests.cli.conftest import Command
from tests.cli.served import Served
from tests.cli.terminal import Terminal
from tests.conformance.fixture import CERTIFICATE, launch
from tests.server_process import KEPT, REPOSITORY, ServerProcess, free_port

SECRET = "hunter2-the-marked-secret"
TRIO = {"REVERB_APP_ID": "1", "REVERB_APP_KEY": "key", "REVERB_APP_SECRET": SECRET}
GENERATED = Path(".reverb") / "credentials.json"


# From what was typed and set.


def test_command_line_then_environment_then_env_file_then_toml(command: Command, served: Served, place: Path) -> None:
    place.joinpath("reverb.toml").write_text("port = 1\n")
    assert command("serve", env=TRIO).exit_code == 0
    assert served.settings.port == 1
    place.joinpath(".env").write_text("REVERB_SERVER_PORT=2\n")
    command("serve", env=TRIO)
    assert served.settings.port == 2
    command("serve", env={**TRIO, "REVERB_SERVER_PORT": "3"})
    assert served.settings.port == 3
    command("serve", "--port", "4", env={**TRIO, "REVERB_SERVER_PORT": "3"})
    assert served.settings.port == 4


@pytest.mark.parametrize(
    ("option", "value", "name", "read"),
    [
        ("--host", "::1", "host", "::1"),
        ("--port", "7", "port", 7),
        ("--path", "ws", "path", "/ws"),
        ("--hostname", "ws.example.com", "hostname", "ws.example.com"),
        ("--log-format", "text", "log_format", "text"),
        ("--log-level", "warning", "log_level", "warning"),
        ("--trusted-proxies", "10.0.0.1,10.0.0.2", "trusted_proxies", ("10.0.0.1", "10.0.0.2")),
        ("--max-request-size", "5", "max_request_size", 5),
        ("--max-connections", "5", "max_connections", 5),
        ("--drain", "1.5", "drain", 1.5),
        ("--profile", "pusher", "profile", "pusher"),
    ],
)
def test_an_option_sets_its_setting(
    command: Command, served: Served, option: str, value: str, name: str, read: object
) -> None:
    assert command("serve", option, value, env=TRIO).exit_code == 0
    assert getattr(served.settings, name) == read


def test_options_of_apps_are_for_every_app(command: Command, served: Served) -> None:
    command("serve", "--allowed-origins", "a.example,b.example", env=TRIO)
    assert [app.allowed_origins for app in served.apps] == [("a.example", "b.example")]


def test_certificate_and_debug_are_options_too(command: Command, served: Served) -> None:
    cert, key = CERTIFICATE["REVERB_TLS_CERT"], CERTIFICATE["REVERB_TLS_KEY"]
    command("serve", "--tls-cert", cert, "--tls-key", key, "--debug", env=TRIO)
    assert (served.settings.tls_cert, served.settings.tls_key, served.settings.debug) == (cert, key, True)


@pytest.mark.parametrize("name", ["serve", "start", "reverb:start"])
def test_artisans_names_start_it_too(command: Command, served: Served, name: str) -> None:
    assert command(name, "--host=0.0.0.0", "--port=7", "--path=", "--hostname=x", "--debug", env=TRIO).exit_code == 0
    assert (served.settings.host, served.settings.port, served.settings.debug) == ("0.0.0.0", 7, True)


@pytest.mark.parametrize(
    ("arguments", "env", "host"),
    [
        (["--ipv4-only"], {}, "0.0.0.0"),
        (["--ipv4-only"], {"RAILWAY_ENVIRONMENT_ID": "x", "REVERB_SERVER_HOST": "0.0.0.0"}, "0.0.0.0"),
        ([], {"RAILWAY_ENVIRONMENT_ID": "x", "REVERB_IPV4_ONLY": "true"}, "0.0.0.0"),
        (["--ipv4-only", "--dev"], {}, "127.0.0.1"),
    ],
)
def test_ipv4_alone_is_an_option(
    command: Command, served: Served, arguments: list[str], env: dict[str, str], host: str
) -> None:
    assert command("serve", *arguments, env={**TRIO, **env}).exit_code == 0
    assert served.settings.host == host


def test_the_server_knows_where_its_address_was_set(command: Command, served: Served, place: Path) -> None:
    place.joinpath(".env").write_text("REVERB_SERVER_HOST=127.0.0.1\n")
    command("serve", "--port", "7", env=TRIO)
    assert served.origins == {"host": "REVERB_SERVER_HOST in .env", "port": "--port"}


def test_files_may_be_named_or_left_alone(command: Command, served: Served, place: Path) -> None:
    place.joinpath(".env").write_text("PORT=1\n")
    place.joinpath("other.env").write_text("PORT=2\n")
    place.joinpath("other.toml").write_text("port = 3\n")
    for arguments, port in ((["--env-file", "other.env"], 2), (["--no-env-file", "--config", "other.toml"], 3)):
        command("serve", *arguments, env=TRIO)
        assert served.settings.port == port


def test_the_servers_exit_code_is_the_commands(command: Command, served: Served) -> None:
    served.exit_code = 1
    assert command("serve", env=TRIO).exit_code == 1


def test_a_reload_reads_the_files_again_and_says_what_is_wrong_with_them(
    command: Command, served: Served, place: Path
) -> None:
    lines = "\n".join(f"{name}={value}" for name, value in TRIO.items())
    place.joinpath(".env").write_text(lines)
    command("serve")
    place.joinpath(".env").write_text(lines.replace(SECRET, "new"))
    assert [app.secrets for app in served.read_apps()] == [("new",)]
    place.joinpath(".env").write_text(lines.replace("=key", "=a b"))
    with pytest.raises(ConfigError):
        served.read_apps()


def test_a_reload_tells_what_is_new_to_be_told_once(
    command: Command, served: Served, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place.joinpath(".env").write_text("REVERB_OLD_MISTAKE=1\n")
    command("serve", env=TRIO)
    logging.getLogger().addHandler(caplog.handler)
    place.joinpath(".env").write_text("REVERB_OLD_MISTAKE=1\nREVERB_NEW_MISTAKE=1\n")
    for told in (["REVERB_NEW_MISTAKE is no setting, and ignored"], []):
        caplog.clear()
        served.read_apps()
        assert caplog.messages == told


def test_on_railway_every_line_for_machines_says_which_replica_wrote_it() -> None:
    railway = {"RAILWAY_REPLICA_ID": "r", "RAILWAY_DEPLOYMENT_ID": "d", "RAILWAY_DEPLOYMENT_DRAINING_SECONDS": "2"}
    with ServerProcess(env={**TRIO, **railway}) as process:
        process.wait_until_ready()
        lines = [json.loads(line) for line in process.output.splitlines()]
    assert {(line["replica_id"], line["deployment_id"]) for line in lines} == {("r", "d")}


@pytest.mark.parametrize(("colour", "coloured"), [("1", True), ("0", False)])
def test_colour_may_be_asked_for_without_a_terminal(colour: str, coloured: bool) -> None:
    with ServerProcess("--log-format", "text", env={**TRIO, "REVERB_TYPO": "x", "FORCE_COLOR": colour}) as process:
        process.wait_until_ready()
        assert ("\x1b[33mWARNING\x1b[0m REVERB_TYPO" in process.output) is coloured


# Credentials that nobody has set.


def test_without_credentials_and_terminal_it_is_one_line_and_exit_code_2(command: Command, served: Served) -> None:
    result = command("serve")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    for word in ("REVERB_APP_ID", "REVERB_APP_KEY", "REVERB_APP_SECRET", "REVERB_APPS", "serve --dev"):
        assert word in result.stderr
    assert not GENERATED.exists()


def test_for_development_they_are_made_once_and_kept(command: Command, served: Served) -> None:
    result = command("serve", "--dev")
    assert (result.exit_code, served.settings.host) == (0, "localhost")
    kept = json.loads(GENERATED.read_text())
    assert served.secrets == [kept["secret"]]
    assert kept["secret"] not in result.output
    command("serve", "--dev")
    assert served.secrets == [kept["secret"]]
    assert served.read_apps() is served.apps


def test_for_development_what_is_set_is_used(command: Command, served: Served) -> None:
    command("serve", "--dev", "--host", "0.0.0.0", env=TRIO)
    assert (served.settings.host, served.secrets, GENERATED.exists()) == ("0.0.0.0", [SECRET], False)


@pytest.mark.parametrize("platform", ["RAILWAY_ENVIRONMENT_ID", "RAILWAY_ANYTHING", "KUBERNETES_SERVICE_HOST"])
@pytest.mark.parametrize("arguments", [(), ("--dev",)])
def test_on_a_platform_none_are_made(
    command: Command, served: Served, platform: str, arguments: tuple[str, ...]
) -> None:
    result = command("serve", *arguments, env={platform: "x"})
    assert (result.exit_code, "On a platform" in result.stderr, GENERATED.exists()) == (2, True, False)


def test_on_a_terminal_they_are_made_and_shown_to_be_pasted(place: Path) -> None:
    port = free_port()
    with Terminal(place, "serve", "--host", "127.0.0.1", "--port", str(port)) as terminal:
        shown = terminal.read_until("Flutter")
        kept = json.loads(place.joinpath(GENERATED).read_text())
        for line in (
            "BROADCAST_CONNECTION=reverb",
            f"REVERB_APP_ID={kept['id']}",
            f"REVERB_APP_KEY={kept['key']}",
            f"REVERB_APP_SECRET={kept['secret']}",
            "REVERB_HOST=127.0.0.1",
            f"REVERB_PORT={port}",
            "REVERB_SCHEME=http",
        ):
            assert f"\n  {line}\n" in shown
        terminal.interrupt()
        assert terminal.ended() == 0
    files = [place / GENERATED.parent, place / GENERATED]
    assert [each.stat().st_mode & 0o777 for each in files] == [0o700, 0o600]


@pytest.mark.parametrize("arguments", [(), ("--dev",)])
def test_on_a_terminal_of_a_platform_none_are_made(place: Path, arguments: tuple[str, ...]) -> None:
    with Terminal(place, "serve", *arguments, env={"RAILWAY_PROJECT_ID": "x"}) as terminal:
        assert terminal.ended() == 2
        assert terminal.shown.startswith("reverb-py: no app has credentials: ")
        assert not place.joinpath(GENERATED).exists()


# What it says.


async def test_the_healthy_lines_are_the_ones_that_people_look_for() -> None:
    for log_format in ("text", "json"):
        async with launch("--log-format", log_format, env={"REVERB_DRAIN": "0"}) as process:
            async with process.target.client() as client:
                await client.subscribed("private-customer.100.driver-location")
                expected = [
                    f"Starting server on 127.0.0.1:{process.port}...",
                    f"New connection: socket_id={client.socket_id}",
                    "Channel subscribed: private-customer.100.driver-location",
                ]
            process.terminate()
            assert await process.exit_code() == 0
            lines = process.output.splitlines()
        if log_format == "json":
            shown = [json.loads(line)["message"] for line in lines]
        else:
            shown = [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", "", line) for line in lines]
        assert [line for line in shown if line in expected] == expected
        assert re.fullmatch(r"\d{1,10}\.\d{1,10}", client.socket_id)


def test_without_a_terminal_every_line_is_json_on_stdout() -> None:
    with ServerProcess(env={**TRIO, "REVERB_TYPO": "x", "REVERB_DRAIN": "0"}) as process:
        process.wait_until_ready()
        httpx.get(f"http://127.0.0.1:{process.port}/nowhere", trust_env=False)
        process.terminate()
        assert process.wait() == 0
        lines = [json.loads(line) for line in process.output.splitlines()]
    assert {line["level"] for line in lines} == {"info", "warning"}
    assert all(line["message"] and line["ts"].endswith("Z") for line in lines)
    assert any("REVERB_TYPO is no setting" in line["message"] for line in lines)
    assert any(line.get("status") == 404 for line in lines)


# What it never says.


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("REVERB_APPS", f'[{{"id": "1", "key": "key", "secret": "{SECRET}"'),
        ("REVERB_APPS", f'[{{"id": "1", "key": "key", "secret": ["{SECRET}"]}}]'),
        ("REVERB_APPS", f'[{{"id": "1", "key": "a b", "secret": "{SECRET}"}}]'),
        ("REVERB_APPS", f'[{{"id": "1", "key": "key", "secrets": "{SECRET}"}}]'),
        ("REVERB_APPS", f'[{{"id": "1", "secret": "{SECRET}"}}]'),
        ("REVERB_APPS", f'{{"secret": "{SECRET}"}}'),
        ("REVERB_APP_SECRET", SECRET),
        ("REDIS_URL", f"redis://:{SECRET}@redis:port"),
        ("REDIS_HOST", f"tls://:{SECRET}#@redis"),
        ("reverb.toml", f'[[apps]]\nid = "1"\nkey = "key"\nsecret = "{SECRET}'),
        ("reverb.toml", f'[[apps]]\nid = "1"\nkey = "key"\nsecrt = "{SECRET}"'),
        ("reverb.toml", f'[[apps]]\nid = "1"\nkey = "key"\nsecret = ["{SECRET}"]'),
        (
            "reverb.toml",
            f'[[apps]]\nid = "1"\nkey = "key"\nsecret = "x"\nmore_credentials = [{{ secret = "{SECRET}" }}]',
        ),
        ("reverb.toml", f'[[apps]]\nid = "1"\nkey = "key"\nsecret = "x"\nmore_credentials = "{SECRET}"'),
        (".env", f'REVERB_APP_SECRET="{SECRET}'),
        (".env", f"REVERB_APP_SECRET={SECRET} {SECRET}"),
        (".env", f"REVERB_APP_ID=1\nREVERB_APP_KEY=key\nREVERB_APP_SECRET=${{{SECRET.replace('-', '_')}}}"),
    ],
)
def test_a_wrong_configuration_is_one_line_without_any_secret(
    command: Command, served: Served, place: Path, name: str, text: str
) -> None:
    env = {}
    if name.startswith("REDIS_"):
        env = {**TRIO, "REVERB_APP_SECRET": "another", "REVERB_SCALING_ENABLED": "true", name: text}
    elif name.startswith("REVERB_"):
        env[name] = text
    else:
        place.joinpath(name).write_text(text)
    result = command("serve", env=env)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith("reverb-py: ")
    assert not re.search(SECRET.replace("-", "[-_]"), result.output)


async def refused_over_http(target: Target) -> list[str]:
    """What the server answers to every kind of request that it refuses."""
    body = b'{"name":"ev","channel":"news","data":"{}"}'
    answers = [
        await target.http("GET", "/nowhere"),
        await target.http("GET", "/apps/1/channels"),
        await target.http("GET", "/apps/2/channels"),
        await target.get("/events"),
        await target.post("/events", body, secret="another"),
        await target.post("/events", body, key="another"),
        await target.post("/events", body, timestamp=1),
        await target.post("/events", body, body_md5="0" * 32),
        await target.post("/events", body[:-1]),
        await target.post("/events", {"name": "pusher:ev", "channel": "news", "data": "{}"}),
        await target.post("/events", b"x" * 3_000),
    ]
    raw = [
        await target.raw(data, 0.1)
        for data in (b"\x16\x03\x01", b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000, b"CONNECT x:1 HTTP/1.1\r\n\r\n")
    ]
    return [*(answer.text for answer in answers), *map(repr, raw)]


async def refused_over_websockets(target: Target) -> list[str]:
    """What the server says to every kind of client that it refuses."""
    heard = [await handshake_refused(target, 4001, path="/app/nobodys")]
    heard += [await handshake_refused(target, 4005, path="/nowhere")]
    heard += [await handshake_refused(target, 4007, query="protocol=3")]
    async with target.client() as client:
        await client.subscribed("private-news")
        for message in (
            {"event": "pusher:subscribe", "data": {"channel": "private-a", "auth": "key:wrong"}},
            {"event": "pusher:subscribe", "data": {"channel": "presence-a", "auth": client.sign("presence-a")}},
            {"event": "pusher:subscribe", "data": {"channel": "a b"}},
            {"event": "pusher:signin", "data": {"auth": client.sign("x"), "user_data": "{}"}},
            {"event": "client-ev", "channel": "news", "data": {}},
            "{{{",
        ):
            await client.send(message)
        await client.ping()
        await client.send_bytes(client_frame(b"\xff"))
        heard.append((await client.closed())[1])
        return [*heard, *map(repr, client.unread()), client.sign("private-news")]


async def test_no_secret_is_ever_said_whatever_is_refused(place: Path) -> None:
    out, err = place / "out", place / "err"
    port = free_port()
    arguments = [sys.executable, "-m", "reverb_py", "serve", "--debug", "--port", str(port)]
    env = {name: os.environ[name] for name in KEPT if name in os.environ} | TRIO
    env |= {"PYTHONPATH": str(REPOSITORY), "REVERB_MAX_REQUEST_SIZE": "2000", "REVERB_DRAIN": "0"}
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(*arguments, cwd=place, env=env, stdout=stdout, stderr=stderr)
    target = Target(f"ws://127.0.0.1:{port}", {"MAIN": TargetApp("1", "key", SECRET)})
    try:
        await eventually(lambda: is_up(target), "the server should be up", 20)
        heard = await refused_over_http(target)
        *more, signature = await refused_over_websockets(target)
        place.joinpath("reverb.toml").write_text(f'secret = "{SECRET}')
        process.send_signal(signal.SIGHUP)
        await eventually(lambda: is_in(out, "Nothing was reloaded"), "the reload should be told")
        processes = text_of(Path(f"/proc/{process.pid}/cmdline"))
    finally:
        await target.aclose()
        process.terminate()
        assert await process.wait() == 0
    logged = text_of(out)
    assert text_of(err) == ""
    assert logged.count("Request refused") >= len(heard) - 1
    assert logged.count("Handshake refused") == 3
    for text in (logged, processes, *heard, *more):
        assert SECRET not in text
    assert signature.partition(":")[2] not in logged
    assert "secret sha256:" in logged


async def is_up(target: Target) -> bool:
    try:
        return (await target.http("GET", "/up")).status_code == 200
    except Deviation:
        return False


async def is_in(file: Path, text: str) -> bool:
    return text in text_of(file)


def text_of(file: Path) -> str:
    return file.read_text() if file.exists() else ""

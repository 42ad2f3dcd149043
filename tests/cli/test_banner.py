"""What is shown once the server listens: lines that can be pasted as they stand, and no secret that somebody chose."""

import re

import pytest

from reverb_py.cli.banner import SHOWN_APPS, Banner, fingerprint
from reverb_py.cli.paste import Endpoint
from reverb_py.cluster.redis.address import RedisAddress
from reverb_py.hub.app import App, Apps, ClientEventsFrom, Credential
from reverb_py.laravel_env import parse
from reverb_py.settings import Platform, Settings

APP = App("1", (Credential("key", "hunter2"), Credential("old", "hunter1")))
HERE = [("0.0.0.0", 8080), ("::", 8080)]
FILE = ".reverb/credentials.json"


def banner(
    *apps: App,
    addresses: list[tuple[str, int]] | None = None,
    platform: Platform | None = None,
    generated: bool = False,
    shown: bool = False,
    **settings: object,
) -> Banner:
    """Of a server with these apps (APP, if none); `shown` is for a person, who may see what was generated."""
    return Banner(
        Settings(**settings),  # type: ignore[arg-type]  # as the case says
        Apps(apps or [APP]),
        addresses or HERE,
        platform or Platform(),
        FILE if generated else "",
        shown,
    )


def block(text: str, title: str) -> list[str]:
    """The lines below a title."""
    _, _, rest = text.partition(f"{title}:\n")
    return [line.strip() for line in rest.split("\n\n")[0].splitlines()]


# Secrets.


@pytest.mark.parametrize("generated", [True, False])
def test_a_secret_is_shown_only_when_it_was_made_here_and_a_person_looks(generated: bool) -> None:
    for shown in (True, False):
        found = banner(generated=generated, shown=shown)
        assert ("hunter2" in found.text()) is shown
        assert "hunter2" not in "\n".join(found.lines())
        assert "hunter1" not in found.text()


def test_operators_compare_fingerprints() -> None:
    assert fingerprint("hunter2") == fingerprint("hunter2") != fingerprint("hunter3")
    assert re.fullmatch("sha256:[0-9a-f]{8}", fingerprint("hunter2"))
    assert fingerprint("hunter2") != "sha256:f52fbd32"  # of the bare secret, which may be found in a list
    assert f"secret {fingerprint('hunter2')}" in banner().text()
    assert any(f"secret {fingerprint('hunter2')}" in line for line in banner().lines())


def test_a_secret_that_is_not_unicode_has_a_fingerprint() -> None:
    assert fingerprint("\udcff") != fingerprint("\udcfe")


# Lines to paste.


@pytest.mark.parametrize("secret", ["hunter2", "a b", "a#b", 'a"b', "a$b", "a\\b", "${A}", "'", "é", "x=y"])
def test_laravel_reads_back_what_is_pasted(secret: str) -> None:
    app = App("1", (Credential("key", secret),))
    lines = block(banner(app, generated=True, shown=True).text(), "Laravel, .env (on this machine)")
    read = parse("\n".join(lines))
    assert read.problems == ()
    assert read.values == {
        "BROADCAST_CONNECTION": "reverb",
        "REVERB_APP_ID": "1",
        "REVERB_APP_KEY": "key",
        "REVERB_APP_SECRET": secret,
        "REVERB_HOST": "127.0.0.1",
        "REVERB_PORT": "8080",
        "REVERB_SCHEME": "http",
    }


def test_where_a_secret_is_not_shown_stands_where_it_is() -> None:
    assert f"it is in {FILE}" in banner(generated=True).text()
    assert "the one that this server has" in banner().text()


def test_a_prefix_is_pasted_too() -> None:
    found = banner(path="/ws")
    text = found.text()
    assert "REVERB_SERVER_PATH=/ws" in block(text, "Laravel, .env (on this machine)")
    assert 'wsPath: "/ws"' in text
    assert "Uri.parse('ws://127.0.0.1:8080/ws/app/key?protocol=7')" in text
    assert found.lines()[-1] == "Clients: ws://127.0.0.1:8080/ws/app/key"


def test_javascript_gets_both_ports_and_only_websockets() -> None:
    echo, pusher = block(banner().text(), "JavaScript")
    options = 'wsHost: "127.0.0.1", wsPort: 8080, wssPort: 8080, forceTLS: false, enabledTransports: ["ws", "wss"]'
    assert echo == f'new Echo({{ broadcaster: "reverb", key: "key", {options} }})'
    assert pusher == f'new Pusher("key", {{ cluster: "", {options} }})'


def test_flutter_gets_a_key_that_dart_reads_as_it_is() -> None:
    app = App("1", (Credential("k$e'y\\", "hunter2"),))
    line, hint = block(banner(app).text(), "Flutter (dart_pusher_channels)")
    assert line == r"PusherChannelsOptions.fromHost(scheme: 'ws', host: '127.0.0.1', key: 'k\$e\'y\\', port: 8080)"
    assert "10.0.2.2" in hint


# Addresses.


RAILWAY = Platform(railway=True, private_domain="reverb.railway.internal", public_domain="x.up.railway.app")


@pytest.mark.parametrize(
    ("platform", "settings", "addresses", "endpoints"),
    [
        (Platform(), {}, HERE, [("on this machine", "http", "127.0.0.1", 8080)]),
        (Platform(), {}, [("::", 1)], [("on this machine", "http", "::1", 1)]),
        (Platform(), {}, [("192.0.2.1", 1)], [("on this machine", "http", "192.0.2.1", 1)]),
        (Platform(), {"hostname": "localhost"}, HERE, [("on this machine", "http", "127.0.0.1", 8080)]),
        (
            Platform(),
            {"hostname": "ws.example.com", "public_port": 443},
            HERE,
            [("on this machine", "http", "127.0.0.1", 8080), ("anywhere", "https", "ws.example.com", 443)],
        ),
        (
            Platform(),
            {"hostname": "ws.example.com", "public_scheme": "https"},
            HERE,
            [("on this machine", "http", "127.0.0.1", 8080), ("anywhere", "https", "ws.example.com", 8080)],
        ),
        (
            RAILWAY,
            {},
            HERE,
            [
                ("same Railway project", "http", "reverb.railway.internal", 8080),
                ("anywhere", "https", "x.up.railway.app", 443),
            ],
        ),
        (Platform(kubernetes=True), {}, HERE, [("replace the host", "http", "<host of this server>", 8080)]),
    ],
)
def test_each_address_is_the_one_that_somebody_else_must_write(
    platform: Platform,
    settings: dict[str, object],
    addresses: list[tuple[str, int]],
    endpoints: list[tuple[str, str, str, int]],
) -> None:
    found = Banner(Settings(**settings), Apps([APP]), addresses, platform)  # type: ignore[arg-type]  # as the case says
    assert [(each.title, each.scheme, each.host, each.port) for each in found.endpoints()] == endpoints
    title, _, host, port = endpoints[-1]
    assert f"Laravel, .env ({title}):" in found.text()
    assert any(f"REVERB_HOST={host} REVERB_PORT={port}" in line for line in found.lines())


def test_with_a_certificate_everything_is_tls() -> None:
    found = banner(tls_cert="cert.pem", tls_key="key.pem")
    assert found.urls() == ["https://0.0.0.0:8080", "https://[::]:8080"]
    assert "forceTLS: true" in found.text()
    assert found.lines()[-1] == "Clients: wss://127.0.0.1:8080/app/key"


def test_an_ipv6_address_stands_in_brackets_where_a_port_follows() -> None:
    endpoint = Endpoint("x", "http", "::1", 1)
    assert (endpoint.websocket, endpoint.variables.split()[0]) == ("ws://[::1]:1", "REVERB_HOST=::1")


# Apps.


def test_every_app_is_a_line_and_many_are_counted() -> None:
    apps = [App(str(number), (Credential(f"key{number}", "hunter2"),)) for number in range(SHOWN_APPS + 5)]
    lines = banner(*apps).app_lines()
    assert [line.split()[1] for line in lines[:-1]] == [str(number) for number in range(SHOWN_APPS)]
    assert lines[-1] == "and 5 more apps"
    assert len(banner(*apps[:SHOWN_APPS]).app_lines()) == SHOWN_APPS


def test_what_keeps_clients_out_is_said() -> None:
    app = App(
        "1",
        (Credential("key", "hunter2"),),
        enabled=False,
        allowed_origins=("a.example", "b.example"),
        accept_client_events_from=ClientEventsFrom.NONE,
    )
    (line,) = banner(app).app_lines()
    assert "origins a.example, b.example" in line
    assert line.endswith("client events: none   disabled")


# Who else it works with.


@pytest.mark.parametrize(("workers", "told"), [(1, "channel live"), (4, "channel live; 4 workers")])
def test_what_is_shared_and_over_what_is_told_without_the_login(workers: int, told: str) -> None:
    redis = RedisAddress.parse("redis://me:hunter2@redis")
    found = banner(scaling_enabled=True, scaling_channel="live", redis_address=redis, workers=workers)
    line = f"Shares events over redis://redis:6379/0 ({told})"
    assert line in found.lines()
    assert f"\n{line}\n" in found.text()
    assert "hunter2" not in found.text()


def test_a_server_that_is_alone_says_nothing_of_it() -> None:
    assert "Shares events" not in banner().text() + "".join(banner().lines())

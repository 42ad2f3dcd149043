"""`reverb-py listen`: what comes, decoded once; what is waited for; what is lost and comes back."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from reverb_py.cli.describing import encoded_times, how_to_bind
from reverb_py.client.api import Api
from tests.cli.background import Background
from tests.cli.conftest import Command, address
from tests.cli.other_server import answering
from tests.client.serving import APP, ENV
from tests.server_process import ServerProcess, free_port

Listen = Callable[..., Background]
PRIVATE = "private-customer.100.driver-location"


@pytest.fixture
def listen(place: Path, url: str) -> Iterator[Listen]:
    """Start `listen` for the running server, and wait until it has subscribed to that many channels."""
    with ExitStack() as stack:

        def start(*arguments: str, until: str = "subscribed to", env: dict[str, str] | None = None) -> Background:
            environment = {**ENV, **address(url), **(env or {})}
            listener = stack.enter_context(Background(place, "listen", *arguments, env=environment))
            listener.hear(until)
            return listener

        yield start


@pytest.fixture
def publish(url: str) -> Callable[..., None]:
    def send(channel: str, event: str, data: str = "{}") -> None:
        with Api(url, APP) as api:
            assert api.post("/events", {"name": event, "channels": [channel], "data": data}).status == 200

    return send


Publish = Callable[..., None]


def test_the_event_that_is_expected_ends_it_with_0(listen: Listen, publish: Publish) -> None:
    listener = listen(PRIVATE, "--expect", "ticket.assigned", "--timeout", "30s")
    publish(PRIVATE, "other")
    publish(PRIVATE, "ticket.assigned", '{"ticket_id":1,"name":"ü"}')
    assert listener.ended() == 0
    first, second = listener.out.splitlines()
    assert first.split("  ")[1:] == ["other", PRIVATE, "{}"]
    assert second.split("  ")[1:] == ["ticket.assigned", PRIVATE, '{"ticket_id": 1, "name": "ü"}']
    assert listener.err.splitlines()[0].startswith("connected as ")
    assert listener.err.splitlines()[1] == f"subscribed to {PRIVATE}"
    assert APP.secret not in listener.out + listener.err


def test_what_does_not_come_in_time_ends_it_with_1(listen: Listen) -> None:
    listener = listen("room", "--expect", "ticket.assigned", "--timeout", "200ms")
    assert listener.ended() == 1
    assert listener.out == ""
    assert listener.err.endswith("no ticket.assigned within 0.2 s\n")


def test_json_is_one_object_for_each_event_and_the_glob_chooses(listen: Listen, publish: Publish) -> None:
    listener = listen("room", "--event", "ticket.*", "--count", "2", "--json")
    for event in ("ticket.a", "driver.b", "ticket.c"):
        publish("room", event, '{"n":1}')
    assert listener.ended() == 0
    rows = [json.loads(line) for line in listener.out.splitlines()]
    assert [(row["event"], row["channel"], row["data"], row["encoded"]) for row in rows] == [
        ("ticket.a", "room", {"n": 1}, 1),
        ("ticket.c", "room", {"n": 1}, 1),
    ]


@pytest.mark.mode("RVB503", "listen")
def test_data_that_was_encoded_twice_is_told(listen: Listen, publish: Publish) -> None:
    listener = listen("room", "--count", "1")
    publish("room", "e", json.dumps(json.dumps({"ticket_id": 1})))
    assert listener.ended() == 0
    assert "data is encoded 2 times (RVB503)" in listener.err


@pytest.mark.parametrize(
    ("data", "times"),
    [
        ("{}", 1),
        ('"{}"', 2),
        (json.dumps('"{}"'), 3),
        ('"text"', 1),
        ('"1"', 1),
        ("1", 1),
        ("null", 1),
        ("text", 0),
        ("", 0),
        ({}, 0),
    ],
)
def test_only_an_object_within_a_text_counts_as_encoded_again(data: object, times: int) -> None:
    assert encoded_times(data) == times


@pytest.mark.mode("RVB501", "listen")
@pytest.mark.mode("RVB502", "listen")
def test_how_each_library_must_bind_the_name_is_told(listen: Listen, publish: Publish) -> None:
    listener = listen("room", "--count", "2", "-v")
    publish("room", "ticket.assigned")
    publish("room", "App\\Events\\TicketAssigned")
    assert listener.ended() == 0
    assert 'Echo:      .listen(".ticket.assigned", …)' in listener.err
    assert "RVB501" in listener.err
    assert 'Echo:      .listen("TicketAssigned", …)' in listener.err
    assert r"Dart:      .bind('App\\Events\\TicketAssigned')" in listener.err
    assert "RVB502" in listener.err


def test_a_class_below_another_namespace_is_bound_with_a_leading_dot() -> None:
    assert how_to_bind("Domain\\Moved")[0] == 'Echo:      .listen(".Domain\\\\Moved", …)'


def test_a_presence_channel_is_joined_as_the_user_that_is_named(listen: Listen, ask: Command) -> None:
    listen("presence-room", "--user-id", "7", "--user-info", '{"name":"Ajay"}')
    rows = json.loads(ask("channels", "presence-room", "--json").stdout)
    assert rows == {"channel": "presence-room", "user_count": 1}


def test_a_server_that_comes_back_is_joined_again(place: Path) -> None:
    port = free_port()
    env = {**ENV, **address(f"http://127.0.0.1:{port}")}
    with ExitStack() as stack:
        first = stack.enter_context(ServerProcess(env=ENV, port=port)).wait_until_ready()
        listener = stack.enter_context(Background(place, "listen", "room", "--count", "1", env=env))
        listener.hear("subscribed to room")
        first.stop()
        listener.hear("lost: closed with 1006; again in 1 s")
        stack.enter_context(ServerProcess(env=ENV, port=port)).wait_until_ready()
        listener.err = ""
        listener.hear("subscribed to room")
        with Api(f"http://127.0.0.1:{port}", APP) as api:
            api.post("/events", {"name": "e", "channels": ["room"], "data": "{}"})
        assert listener.ended() == 0


def test_ctrl_c_ends_it_with_130_and_without_a_traceback(listen: Listen) -> None:
    listener = listen("room")
    listener.interrupt()
    assert listener.ended() == 130
    assert "Traceback" not in listener.err


# Refusals.

REFUSED, UNREACHABLE, USAGE = 4, 3, 2


@pytest.mark.mode("RVB601", "listen")
def test_an_unknown_key_is_rvb601(ask: Command) -> None:
    result = ask("listen", "room", "--key", "another")
    assert (result.exit_code, "RVB601" in result.stderr) == (REFUSED, True)
    assert "4001" in result.stderr


@pytest.mark.mode("RVB302", "listen")
def test_a_signature_with_another_secret_is_refused_with_the_servers_reason(ask: Command) -> None:
    result = ask("listen", PRIVATE, env={"REVERB_APP_SECRET": "another"})
    assert result.exit_code == REFUSED
    assert f"not subscribed to {PRIVATE}: Connection is unauthorized." in result.stderr
    assert result.stderr.count("Connection is unauthorized") == 1
    assert "RVB302" in result.stderr
    assert "Use the same REVERB_APP_SECRET on both sides" in result.stderr


def test_of_several_channels_the_refused_one_is_named_and_the_reason_told_once(ask: Command) -> None:
    result = ask("listen", "room", PRIVATE, env={"REVERB_APP_SECRET": "another"})
    assert result.exit_code == REFUSED
    assert f"not subscribed to {PRIVATE}" in result.stderr
    assert result.stderr.count("Connection is unauthorized") == 1
    assert "RVB302" in result.stderr


@pytest.mark.mode("RVB203", "listen")
def test_tls_to_a_plain_port_is_rvb203(ask: Command) -> None:
    result = ask("listen", "room", env={"REVERB_SCHEME": "https"})
    assert (result.exit_code, "RVB203" in result.stderr) == (UNREACHABLE, True)


@pytest.mark.mode("RVB604", "listen")
def test_a_server_that_upgrades_nothing_is_rvb604(ask: Command) -> None:
    with answering({f"/app/{APP.key}": (426, {}, "Upgrade Required")}) as other:
        result = ask("listen", "room", "--url", other.url)
    assert (result.exit_code, "RVB604" in result.stderr) == (UNREACHABLE, True)


def test_a_public_channel_needs_no_secret(command: Command, url: str) -> None:
    env = {"REVERB_APP_KEY": APP.key, **address(url)}
    public = command("listen", "room", "--timeout", "100ms", env=env)
    private = command("listen", "private-room", "--timeout", "100ms", env=env)
    assert (public.exit_code, private.exit_code) == (0, USAGE)
    assert public.stderr.endswith("nothing came within 0.1 s\n")
    assert "REVERB_APP_SECRET not found" in private.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-H", "Authorization"], "-H must be a name, a colon and a value"),
        (["--user-info", "{"], "--user-info must be JSON"),
        (["--timeout", "soon"], "--timeout must be a time above 0"),
    ],
)
def test_usage_is_told_in_one_line(ask: Command, arguments: list[str], says: str) -> None:
    result = ask("listen", "room", *arguments)
    assert (result.exit_code, says in result.stderr) == (USAGE, True)


# An auth endpoint.


def test_the_auth_endpoint_is_asked_as_pusher_js_asks_it(listen: Listen, place: Path) -> None:
    with Background(place, "auth-server", "--json", env=ENV) as endpoint:
        endpoint.hear("\n")
        url = json.loads(endpoint.out.splitlines()[0])["url"] + "/broadcasting/auth"
        listen("presence-room", "--auth-endpoint", url, env={"REVERB_APP_SECRET": ""})
        endpoint.hear("presence-room")
    signed = json.loads(endpoint.out.splitlines()[1])
    assert signed["channel"] == "presence-room"
    assert signed["channel_data"] == json.dumps(
        {"user_id": f"user-{signed['socket_id']}", "user_info": {}}, separators=(",", ":")
    )


@pytest.mark.mode("RVB603", "listen")
@pytest.mark.parametrize(
    ("status", "body", "mend"),
    [
        (200, "", "null or nothing means that no broadcast driver signs"),
        (200, "null", "null or nothing means that no broadcast driver signs"),
        (302, "", "redirects"),
        (401, '{"message":"Unauthenticated."}', "Authorization: Bearer"),
        (403, "", "routes/channels.php"),
        (404, "<html>", "Broadcast::routes()"),
        (419, "Page Expired", "CSRF"),
    ],
)
def test_an_endpoint_that_does_not_authorize_is_told_with_what_it_wants(
    ask: Command, status: int, body: str, mend: str
) -> None:
    headers = {"Location": "/login"} if status == 302 else {}
    with answering({"/auth": (status, headers, body)}) as other:
        options = ("--auth-endpoint", f"{other.url}/auth", "-H", "Authorization: Bearer hidden-token")
        result = ask("listen", "private-a", *options)
    assert result.exit_code == REFUSED
    assert f": {status}, " in result.stderr
    assert mend in result.stderr
    assert "RVB603" in result.stderr
    assert "hidden-token" not in result.output
    method, _, sent, form = other.asked[0]
    assert (method, sent["Authorization"]) == ("POST", "Bearer hidden-token")
    assert b"channel_name=private-a" in form


def test_an_endpoint_that_is_not_there_is_unreachable(ask: Command) -> None:
    result = ask("listen", "private-a", "--auth-endpoint", f"http://127.0.0.1:{free_port()}/auth")
    assert (result.exit_code, "connection refused" in result.stderr) == (UNREACHABLE, True)

"""`reverb-py trigger`: who received it, why nobody did, and one line with a code when it is refused."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import Result

from reverb_py.client.socket import Message, connect
from tests.cli.conftest import Command
from tests.cli.other_server import Reply, answering
from tests.client.serving import APP, ENV
from tests.conformance.fixture import CERTIFICATE
from tests.server_process import ServerProcess, free_port

EVENT = ("ticket.assigned", '{"ticket_id":1}')


@pytest.fixture
def ws(url: str) -> str:
    return url.replace("http", "ws")


async def beside(ask: Command, *arguments: str) -> Result:
    """The command while this loop goes on."""
    return await asyncio.to_thread(ask, "trigger", *arguments)


async def test_one_listener_gets_it_and_is_counted(ask: Command, ws: str) -> None:
    async with connect(ws, APP.key) as socket:
        await socket.join("room")
        result = await beside(ask, "room", *EVENT, "--expect-delivery", "1")
        message = await socket.receive(5)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("✔ delivered to 1 connection · event ")
    assert result.stdout.endswith(" ms\n")
    assert (message.event, message.channel, message.data) == (EVENT[0], "room", EVENT[1])


@pytest.mark.mode("RVB401", "trigger")
async def test_nobody_received_it_and_the_channel_that_is_meant_is_named(ask: Command, ws: str) -> None:
    async with connect(ws, APP.key) as socket:
        await socket.join("customer.1")
        result = await beside(ask, "private-customer.1", *EVENT, "--expect-delivery", "1")
    assert result.exit_code == 1
    assert result.stdout.startswith("⚠ accepted, nobody received it · event ")
    assert "RVB401 nobody on private-customer.1; 1 on customer.1" in result.stdout
    assert result.stderr == "expected 1: only 0 received it\n"


@pytest.mark.mode("RVB402", "trigger")
async def test_a_mistyped_channel_is_told_from_the_right_one(ask: Command, ws: str) -> None:
    async with connect(ws, APP.key) as socket:
        await socket.join("driver-location")
        result = await beside(ask, "driver-locatoin", *EVENT)
    assert result.exit_code == 0  # accepted, and nothing was expected
    assert "RVB402" in result.stdout
    assert "driver-location" in result.stdout


@pytest.mark.mode("RVB406", "trigger")
async def test_the_excluded_sender_was_the_only_listener(ask: Command, ws: str) -> None:
    async with connect(ws, APP.key) as socket:
        await socket.join("room")
        result = await beside(ask, "room", *EVENT, "--socket-id", socket.socket_id)
    assert "RVB406" in result.stdout


@pytest.mark.mode("RVB407", "trigger")
async def test_the_subscriber_left_a_moment_ago(ask: Command, ws: str) -> None:
    async with connect(ws, APP.key) as socket:
        await socket.join("left")
        await socket.send("pusher:unsubscribe", {"channel": "left"})
        await socket.join("after")  # what was sent before it has been read
        result = await beside(ask, "left", *EVENT)
    assert "RVB407" in result.stdout


async def test_json_is_one_object_for_each_publish(ask: Command, ws: str) -> None:
    result = await beside(ask, "none", *EVENT, "--repeat", "3", "--every", "1ms", "--json")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(row["channel"], row["event"], row["status"], row["delivered"]) for row in rows] == [
        ("none", "ticket.assigned", 200, 0)
    ] * 3
    assert len({row["id"] for row in rows}) == 3


def test_data_comes_from_a_file_or_from_standard_input(ask: Command, place: Path) -> None:
    (place / "event.json").write_text('{"a":"ü"}\n')
    with answering({"/events": (200, {}, "{}")}) as other:
        ask("trigger", "room", "e", "@event.json", "--url", other.url)
        ask("trigger", "room", "e", "--url", other.url)
    assert [json.loads(body)["data"] for _, _, _, body in other.asked] == ['{"a":"ü"}', "{}"]


def test_data_that_is_no_json_is_sent_with_a_word(ask: Command) -> None:
    result = ask("trigger", "room", "e", "hello")
    assert result.exit_code == 0
    assert result.stderr == "the data is no JSON: clients that decode it fail\n"


# Without our headers.


def test_another_server_is_asked_how_many_are_subscribed(ask: Command) -> None:
    count: Reply = (200, {}, '{"occupied":true,"subscription_count":2}')
    with answering({"/events": (200, {}, "{}"), "/channels/room": count}) as other:
        result = ask("trigger", "room", *EVENT, "--expect-delivery", "2", "--url", other.url)
        fewer = ask("trigger", "room", *EVENT, "--expect-delivery", "3", "--url", other.url)
    assert (result.exit_code, fewer.exit_code) == (0, 1)
    assert "accepted; subscribed: 2 connections" in result.stdout


def test_where_nobody_tells_the_expectation_is_not_met(ask: Command) -> None:
    with answering({"/events": (200, {}, "{}")}) as other:
        result = ask("trigger", "room", *EVENT, "--expect-delivery", "1", "--url", other.url)
        silent = ask("trigger", "room", *EVENT, "--url", other.url)
    assert (result.exit_code, silent.exit_code) == (1, 0)
    assert "it is not known how many received it" in result.stderr
    assert "this server does not say who received it" in silent.stdout


# A dry run.


def test_the_curl_of_a_dry_run_is_accepted_as_it_stands(ask: Command) -> None:
    result = ask("trigger", "room", "it's", '{"a":"ü\'"}', "--dry-run")
    *signed, curl = result.stdout.splitlines()
    assert signed[:2] == ["POST", f"/apps/{APP.app_id}/events"]
    assert signed[2].startswith(f"auth_key={APP.key}&auth_timestamp=")
    answer = subprocess.run(["sh", "-c", curl], capture_output=True, text=True, check=True).stdout
    assert answer.startswith("HTTP/1.1 200")


# A way.

GPX = """<?xml version="1.0"?>
<gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1">
  <wpt lat="1" lon="1"/>
  <trk><trkseg><trkpt lat="25.2048" lon="55.2708"><ele>1</ele></trkpt><trkpt lat="25.3" lon="-55"/></trkseg></trk>
</gpx>"""


async def test_a_route_is_a_driver_who_moves(ask: Command, ws: str, place: Path) -> None:
    (place / "way.gpx").write_text(GPX)
    options = ("--route", "way.gpx", "--every", "1ms", "--ticket-id", "317", "--driver-name", "Ajay Müller")
    async with connect(ws, APP.key) as socket:
        await socket.join("way")
        result = await beside(ask, "way", *options, "--expect-delivery", "1")
        got: list[Message] = [await socket.receive(5) for _ in range(2)]
    assert result.exit_code == 0
    assert {message.event for message in got} == {"driver.location.updated"}
    contents = [message.content for message in got]
    times = [content.pop("last_location_updated_at") for content in contents]
    assert all(time.endswith("+00:00") and len(time) == 25 for time in times)
    driver = {"ticket_id": 317, "driver_id": 1, "driver_name": "Ajay Müller"}
    places = [{"latitude": 25.2048, "longitude": 55.2708}, {"latitude": 25.3, "longitude": -55.0}]
    assert contents == [{**driver, **each} for each in places]


@pytest.mark.parametrize(
    ("text", "says"), [("<gpx/>", "has no point with lat and lon"), ("no xml", "it is no XML"), (None, "No such file")]
)
def test_a_route_that_cannot_be_read_is_a_usage_error(ask: Command, place: Path, text: str | None, says: str) -> None:
    if text:
        (place / "way.gpx").write_text(text)
    result = ask("trigger", "way", "--route", "way.gpx")
    assert result.exit_code == 2
    assert says in result.stderr


# Refusals and silence.

UNREACHABLE, REFUSED, NEGATIVE, USAGE = 3, 4, 1, 2


@pytest.mark.parametrize(
    ("arguments", "env", "code", "exit_code"),
    [
        pytest.param([], {"REVERB_APP_SECRET": "x"}, "RVB302", REFUSED, marks=pytest.mark.mode("RVB302", "trigger")),
        pytest.param([], {"REVERB_APP_ID": "9"}, "RVB301", REFUSED, marks=pytest.mark.mode("RVB301", "trigger")),
        pytest.param(
            [], {"REVERB_SCHEME": "https"}, "RVB203", UNREACHABLE, marks=pytest.mark.mode("RVB203", "trigger")
        ),
        pytest.param(
            [], {"REVERB_HOST": "nobody.invalid"}, "RVB208", UNREACHABLE, marks=pytest.mark.mode("RVB208", "trigger")
        ),
    ],
)
def test_a_wrong_variable_has_its_code_and_its_exit_code(
    ask: Command, arguments: list[str], env: dict[str, str], code: str, exit_code: int
) -> None:
    result = ask("trigger", "room", *EVENT, *arguments, env=env)
    assert code in result.stderr
    assert result.exit_code == exit_code
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_code_and_cause_come_first_and_the_text_to_sign_only_when_it_is_asked_for(ask: Command) -> None:
    wrong = {"REVERB_APP_SECRET": "another"}
    result = ask("trigger", "room", *EVENT, env=wrong)
    assert ": RVB302 The signature was made with another secret" in result.stderr
    assert "HmacSHA256Hex" not in result.stderr
    assert "HmacSHA256Hex" in ask("trigger", "room", *EVENT, "-v", env=wrong).stderr


@pytest.mark.mode("RVB307", "trigger")
def test_a_channel_name_that_is_none_is_refused_with_rvb307(ask: Command) -> None:
    result = ask("trigger", "a b", *EVENT)
    assert (result.exit_code, "RVB307" in result.stderr) == (NEGATIVE, True)


@pytest.mark.mode("RVB306", "trigger")
def test_an_event_that_is_too_large_is_refused_with_rvb306(ask: Command, place: Path) -> None:
    (place / "large.json").write_text(json.dumps("x" * 1_100_000))
    result = ask("trigger", "room", "e", "@large.json")
    assert (result.exit_code, "RVB306" in result.stderr) == (NEGATIVE, True)
    assert "REVERB_MAX_REQUEST_SIZE" in result.stderr


@pytest.mark.mode("RVB204", "trigger")
def test_an_edge_that_redirects_is_not_followed_and_named(ask: Command) -> None:
    with answering({"/events": (301, {"Location": "https://ws.example.com/"}, "")}) as other:
        result = ask("trigger", "room", *EVENT, "--url", other.url)
    assert result.exit_code == UNREACHABLE
    assert "301: https://ws.example.com/" in result.stderr
    assert "RVB204" in result.stderr


@pytest.mark.mode("RVB210", "trigger")
def test_a_page_where_the_api_belongs_is_rvb210(ask: Command) -> None:
    with answering({"/events": (404, {}, "<html><h1>nginx</h1></html>")}) as other:
        result = ask("trigger", "room", *EVENT, "--url", other.url)
    assert (result.exit_code, "RVB210" in result.stderr) == (UNREACHABLE, True)


@pytest.mark.mode("RVB205", "trigger")
def test_a_certificate_that_signed_itself_is_rvb205_unless_it_is_let_pass(ask: Command) -> None:
    with ServerProcess(env={**ENV, **CERTIFICATE}, tls=True) as server:
        server.wait_until_ready()
        url = f"https://127.0.0.1:{server.port}"
        result = ask("trigger", "room", *EVENT, "--url", url)
        trusting = ask("trigger", "room", *EVENT, "--url", url, "--insecure")
    assert (result.exit_code, "RVB205" in result.stderr) == (UNREACHABLE, True)
    assert trusting.exit_code == 0


def test_nobody_listens(ask: Command) -> None:
    result = ask("trigger", "room", *EVENT, "--url", f"http://127.0.0.1:{free_port()}")
    assert result.exit_code == UNREACHABLE
    assert "connection refused. Is the server running" in result.stderr
    assert "REVERB_PORT" in result.stderr
    assert "--url" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "For example: reverb-py trigger my-channel ticket.assigned"),
        (["room"], "which event?"),
        (["room", "e", "--every", "0s"], "--every must be a time above 0"),
        (["room", "e", "--url", "ftp://h"], "--url must be ws:// or wss:// and a host"),
        (["room", "e", "@none.json"], "DATA: cannot read none.json"),
    ],
)
def test_usage_is_told_in_one_line(ask: Command, arguments: list[str], says: str) -> None:
    result = ask("trigger", *arguments)
    assert (result.exit_code, says in result.stderr) == (USAGE, True)
    assert result.stderr.count("\n") == 1

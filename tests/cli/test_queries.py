"""`channels`, `connections` and `events`: what the server counts and remembers, for people and for programs."""

import asyncio
import json
from pathlib import Path

import pytest

from reverb_py.client.api import Api
from reverb_py.client.signing import channel_auth
from reverb_py.client.socket import connect
from tests.cli.background import Background
from tests.cli.conftest import Command, address
from tests.cli.other_server import answering
from tests.client.serving import APP, ENV

PRESENT = '{"user_id":"7"}'


async def test_channels_are_listed_with_subscriptions_and_users(ask: Command, url: str) -> None:
    async with connect(url.replace("http", "ws"), APP.key) as socket:
        await socket.join("listed-a")
        name = "presence-listed"
        await socket.join(name, channel_auth(APP, socket.socket_id, name, PRESENT), PRESENT)
        table = await asyncio.to_thread(ask, "channels")
        rows = await asyncio.to_thread(ask, "channels", "presence-", "--json")
        number = await asyncio.to_thread(ask, "connections")
        as_json = await asyncio.to_thread(ask, "connections", "--json")
    assert table.stdout.splitlines()[0].split() == ["channel", "subscriptions", "users"]
    assert {tuple(line.split()) for line in table.stdout.splitlines()[1:]} == {
        ("listed-a", "1"),
        ("presence-listed", "1"),
    }
    assert json.loads(rows.stdout) == {"channel": name, "user_count": 1}
    assert (number.stdout, as_json.stdout) == ("1\n", '{"connections":1}\n')


def test_no_channel_is_no_data_but_a_word(ask: Command) -> None:
    result = ask("channels", "none-")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "no channel that begins with none- is occupied\n"


def test_a_server_that_refuses_an_info_is_asked_for_less(ask: Command) -> None:
    with answering({"/channels": (400, {}, "user_count may only be requested for presence channels")}) as other:
        refused = ask("channels", "--url", other.url)
    asked = [path.partition("info=")[2].partition("&")[0] for _, path, _, _ in other.asked]
    assert asked == ["user_count%2Csubscription_count", "subscription_count", "user_count", ""]
    assert refused.exit_code == 1


def test_phps_empty_list_of_channels_is_none(ask: Command) -> None:
    with answering({"/channels": (200, {}, '{"channels":[]}')}) as other:
        result = ask("channels", "--json", "--url", other.url)
    assert (result.exit_code, result.stdout) == (0, "")


# Events.


def test_the_doctors_own_are_hidden_unless_all_are_asked_for(ask: Command) -> None:
    def row(number: int, **of: object) -> dict[str, object]:
        usual = {"publisher": "pusher-http-php 7", "channels": {"a": {}}, "outcome": "nobody"}
        return {"id": f"n-{number}", "time": 100 - number, "text": f"row {number}", **usual, **of}

    publishes = [
        row(1, publisher="reverb-py-doctor", outcome="refused", channels={}, reason="r"),
        row(2, channels={"private-reverb-doctor.1f": {}}),
        *(row(number) for number in range(3, 30)),
    ]
    subscriptions = [
        {"time": 99.5, "channel": name, "text": name} for name in ("private-reverb-doctor.1f", "private-b")
    ]
    answer = json.dumps({"publishes": publishes, "subscriptions_refused": subscriptions})
    with answering({"/publishes": (200, {}, answer)}) as other:
        usual = ask("events", "--url", other.url).stdout.splitlines()
        every = ask("events", "--url", other.url, "--all", "--limit", "100").stdout.splitlines()
    assert [line.split(" ", 1)[1] for line in usual[-2:]] == ["row 3", "private-b"]
    assert (len(usual), len(every)) == (20, 31)


def test_what_is_hidden_is_said_when_there_is_nothing_else(ask: Command) -> None:
    own = {"id": "1", "time": 1, "text": "t", "channels": {"private-reverb-doctor.1f": {}}}
    with answering({"/publishes": (200, {}, json.dumps({"publishes": [own]}))}) as other:
        result = ask("events", "--url", other.url)
    assert (result.stdout, result.stderr) == ("", "no publish that fits is known, but what the doctor tried: --all\n")


def publish(url: str, channel: str, event: str = "e", secret: str = APP.secret) -> None:
    with Api(url, type(APP)(APP.app_id, APP.key, secret)) as api:
        api.post("/events", {"name": event, "channels": [channel], "data": "{}"})


async def test_events_are_told_in_their_order_with_what_became_of_them(ask: Command, url: str) -> None:
    async with connect(url.replace("http", "ws"), APP.key) as socket:
        await socket.join("told")
        await asyncio.to_thread(publish, url, "told", "first")
        await asyncio.to_thread(publish, url, "private-told", "second")
        told = await asyncio.to_thread(ask, "events", "--channel", "told", "--limit", "2")
        nobody = await asyncio.to_thread(ask, "events", "--nobody", "--json", "--limit", "1")
    first, second = told.stdout.splitlines()
    assert "as `first`; 1 subscriber on `told`" in first
    assert "as `second`; 0 subscribers on `private-told`; 1 on `told`; RVB401" in second
    row = json.loads(nobody.stdout)
    assert (row["event"], row["outcome"], row["code"]) == ("second", "nobody", "RVB401")


@pytest.mark.mode("RVB302", "publishes")
def test_what_was_refused_is_told_with_its_code(ask: Command, url: str) -> None:
    publish(url, "a", secret="another")
    result = ask("events", "--rejected", "--limit", "1")
    assert "RVB302" in result.stdout
    assert "HmacSHA256Hex" not in result.stdout
    assert "HmacSHA256Hex" in ask("events", "--rejected", "--limit", "1", "-v").stdout


@pytest.mark.mode("RVB603", "publishes")
async def test_a_refused_subscription_stands_among_them(ask: Command, url: str) -> None:
    async with connect(url.replace("http", "ws"), APP.key) as socket:
        await socket.join("private-refused", f"{APP.key}:0000")
        result = await asyncio.to_thread(ask, "events", "--channel", "private-refused")
    assert "subscription to `private-refused` refused" in result.stdout


def test_tail_goes_on_with_what_comes_and_repeats_nothing(place: Path, url: str) -> None:
    publish(url, "tailed", "before")
    env = {**ENV, **address(url)}
    with Background(place, "events", "--channel", "tailed", "--tail", env=env) as tail:
        tail.hear("`before`")
        publish(url, "tailed", "after-1")
        tail.hear("`after-1`")
        publish(url, "tailed", "after-2")
        tail.hear("`after-2`")
        tail.interrupt()
        assert tail.ended() == 130
    names = [line.partition("as `")[2].partition("`")[0] for line in tail.out.splitlines() if "as `" in line]
    assert names == ["before", "after-1", "after-2"]
    assert "Traceback" not in tail.err


def test_a_server_without_such_a_list_is_told_from_an_unknown_app(ask: Command) -> None:
    with answering({}) as other:
        result = ask("events", "--url", other.url)
    assert (result.exit_code, "keeps no list of publishes" in result.stderr) == (1, True)
    unknown = ask("events", "--app-id", "9")
    assert (unknown.exit_code, "RVB301" in unknown.stderr) == (4, True)


def test_what_a_stranger_wrote_commands_no_terminal(ask: Command, url: str) -> None:
    publish(url, "escapes", "\x1b[31mred")
    result = ask("events", "--channel", "escapes")
    assert "\x1b" not in result.stdout
    assert r"\x1b[31mred" in result.stdout

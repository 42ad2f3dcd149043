"""`reverb-py auth-server`: a yes to every channel, in a form or in JSON, to pages of one's own; and what was told."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from reverb_py.client.socket import connect
from tests.cli.background import Background
from tests.cli.conftest import Command
from tests.client.serving import APP, ENV
from tests.server_process import free_port


@pytest.fixture
def endpoint(place: Path) -> Iterator[Background]:
    mine = ("--origin", "https://app.example.com/", "--origin", "https://two.example.com")
    with Background(place, "auth-server", "--json", "--user-info", '{"name":"Ajay"}', *mine, env=ENV) as process:
        process.hear("\n")
        yield process
        assert APP.secret not in process.out + process.err


def address(endpoint: Background) -> str:
    return str(json.loads(endpoint.out.splitlines()[0])["url"])


def post(endpoint: Background, path: str, **options: Any) -> httpx.Response:
    return httpx.post(address(endpoint) + path, trust_env=False, **options)


@pytest.mark.parametrize("path", ["/broadcasting/auth", "/pusher/auth"])
@pytest.mark.parametrize("kind", ["data", "json"])
async def test_a_server_takes_what_it_signs(endpoint: Background, url: str, path: str, kind: str) -> None:
    async with connect(url.replace("http", "ws"), APP.key) as socket:
        for channel in ("private-a", "presence-a"):
            asked = {"socket_id": socket.socket_id, "channel_name": channel}
            found = post(endpoint, path, **{kind: asked}).json()
            answer = await socket.join(channel, found["auth"], found.get("channel_data"))
            assert answer.event == "pusher_internal:subscription_succeeded", channel
    endpoint.hear("presence-a")


async def test_a_sign_in_is_signed_for_the_user_that_is_named(endpoint: Background, url: str) -> None:
    async with connect(url.replace("http", "ws"), APP.key) as socket:
        asked = {"socket_id": socket.socket_id, "user_id": "7"}
        found = post(endpoint, "/pusher/user-auth", data=asked).json()
        assert json.loads(found["user_data"]) == {"id": "7", "user_info": {"name": "Ajay"}}
        await socket.send("pusher:signin", found)
        assert (await socket.receive(5)).event == "pusher:signin_success"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 422),
        ({"socket_id": "1.2"}, 422),
        ({"socket_id": "1.2:user", "channel_name": "private-a"}, 422),
        ({"socket_id": "1.2", "channel_name": "a:b"}, 422),
        ({"socket_id": "1.2", "channel_name": "private-encrypted-a"}, 403),
    ],
)
def test_what_it_cannot_sign_is_refused(endpoint: Background, asked: dict[str, str], status: int) -> None:
    assert post(endpoint, "/pusher/auth", data=asked).status_code == status


def preflight(origin: str) -> dict[str, str]:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    return {"Origin": origin, **asked}


LOCAL = ["http://localhost:5173", "http://127.0.0.1", "http://[::1]:8000", "https://app.test", "http://mac.local:3000"]
FOREIGN = [
    *("https://page.example", "null", "http://localhost.page.example", "https://test", "https://[", "file://localhost"),
    *("http://127.0.0.1.page.example", "http://localhost@page.example"),
]


@pytest.mark.parametrize("origin", [*LOCAL, "https://app.example.com", "https://two.example.com"])
def test_a_local_page_may_ask_with_headers_of_its_own(endpoint: Background, origin: str) -> None:
    answer = httpx.options(address(endpoint) + "/broadcasting/auth", headers=preflight(origin), trust_env=False)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "authorization" in answer.headers["access-control-allow-headers"]
    asked = {"socket_id": "1.2", "channel_name": "private-a"}
    signed = post(endpoint, "/broadcasting/auth", data=asked, headers={"Origin": origin})
    assert (signed.status_code, signed.headers["access-control-allow-origin"]) == (200, origin)


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_page_from_elsewhere_gets_nothing_signed(endpoint: Background, origin: str) -> None:
    asked = {"socket_id": "1.2", "channel_name": "private-a"}
    for answer in (
        httpx.options(address(endpoint) + "/broadcasting/auth", headers=preflight(origin), trust_env=False),
        post(endpoint, "/broadcasting/auth", data=asked, headers={"Origin": origin}),
    ):
        assert answer.status_code == 403
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert "--origin" in answer.text


def test_people_read_the_address_and_what_was_signed(place: Path) -> None:
    port = free_port()
    with Background(place, "auth-server", "--port", str(port), env=ENV) as process:
        process.hear(f"listening on http://127.0.0.1:{port}/broadcasting/auth\n")
        asked = {"socket_id": "1.2", "channel_name": "private-a"}
        httpx.post(f"http://127.0.0.1:{port}/pusher/auth", data=asked, trust_env=False)
        process.hear("signed private-a for 1.2\n")
        process.interrupt()
        assert process.ended() == 130
    assert "Traceback" not in process.err


def test_a_port_that_is_taken_is_told_with_exit_code_2(command: Command, url: str) -> None:
    result = command("auth-server", "--port", url.rpartition(":")[2], env=ENV)
    assert result.exit_code == 2
    assert "address already in use. Choose another --port" in result.stderr

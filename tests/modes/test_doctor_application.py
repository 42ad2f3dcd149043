"""Failure modes of clients, channels and auth endpoints, each produced for real; the doctor names every one."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import pytest

from reverb_py import codes
from reverb_py.client.signing import Credentials, channel_auth
from reverb_py.client.socket import Socket, connect
from reverb_py.codes import Code
from reverb_py.diagnosis.doctor.finding import Finding
from reverb_py.diagnosis.doctor.target import Inquiry, Target
from reverb_py.protocol.signatures import parse_query
from tests.modes.responder import HTML, Asked, Reply, fake_pusher, relay, responder
from tests.modes.visiting import APP, DRIVER, QUICK, SECRET, at, first, found, told
from tests.server_process import ServerProcess


@pytest.fixture(scope="module")
def server() -> Iterator[Target]:
    with ServerProcess(env=APP) as process:
        yield at(process.wait_until_ready().port)


# The WebSocket.


@pytest.mark.mode("RVB608", "doctor")
@pytest.mark.parametrize("greeting", [{"socket_id": "1.1"}, {"socket_id": "1.1", "activity_timeout": 0}])
async def test_the_activity_timeout_is_none(greeting: dict[str, object]) -> None:
    async with fake_pusher(greeting) as port:
        assert "websocket.activity fail RVB608" in told(await found(at(port)))


@pytest.mark.mode("RVB601", "doctor")
async def test_the_clients_key_is_unknown(server: Target) -> None:
    findings = await found(server, client=replace(server, key="of-another-app"))
    assert told(findings)[-1] == "websocket.client fail RVB601"


def _apps(**more: object) -> dict[str, str]:
    other = {"id": "200", "key": "other-key", "secret": "other-secret-of-app-200"}
    main = {"id": "100", "key": "doctors-key", "secret": SECRET, **more}
    return {"REVERB_APPS": json.dumps([main, other])}


@asynccontextmanager
async def another(env: dict[str, str]) -> AsyncIterator[Target]:
    with ServerProcess(env=env) as process:
        await asyncio.to_thread(process.wait_until_ready)
        yield at(process.port)


@pytest.mark.parametrize(
    ("more", "inquiry", "code"),
    [
        pytest.param(
            {"allowed_origins": ["good.example"]},
            replace(QUICK, origin="https://bad.example"),
            codes.ORIGIN_REFUSED,
            marks=pytest.mark.mode("RVB602", "doctor"),
        ),
        pytest.param(
            {"enabled": False}, QUICK, codes.OVER_QUOTA, marks=pytest.mark.mode("RVB310", "doctor"), id="disabled"
        ),
        pytest.param(
            {"max_connections": 2}, QUICK, codes.OVER_CAPACITY, marks=pytest.mark.mode("RVB607", "doctor"), id="full"
        ),
    ],
)
async def test_a_setting_of_the_app_refuses(more: dict[str, object], inquiry: Inquiry, code: Code) -> None:
    async with another(_apps(**more)) as target:
        assert first(await found(target, inquiry)).code is code


@pytest.mark.mode("RVB403", "doctor")
async def test_the_client_is_in_another_app_than_the_publisher() -> None:
    async with another(_apps()) as target:
        findings = await found(target, client=replace(target, key="other-key", secret=""))
    assert told(findings)[-1] == "websocket.client fail RVB403"


@pytest.mark.mode("RVB506", "doctor")
async def test_the_client_is_connected_to_another_server(server: Target) -> None:
    async with another(APP) as other:
        findings = await found(server, client=other)
    assert told(findings)[-1] == "websocket.client fail RVB506"


@pytest.mark.mode("RVB404", "doctor")
async def test_two_servers_without_redis_lose_half(server: Target) -> None:
    async with another(APP) as other, relay(server.port, other.port) as port:
        finding = first(await found(at(port)))
    assert finding.code is codes.NODES_APART
    assert "of 32 events" in finding.title


# The user's own channel.


def subscribed(target: Target) -> AbstractAsyncContextManager[Socket]:
    return connect(target.websocket_url, target.key)


@pytest.mark.parametrize(
    ("asked", "occupied", "code"),
    [
        pytest.param(DRIVER, f"private-{DRIVER}", codes.PREFIX_DIFFERS, marks=pytest.mark.mode("RVB401", "doctor")),
        pytest.param(
            "private-customer.7.driver-location",
            f"private-{DRIVER}",
            codes.NAME_DIFFERS,
            marks=pytest.mark.mode("RVB402", "doctor"),
        ),
    ],
)
async def test_a_near_miss_of_the_channel_is_named(server: Target, asked: str, occupied: str, code: Code) -> None:
    credentials = Credentials(server.app_id, server.key, server.secret)
    async with subscribed(server) as socket:
        await socket.join(occupied, channel_auth(credentials, socket.socket_id, occupied))
        findings = await found(server, replace(QUICK, channel=asked))
        near = next(each for each in findings if each.check == "channel.near")
    assert near.code is code
    assert occupied in near.title


@pytest.mark.mode("RVB407", "doctor")
async def test_nobody_is_subscribed(server: Target) -> None:
    findings = await found(server, replace(QUICK, channel="private-nobody"))
    assert "channel warn RVB407" in told(findings)


# The application's auth endpoint.


def _signs(asked: Asked, key: str = "doctors-key", secret: str = SECRET) -> Reply:
    parameters = parse_query(asked.body) if "form" in asked.headers["content-type"] else json.loads(asked.body)
    auth = channel_auth(Credentials("100", key, secret), parameters["socket_id"], parameters["channel_name"])
    return Reply(200, json.dumps({"auth": auth}), {"Content-Type": "application/json"})


@pytest.mark.parametrize(
    ("reply", "code", "title"),
    [
        pytest.param(Reply(), codes.BROADCASTS_DISCARDED, "log or null", marks=pytest.mark.mode("RVB101", "doctor")),
        pytest.param(Reply(302, "", {"Location": "http://127.0.0.1/login"}), codes.SUBSCRIPTION_REFUSED, "/login"),
        pytest.param(Reply(401, '{"message":"Unauthenticated."}'), codes.SUBSCRIPTION_REFUSED, "nobody is signed in"),
        pytest.param(Reply(403, ""), codes.SUBSCRIPTION_REFUSED, "refuses the channel"),
        pytest.param(Reply(404, "<!DOCTYPE html>", HTML), codes.SUBSCRIPTION_REFUSED, "does not exist"),
        pytest.param(Reply(405, ""), codes.SUBSCRIPTION_REFUSED, "does not take POST"),
        pytest.param(Reply(419, "<!DOCTYPE html>", HTML), codes.SUBSCRIPTION_REFUSED, "CSRF"),
        pytest.param(Reply(500, ""), codes.SUBSCRIPTION_REFUSED, "fails (500)"),
        pytest.param(Reply(200, "<!DOCTYPE html><p>Welcome", HTML), codes.SUBSCRIPTION_REFUSED, "a page"),
        pytest.param(Reply(200, "true"), codes.SUBSCRIPTION_REFUSED, "has no auth"),
    ],
    ids=["empty", "302", "401", "403", "404", "405", "419", "500", "HTML", "no auth"],
)
@pytest.mark.mode("RVB603", "doctor")
async def test_the_auth_endpoint_refuses(server: Target, reply: Reply, code: Code, title: str) -> None:
    async with responder(lambda asked: reply) as port:
        finding = first(await _asked(server, port))
    assert (finding.check, finding.code) == ("auth", code)
    assert title in finding.title


@pytest.mark.parametrize(
    ("key", "secret", "code"),
    [("doctors-key", "another", codes.WRONG_SECRET), ("another-key", SECRET, codes.WRONG_KEY)],
)
async def test_the_auth_endpoint_signs_for_another_app(server: Target, key: str, secret: str, code: Code) -> None:
    async with responder(lambda asked: _signs(asked, key, secret)) as port:
        assert first(await _asked(server, port)).code is code


async def test_the_auth_endpoint_is_right_and_got_the_token(server: Target) -> None:
    tokens: list[str] = []

    def signs(asked: Asked) -> Reply:
        tokens.append(asked.headers.get("authorization", ""))
        return _signs(asked)

    async with responder(signs) as port:
        findings = await _asked(server, port)
    assert told(findings)[-1] == "auth pass"
    assert tokens == ["Bearer the-token"] * 2


async def test_an_auth_endpoint_that_reads_forms_only_is_told(server: Target) -> None:
    def forms_only(asked: Asked) -> Reply:
        return _signs(asked) if "form" in asked.headers["content-type"] else Reply(422, "{}")

    async with responder(forms_only) as port:
        findings = await _asked(server, port)
    assert told(findings)[-2:] == ["auth pass", "auth.json warn RVB603"]


async def _asked(server: Target, port: int) -> list[Finding]:
    url = f"http://127.0.0.1:{port}/api/broadcasting/auth"
    # Somebody is subscribed, so that the channel itself is well.
    inquiry = replace(QUICK, channel=f"private-{DRIVER}", auth_endpoint=url, bearer="the-token")
    findings = await found(server, inquiry)
    return [each for each in findings if each.check.startswith("auth")]

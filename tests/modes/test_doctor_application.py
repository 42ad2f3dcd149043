"""Failure modes of clients, channels and auth endpoints, each produced for real; the doctor names every one."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from reverb_py import codes
from reverb_py.client.api import encoded
from reverb_py.client.reach import tls_context
from reverb_py.client.signing import channel_auth
from reverb_py.client.socket import Socket, connect
from reverb_py.codes import Code
from reverb_py.diagnosis.doctor.channel import watch
from reverb_py.diagnosis.doctor.exchange import ask
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.signed import credentials_of, signed
from reverb_py.diagnosis.doctor.target import Inquiry, Target
from reverb_py.diagnosis.doctor.visit import Visit, surroundings
from tests.modes.responder import fake_pusher, relay
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


async def test_the_emulators_name_of_this_machine_is_this_machine(server: Target) -> None:
    findings = await found(server, client=replace(server, host="10.0.2.2"))
    assert told(findings)[-1] == "websocket.client pass"


@pytest.mark.mode("RVB404", "doctor")
async def test_two_servers_without_redis_lose_half(server: Target) -> None:
    async with another(APP) as other, relay(server.port, other.port) as port:
        finding = first(await found(at(port)))
    assert finding.code is codes.NODES_APART
    assert "of 32 events" in finding.title


# The user's own channel.


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
    async with member(server, occupied):
        findings = await found(server, replace(QUICK, channel=asked))
        near = next(each for each in findings if each.check == "channel.near")
    assert near.code is code
    assert occupied in near.title


@pytest.mark.mode("RVB407", "doctor")
async def test_nobody_is_subscribed(server: Target) -> None:
    findings = await found(server, replace(QUICK, channel="private-nobody"))
    assert "channel warn RVB407" in told(findings)


@asynccontextmanager
async def member(target: Target, channel: str) -> AsyncIterator[Socket]:
    """A client that is subscribed to that channel."""
    async with connect(target.websocket_url, target.key) as socket:
        auth = channel_auth(credentials_of(target), socket.socket_id, channel)
        await socket.join(channel, auth)
        yield socket


async def publish(target: Target, channel: str, event: str = "ticket.assigned") -> int:
    body = encoded({"name": event, "channels": [channel], "data": "{}"})
    request = replace(signed(target, "/events", body=body), headers={"X-Pusher-Library": "pusher-http-php 7.2.7"})
    return (await ask(request, tls_context(verify=False), 5)).status


MINE = replace(QUICK, channel=f"private-{DRIVER}")


@pytest.mark.mode("RVB111", "doctor")
@pytest.mark.mode("RVB110", "doctor")
async def test_a_private_channel_is_occupied_and_nothing_is_ever_published() -> None:
    async with another(APP) as target, member(target, MINE.channel):
        finding = first(await found(target, MINE))
    assert (finding.status, finding.code) == (Status.FAIL, codes.WORKER_DIFFERS)
    assert codes.NO_WORKER.id in finding.evidence
    assert codes.NO_WORKER.fix in finding.fix


@pytest.mark.mode("RVB302", "doctor")
async def test_the_publishes_of_a_worker_with_another_secret_are_quoted() -> None:
    async with another(APP) as target, member(target, MINE.channel):
        assert await publish(replace(target, secret="the-workers"), MINE.channel) == 401
        finding = first(await found(target, MINE))
    assert (finding.status, finding.code) == (Status.FAIL, codes.WRONG_SECRET)
    assert "refused" in finding.title


@pytest.mark.mode("RVB401", "doctor")
async def test_events_are_published_without_the_prefix() -> None:
    async with another(APP) as target, member(target, MINE.channel):
        assert await publish(target, MINE.channel) == 200  # the version before
        assert await publish(target, "private-customer.7.driver-location") == 200
        assert await publish(target, DRIVER) == 200
        findings = await found(target, MINE)
    assert [(each.status, each.code) for each in findings if each.status is not Status.PASS] == [
        (Status.FAIL, codes.PREFIX_DIFFERS)
    ]


@pytest.mark.mode("RVB124", "doctor")
async def test_other_events_are_published_and_none_for_the_channel() -> None:
    async with another(APP) as target, member(target, MINE.channel):
        assert await publish(target, "news", "headline") == 200
        finding = first(await found(target, MINE))
    assert finding.code is codes.NEVER_FIRED
    assert "headline" in finding.evidence


@pytest.mark.mode("RVB409", "doctor")
async def test_the_event_was_published_before_anybody_subscribed() -> None:
    async with another(APP) as target:
        assert await publish(target, MINE.channel) == 200
        async with member(target, MINE.channel):
            finding = first(await found(target, MINE))
    assert finding.code is codes.NO_HISTORY
    assert "ticket.assigned" in finding.title


@pytest.mark.mode("RVB603", "doctor")
async def test_a_refused_subscription_is_quoted() -> None:
    async with another(APP) as target, connect(target.websocket_url, target.key) as socket:
        await socket.join(MINE.channel, f"{target.key}:{'0' * 64}")
        findings = await found(target, MINE)
        async with member(target, MINE.channel):
            occupied = await found(target, MINE)
    assert any(line.startswith("channel.refused fail RVB") for line in told(findings))
    assert any(line.startswith("channel.refused warn RVB") for line in told(occupied))


async def next_of(findings: AsyncIterator[Finding]) -> Finding:
    return await anext(findings)


async def test_what_is_published_while_watching_is_told() -> None:
    async with another(APP) as target, member(target, MINE.channel), asyncio.TaskGroup() as tasks:
        visit = Visit(target, replace(MINE, watch=1.2), surroundings({}), accepts=True)
        watched = tasks.create_task(next_of(watch(visit)))
        await asyncio.sleep(0.2)  # it looks what is there already, and says nothing of it
        assert await publish(target, MINE.channel) == 200
        finding = await watched
    assert finding.status is Status.PASS
    assert "ticket.assigned" in finding.title


async def test_an_event_is_published_only_when_it_is_asked_for(server: Target) -> None:
    async with member(server, MINE.channel) as socket:
        findings = await found(server, replace(MINE, event="ticket.assigned", data='{"ticket_id":1}'))
        message = await socket.receive(2)
        again = await found(server, MINE)
    assert (message.event, message.content) == ("ticket.assigned", {"ticket_id": 1})
    assert "channel.event pass" in told(findings)
    assert "ticket.assigned" not in " ".join(each.title for each in again)  # it says nothing about the application

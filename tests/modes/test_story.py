"""The story of a team whose clients connect and subscribe while no event arrives: one cause after the other.

Everything is healthy and real: a server, a client on its channel, a Laravel project, the variables of web and worker.
Then one thing is changed, and the first lines of `reverb-py doctor` must name it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from reverb_py.client.socket import connect
from reverb_py.conformance.target import Target, TargetApp
from tests.doctor_process import KEY, SECRET, WEB, Ran, changed, doctor
from tests.laravel_project import EVENT, cached_config, project, write
from tests.modes.responder import Reply, responder
from tests.server_process import ServerProcess, free_port

CHANNEL = "private-customer.100.driver-location"
TRIO = {"REVERB_APP_ID": "912345", "REVERB_APP_KEY": KEY, "REVERB_APP_SECRET": SECRET}
FIRST_LINES = 4  # where, the six hops, the cause, its evidence


@dataclass(slots=True)
class Stack:
    """All that the team runs; `examine` asks the doctor."""

    directory: Path
    server: ServerProcess
    target: Target
    web: str = ""
    worker: str | None = ""

    async def examine(self) -> Ran:
        (self.directory / "web.env").write_text(self.web)
        arguments = ["--env-file", "web.env", "--laravel-path", "app", "--channel", CHANNEL]
        if self.worker is not None:
            (self.directory / "worker.env").write_text(self.worker)
            arguments += ["--worker-env", "worker.env"]
        env = {"PORT": str(self.server.port)}  # the server's, as on a platform
        return await asyncio.to_thread(lambda: doctor(self.directory, *arguments, env=env))


@pytest.fixture  # one for each: what was published to it is evidence
def server() -> Iterator[ServerProcess]:
    with ServerProcess(env=TRIO | {"REVERB_LOG_FORMAT": "text"}) as process:
        yield process.wait_until_ready()


@pytest.fixture
async def stack(server: ServerProcess, tmp_path: Path) -> AsyncIterator[Stack]:
    target = Target(f"ws://127.0.0.1:{server.port}", {"MAIN": TargetApp("912345", KEY, SECRET)})
    write(tmp_path / "app", project({}))
    there = f"REVERB_HOST=127.0.0.1\nREVERB_PORT={server.port}\nREVERB_SCHEME=http\nQUEUE_CONNECTION=redis"
    web = changed(WEB, there)
    async with target.client() as app:
        await app.subscribed(CHANNEL)
        yield Stack(tmp_path, server, target, web, web)
    await target.aclose()


def names(ran: Ran, code: str) -> bool:
    return any(code in line for line in ran.out.splitlines()[:FIRST_LINES])


async def test_of_a_healthy_stack_nothing_is_said(stack: Stack) -> None:
    await stack.target.trigger(CHANNEL, "ticket.assigned")
    ran = await stack.examine()
    assert ran.code == 0, ran.out
    assert ran.first_of("✖") == ran.first_of("⚠") == ""


async def test_what_strangers_were_refused_is_no_problem_of_a_healthy_stack(stack: Stack) -> None:
    await stack.target.trigger(CHANNEL, "ticket.assigned")
    there = f"http://127.0.0.1:{stack.server.port}"
    async with httpx.AsyncClient(trust_env=False) as scanner:
        for path in ("/apps/wp-admin/events", "/apps/912345/events", "/apps/912345/batch_events"):
            for _ in range(3):
                assert (await scanner.post(there + path, json={"name": "x"})).status_code in (401, 404)
    async with connect(f"ws://127.0.0.1:{stack.server.port}", KEY) as anybody:
        answer = await anybody.join(CHANNEL, f"{KEY}:{'0' * 64}")
        assert answer.event != "pusher_internal:subscription_succeeded"
    ran = await stack.examine()
    assert (ran.code, ran.first_of("✖")) == (0, ""), ran.out
    assert "Publishes of this app" not in ran.out


async def test_the_worker_lacks_the_variables(stack: Stack) -> None:
    stack.worker = "APP_URL=https://app.example.com\nQUEUE_CONNECTION=redis\n"
    assert names(await stack.examine(), "RVB111")


async def test_there_is_no_worker(stack: Stack) -> None:
    stack.web, stack.worker = changed(stack.web, "QUEUE_CONNECTION=database"), None
    assert names(await stack.examine(), "RVB110")


async def test_https_is_spoken_to_the_plain_port(stack: Stack) -> None:
    stack.web = stack.worker = changed(stack.web, "REVERB_SCHEME=https")
    assert names(await stack.examine(), "RVB203")


async def test_it_is_published_to_another_port(stack: Stack) -> None:
    stack.web = stack.worker = changed(stack.web, f"REVERB_PORT={free_port()}")
    assert names(await stack.examine(), "RVB209")


async def test_the_private_name_has_an_address_family_that_nobody_listens_on(stack: Stack) -> None:
    stack.web = stack.worker = changed(stack.web, "REVERB_HOST=::1")
    assert names(await stack.examine(), "RVB206")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("implements ShouldBroadcast, ", "implements "), "RVB120"),
        (("new PrivateChannel('customer.'", "new Channel('customer.'"), "RVB401"),
    ],
)
async def test_the_event_class_is_wrong(stack: Stack, change: tuple[str, str], code: str) -> None:
    write(stack.directory / "app", project({EVENT: change}))
    assert names(await stack.examine(), code)


async def test_the_event_has_no_name_of_its_own(stack: Stack) -> None:
    write(stack.directory / "app", project({EVENT: ("broadcastAs()", "notBroadcastAs()")}))
    assert names(await stack.examine(), "RVB502")


async def test_the_configuration_was_cached_with_other_values(stack: Stack) -> None:
    write(stack.directory / "app", {"bootstrap/cache/config.php": cached_config(host="old.example.com")})
    assert names(await stack.examine(), "RVB103")


async def test_http_is_spoken_to_an_edge_that_redirects(stack: Stack) -> None:
    to_https = Reply(301, headers={"Location": "https://ws.example.com/"})
    async with responder(lambda asked: to_https) as port:
        stack.web = stack.worker = changed(stack.web, f"REVERB_PORT={port}")
        assert names(await stack.examine(), "RVB204")


async def test_it_is_published_to_a_channel_that_only_looks_the_same(stack: Stack) -> None:
    await stack.target.trigger(CHANNEL.removeprefix("private-"), "ticket.assigned")
    assert names(await stack.examine(), "RVB401")

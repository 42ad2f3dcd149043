"""`serve --workers N` as real processes: one port, one goodbye, and nobody who dies unnoticed."""

import asyncio
import os
import signal
import socket
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from reverb_py.conformance.client import Client
from reverb_py.conformance.expect import eventually
from reverb_py.conformance.target import Target, TargetApp
from reverb_py.settings import Settings
from reverb_py.workers import share
from tests.conformance.fixture import launch
from tests.test_server import NO_APP, apps_toml
from tests.workers.crew import QUICK, Crew, Variables, crew, is_alive

COME_BACK = (4200, "Please reconnect immediately")


async def goodbyes(clients: dict[int, list[Client]]) -> set[tuple[int, str]]:
    """With what everybody was closed."""
    return set(await asyncio.gather(*(client.closed(10) for each in clients.values() for client in each)))


async def test_workers_share_a_port_and_each_line_says_who_wrote_it(scaling: Variables) -> None:
    async with crew(scaling) as found, AsyncExitStack() as stack:
        clients = await found.connects(stack, 50)
        assert set(clients) == {1, 2}
        assert sorted(found.said("Starting server"), key=str) == [1, 2]
        assert found.said("Listening on") == [None]
        order = [line["message"].partition(" on ")[0] for line in found.lines]
        assert order.index("Listening") > max(at for at, text in enumerate(order) if text == "Starting server")


def test_what_is_limited_for_the_whole_server_is_shared_out_and_rounded_up() -> None:
    settings = Settings(workers=3, scaling_enabled=True, max_connections=10, max_total_backlog=0, port=0)
    part = share(settings, 8080)
    assert (part.max_connections, part.max_total_backlog, part.port) == (4, 0, 8080)
    assert share(Settings(workers=2), 1).max_connections == 0


async def test_no_more_connect_than_the_whole_server_may_have(scaling: Variables) -> None:
    async with crew(scaling, env={"REVERB_MAX_CONNECTIONS": "3"}) as found, AsyncExitStack() as stack:
        taken = 0
        for _ in range(30):
            client = await stack.enter_async_context(found.target.open())
            taken += (await client.frame())["event"] == "pusher:connection_established"
        assert taken == 4  # 2 each: a part is rounded up


async def test_an_event_reaches_the_clients_of_all_workers_whoever_takes_it(scaling: Variables) -> None:
    async with crew(scaling) as found, AsyncExitStack() as stack:
        clients = await found.connects(stack, 20)
        everybody = [client for each in clients.values() for client in each]
        for client in everybody:
            await client.subscribed("news")
        for number in range(10):
            await found.target.trigger("news", event=f"ev-{number}")
        for client in everybody:
            assert [(await client.frame())["event"] for _ in range(10)] == [f"ev-{number}" for number in range(10)]


# Stopping.


async def test_sigterm_says_goodbye_to_everybody_and_is_a_success(scaling: Variables) -> None:
    async with crew(scaling) as found, AsyncExitStack() as stack:
        clients = await found.connects(stack, 20)
        pids = found.pids
        found.process.terminate()
        assert await goodbyes(clients) == {COME_BACK}
        assert await found.process.exit_code() == 0
        assert not any(map(is_alive, pids))
        assert sorted(found.said("Gracefully terminating connections."), key=str) == [1, 2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_that_reaches_every_process_counts_once(scaling: Variables, number: signal.Signals) -> None:
    """Ctrl-C reaches the whole group, and systemd sends its SIGTERM to each process of the service."""
    async with crew(scaling) as found, AsyncExitStack() as stack:
        clients = await found.connects(stack, 20)
        for pid in (*found.pids, found.process.pid):
            os.kill(pid, number)
        assert await goodbyes(clients) == {COME_BACK}
        assert await found.process.exit_code() == 0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_all_at_once_and_is_no_success(scaling: Variables, second: signal.Signals) -> None:
    async with crew(scaling, env={"REVERB_DRAIN": "600"}) as found, AsyncExitStack() as stack:
        await found.connects(stack, 40)
        found.process.send_signal(signal.SIGTERM)
        await found.says("Gracefully terminating connections.", 2)
        found.process.send_signal(second)
        assert await found.process.exit_code(3) == 1
        assert sorted(found.said("Stopping at once"), key=str) == [1, 2]


async def test_a_stop_during_the_start_is_not_lost(scaling: Variables) -> None:
    async with launch("--workers", "4", env={**scaling, **QUICK}, ready=False) as process:
        found = Crew(process)
        await eventually(lambda: some_live(found), "a worker should be started", 20)
        process.terminate()
        assert await process.exit_code() == 0
        assert not found.said("is replaced")


async def some_live(found: Crew) -> bool:
    return bool(found.pids)


# Dying.


async def test_a_worker_that_is_killed_is_replaced_and_the_others_serve_on(scaling: Variables) -> None:
    async with crew(scaling) as found, AsyncExitStack() as stack:
        clients = await found.connects(stack, 20)
        before = found.pids
        starts = len(found.said("Starting server"))
        os.kill(min(before), signal.SIGKILL)
        await found.says("Starting server", starts + 1)
        after = await found.is_whole(2)
        assert len(after & before) == 1
        (dead,) = (worker for worker in (1, 2) if found.said("Starting server").count(worker) == 2)
        assert found.said(f"Worker {dead} ended with signal 9 (Killed), and is replaced") == [None]
        assert {code for code, _ in await goodbyes({dead: clients[dead]})} == {1006}
        for client in clients[3 - dead]:
            await client.ping()

        async def works() -> bool:
            return dead in await found.connects(stack, 5)

        await eventually(works, "the new worker should take its part")
        found.process.terminate()
        assert await found.process.exit_code() == 0


async def test_without_their_parent_workers_say_goodbye_and_end(scaling: Variables) -> None:
    async with crew(scaling) as found, AsyncExitStack() as stack:
        clients = await found.connects(stack, 20)
        pids = found.pids
        found.process.send_signal(signal.SIGKILL)
        assert await goodbyes(clients) == {COME_BACK}

        async def gone() -> bool:
            return not any(map(is_alive, pids))

        await eventually(gone, "the workers should end", 10)
        assert sorted(found.said("The parent of this worker is gone"), key=str) == [1, 2]


# Reading the configuration again.


async def test_sighup_reaches_every_worker_and_those_that_are_started_later(scaling: Variables, tmp_path: Path) -> None:
    file = tmp_path / "reverb.toml"
    file.write_text(apps_toml("old"))
    async with crew(scaling, "--config", str(file), env=NO_APP) as found:
        old, new = (Target(found.target.url, {"MAIN": TargetApp("3", "key", each)}) for each in ("old", "new"))
        file.write_text(apps_toml("new") + 'strange = "x"\n')
        found.process.send_signal(signal.SIGHUP)
        await found.says("Nothing was reloaded")
        assert found.said("Nothing was reloaded") == [None]

        file.write_text(apps_toml("new", accept_client_events_from='"all"'))
        found.process.send_signal(signal.SIGHUP)
        await found.says("Reloaded 1 app", 2)
        assert sorted(found.said("Reloaded 1 app"), key=str) == [1, 2]
        assert found.said("channels that they have not joined") == [None]

        before = found.pids
        file.write_text(apps_toml("not told of"))
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        await found.says("Starting server", 4)
        await found.is_whole(2, without=before)
        for target, status in ((old, 401), (new, 200)):
            await eventually(lambda target=target: up(target), "the replacements should answer")  # type: ignore[misc]
            for _ in range(8):  # of both workers, whichever is asked
                assert (await target.get("/channels", headers={"connection": "close"})).status_code == status
            await target.aclose()


async def up(target: Target) -> bool:
    return (await target.http("GET", "/up")).status_code == 200


# What it does not start with.


@pytest.mark.parametrize("is_shared", [False, True])
async def test_a_port_that_is_taken_is_one_line_and_no_success(scaling: Variables, is_shared: bool) -> None:
    with socket.socket() as holder:
        if is_shared:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        async with launch("--workers", "2", env=scaling, port=port, ready=False) as process:
            assert await process.exit_code() == 1
            (line,) = Crew(process).lines
            assert line["message"].startswith(
                f"Cannot listen on 127.0.0.1:{port}: Address already in use. Take another"
            )


async def test_a_host_of_another_machine_is_a_matter_of_configuration(scaling: Variables) -> None:
    async with launch("--workers", "2", "--host", "192.0.2.1", env=scaling, ready=False) as process:
        assert await process.exit_code() == 2
        (line,) = Crew(process).lines
        assert "Correct --host" in line["message"]


async def test_workers_without_scaling_are_one_line_and_exit_code_2(scaling: Variables) -> None:
    async with launch("--workers", "2", ready=False) as process:
        assert await process.exit_code() == 2
        (line,) = process.output.splitlines()
        assert line.startswith("reverb-py: --workers is 2, but scaling is off")

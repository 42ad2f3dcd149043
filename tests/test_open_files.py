"""A small limit of open files: a server process serves as many as it can, and says how many those are, and why."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest

from reverb_py.conformance.expect import handshake_refused
from reverb_py.conformance.target import Target, TargetApp
from reverb_py.transports.sockets import LEAST, RESERVE, reserve_of
from tests.server_process import ServerProcess

APP = TargetApp("1", "key", "hunter2")
CREDENTIALS = {"REVERB_APP_ID": APP.id, "REVERB_APP_KEY": APP.key, "REVERB_APP_SECRET": APP.secret}
MEND = "Raise it: ulimit -n 65536 (systemd: LimitNOFILE=65536, Docker: --ulimit nofile=65536)"


def told(process: ServerProcess) -> list[str]:
    """What its log says of open files."""
    messages = [json.loads(line)["message"] for line in process.output.splitlines()]
    return [message for message in messages if "open files" in message]


@pytest.mark.parametrize(
    ("descriptors", "kept"), [(LEAST, 24), (100, 25), (128, 32), (255, 63), (256, RESERVE), (1 << 20, RESERVE)]
)
def test_a_quarter_is_kept_and_no_more_than_the_reserve(descriptors: int, kept: int) -> None:
    assert reserve_of(descriptors) == kept


@pytest.mark.parametrize("files", [LEAST, 100, 128, 300])
async def test_the_last_descriptors_are_for_requests_and_not_for_sockets(files: int) -> None:
    reserve = reserve_of(files)
    room = files - 2 * reserve
    with ServerProcess(env=CREDENTIALS, files=files) as process:
        await asyncio.to_thread(process.wait_until_ready)
        target = Target(f"ws://127.0.0.1:{process.port}", {"MAIN": APP})
        async with AsyncExitStack() as stack:
            stack.push_async_callback(target.aclose)
            for _ in range(room):
                await stack.enter_async_context(target.client())
            await handshake_refused(target, 4100)
            assert (await target.http("GET", "/up")).status_code == 200
            silent = [await asyncio.open_connection("127.0.0.1", process.port) for _ in range(reserve)]
            assert (await target.raw(b"GET /up HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 503 ")
            for _, writer in silent:
                writer.close()
        assert told(process) == [f"The limit of open files is {files}: this server takes {room} connections. {MEND}"]
        assert "Traceback" not in process.output


def test_more_connections_than_open_files_are_not_promised() -> None:
    with ServerProcess("--max-connections", "5000", env=CREDENTIALS, files=2_000) as process:
        process.wait_until_ready()
        (said,) = told(process)
        assert said.startswith("The limit of open files is 2000: this server takes 1872 connections, not 5000 (REVERB_")


def test_as_many_connections_as_there_are_files_for_are_worth_no_warning() -> None:
    with ServerProcess("--max-connections", "50", env=CREDENTIALS, files=100) as process:
        process.wait_until_ready()
        assert told(process) == []


@pytest.mark.parametrize("files", [32, LEAST - 1])
def test_a_server_that_could_serve_nobody_does_not_start(files: int) -> None:
    with ServerProcess(env=CREDENTIALS, files=files) as process:
        assert process.wait() == 2
        assert told(process) == [f"The limit of open files is {files}: below 96 nobody can be served. {MEND}"]

"""`reverb-py bench` as a process: a terminal, Ctrl-C, and too few file descriptors."""

import asyncio
import json
import os
import pty
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

import pytest

from tests.bench_command.asking import FINE, INTERRUPTED, USAGE
from tests.bench_command.fake_server import FakeServer
from tests.bench_command.plans import APP
from tests.server_process import KEPT, REPOSITORY

ENV = {name: os.environ[name] for name in KEPT if name in os.environ} | {
    "PYTHONPATH": str(REPOSITORY),
    "REVERB_APP_SECRET": APP.secret,
}
BENCH = (sys.executable, "-m", "reverb_py", "bench", "--app-id", APP.id, "--key", APP.key, "--connect-rate", "2000")


async def start(command: Sequence[str], stderr: int = asyncio.subprocess.PIPE) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=stderr, env=ENV, cwd=REPOSITORY)


async def test_ctrl_c_prints_what_was_measured_until_then() -> None:
    async with FakeServer() as server:
        process = await start([*BENCH, "--url", server.url, "--duration", "1h", "--rate", "0.01", "--json"])
        await asyncio.wait_for(server.published.wait(), 20)
        process.send_signal(signal.SIGINT)
        output, errors = await process.communicate()
    assert (process.returncode, errors) == (INTERRUPTED, b"")
    found = json.loads(output)
    assert (found["interrupted"], found["lost"], found["not_sent"]) == (True, 0, 0)
    assert (len(server.bodies), found["delivered"]) == (1, 10)  # a hundred connections on ten channels


@pytest.mark.parametrize("signals", [[signal.SIGINT] * 2, [signal.SIGINT] * 4, [signal.SIGTERM], [signal.SIGTERM] * 2])
async def test_whoever_interrupts_again_gets_the_figures_too(signals: list[signal.Signals]) -> None:
    async with FakeServer(lambda to, frame: []) as server:  # what is lost is waited for
        process = await start([*BENCH, "--url", server.url, "--duration", "1h", "--rate", "0.01", "--json"])
        await asyncio.wait_for(server.published.wait(), 20)
        for each in signals:
            with suppress(ProcessLookupError):  # it was fast
                process.send_signal(each)
            await asyncio.sleep(0.05)
        output, errors = await process.communicate()
    assert (process.returncode, errors) == (INTERRUPTED, b"")
    found = json.loads(output)
    assert (found["interrupted"], found["lost"]) == (True, 10)


async def test_on_a_terminal_the_progress_is_on_stderr_and_the_table_on_stdout() -> None:
    ours, theirs = pty.openpty()
    async with FakeServer() as server:
        process = await start([*BENCH, "--url", server.url, "--duration", "500ms"], theirs)
        output, _ = await process.communicate()
    os.close(theirs)
    progress = os.read(ours, 65_536).decode()
    os.close(ours)
    assert process.returncode == FINE
    assert output.decode().splitlines()[-1] == "All 50 copies arrived, once and in order."
    assert "connecting: " in progress
    assert "of 0.5 s: " in progress
    assert APP.secret not in progress


async def limited(soft: int | str, hard: int | str, url: str) -> tuple[int | None, str]:
    """Run with these limits on file descriptors: exit code and all output."""
    limits = f"ulimit -Sn {soft} && ulimit -Hn {hard}"
    command = ["sh", "-c", f'{limits} && exec "$@"', "sh", *BENCH, "--url", url, "--duration", "100ms"]
    process = await start([*command, "--connections", "200"])
    output, errors = await process.communicate()
    return process.returncode, (output + errors).decode()


async def test_a_soft_limit_on_file_descriptors_is_raised() -> None:
    async with FakeServer() as server:
        exit_code, output = await limited(100, 400, server.url)
    assert (exit_code, output.splitlines()[-1]) == (FINE, "All 20 copies arrived, once and in order.")


async def test_a_hard_limit_that_is_too_low_is_exit_code_2_and_says_what_to_do() -> None:
    async with FakeServer() as server:
        exit_code, output = await limited(100, 250, server.url)
        assert server.channels == {}
    assert exit_code == USAGE
    assert "200 connections need 274 file descriptors, and this process may open 250" in output
    assert "ulimit -Hn" in output
    assert "ask for at most 176 connections" in output

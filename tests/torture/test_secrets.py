"""The secret of an app stands in nothing that anybody can read: every other attack here looks for it, too."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from reverb_py.conformance.verify import Deviation
from tests.server_process import KEPT, REPOSITORY
from tests.torture import proc
from tests.torture.conftest import Watch
from tests.torture.killers import MESSAGES, PUBLISHES, REQUESTS, misplaced_messages, misplaced_requests
from tests.torture.watching import APP, CREDENTIALS, SECRET, Watched

COMMANDS = {
    "config": ["config"],
    "doctor": ["doctor"],
    "events": ["events"],
    "channels": ["channels"],
    "connections": ["connections"],
    "trigger": ["trigger", "news", "ev", "{}"],
    "healthcheck": ["healthcheck"],
    "a wrong option": ["serve", "--port", "nonsense"],
    "a wrong setting": ["serve", "--host", "host.invalid"],
}


async def ran(port: int, *arguments: str, cwd: Path, **more: str) -> str:
    """All that a command says."""
    env = {name: os.environ[name] for name in KEPT if name in os.environ} | CREDENTIALS | more
    env |= {"PYTHONPATH": str(REPOSITORY), "REVERB_HOST": "127.0.0.1", "REVERB_PORT": str(port)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "reverb_py", *arguments),
        env={**env, "REVERB_SCHEME": "http", "REVERB_SERVER_PORT": str(port)},
        cwd=cwd,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return output.decode(errors="replace")


async def attack(server: Watched) -> None:
    """Every known killer, and the secret in every wrong place; what is answered is listened to."""
    for sent in (*MESSAGES.values(), *misplaced_messages(APP).values()):
        async with server.target.client() as client:
            await client.send_bytes(sent)
            try:
                server.heard += (await client.text(0.05)).encode()
            except Deviation:
                continue
    for name in REQUESTS:
        await server.asked(REQUESTS[name](APP), seconds=0.1)
    for request in misplaced_requests(APP).values():
        await server.asked(request, seconds=0.1)
    for body in PUBLISHES.values():
        server.heard += (await server.target.post("/events", body)).content


LOGS = {"text": ("text", "false", "1"), "debug in JSON": ("json", "true", "1"), "not cut short": ("json", "true", "0")}


@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS)
async def test_the_secret_is_in_no_answer_and_no_log(watch: Watch, log: Sequence[str]) -> None:
    """The secret is in no answer and no log line, whatever is sent, with REVERB_DEBUG too."""
    env = {"REVERB_LOG_FORMAT": log[0], "REVERB_DEBUG": log[1], "REVERB_LOG_RATE": "100000"}
    env["REVERB_MAX_FAILURES"] = log[2]
    async with watch(env=env) as server:
        await attack(server)
        receipts = await server.target.get("/publishes", {"limit": "1000"})
        server.heard += receipts.content
        told = len(server.process.output.encode()) + len(server.heard)
        assert SECRET not in proc.arguments(server.pid)
        assert APP.key in server.process.output, "the log should be what is looked at"
        server.row.tells("not found", f"not in {told} bytes")


async def test_the_secret_is_in_no_commands_output(watch: Watch, tmp_path: Path) -> None:
    """The secret is in the output of no command, whether it succeeds or not."""
    async with watch() as server:
        jobs = [ran(server.process.port, *command, cwd=tmp_path) for command in COMMANDS.values()]
        outputs = dict(zip(COMMANDS, await asyncio.gather(*jobs), strict=True))
        refused = await ran(server.process.port, "doctor", cwd=tmp_path, REVERB_APP_SECRET=f"{SECRET}-wrong")
        assert all(outputs.values()), "every command should say something"
        assert not [name for name, output in outputs.items() if SECRET in output]
        assert SECRET not in refused
        server.row.tells("not found", f"not in {sum(map(len, outputs.values()))} bytes of {len(outputs)} commands")

"""A real server process of several apps, and what it logs."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from reverb_py.conformance.target import Target, TargetApp
from tests.server_process import ServerProcess

SECRET = "a-secret-that-no-log-shows"
APPS = json.dumps(
    [
        {"id": "1", "key": "main-key", "secret": SECRET},
        {"id": "2", "key": "other-key", "secret": "another-secret-that-no-log-shows"},
        {"id": "3", "key": "closed-key", "secret": "third", "allowed_origins": ["app.example.com"]},
        {"id": "4", "key": "disabled-key", "secret": "fourth", "enabled": False},
    ]
)
CHANNEL = "private-customer.100.driver-location"
PATIENCE = 10.0  # seconds until a line must stand in the log


@dataclass(slots=True)
class Server:
    """A server process, and what it has logged."""

    process: ServerProcess
    target: Target

    async def logs(self, code: str, part: str = "") -> str:
        """Wait for a line with this code (and this part); return it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                lines = [line for line in self.process.output.splitlines() if f"[{code}]" in line and part in line]
                if lines:
                    assert "that-no-log-shows" not in self.process.output
                    return lines[-1]
                await asyncio.sleep(0.02)


@asynccontextmanager
async def serving(**env: str) -> AsyncIterator[Server]:
    variables = {"REVERB_APPS": APPS, "REVERB_LOG_FORMAT": "text", **env}
    with ServerProcess(env=variables) as process:
        process.wait_until_ready()
        apps = {"MAIN": TargetApp("1", "main-key", SECRET)}
        apps["OTHER"] = TargetApp("2", "other-key", "another-secret-that-no-log-shows")
        apps["CLOSED"] = TargetApp("3", "closed-key", "third")
        apps["DISABLED"] = TargetApp("4", "disabled-key", "fourth")
        target = Target(f"ws://127.0.0.1:{process.port}", apps)
        try:
            yield Server(process, target)
        finally:
            await target.aclose()

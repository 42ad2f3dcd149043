"""A real server of several workers, seen from outside: its processes, and what each of them has logged."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from reverb_py.conformance.client import Client
from reverb_py.conformance.expect import eventually
from tests.conformance.fixture import OwnProcess, launch

Variables = Mapping[str, str]
QUICK = {"REVERB_DRAIN": "1"}


class Crew:
    """A parent and its workers. Workers that were replaced are not of it any more."""

    def __init__(self, process: OwnProcess) -> None:
        self.process = process
        self.target = process.target

    @property
    def pids(self) -> set[int]:
        """The workers that are alive."""
        task = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return {int(pid) for pid in task.read_text().split() if is_alive(int(pid))}

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The log so far. A line of a worker has its number."""
        return [json.loads(line) for line in self.process.output.splitlines()]

    def said(self, part: str) -> list[int | None]:
        """The workers that logged a line with this part, in order; None is the parent."""
        return [line.get("worker") for line in self.lines if part in line["message"]]

    async def says(self, part: str, times: int = 1) -> None:
        """Wait until so many such lines are logged."""

        async def told() -> bool:
            return len(self.said(part)) >= times

        await eventually(told, f"{part!r} should be logged {times} times", 10)

    async def is_whole(self, count: int, without: set[int] | None = None) -> set[int]:
        """Wait until so many workers live, none of them of `without`; return their process ids."""

        async def whole() -> bool:
            return len(self.pids - (without or set())) == count

        await eventually(whole, f"there should be {count} workers", 10)
        return self.pids

    async def connects(self, stack: AsyncExitStack, number: int) -> dict[int, list[Client]]:
        """Open so many connections; return them by the worker that has them."""
        clients = [await stack.enter_async_context(self.target.client()) for _ in range(number)]

        async def told() -> bool:
            return all(client.socket_id in self.process.output for client in clients)

        await eventually(told, "every connection should be logged")
        workers = {line["socket_id"]: line["worker"] for line in self.lines if line.get("event") == "connected"}
        found = defaultdict(list)
        for client in clients:
            found[workers[client.socket_id]].append(client)
        return dict(found)


def is_alive(pid: int) -> bool:
    """Return False for a process that is gone, and for one that nobody has buried yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@asynccontextmanager
async def crew(scaling: Variables, *options: str, env: Variables | None = None) -> AsyncIterator[Crew]:
    """A server of two workers that listen; `scaling` are the variables that name their Redis."""
    async with launch(*options, "--workers", "2", env={**scaling, **QUICK, **(env or {})}) as process:
        found = Crew(process)
        await found.says("Listening on")
        yield found

"""One JavaScript story, played by node: an exported function of a file beside this one.

It fails by its exit code, with the reason on stderr; what it tells on the way is one JSON object a line on stdout.
"""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PATIENCE = 10.0  # seconds for one thing that it must tell, and for its end
SHOWN = 30  # lines of the server's output that a failure repeats


def required(program: str) -> str:
    """The path of a program of the system; skip the test where it is missing."""
    return shutil.which(program) or pytest.skip(f"{program} was not found")


def node() -> str:
    """The path of node; skip the test where it, or a library for it, is missing."""
    path = required("node")
    if not (HERE / "node_modules" / "pusher-js").is_dir():
        pytest.skip("the JavaScript libraries are missing: npm ci --prefix tests/clients")
    return path


class Story:
    """A story under way."""

    def __init__(self, process: asyncio.subprocess.Process, name: str, server_output: Callable[[], str]) -> None:
        """`server_output` is asked when it fails."""
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process, self._name, self._server_output = process, name, server_output
        self._stdin, self._stdout = process.stdin, process.stdout
        self._stderr = asyncio.create_task(process.stderr.read())

    async def told(self, kind: str, seconds: float = PATIENCE) -> Any:
        """The value of the next telling of this kind; those of other kinds before it are passed over."""
        seen = []
        try:
            async with asyncio.timeout(seconds):
                while line := await self._stdout.readline():
                    seen.append(line.decode().strip())
                    telling = json.loads(line)
                    if kind in telling:
                        return telling[kind]
        except TimeoutError:
            raise await self._failure(f"{kind!r} was not told within {seconds:g} s, but {seen}") from None
        raise await self._failure(f"it ended before it told {kind!r}, after {seen}")

    async def tells_nothing(self, seconds: float) -> None:
        """Wait this long, in which it must not tell anything."""
        try:
            line = await asyncio.wait_for(self._stdout.readline(), seconds)
        except TimeoutError:
            return
        raise await self._failure(f"it should have told nothing more, but it told {line!r}")

    async def ended(self) -> None:
        """Send it away, and wait for its good end."""
        self._stdin.close()
        try:
            code = await asyncio.wait_for(self._process.wait(), PATIENCE)
        except TimeoutError:
            raise await self._failure(f"it did not end within {PATIENCE:g} s") from None
        if code:
            raise await self._failure(f"exit code {code}")

    async def _failure(self, what: str) -> Exception:
        """End the story; what to raise, with all that is known."""
        stderr = (await self.kill()).decode(errors="replace")
        said = "\n".join(self._server_output().splitlines()[-SHOWN:])
        return AssertionError(f"{self._name}: {what}\n{stderr}\nThe server said last:\n{said}")

    async def kill(self) -> bytes:
        """End it if it has not ended; what it wrote to stderr."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        return await self._stderr


@asynccontextmanager
async def play(
    file: str, name: str, world: Mapping[str, object], server_output: Callable[[], str]
) -> AsyncIterator[Story]:
    """The story `name` of `<file>.mjs`, which knows the `world` (`stage.mjs` says what it needs)."""
    process = await asyncio.create_subprocess_exec(
        *(node(), str(HERE / "play.mjs"), file, name),
        env={**os.environ, "WORLD": json.dumps(world)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    story = Story(process, f"{file}.mjs, {name}", server_output)
    try:
        yield story
    finally:
        await story.kill()

"""The examples, run as the README's "Five minutes" says: a newcomer must see what is promised there."""

import asyncio
import os
import re
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager

import pytest

from tests.clients.apps import MAIN
from tests.clients.story import node, required
from tests.server_process import REPOSITORY, ServerProcess

PATIENCE = 10.0  # seconds for one line, and for one command
DATA = '{"ticket_id":1}'
DELIVERED = "{}\nX-Reverb-Delivered: 1\n"  # what a publisher prints
PROGRAMS: dict[str, Callable[[], str]] = {
    "node": node,
    "sh": lambda: required("sh"),
    ".venv/bin/python": lambda: sys.executable,
}


@pytest.fixture
def dev() -> Iterator[ServerProcess]:
    """`reverb-py serve --dev`, which `make serve` runs, in a directory of its own where it keeps its credentials."""
    with ServerProcess("--dev", "--log-format", "text") as process:
        yield process.wait_until_ready()


def readme_command(beginning: str) -> list[str]:
    """The one command of the README that begins so, with the paths of this machine."""
    readme = (REPOSITORY / "README.md").read_text()
    (line,) = re.findall(rf"^ *({re.escape(beginning)}.*)$", readme, re.MULTILINE)
    program, script, *arguments = shlex.split(line, comments=True)
    return [PROGRAMS[program](), str(REPOSITORY / script), *arguments]


def surroundings(server: ServerProcess, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a newcomer: no variables of ours but the port, which is 8080 in the README."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("REVERB_")}
    return {**inherited, "REVERB_PORT": str(server.port), **(more or {})}


def run(command: list[str], server: ServerProcess, more: Mapping[str, str] | None = None) -> tuple[int, str]:
    """The exit code of a command that runs where the server does, and what it said."""
    done = subprocess.run(
        command,
        cwd=server.directory,
        env=surroundings(server, more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PATIENCE,
        text=True,
    )
    return done.returncode, done.stdout


@asynccontextmanager
async def listening(
    command: list[str], server: ServerProcess, more: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.StreamReader]:
    """What a listener prints, once it is subscribed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=server.directory,
        env=surroundings(server, more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    try:
        await line_with("subscribed: ", process.stdout)
        yield process.stdout
    finally:
        process.kill()
        await process.wait()


async def line_with(text: str, output: asyncio.StreamReader) -> str:
    """The next line that contains this text."""
    seen = []
    while line := (await asyncio.wait_for(output.readline(), PATIENCE)).decode():
        seen.append(line)
        if text in line:
            return line.rstrip("\n")
    raise AssertionError(f"no line with {text!r} in {seen}")


@pytest.mark.parametrize("publisher", ["sh examples/publish.sh", ".venv/bin/python examples/publish.py"])
async def test_five_minutes(dev: ServerProcess, publisher: str) -> None:
    """The commands of the README: the listener prints the event, and the server says who received it."""
    if publisher.startswith("sh "):
        required("curl")
        required("openssl")
    async with listening(readme_command("node examples/listen.mjs"), dev) as output:
        assert run(readme_command(publisher), dev) == (0, DELIVERED)
        assert await line_with("ticket", output) == f"my-channel ticket.assigned {DATA}"
    lines = [line.split(" ", 2)[-1] for line in dev.output.splitlines()]
    assert "Channel subscribed: my-channel" in lines
    published = "Published ticket.assigned to my-channel: 1 received, 15 bytes, "
    assert [line for line in lines if line.startswith(published)]


OURS = {"REVERB_APP_ID": MAIN.id, "REVERB_APP_KEY": MAIN.key, "REVERB_APP_SECRET": MAIN.secret}
PUBLISH = {
    "publish.sh": ["sh", str(REPOSITORY / "examples" / "publish.sh")],
    "publish.py": [sys.executable, str(REPOSITORY / "examples" / "publish.py")],
}


@pytest.mark.parametrize("script", PUBLISH)
async def test_credentials_of_the_environment_are_used(server: ServerProcess, script: str) -> None:
    """And private and presence channels can be listened to; what needs escaping arrives as it was typed."""
    channel = f"private-customer.100.{script.partition('.')[2]}"
    data = '{"text":"\\"quoted\\" \\\\ é 🚗 $HOME `id` %s"}'
    listen = [node(), str(REPOSITORY / "examples" / "listen.mjs"), channel, "presence-drivers"]
    async with listening(listen, server, OURS) as output:
        await line_with("subscribed: presence-drivers", output)
        assert run([*PUBLISH[script], channel, "App\\Events\\Sent", data], server, OURS) == (0, DELIVERED)
        assert await line_with("Sent", output) == f"{channel} App\\Events\\Sent {data}"


@pytest.mark.parametrize("script", PUBLISH)
def test_a_refused_publish_fails_with_the_reason(server: ServerProcess, script: str) -> None:
    code, output = run(
        [*PUBLISH[script], "my-channel", "ticket.assigned", DATA], server, {**OURS, "REVERB_APP_SECRET": "wrong"}
    )
    assert code not in (0, 127)
    assert "Authentication signature invalid. [RVB302]" in output


@pytest.mark.parametrize("script", PUBLISH)
def test_without_credentials_it_says_how_to_get_some(server: ServerProcess, script: str) -> None:
    code, output = run([*PUBLISH[script], "my-channel", "ticket.assigned", DATA], server)
    assert code == 1
    assert "`make serve`" in output


def test_the_listener_says_how_to_get_credentials_and_that_a_key_is_wrong(server: ServerProcess) -> None:
    """pp-288: a listener with a wrong key prints the code and the reason, and ends."""
    listen = [node(), str(REPOSITORY / "examples" / "listen.mjs"), "my-channel"]
    code, output = run(listen, server)
    assert code == 1
    assert "`make serve`" in output
    code, output = run(listen, server, {**OURS, "REVERB_APP_KEY": "wrong-key"})
    assert code == 1
    assert "4001 Application does not exist: no app has the key 'wrong-key'" in output

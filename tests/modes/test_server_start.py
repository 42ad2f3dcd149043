"""Variables that contradict each other, named with their codes by the server at its start."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.modes.serving import APPS, PATIENCE, serving

RAILWAY = {"RAILWAY_ENVIRONMENT_ID": "x", "RAILWAY_DEPLOYMENT_DRAINING_SECONDS": "20"}


def starting(code: str, env: dict[str, str], part: str) -> object:
    """One row of the tables below, marked with its mode."""
    return pytest.param(code, env, part, marks=pytest.mark.mode(code, "start"), id=f"{code} {part}")


@pytest.mark.parametrize(
    ("code", "env", "part"),
    [
        starting("RVB209", {"PORT": "1"}, "PORT is '1'"),
        starting("RVB404", RAILWAY | {"RAILWAY_REPLICA_ID": "r"}, "one replica"),
        starting("RVB405", {"REVERB_SCALING_ENABLED": "true"}, "No Redis is named"),
        starting("RVB611", {"RAILWAY_ENVIRONMENT_ID": "x"}, "Set it to 20"),
    ],
)
async def test_variables_that_contradict_each_other(code: str, env: dict[str, str], part: str) -> None:
    async with serving(**env) as server:
        await server.logs(code, part)


@pytest.mark.mode("RVB206", "start")
async def test_an_ipv4_address_on_railway_is_widened(tmp_path: Path) -> None:
    variables = {**os.environ, **RAILWAY, "REVERB_APPS": APPS, "PORT": "0", "REVERB_SERVER_HOST": "0.0.0.0"}
    command = [sys.executable, "-m", "reverb_py", "serve", "--no-env-file", "--log-format", "text"]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, env=variables, cwd=tmp_path, stdout=pipe)
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        said = [await process.stdout.readline()]
        while b"Laravel" not in said[-1] and said[-1]:
            said.append(await process.stdout.readline())
    process.kill()
    await process.wait()
    output = b"".join(said).decode()
    assert "[RVB206]" in output
    assert "http://[::]" in output


@pytest.mark.parametrize(
    ("code", "env", "part"),
    [
        starting("RVB213", {"REVERB_SERVER_PORT": "$PORT"}, "$PORT"),
        starting("RVB213", {"REVERB_APP_SECRET": "${{reverb.SECRET}}"}, "REVERB_APP_SECRET holds a reference"),
        starting("RVB404", {"REVERB_WORKERS": "2"}, "each would know its own clients only"),
        starting("RVB608", {"REVERB_APP_ACTIVITY_TIMEOUT": "0"}, "REVERB_APP_ACTIVITY_TIMEOUT is '0'"),
    ],
)
def test_values_with_which_it_does_not_start(tmp_path: Path, code: str, env: dict[str, str], part: str) -> None:
    trio = {"REVERB_APP_ID": "1", "REVERB_APP_KEY": "k", "REVERB_APP_SECRET": "s"}
    command = [sys.executable, "-m", "reverb_py", "serve", "--no-env-file"]
    variables = {**os.environ, **trio, **env}
    ended = subprocess.run(command, env=variables, cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 2
    assert part in ended.stderr
    assert f"[{code}]" in ended.stderr

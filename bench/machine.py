"""What the figures were measured on: they mean nothing without it."""

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.nodes import find_redis

PACKAGES = ("reverb-py", "uvicorn", "uvloop", "httptools", "websockets", "starlette", "orjson")


def describe(cc: str) -> dict[str, str]:
    """Machine and versions, for the head of a report; `cc` is the compiler that made the floor."""
    facts = {
        "cpu": _cpu(),
        "cores": str(len(os.sched_getaffinity(0))),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "cc": _first_line(cc, "--version"),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    if commit := _commit():
        facts["commit"] = commit
    if redis := find_redis():
        facts["redis"] = _first_line(redis, "--version").partition(" v=")[2].partition(" ")[0]
    return facts | {name: version(name) for name in PACKAGES}


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return names[0] if names else platform.machine()


def _commit() -> str:
    """What `git describe` calls this checkout; "" without git."""
    git = shutil.which("git")
    where = str(Path(__file__).parent)
    return _first_line(git, "-C", where, "describe", "--always", "--dirty") if git else ""


def _first_line(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.partition("\n")[0]

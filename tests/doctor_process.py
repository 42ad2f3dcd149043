"""`reverb-py doctor` as a process of its own, for tests; and the variables of a stack in which nothing is wrong."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.server_process import KEPT, REPOSITORY

SECRET = "S3cr3t-that-Nobody-may-see"
KEY = "k5csv8kqlwieu4uqg"
PATIENCE = 30.0  # seconds

WEB = f"""\
APP_URL=https://app.example.com
BROADCAST_CONNECTION=reverb
QUEUE_CONNECTION=sync
REVERB_APP_ID=912345
REVERB_APP_KEY={KEY}
REVERB_APP_SECRET={SECRET}
REVERB_HOST=ws.example.com
REVERB_PORT=443
REVERB_SCHEME=https
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run has printed, and what it ended with."""

    out: str
    err: str
    code: int

    def first_of(self, mark: str) -> str:
        """The first line that begins with this mark; "" when there is none."""
        return next((line.strip() for line in self.out.splitlines() if line.strip().startswith(mark)), "")


def doctor(
    directory: Path, *arguments: str, env: Mapping[str, str] | None = None, stdin: str = "", hides: bool = True
) -> Ran:
    """Run it in that directory, without the variables of whoever runs the tests. It must show no secret."""
    inherited = {name: os.environ[name] for name in KEPT if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "reverb_py", "doctor", *arguments],
        cwd=directory,
        env={**inherited, "PYTHONPATH": str(REPOSITORY), "PYTHONUTF8": "1", **(env or {})},
        input=stdin.encode(),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    ran = Ran(done.stdout.decode(), done.stderr.decode(), done.returncode)
    if hides:
        assert SECRET.lower() not in (ran.out + ran.err).lower()
    assert "Traceback" not in ran.err
    return ran


def changed(text: str, changes: str) -> str:
    """The variables with other lines for those of the same names; `-NAME` takes one away."""
    lines = dict(line.split("=", 1) for line in text.splitlines() if line)
    for line in changes.splitlines():
        if line.startswith("-"):
            lines.pop(line[1:], None)
        else:
            name, _, value = line.partition("=")
            lines[name] = value
    return "".join(f"{name}={value}\n" for name, value in lines.items())

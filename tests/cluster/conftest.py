"""A Redis that a test may ruin, and nodes over it; two real servers over a Redis of their own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from reverb_py.conformance.target import Target
from tests.cluster.outage import Lab, lab
from tests.cluster.pair import SETTINGS, view
from tests.nodes import Nodes
from tests.redis_binaries import Binary, default_binary
from tests.redis_process import RedisProcess


@pytest.fixture
def redis(request: pytest.FixtureRequest) -> Iterator[RedisProcess]:
    """The default one, or in tests that are marked with ON_EVERY each in its turn."""
    binary: Binary = getattr(request, "param", None) or default_binary()
    with RedisProcess(binary=binary) as redis:
        yield redis


@pytest.fixture(name="lab")
async def _lab(redis: RedisProcess, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    async with lab(redis, monkeypatch) as found:
        yield found


@pytest.fixture(scope="module")
def pair() -> Iterator[Nodes]:
    """Two servers for all tests of a file, which both run when a test begins."""
    with RedisProcess() as redis, Nodes(2, redis, env=SETTINGS) as nodes:
        yield nodes


@pytest.fixture
async def a(pair: Nodes) -> AsyncIterator[Target]:
    """One of the pair."""
    found = view(pair[0])
    yield found
    await found.aclose()


@pytest.fixture
async def b(pair: Nodes) -> AsyncIterator[Target]:
    """The other one."""
    found = view(pair[1])
    yield found
    await found.aclose()

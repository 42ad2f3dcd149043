"""A Redis that a test may ruin, and nodes over it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.cluster.outage import Lab, lab
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

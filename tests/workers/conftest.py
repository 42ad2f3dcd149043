from collections.abc import Iterator

import pytest

from tests.redis_process import RedisProcess
from tests.workers.crew import Variables


@pytest.fixture(scope="module")
def scaling() -> Iterator[Variables]:
    """The variables that name a Redis for the workers of this module."""
    with RedisProcess() as redis:
        yield {"REVERB_SCALING_ENABLED": "true", "REDIS_URL": redis.wait_until_ready().url}

"""Several servers and their Redis, as the doctor and the log see them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from reverb_py import codes
from reverb_py.diagnosis.doctor.target import Target
from tests.modes.responder import relay
from tests.modes.visiting import APP, at, first, found, told
from tests.redis_process import RedisProcess
from tests.server_process import ServerProcess


@asynccontextmanager
async def sharing(url: str) -> AsyncIterator[ServerProcess]:
    with ServerProcess(env={**APP, "REVERB_SCALING_ENABLED": "true", "REDIS_URL": url}) as process:
        await asyncio.to_thread(process.wait_until_ready)
        yield process


async def test_two_servers_over_redis_lose_nothing() -> None:
    with RedisProcess() as redis:
        async with sharing(redis.url) as one, sharing(redis.url) as other, relay(one.port, other.port) as port:
            findings = told(await found(at(port)))
    assert "loopback pass" in findings
    assert not [each for each in findings if " fail " in each]


@pytest.mark.mode("RVB405", "doctor")
@pytest.mark.mode("RVB405", "log")
async def test_a_server_that_lost_its_redis_is_the_first_thing_that_is_told() -> None:
    with RedisProcess() as redis:
        async with sharing(redis.url) as server:
            target: Target = at(server.port)
            assert "identify.up pass" in told(await found(target))
            redis.kill()
            finding = first(await found(target))
            assert finding.code is codes.REDIS_AWAY
            assert "cut off from Redis" in finding.title
            assert f"Redis at redis://127.0.0.1:{redis.port}/0 is out of reach" in server.output
            assert "[RVB405]" in server.output

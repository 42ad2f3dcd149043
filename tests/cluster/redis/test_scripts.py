"""The scripts alone, against every Redis: what comes too late changes nothing."""

from collections.abc import Iterator

import pytest
from redis.exceptions import ResponseError

from reverb_py.cluster.redis.scripts import BEAT, STATE, Script
from tests.redis_binaries import EVERY
from tests.redis_process import RedisProcess

PREFIX = "p:py:{0}:"


@pytest.fixture(scope="module", params=EVERY)
def server(request: pytest.FixtureRequest) -> Iterator[RedisProcess]:
    with RedisProcess(binary=request.param) as redis:
        yield redis


@pytest.fixture
def redis(server: RedisProcess) -> RedisProcess:
    server.ask("FLUSHALL")
    return server


def run(redis: RedisProcess, script: Script, key: str, *arguments: str | int) -> list[object]:
    reply: list[object] = redis.ask("EVAL", script.text.decode(), 1, PREFIX + key, PREFIX, *arguments)
    return reply


def beat(redis: RedisProcess, link: int, node: str = "a", lease: int = 60_000, since: str = "") -> list[object]:
    return run(redis, BEAT, "leases", node, link, lease, "epoch", "{}", "PUBLISH", 1, since)


def state(redis: RedisProcess, link: int, seats: int, users: int = -1) -> list[object]:
    return run(redis, STATE, "ledger:a", "a", link, "3", "c", seats, "u", users, "null", 0, "1.1", "PUBLISH", "")


def test_a_statement_of_an_earlier_link_or_without_a_beat_is_refused(redis: RedisProcess) -> None:
    with pytest.raises(ResponseError, match="STALE"):
        state(redis, 1, 1)
    beat(redis, 1)
    assert state(redis, 1, 1, 1)[:3] == [1, 1, 1]
    beat(redis, 2)
    with pytest.raises(ResponseError, match="STALE"):
        state(redis, 1, 0, 0)
    assert state(redis, 2, 1, 1)[:3] == [1, 0, 0]


def test_a_beat_of_an_earlier_link_is_refused_and_changes_nothing(redis: RedisProcess) -> None:
    beat(redis, 2)
    with pytest.raises(ResponseError, match="STALE"):
        beat(redis, 1, lease=1)
    assert beat(redis, 2)[0] == 1
    assert state(redis, 2, 1)[0] == 1


def test_a_statement_about_a_user_may_leave_the_seats_as_they_are(redis: RedisProcess) -> None:
    beat(redis, 1)
    state(redis, 1, 2, 2)
    assert state(redis, 1, -1, 0)[:3] == [1, 0, -1]
    assert redis.ask("HGET", f"{PREFIX}counts:3", "c") == b"2"


def test_a_beat_counts_who_lives_and_who_has_beaten_since_a_time(redis: RedisProcess) -> None:
    assert beat(redis, 1)[0] == 0
    beat(redis, 1, "b")
    known, _, now, living, *dead = beat(redis, 1)
    assert (known, living, dead) == (1, 2, [])
    later = f"{int(str(now)) + 60_000}"
    assert beat(redis, 1, since=later)[3] == 0
    beat(redis, 1, "b", lease=0)
    known, _, _, living, *dead = beat(redis, 1)
    assert (known, living, dead) == (1, 1, [b"b"])
    assert beat(redis, 1, "b")[0] == 0  # its lease had run out, though nobody had buried it


def test_all_scripts_go_on_when_memory_is_full(redis: RedisProcess) -> None:
    redis.ask("CONFIG", "SET", "maxmemory", 1)
    beat(redis, 1)
    assert state(redis, 1, 1, 1)[:3] == [1, 1, 1]
    redis.ask("CONFIG", "SET", "maxmemory", 0)

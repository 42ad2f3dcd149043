"""Every spelling of a Redis address that is in use is read, and what cannot be one is refused without its secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverb_py.cluster.redis.address import SCHEMES, RedisAddress

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://", RedisAddress()),
        ("redis://redis", RedisAddress("redis")),
        ("redis://redis:6380", RedisAddress("redis", 6380)),
        ("  redis://redis:6380/\n", RedisAddress("redis", 6380)),
        ("REDIS://Redis.Example.COM", RedisAddress("redis.example.com")),
        ("redis://redis/2", RedisAddress("redis", database=2)),
        ("redis://redis?db=3", RedisAddress("redis", database=3)),
        ("redis://redis/2?db=3", RedisAddress("redis", database=3)),
        ("tcp://redis:6379?database=4", RedisAddress("redis", database=4)),
        ("redis://:hunter2@redis", RedisAddress("redis", password=SECRET)),
        ("redis://me:hunter2@redis", RedisAddress("redis", username="me", password=SECRET)),
        ("redis://me%40home:p%2F%3A%23%20+@redis", RedisAddress("redis", username="me@home", password="p/:# +")),
        ("redis://me:p@ss@redis", RedisAddress("redis", username="me", password="p@ss")),
        ("redis://redis?username=me&password=hunter2", RedisAddress("redis", username="me", password=SECRET)),
        ("redis://[::1]", RedisAddress("::1")),
        ("redis://:hunter2@[fd12::7]:6380/1", RedisAddress("fd12::7", 6380, password=SECRET, database=1)),
        ("redis://[fe80::1%25eth0]", RedisAddress("fe80::1%eth0")),
        ("redis://redis?family=0&timeout=5", RedisAddress("redis")),
        ("valkey://redis", RedisAddress("redis")),
        ("rediss://redis", RedisAddress("redis", tls=True)),
        ("tls://redis", RedisAddress("redis", tls=True)),
        ("valkeys://redis", RedisAddress("redis", tls=True)),
        ("rediss://redis?ssl_ca_certs=/ca.pem", RedisAddress("redis", tls=True, ca_file="/ca.pem")),
        ("rediss://redis?ssl_cert_reqs=none", RedisAddress("redis", tls=True, verify=False)),
        ("rediss://redis?ssl_cert_reqs=CERT_NONE", RedisAddress("redis", tls=True, verify=False)),
        ("rediss://redis?ssl_cert_reqs=required", RedisAddress("redis", tls=True)),
        ("unix:///run/redis.sock", RedisAddress(unix_socket="/run/redis.sock")),
        (
            "unix://me:hunter2@/run/my%20redis.sock?db=1",
            RedisAddress(unix_socket="/run/my redis.sock", username="me", password=SECRET, database=1),
        ),
    ],
)
def test_a_url_is_read_as_redis_py_and_laravel_read_it(url: str, address: RedisAddress) -> None:
    assert RedisAddress.parse(url) == address


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("", "must begin with redis://"),
        ("hunter2", "must begin with redis://"),
        ("redis:hunter2@redis", "must begin with redis://"),
        ("http://hunter2@redis", "must begin with redis://"),
        ("redis+sentinel://hunter2@redis/mymaster", "must begin with redis://"),
        ("redis://:hunter2@redis:port", "percent-encode"),
        ("redis://:hunter2/@redis:6379", "percent-encode"),
        ("redis://:hunter2?@redis:6379", "percent-encode"),
        ("redis://:hunter2#@redis:6379", "percent-encode"),
        ("redis://redis:6379#hunter2", "percent-encode"),
        ("redis://me:12/hunter2@redis", "percent-encode"),
        ("redis://:hunter2@[::1", "percent-encode"),
        ("redis://:hunter2@redis:65536", "percent-encode"),
        ("redis://:hunter 2@redis", "holds a space"),
        ("redis://:hunter2@redis:0", "from 1 to 65535"),
        ("redis://:hunter2@redis/cache", "its database by a number"),
        ("redis://:hunter2@redis/-1", "its database by a number"),
        ("redis://:hunter2@redis?db=x", "its database by a number"),
        ("redis://:hunter2@redis/²", "its database by a number"),
        (f"redis://redis/{'1' * 5_000}", "its database by a number"),
        ("rediss://:hunter2@redis?ssl_cert_reqs=perhaps", "one of none, optional, required"),
        ("unix://", "a socket's file"),
        ("unix://hunter2", "a socket's file"),
        ("unix://run/redis.sock", "after three slashes"),
    ],
)
def test_what_cannot_be_an_address_is_refused_in_words_that_hold_no_part_of_it(url: str, part: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        RedisAddress.parse(url)
    assert part in str(refused.value)
    assert "hunter" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://me:hunter2@redis/2", "redis://redis:6379/2"),
        ("tls://:hunter2@[::1]:6380", "rediss://[::1]:6380/0"),
        ("unix://me:hunter2@/run/redis.sock", "unix:///run/redis.sock"),
        ("unix://:hunter2@/run/redis.sock?db=2", "unix:///run/redis.sock?db=2"),
    ],
)
def test_what_is_shown_is_an_address_without_the_login(url: str, shown: str) -> None:
    address = RedisAddress.parse(url)
    assert address.shown == shown
    assert SECRET not in repr(address)
    again = RedisAddress.parse(shown)
    assert (again.host, again.port, again.database, again.tls) == (
        address.host,
        address.port,
        address.database,
        address.tls,
    )


def outcome(url: str) -> RedisAddress | str:
    """The address, or why it is none."""
    try:
        return RedisAddress.parse(url)
    except ValueError as refusal:
        return str(refusal)


@given(scheme=st.sampled_from([*SCHEMES, "", "x"]), rest=st.text())
def test_any_text_is_an_address_that_can_be_dialled_or_a_refusal_of_ours(scheme: str, rest: str) -> None:
    found = outcome(f"{scheme}://{rest}")
    if isinstance(found, RedisAddress):
        assert 0 < found.port < 65_536
    else:
        assert found.startswith(("must ", "has ", "holds "))

"""The cable between a node and Redis carries every byte, and can be cut, hang and be whole again."""

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest

from tests.cable import Cable
from tests.ports import lasting_port
from tests.redis_binaries import Binary, every_binary
from tests.redis_process import RedisProcess, until

MANY = 20_000_000  # bytes, more than the kernels on the way keep
PING, PONG = b"PING\r\n", b"+PONG\r\n"


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisProcess]:
    with RedisProcess() as process:
        yield process


@pytest.fixture
def cable(redis: RedisProcess) -> Iterator[Cable]:
    with Cable(redis.port) as cable:
        yield cable


def call(cable: Cable) -> socket.socket:
    """A bare connection that has been answered once."""
    sock = dial(cable)
    sock.sendall(PING)
    assert heard(sock, len(PONG)) == PONG
    return sock


def dial(cable: Cable) -> socket.socket:
    return socket.create_connection(("127.0.0.1", cable.port), timeout=5)


def heard(sock: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count and (more := sock.recv(65_536)):
        found += more
    return bytes(found)


def silent(sock: socket.socket, seconds: float = 0.2) -> bool:
    """Whether nothing comes in this time, the end neither."""
    patience = sock.gettimeout()
    sock.settimeout(seconds)
    try:
        sock.recv(1)
    except TimeoutError:
        return True
    finally:
        sock.settimeout(patience)
    return False


def ended(sock: socket.socket) -> bool:
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


@every_binary
def test_a_message_goes_through_it_to_a_subscriber(binary: Binary) -> None:
    with RedisProcess(binary=binary) as redis, Cable(redis.port) as cable:
        subscriber = redis.subscriber("news", port=cable.port)
        assert redis.client(port=cable.port).publish("news", "hello") == 1
        message = subscriber.get_message(timeout=5)
        assert message is not None
        assert message["data"] == b"hello"
        assert cable.connections == 2


def test_it_counts_connections_and_the_bytes_of_each_way(cable: Cable) -> None:
    with call(cable), call(cable):
        assert (cable.open, cable.connections) == (2, 2)
        assert (cable.sent, cable.received) == (2 * len(PING), 2 * len(PONG))
        cable.drop()
        assert (cable.open, cable.connections) == (0, 2)


def test_much_goes_through_it_unchanged_however_slow_the_reader(redis: RedisProcess, cable: Cable) -> None:
    content = bytes(range(256)) * (MANY // 256)
    redis.client(port=cable.port).set("much", content)
    with call(cable) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        slow.sendall(b"GET much\r\n")
        time.sleep(0.2)  # he reads nothing, and the cable takes no more than its sockets keep
        assert 0 < cable.received < MANY
        head = f"${len(content)}\r\n".encode()
        assert heard(slow, len(head) + len(content) + 2) == head + content + b"\r\n"


def test_cut_it_ends_connections_and_refuses_new_ones_until_it_heals(cable: Cable) -> None:
    with call(cable) as sock:
        cable.cut()
        assert cable.open == 0
        assert ended(sock)
        with pytest.raises(ConnectionRefusedError):
            dial(cable)
    cable.heal()
    call(cable).close()


def test_dropping_ends_a_connection_and_the_next_is_welcome(cable: Cable) -> None:
    with call(cable) as sock:
        cable.drop()
        assert ended(sock)
    call(cable).close()


@pytest.mark.parametrize(
    ("there", "back", "executed"),
    [(True, True, 0), (True, False, 0), (False, True, 1)],
    ids=["both ways", "to Redis", "from Redis"],
)
def test_hanging_it_keeps_connections_and_what_they_sent(
    redis: RedisProcess, cable: Cable, there: bool, back: bool, executed: int
) -> None:
    redis.client().delete("asked")
    with call(cable) as sock:
        cable.hang(there=there, back=back)
        sock.sendall(b"INCR asked\r\n")
        assert silent(sock)
        assert int(redis.client().get("asked") or 0) == executed
        cable.heal()
        assert heard(sock, 4) == b":1\r\n"


def test_shut_to_redis_alone_it_brings_what_others_publish(redis: RedisProcess, cable: Cable) -> None:
    with call(cable) as sock:
        sock.sendall(b"SUBSCRIBE news\r\n")
        assert heard(sock, len(b"*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n")).endswith(b":1\r\n")
        cable.hang(back=False)
        redis.ask("PUBLISH", "news", "hello")
        assert b"hello" in sock.recv(1_000)


def test_hanging_it_accepts_a_connection_that_is_served_when_it_heals(cable: Cable) -> None:
    cable.hang()
    with dial(cable) as sock:
        sock.sendall(PING)
        assert silent(sock)
        cable.heal()
        assert heard(sock, len(PONG)) == PONG


def test_hanging_it_takes_no_more_than_the_sockets_on_the_way_do(cable: Cable) -> None:
    cable.hang()
    with dial(cable) as sock:
        sock.settimeout(0.5)
        with pytest.raises(TimeoutError):
            sock.sendall(bytes(MANY))


def test_hanging_it_does_not_tell_that_redis_is_gone() -> None:
    with RedisProcess() as redis, Cable(redis.port) as cable, call(cable) as sock:
        cable.hang()
        redis.kill()
        assert silent(sock)
        cable.heal()
        assert ended(sock)


def test_it_tells_redis_that_a_client_has_left(redis: RedisProcess, cable: Cable) -> None:
    with call(cable) as sock:
        sock.sendall(b"SUBSCRIBE left\r\n")
        until(lambda: redis.ask("PUBLISH", "left", "x") == 1, "the subscriber should be there")
    until(lambda: redis.ask("PUBLISH", "left", "x") == 0, "the subscriber should be gone")
    assert cable.open == 0


def test_it_hangs_up_where_nobody_listens() -> None:
    with Cable(lasting_port()) as cable, dial(cable) as sock:
        assert ended(sock)


async def test_it_serves_the_event_loop_that_cuts_it(cable: Cable) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", cable.port)
    writer.write(PING)
    assert await reader.readexactly(len(PONG)) == PONG
    cable.cut()
    assert await reader.read() == b""
    writer.close()


def test_one_of_its_connections_can_be_ended_by_redis(redis: RedisProcess, cable: Cable) -> None:
    kept = call(cable)
    before = set(cable.far_addresses)
    ended = call(cable)
    [address] = set(cable.far_addresses) - before
    assert redis.ask("CLIENT", "KILL", "ADDR", address) == 1
    assert ended.recv(1) == b""
    kept.sendall(PING)
    assert heard(kept, len(PONG)) == PONG

"""Many nodes: Redis, and servers that share events and seats over it, as processes of the benchmark."""

import os
import shutil
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from bench.process import LOAD_CORE, SERVER_CORE, UP, Broken, Missing, Server
from bench.workloads import Kind

A, B, C, REDIS = "node A", "node B", "node C", "Redis"  # A publishes, B has the subscribers, C has others
NODES = (A, B, C)
CORES = {A: LOAD_CORE, B: SERVER_CORE, C: SERVER_CORE}  # A and Redis share theirs with the load


def find_redis() -> str | None:
    """The Redis of this machine, or what REDIS_SERVER names."""
    return shutil.which(os.environ.get("REDIS_SERVER") or "redis-server")


def redis_command(port: int) -> list[str]:
    """A Redis that keeps nothing on disk. Raise Missing where there is none."""
    program = find_redis()
    if program is None:
        raise Missing("no redis-server: install one (Debian: redis-server), or set REDIS_SERVER")
    return [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]


@contextmanager
def cluster(
    kind: Kind, names: Sequence[str] = NODES, more_env: Mapping[str, str] | None = None
) -> Iterator[dict[str, Server]]:
    """Start Redis and these nodes; yield all by name once every node is linked to it."""
    with ExitStack() as stack:
        redis = stack.enter_context(Server(REDIS, redis_command, core=LOAD_CORE))
        shared = {"REVERB_SCALING_ENABLED": "true", "REDIS_URL": f"redis://127.0.0.1:{redis.port}/0"}
        env = {**kind.env, **shared, **(more_env or {})}
        nodes = [Server(name, kind.command, env, CORES[name]) for name in names]  # at once: each takes a second
        for node in nodes:
            stack.enter_context(node)
        _wait_until_linked(redis, len(nodes))
        yield {each.name: each for each in (redis, *nodes)}


def _wait_until_linked(redis: Server, nodes: int) -> None:
    deadline = time.monotonic() + UP
    while time.monotonic() < deadline:
        if _clients(redis.port) > nodes:  # who asks is one too
            return
        time.sleep(0.02)
    raise Broken(f"not all of {nodes} nodes have come to Redis after {UP:g} s")


def _clients(port: int) -> int:
    """How many connections Redis has, this question's included."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection, connection.makefile("rwb") as stream:
        stream.write(b"INFO clients\r\nQUIT\r\n")
        stream.flush()
        return int(stream.read().partition(b"connected_clients:")[2].split()[0])

"""A real Redis Cluster on the loopback: three primaries, a replica for each if wanted, and what may happen to them.

with RedisCluster(replicas=True) as cluster:
    cluster.owner("{7}").kill()
    cluster.wait_for_owner("{7}")  # once its replica
"""

from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Self

from redis.exceptions import RedisError

from tests.redis_binaries import Binary
from tests.redis_process import RedisProcess, until

SLOTS = 16_384
PRIMARIES = 3
OPTIONS = (
    *("--cluster-enabled", "yes"),
    *("--cluster-node-timeout", "1000"),  # ms until a silent node is taken for dead
    *("--repl-diskless-sync-delay", "0"),  # a replica is in step at once, not after 5 s
    *("--repl-ping-replica-period", "1"),  # s; CLUSTER SLOTS leaves out a replica that has received nothing yet
)


class RedisCluster:
    """`nodes` are three primaries in the order of their slots, then their replicas in the same order."""

    def __init__(self, *, replicas: bool = False, binary: Binary | None = None) -> None:
        self.nodes = [RedisProcess(*OPTIONS, binary=binary) for _ in range(PRIMARIES * (2 if replicas else 1))]
        self._running = ExitStack()

    @property
    def url(self) -> str:
        """That of one node, which knows the others."""
        return self.nodes[0].url

    def slot(self, key: str) -> int:
        """The slot of a key, or of a channel of sharded pub/sub."""
        return int(self._someone().ask("CLUSTER", "KEYSLOT", key))

    def owner(self, key: str) -> RedisProcess:
        """The primary of this key, as a node that runs sees it."""
        return self._serving(key)[0]

    def replica(self, key: str) -> RedisProcess:
        """The replica of the primary of this key, likewise; waits until one is known."""
        until(lambda: len(self._serving(key)) > 1, f"{key} should have a replica")
        return self._serving(key)[1]

    def failover(self, key: str) -> RedisProcess:
        """Let the replica of this key take over from its primary, which lives on as its replica; return the replica."""
        replica = self.replica(key)
        replica.ask("CLUSTER", "FAILOVER")
        return self.wait_for_owner(key, replica)

    def wait_for_owner(self, key: str, wanted: RedisProcess | None = None) -> RedisProcess:
        """Wait until a node that runs, or the wanted one, takes writes to this key; return it."""

        def taken() -> bool:
            owner = self.owner(key)
            return wanted in (None, owner) and owner.is_running and _takes_writes(owner, key)

        until(taken, f"somebody should take writes to {key}")
        return self.owner(key)

    def _serving(self, key: str) -> list[RedisProcess]:
        """Primary and replicas of a key, as a node that runs sees it."""
        slot, someone = self.slot(key), self._someone()
        shards = [shard for shard in someone.ask("CLUSTER", "SLOTS") if shard[0] <= slot <= shard[1]]
        by_port = {node.port: node for node in self.nodes}
        return [by_port[int(address[1])] for shard in shards for address in shard[2:]]

    def _someone(self) -> RedisProcess:
        return next(node for node in self.nodes if node.is_running)

    def __enter__(self) -> Self:
        try:
            for node in self.nodes:
                self._running.enter_context(node)
            self._found()
        except BaseException:
            self._running.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    def _found(self) -> None:
        """Divide the slots, make the nodes known to each other, and wait until all is well."""
        share = SLOTS // PRIMARIES + 1
        for number, node in enumerate(self.nodes):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
        for number, node in enumerate(self.nodes[:PRIMARIES]):
            slots = range(number * share, min((number + 1) * share, SLOTS))
            node.ask("CLUSTER", "ADDSLOTS", *map(str, slots))
        for node in self.nodes[1:]:
            self.nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", str(node.port))
        for primary, replica in zip(self.nodes, self.nodes[PRIMARIES:], strict=False):
            until(partial(_follows, replica, primary), "a replica should know its primary")
            until(partial(_is_in_step, replica), "a replica should be in step")
        for node in self.nodes:
            until(partial(_is_well, node, len(self.nodes)), "the cluster should be whole, and each node know it")


def _takes_writes(node: RedisProcess, key: str) -> bool:
    try:
        return bool(node.ask("SETEX", f"{key}:written", "1", "1"))
    except RedisError:
        return False


def _follows(replica: RedisProcess, primary: RedisProcess) -> bool:
    """Tell a replica whom to follow; False while it does not know that one."""
    try:
        return bool(replica.ask("CLUSTER", "REPLICATE", primary.ask("CLUSTER", "MYID").decode()))
    except RedisError:
        return False


def _is_in_step(replica: RedisProcess) -> bool:
    return b"master_link_status:up" in replica.ask("INFO", "replication")


def _is_well(node: RedisProcess, count: int) -> bool:
    """Whether a node says so, and knows so many: as primaries with their slots, and as the replicas of these."""
    known = {address[1] for shard in node.ask("CLUSTER", "SLOTS") for address in shard[2:]}
    return b"cluster_state:ok" in node.ask("CLUSTER", "INFO") and len(known) == count

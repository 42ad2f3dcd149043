"""A node is killed: what the clients of the others are told of its members, and when."""

import json
import sys
import time
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench.asking import ask
from bench.measure import Row
from bench.nodes import NODES, A, B, C, cluster
from bench.process import Load, load_command
from bench.watching import WATCHER
from bench.workloads import Kind, Options

KILL = "cluster-kill"
MEMBERS, MEMBERS_QUICK = 1_000, 50
LEASE, LEASE_QUICK = 12, 3  # seconds: the default, and the least
MARGIN = 10  # seconds beyond the lease after which nothing is waited for
CHANNEL = "presence-bench-0"


def measure_kill(kind: Kind, binaries: Path, *, quick: bool = False) -> Row:
    """Kill B, which has all members; a client each of A and of C is in the channel too."""
    members, lease = (MEMBERS_QUICK, LEASE_QUICK) if quick else (MEMBERS, LEASE)
    row = Row(KILL, f"a node killed with {members:,} members of a presence channel", "member")
    seats: Options = {"mode": "hold", "connections": members, "prefix": "presence-"}
    with cluster(kind, NODES, {"REVERB_SCALING_LEASE": str(lease)}) as servers:
        watching = [servers[name] for name in (A, C)]
        ports = [str(each.port) for each in watching]
        program = [sys.executable, "-m", "bench.watching", CHANNEL, str(members), str(lease + MARGIN), *ports]
        with Load(program) as watchers, Load(load_command(binaries, servers[B].port, seats)):
            names = {str(each.port): each.name for each in watching}
            _judge(row, names, watchers.run())
            killed = time.monotonic()
            servers[B].stop()
            heard = watchers.run()
            _judge(row, names, heard)
            for port, name in names.items():
                row.add(name, {"seconds": heard[port]["last"] - killed, "delivered": heard[port]["heard"]})
                row.wrong += _left_over(name, int(port), len(watching))
    return row


def _judge(row: Row, names: Mapping[str, str], heard: Mapping[str, Any]) -> None:
    row.wrong += [f"{name}: {text}" for port, name in names.items() for text in heard[port]["wrong"]]


def _left_over(name: str, port: int, watchers: int) -> list[str]:
    """Say so when the API of a node still has members beside the watchers."""
    status, body = ask(HTTPConnection("127.0.0.1", port, timeout=30), f"/channels/{CHANNEL}/users")
    users = [user["id"] for user in json.loads(body)["users"]] if status == 200 else []
    left = [user for user in users if not user.startswith(WATCHER)]
    if status != 200 or len(users) - len(left) != watchers:
        return [f"{name}: the API answers {status} and does not know all watchers"]
    return [f"{name}: the API still has {len(left)} members"] if left else []

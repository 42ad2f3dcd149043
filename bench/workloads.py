"""The rows of the benchmark: what the load does in each, and the servers that it does it to."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.process import APP_ID, KEY, SECRET, Command

FLOOR, OURS, QUIET, ORDINARY = "floor", "ours", "ours, no log or ledger", "ordinary"
PING_INTERVAL = 60  # seconds, the default: a minute holds one ping of each silent connection

Options = Mapping[str, str | int]  # of load.c


@dataclass(frozen=True, slots=True)
class Kind:
    """A server that can be measured."""

    command: Command
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Workload:
    """One row. `count` names what is counted of a run (see load.c); `per` of these are one `unit`."""

    name: str
    title: str
    unit: str
    options: Options
    count: str = "delivered"
    per: int = 1
    servers: tuple[str, ...] = (FLOOR, OURS, ORDINARY)
    quick: Options | None = field(default_factory=dict)  # what differs with --quick; None: left out then
    ms: int = 600  # of one run
    most_rounds: int = 99

    def smaller(self) -> "Workload | None":
        """The same row for --quick, None when it has no place there."""
        if self.quick is None:
            return None
        servers = tuple(name for name in self.servers if name in (FLOOR, OURS))
        return Workload(
            self.name, self.title, self.unit, {**self.options, **self.quick}, self.count, self.per, servers, ms=250
        )


def kinds(binaries: Path) -> dict[str, Kind]:
    """Every server by its name in the table; `binaries` holds the compiled floor."""
    env = {"REVERB_APP_ID": APP_ID, "REVERB_APP_KEY": KEY, "REVERB_APP_SECRET": SECRET}
    # Faster than anybody's clients: the limit is counted, but never reached. No pings in the middle of a run.
    env |= {"REVERB_APP_MAX_CLIENT_EVENTS": "1000000", "REVERB_APP_PING_INTERVAL": "600"}
    return {
        FLOOR: Kind(lambda port: [str(binaries / "floor"), str(port), KEY, SECRET]),
        OURS: Kind(serve, env),
        QUIET: Kind(serve, {**env, "REVERB_LOG_LEVEL": "error", "REVERB_LEDGER_SIZE": "0"}),
        ORDINARY: Kind(lambda port: [sys.executable, "-m", "bench.ordinary", str(port)]),
    }


def serve(port: int) -> list[str]:
    """reverb-py as it is by default; its log, JSON, goes where its output goes."""
    return [
        *(sys.executable, "-m", "reverb_py", "serve", "--no-env-file"),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]


def _fanout(subscribers: int, **more: object) -> Workload:
    options: Options = {"mode": "trigger", "connections": subscribers, "alone": 1}
    servers = (FLOOR, OURS, QUIET, ORDINARY)
    title = f"one event to {subscribers:,} subscriber{'s' if subscribers > 1 else ''}"
    return Workload(f"fanout-{subscribers}", title, "copy", options, servers=servers, **more)  # type: ignore[arg-type]


def _trigger(name: str, title: str, **options: int) -> Workload:
    everywhere: Options = {"mode": "trigger", "connections": 1000, "channels": 1000}
    return Workload(f"trigger-{name}", title, "trigger", {**everywhere, **options}, count="events")


WORKLOADS = [
    _fanout(1),
    _fanout(100),
    _fanout(1_000),
    _fanout(10_000, quick=None, ms=1_000),
    _trigger("keepalive", "trigger for one subscriber, keep-alive"),
    _trigger("fresh", "trigger for one subscriber, new connection each", fresh=1),
    _trigger("busy", "the same, 16 publishers at once, keep-alive", publishers=16),
    Workload(
        "client-20",
        "client event in a presence channel of 20",
        "copy",
        {"mode": "client", "connections": 20, "prefix": "presence-"},
    ),
    Workload(
        "storm-5000",
        "connect + private subscription, 5,000 in a storm",
        "connection",
        {"mode": "storm", "connections": 5_000, "prefix": "private-"},
        count="connects",
        quick={"connections": 500},
    ),
    Workload(
        "presence-100",
        "join + leave in a presence channel of 100",
        "join + leave",
        {"mode": "presence", "connections": 100, "prefix": "presence-"},
        count="events",
        per=2,
        servers=(OURS,),
    ),
    Workload(
        "burst-batch",
        "batches of 10 events to 1,000 subscribers",
        "copy",
        {"mode": "trigger", "connections": 1_000, "batch": 10},
    ),
    Workload(
        "burst-publishers",
        "64 publishers at once to 1,000 subscribers",
        "copy",
        {"mode": "trigger", "connections": 1_000, "publishers": 64},
    ),
    Workload(
        "shape-soketi",
        "soketi's: 250 clients come and go, 10 timed messages a second",
        "copy",
        {"mode": "trigger", "connections": 250, "life": 1_000, "rate": 10},
        ms=3_000,
        most_rounds=2,
    ),
    Workload(
        "shape-sockudo",
        "Sockudo's: 900 subscribers, 100 channels, 1,000 events a second",
        "copy",
        {"mode": "trigger", "connections": 900, "channels": 100, "publishers": 8, "rate": 1_000},
        ms=2_000,
        most_rounds=2,
    ),
]


@dataclass(frozen=True, slots=True)
class Idle:
    """A row of its own kind: connections that are subscribed and silent."""

    name: str
    title: str
    connections: int
    quick: int  # connections with --quick
    servers: tuple[str, ...]
    own_channels: bool = False  # each has one of its own; else all are in one
    tls: bool = False
    seconds: int = 0  # for which CPU time is watched, of ours


IDLE = [
    Idle(
        "idle-plain",
        "idle connection, in one channel",
        *(15_000, 1_000),
        servers=(FLOOR, OURS, ORDINARY),
        seconds=PING_INTERVAL + 1,  # the server looks once a second
    ),
    Idle("idle-channels", "idle connection, each in a channel of its own", 15_000, 1_000, (OURS,), own_channels=True),
    Idle("idle-tls", "idle TLS connection, in one channel", 2_000, 200, (OURS,), tls=True),
]

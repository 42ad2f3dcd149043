"""The rows over many nodes, each beside a single node that does the same work in the same run."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.killing import KILL, measure_kill
from bench.measure import WRONG, Row, wrongs
from bench.nodes import NODES, A, B, C, cluster
from bench.process import Load, Server, load_command
from bench.workloads import Kind, Options, Workload

SINGLE, SILENT = "single node", "node C, in silence"
ELSEWHERE_RATE, BATCH = 10_000, 10  # events a second that node C has nothing to do with, in such batches
LISTENING: Options = {"mode": "hold", "connections": 100, "channels": 100, "prefix": "private-"}  # at C
NAMES, NAMES_QUICK, TIMES = 1_000, 50, 200  # channels, and questions of one run

WORKLOADS = [
    Workload(
        "cluster-latency",
        "publish on A, receive on B, 100 events/s",
        "event",
        {"mode": "trigger", "connections": 1, "rate": 100},
        ms=2_000,
        quick=None,
    ),
    Workload(
        "cluster-fanout",
        "one event on A to 1,000 subscribers on B",
        "copy",
        {"mode": "trigger", "connections": 1_000, "alone": 1},
        quick={"connections": 100},
        ms=1_500,
    ),
    Workload(
        "cluster-trigger",
        "trigger on A for one subscriber on B, one at a time",
        "trigger",
        {"mode": "trigger", "connections": 1_000, "channels": 1_000, "alone": 1},
        count="events",
        quick={"connections": 100, "channels": 100},
    ),
    Workload(
        "cluster-busy",
        "the same, 16 publishers at once",
        "trigger",
        {"mode": "trigger", "connections": 1_000, "channels": 1_000, "publishers": 16},
        count="events",
        quick={"connections": 100, "channels": 100},
    ),
    Workload(
        "cluster-storm",
        "connect + private subscription on B, 5,000 in a storm",
        "connection",
        {"mode": "storm", "connections": 5_000, "prefix": "private-"},
        count="connects",
        quick=None,
        most_rounds=3,
    ),
    Workload(
        "cluster-storms",
        "the same, each in a channel of its own",
        "connection",
        {"mode": "storm", "connections": 5_000, "channels": 5_000, "prefix": "private-"},
        count="connects",
        quick=None,
        most_rounds=3,
    ),
    Workload(
        "cluster-presence",
        "join + leave on A in a presence channel of 100 on B",
        "join + leave",
        {"mode": "presence", "connections": 100, "prefix": "presence-"},
        count="events",
        per=2,
        quick={"connections": 20},
    ),
]
ELSEWHERE = Workload(
    "cluster-elsewhere",
    "10,000 events/s on A for one subscriber on B, in batches of 10",
    "event",
    {"mode": "trigger", "connections": 1, "publishers": 8, "batch": BATCH, "rate": ELSEWHERE_RATE // BATCH},
    ms=3_000,
    most_rounds=3,
    quick=None,
)


@dataclass(frozen=True, slots=True)
class Question:
    """A row of its own kind: `GET /channels`, asked of B, with that `info`."""

    name: str
    title: str
    info: str = ""


QUESTIONS = [
    Question("cluster-channels", "GET /channels, 1,000 channels on 3 nodes"),
    Question("cluster-counts", "the same with user_count", "user_count"),
]


@dataclass(frozen=True, slots=True)
class Way:
    """Where a run goes: its subscribers to one server, its publishers to another; all whose CPU time is taken."""

    near: Server
    far: Server
    servers: Sequence[Server]

    def used(self) -> dict[str, float]:
        return {each.name: each.cpu for each in self.servers}


@contextmanager
def both_ways(kind: Kind, nodes: Sequence[str] = (A, B)) -> Iterator[tuple[Way, Way]]:
    """One node by itself, and several with Redis: started, to be measured in turn."""
    with cluster(kind, nodes) as servers, Server(SINGLE, kind.command, kind.env) as single:
        yield Way(single, single, [single]), Way(servers[B], servers[A], list(servers.values()))


def tasks(kind: Kind, binaries: Path, rounds: int, *, quick: bool) -> dict[str, Callable[[], Row]]:
    """How each row is measured, by name."""
    found: dict[str, Callable[[], Row]] = {}
    for measure, each in [*((measure_spread, each) for each in WORKLOADS), (measure_elsewhere, ELSEWHERE)]:
        workload = each.smaller() if quick else each
        if workload is not None:
            found[each.name] = partial(measure, workload, kind, binaries, rounds)
    for question in QUESTIONS[:1] if quick else QUESTIONS:
        found[question.name] = partial(measure_question, question, kind, binaries, rounds, quick=quick)
    return {**found, KILL: partial(measure_kill, kind, binaries, quick=quick)}


def names() -> list[str]:
    return [*(each.name for each in WORKLOADS), ELSEWHERE.name, *(each.name for each in QUESTIONS), KILL]


def measure_spread(workload: Workload, kind: Kind, binaries: Path, rounds: int) -> Row:
    """Run a workload against a single node and against two, in turn, `rounds` times."""
    row = Row(workload.name, workload.title, workload.unit)
    with both_ways(kind) as ways:
        for _ in range(min(rounds, workload.most_rounds)):
            _round(row, workload, ways, binaries)
    return row


def measure_elsewhere(workload: Workload, kind: Kind, binaries: Path, rounds: int) -> Row:
    """The same with a node C, whose clients are in other channels; and what it costs while nothing happens."""
    row = Row(workload.name, workload.title, workload.unit)
    with both_ways(kind, NODES) as ways:
        (node,) = [each for each in ways[1].servers if each.name == C]
        with Load(load_command(binaries, node.port, {**LISTENING, "ms": workload.ms})) as silent:
            for _ in range(min(rounds, workload.most_rounds)):
                _settle(ways)
                before = node.cpu
                result = silent.run()
                row.add(SILENT, {"core_percent": 100 * (node.cpu - before) / result["seconds"]})
                _round(row, workload, ways, binaries)
            row.wrong += wrongs(C, silent.run(), "subscribed", int(LISTENING["connections"]))
    return row


def _round(row: Row, workload: Workload, ways: Sequence[Way], binaries: Path) -> None:
    """One run each way. The subscribers come anew each time."""
    for way in ways:
        options = {**workload.options, "ms": workload.ms, "far-port": way.far.port}
        with Load(load_command(binaries, way.near.port, options)) as load:
            _settle(ways)
            before = way.used()
            result = load.run()
            units = result[workload.count] / workload.per
            row.wrong += wrongs(way.near.name, result, workload.count, int(workload.options["connections"]))
            if units:
                _add(row, way, before, result, units)


def _settle(ways: Sequence[Way]) -> None:
    """Wait until no server has work left."""
    for way in ways:
        for each in way.servers:
            each.settle()


def _add(row: Row, way: Way, before: Mapping[str, float], result: Mapping[str, Any], units: float) -> None:
    """What each process has used since `before`, for each unit and as a share of its core; and what the load saw."""
    seen = ("p50_us", "p99_us", "events", "delivered", *WRONG)
    for name, cpu in way.used().items():
        used = cpu - before[name]
        figures = {"cpu_us": used * 1e6 / units, "core_percent": 100 * used / result["seconds"]}
        if name == way.near.name:
            figures |= {"rate": units / result["seconds"], "load_busy": result.get("busy", 0.0)}
            figures |= {each: result[each] for each in seen if each in result}
        row.add(name, figures)


def measure_question(question: Question, kind: Kind, binaries: Path, rounds: int, *, quick: bool = False) -> Row:
    """Ask B, and the single node, for the channels; A, B and C have a subscriber in each of them."""
    row, number = Row(question.name, question.title, "question"), NAMES_QUICK if quick else NAMES
    seats: Options = {"mode": "hold", "connections": number, "channels": number, "prefix": "presence-", "ms": 0}
    with both_ways(kind, NODES) as ways, ExitStack() as stack:
        single, many = ways
        ports = [*(each.port for each in many.servers if each.name in NODES), *[single.near.port] * len(NODES)]
        loads = [stack.enter_context(Load(load_command(binaries, port, seats))) for port in ports]
        asking = [str(TIMES), str(number), question.info]
        askers = [
            stack.enter_context(Load([sys.executable, "-m", "bench.asking", str(way.near.port), *asking]))
            for way in ways
        ]
        for _ in range(rounds):
            for way, asker in zip(ways, askers, strict=True):
                _settle(ways)
                before = way.used()
                result = asker.run()
                if result["wrong"]:
                    row.wrong.append(f"{way.near.name}: {result['wrong']} of {TIMES} answers were wrong")
                _add(row, way, before, result, result["asked"])
        for load in loads:
            row.wrong += wrongs("a node", load.run(), "subscribed", number)
    return row

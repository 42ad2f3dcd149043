"""The rows over many nodes: their tables and their targets."""

from statistics import median

from bench.cluster import ELSEWHERE_RATE, SILENT, SINGLE
from bench.figures import Rows, Target, figure, middle, number, ratio, table
from bench.measure import Row
from bench.nodes import REDIS, A, B, C

KEPT_UP = 0.95  # of the events that node C is not to notice: with fewer its figure says nothing


def targets(rows: Rows) -> list[Target]:
    """Every target of many nodes."""
    asked = figure(rows, "cluster-channels", B, "p50_us")
    heard = [seconds for name in (A, C) if (seconds := figure(rows, "cluster-kill", name, "seconds")) is not None]
    return [
        Target("publish on A, receive on B, p50, beyond a single node", 1_000, _longer(rows, "cluster-latency"), "µs"),
        Target("node C, 10,000 events/s elsewhere", 2, _beside(rows), "% of a core"),
        Target("delivered copy on B, 1,000 subscribers, to a single node", 1.2, _to_single(rows, "cluster-fanout")),
        Target("GET /channels, 1,000 channels on 3 nodes, p50", 10, asked / 1_000 if asked else None, "ms"),
        Target("a node killed: its members announced as gone", 15, max(heard, default=None), "s"),
    ]


def _longer(rows: Rows, name: str) -> float | None:
    """The median of what the p50 of many nodes is above that of the single one, in the run beside it."""
    samples = rows[name].samples if name in rows else {}
    pairs = zip(samples.get(B, []), samples.get(SINGLE, []), strict=False)
    return median(differences) if (differences := [b["p50_us"] - single["p50_us"] for b, single in pairs]) else None


def _beside(rows: Rows) -> float | None:
    rate = figure(rows, "cluster-elsewhere", B, "rate") or 0
    return figure(rows, "cluster-elsewhere", C, "core_percent") if rate >= KEPT_UP * ELSEWHERE_RATE else None


def _to_single(rows: Rows, name: str) -> float | None:
    return ratio(rows[name], "cpu_us", B, SINGLE) if name in rows else None


def work(rows: Rows) -> str:
    """What a unit costs each process, beside a single node, and how old it is."""
    head = "CPU time of each process per unit, µs|unit|single node|A|B|Redis|B / single"
    head += "|p50 µs: single|p50 µs|p99 µs|units/s"
    lines = [_line(row) for row in rows.values() if middle(row.samples.get(B, []), "cpu_us") is not None]
    return table(head.split("|"), lines)


def _line(row: Row) -> list[str]:
    cpu = [number(middle(row.samples.get(name, []), "cpu_us")) for name in (SINGLE, A, B, REDIS)]
    single, many = row.samples.get(SINGLE, []), row.samples[B]
    seen = [middle(single, "p50_us"), *(middle(many, name) for name in ("p50_us", "p99_us", "rate"))]
    return [row.title, row.unit, *cpu, number(ratio(row, "cpu_us", B, SINGLE)), *map(number, seen)]


def beside(rows: Rows) -> str:
    """What has no unit: a node that is not concerned, and a node that dies."""
    rate = number(figure(rows, "cluster-elsewhere", B, "rate"))
    what = {
        "node C in silence, % of a core": figure(rows, "cluster-elsewhere", SILENT, "core_percent"),
        f"node C while there are {rate} events/s elsewhere, % of a core": figure(
            rows, "cluster-elsewhere", C, "core_percent"
        ),
        "B killed: the last member announced at A after, s": figure(rows, "cluster-kill", A, "seconds"),
        "the same at C, s": figure(rows, "cluster-kill", C, "seconds"),
    }
    return table(["Many nodes", ""], [[text, number(value)] for text, value in what.items() if value is not None])

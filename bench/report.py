"""Figures to a table and to JSON: medians, ratios to the floor, and the targets with what was reached."""

from collections.abc import Mapping, Sequence
from typing import Any

from bench import cluster_report
from bench.figures import Rows, Target, figure, middle, number, ratio, table
from bench.measure import Figures, Row
from bench.workloads import FLOOR, ORDINARY, OURS, QUIET

PARTS = ("floor", "frame_and_python", "receipt_and_log")  # of a copy's cost
BUSY = 0.9  # share of its core from which a process is the limit


def targets(rows: Rows) -> list[Target]:
    """Every target of the project, in the units of the table."""
    one = {name: figure(rows, name, OURS, "cpu_us") for name in rows}
    copies = [value for name in ("fanout-100", "fanout-1000", "fanout-10000") if (value := one.get(name))]
    flat = max(copies) / min(copies) if len(copies) == 3 else None
    presence = _over(one.get("presence-100"), one.get("fanout-100"))
    return [
        Target("delivered copy, 1,000 subscribers, to the floor", 1.15, _to_floor(rows, "fanout-1000")),
        Target("delivered copy, 10,000 subscribers, to the floor", 1.15, _to_floor(rows, "fanout-10000")),
        Target("delivered copy, dearest to cheapest from 100 to 10,000", 1.1, flat),
        Target("trigger for one subscriber, keep-alive, to the floor", 1.5, _to_floor(rows, "trigger-keepalive")),
        Target("trigger, new connection each, to the floor", 1.8, _to_floor(rows, "trigger-fresh")),
        Target(
            "client event per copy, to the delivered copy", 1.25, _over(one.get("client-20"), one.get("fanout-1000"))
        ),
        Target("connect + private subscription", 250, one.get("storm-5000"), "µs"),
        Target("idle connection", 4_500, figure(rows, "idle-plain", OURS, "bytes"), "bytes"),
        Target("idle connections, all together", 1, figure(rows, "idle-plain", OURS, "core_percent"), "% of a core"),
        Target("presence join + leave, to its 200 deliveries", 2, _over(presence, 200)),
        Target("batch of 10 per copy, to the floor's single sends", 0.4, _to_floor(rows, "burst-batch")),
        Target("64 publishers per copy, to the floor's single sends", 0.4, _to_floor(rows, "burst-publishers")),
        *cluster_report.targets(rows),
    ]


def _to_floor(rows: Rows, name: str) -> float | None:
    return ratio(rows[name], "cpu_us") if name in rows else None


def _over(value: float | None, divisor: float | None) -> float | None:
    return value / divisor if value is not None and divisor else None


def split(row: Row) -> tuple[float, float, float] | None:
    """What a unit costs: the floor, what frame and Python add, what receipt and log add; None without those runs."""
    floor, quiet, ours = (middle(row.samples.get(name, []), "cpu_us") for name in (FLOOR, QUIET, OURS))
    return None if floor is None or quiet is None or ours is None else (floor, quiet - floor, ours - quiet)


# The table, in Markdown that can be read as it is.


def as_text(rows: Rows, machine: Mapping[str, str], *, quick: bool = False) -> str:
    """The whole report; without verdicts on the targets when it was `quick`."""
    parts = ["  ".join(f"{name} {value}" for name, value in machine.items()), _work(rows), _split(rows), _idle(rows)]
    parts += [cluster_report.work(rows), cluster_report.beside(rows), "" if quick else _targets(rows)]
    return "\n\n".join(part for part in [*parts, _left_out(rows), _wrong(rows)] if part) + "\n"


def _work(rows: Rows) -> str:
    head = (
        "CPU time of the server per unit, µs|unit|floor|ordinary|ours|ours / floor|ours: units/s|p50 µs|p99 µs|MB|full"
    )
    lines = []
    for row in rows.values():
        ours = row.samples.get(OURS, [])
        if middle(ours, "cpu_us") is None:
            continue
        cpu = [number(middle(row.samples.get(name, []), "cpu_us")) for name in (FLOOR, ORDINARY, OURS)]
        others = [number(middle(ours, name)) for name in ("rate", "p50_us", "p99_us", "megabytes")]
        lines.append([row.title, row.unit, *cpu, number(ratio(row, "cpu_us")), *others, _full(ours)])
    return table(head.split("|"), lines)


def _full(samples: Sequence[Figures]) -> str:
    """Whose core was full: only where it was the server's, the rate is the most that it can do."""
    server, load = middle(samples, "server_busy") or 0, middle(samples, "load_busy") or 0
    return "server" if server >= BUSY else "load" if load >= BUSY else ""


def _split(rows: Rows) -> str:
    lines = [[row.title, *map(number, parts)] for row in rows.values() if (parts := split(row))]
    return table(["One copy, µs", "floor", "+ frame and Python", "+ receipt and log"], lines)


def _idle(rows: Rows) -> str:
    lines = []
    for row in rows.values():
        sizes = [number(middle(row.samples.get(name, []), "bytes")) for name in (FLOOR, ORDINARY, OURS)]
        if any(sizes):
            lines.append([row.title, *sizes, number(middle(row.samples.get(OURS, []), "core_percent"))])
    return table(["Memory of each, bytes", "floor", "ordinary", "ours", "ours: % of a core, all"], lines)


def _targets(rows: Rows) -> str:
    lines = [
        [target.text, f"{target.limit:g} {target.unit}", f"{number(target.reached)} {target.unit}", target.verdict]
        for target in targets(rows)
        if target.reached is not None
    ]
    return table(["Target", "at most", "reached", ""], lines)


def _left_out(rows: Rows) -> str:
    """Which rows were not measured, and why."""
    reasons = dict.fromkeys(row.left_out for row in rows.values() if row.left_out)
    names = {reason: [row.name for row in rows.values() if row.left_out == reason] for reason in reasons}
    return "\n".join(f"LEFT OUT: {', '.join(named)}: {reason}" for reason, named in names.items())


def _wrong(rows: Rows) -> str:
    wrong = [f"WRONG: {row.title}: {text}" for row in rows.values() for text in row.wrong]
    runs = [figures for row in rows.values() for samples in row.samples.values() for figures in samples]
    copies = sum(figures.get("delivered", 0) for figures in runs)
    if wrong or not copies:
        return "\n".join(wrong)
    return f"{copies:,.0f} copies: every one arrived, once and in order."


def as_json(rows: Rows, machine: Mapping[str, str], *, quick: bool = False) -> dict[str, Any]:
    """Everything, every run included; without the targets when it was `quick`."""
    return {
        "machine": dict(machine),
        "quick": quick,
        "rows": [
            {
                "name": row.name,
                "title": row.title,
                "unit": row.unit,
                "wrong": row.wrong,
                "left_out": row.left_out,
                "cpu_to_floor": {name: ratio(row, "cpu_us", above=name) for name in row.samples if name != FLOOR},
                "split_us": dict(zip(PARTS, parts, strict=True)) if (parts := split(row)) else None,
                "servers": {
                    name: {"median": {key: middle(samples, key) for key in samples[0]}, "runs": samples}
                    for name, samples in row.samples.items()
                },
            }
            for row in rows.values()
        ],
        "targets": [
            {
                "text": each.text,
                "at_most": each.limit,
                "unit": each.unit,
                "reached": each.reached,
                "verdict": each.verdict,
            }
            for each in targets(rows)
            if not quick
        ],
    }

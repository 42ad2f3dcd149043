"""`python -m bench`: every row, measured and reported. Exit code 1 for nonsense (lost copies), never for a time.

2: usage; 130: interrupted, after what was measured until then.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench import cluster, machine, report
from bench.measure import Row, measure, measure_idle
from bench.process import Broken, Missing, compile_c, compiler
from bench.workloads import IDLE, OURS, WORKLOADS, Kind, kinds

Task = Callable[[], Row]
QUICK_SECONDS = 5  # that idle connections are watched with --quick


def main(arguments: Sequence[str], servers: Mapping[str, Kind] | None = None) -> int:
    """Measure, print, and return the exit code. `servers` are measured in place of ours and its comparisons."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        binaries = Path(directory)
        try:
            compile_c(binaries)
        except Broken as broken:
            print(broken, file=sys.stderr)
            return 1
        facts = machine.describe(compiler())
        rows: dict[str, Row] = {}
        is_whole = _measure_all(_tasks(options, servers or kinds(binaries), binaries), rows)
    _report(options, rows, facts)
    if not is_whole:
        print("Interrupted: these are the rows until then.", file=sys.stderr)
        return 130
    return 1 if any(row.wrong for row in rows.values()) else 0


def _measure_all(tasks: Mapping[str, Task], rows: dict[str, Row]) -> bool:
    """Add each row when it is measured; False when Ctrl-C ended it."""
    try:
        for name, task in tasks.items():
            began = time.monotonic()
            print(f"{name} … ", end="", file=sys.stderr, flush=True)
            rows[name] = _attempt(name, task)
            print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return False
    return True


def _report(options: argparse.Namespace, rows: Mapping[str, Row], facts: Mapping[str, str]) -> None:
    if options.quick:
        print("Smaller and shorter than the titles say (--quick): good for nonsense, not for figures.\n")
    print(report.as_text(rows, facts, quick=options.quick))
    if options.json:
        options.json.write_text(json.dumps(report.as_json(rows, facts, quick=options.quick), indent=1) + "\n")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    """What was asked for; exit with 2 when it cannot be done, before anything is measured."""
    parser = _parser()
    options = parser.parse_args(arguments)
    options.only = [name for name in options.only.split(",") if name]
    names = [*(each.name for each in WORKLOADS), *(each.name for each in IDLE), *cluster.names()]
    groups = list(dict.fromkeys(map(_group, names)))
    if unknown := set(options.only) - {*names, *groups}:
        parser.error(f"no such row: {', '.join(sorted(unknown))}. There are {', '.join([*groups, *names])}")
    if options.rounds < 0:
        parser.error("--rounds must be a number above 0")
    if options.json:
        try:
            options.json.open("a").close()
        except OSError as error:
            parser.error(f"cannot write {options.json}: {error.strerror}")
    return options


def _group(name: str) -> str:
    """The word before the dash."""
    return name.partition("-")[0]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller and shorter, within a minute")
    parser.add_argument("--only", default="", help="rows or groups of rows, with commas between: fanout,trigger-fresh")
    parser.add_argument("--rounds", type=int, default=0, help="runs of each row and server [default: 5; quick: 1]")
    parser.add_argument("--json", type=Path, help="write everything to this file too")
    return parser


def _tasks(options: argparse.Namespace, servers: Mapping[str, Kind], binaries: Path) -> dict[str, Task]:
    """What was asked for, by name."""
    rounds = options.rounds or (1 if options.quick else 5)
    tasks: dict[str, Task] = {}
    for each in WORKLOADS:
        workload = each.smaller() if options.quick else each
        if workload is not None:
            tasks[each.name] = lambda workload=workload: measure(workload, servers, binaries, rounds)  # type: ignore[misc]
    for idle in IDLE:
        connections = idle.quick if options.quick else idle.connections
        seconds = min(idle.seconds, QUICK_SECONDS) if options.quick else idle.seconds
        tasks[idle.name] = lambda idle=idle, connections=connections, seconds=seconds: measure_idle(  # type: ignore[misc]
            idle, servers, binaries, connections, seconds
        )
    if OURS in servers:
        tasks |= cluster.tasks(servers[OURS], binaries, rounds, quick=options.quick)
    wanted = set(options.only)
    return {name: task for name, task in tasks.items() if not wanted or {name, _group(name)} & wanted}


def _attempt(name: str, task: Task) -> Row:
    """The row, or one that says why there is none: the others are measured all the same."""
    try:
        return task()
    except Broken as broken:
        return Row(name, name, "", wrong=[str(broken)])
    except Missing as missing:
        return Row(name, name, "", left_out=str(missing))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:  # before the first row
        sys.exit(130)

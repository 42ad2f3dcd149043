"""The rows over many nodes: the nodes share the work, and what goes wrong between them is seen."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.asking import is_right
from bench.cluster import ELSEWHERE, SILENT, SINGLE, WORKLOADS, measure_elsewhere, measure_spread
from bench.cluster_report import targets
from bench.killing import measure_kill
from bench.measure import Figures, Row
from bench.nodes import REDIS, A, B, C, find_redis
from bench.process import compile_c
from bench.report import as_text
from bench.watching import CAME, WENT, Account
from bench.workloads import OURS, Kind, Workload, kinds

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the benchmark needs Linux: epoll and /proc"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler: the benchmark cannot be built"),
]
needs_redis = pytest.mark.skipif(find_redis() is None, reason="no redis-server: many nodes cannot be measured")


@pytest.fixture(scope="module")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the compiled load."""
    directory = tmp_path_factory.mktemp("bench")
    compile_c(directory)
    return directory


def ours(binaries: Path) -> Kind:
    return kinds(binaries)[OURS]


def faulty(binaries: Path, fault: str) -> Kind:
    """Ours with a fault between nodes."""
    right = ours(binaries)
    program = [sys.executable, "-m", "tests.bench.faulty_node", fault]
    return replace(right, command=lambda port: [*program, *right.command(port)[3:]])


def workload(name: str, **options: int) -> Workload:
    """The row of that name, shorter and with other options."""
    (found,) = (each for each in [*WORKLOADS, ELSEWHERE] if each.name == name)
    return replace(found, options={**found.options, **options}, ms=300)


# What is measured.


@needs_redis
def test_a_publisher_is_at_a_and_its_subscribers_are_at_b(binaries: Path) -> None:
    row = measure_spread(workload("cluster-trigger", connections=20, channels=20), ours(binaries), binaries, rounds=2)
    assert row.wrong == []
    assert {name: len(runs) for name, runs in row.samples.items()} == {SINGLE: 2, A: 2, B: 2, REDIS: 2}
    (single, a, b) = (min(run["cpu_us"] for run in row.samples[name]) for name in (SINGLE, A, B))
    assert a > single / 4  # checking the request and publishing
    assert b > single / 10  # a copy
    assert [run["delivered"] for run in row.samples[B]] == [run["events"] for run in row.samples[B]]


@needs_redis
def test_a_storm_subscribes_everybody_on_b(binaries: Path) -> None:
    storm = workload("cluster-storms", connections=200, channels=200)
    row = measure_spread(storm, ours(binaries), binaries, rounds=1)
    assert row.wrong == []
    assert row.samples[B][0]["cpu_us"] > 10 * row.samples[A][0]["cpu_us"]


@needs_redis
@pytest.mark.parametrize(("fault", "is_cheap"), [("", True), ("everything", False)])
def test_a_node_that_hears_what_it_does_not_listen_to_is_found_out(fault: str, is_cheap: bool, binaries: Path) -> None:
    kind = faulty(binaries, fault) if fault else ours(binaries)
    row = measure_elsewhere(workload("cluster-elsewhere"), kind, binaries, rounds=1)
    assert row.wrong == []
    silent, busy = (row.samples[name][0]["core_percent"] for name in (SILENT, C))
    assert (busy < silent + 1.5) == is_cheap, (silent, busy)


# What must not happen.


@needs_redis
@pytest.mark.parametrize("fault", ["lost", "duplicates", "disordered"])
def test_a_copy_gone_wrong_between_nodes_is_wrong(fault: str, binaries: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_PATIENCE_MS", "1000")
    one_after_another = workload("cluster-busy", connections=5, channels=1, publishers=1)
    row = measure_spread(one_after_another, faulty(binaries, fault), binaries, rounds=1)
    assert next(text.split()[-1] for text in row.wrong if text.startswith("node B")) == fault, row.wrong
    assert not [text for text in row.wrong if text.startswith("single node")]


@needs_redis
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("undead", ["50 of 50 members never removed", "the API still has 50 members"]),
        ("twice", ["50 removed more than once"]),
    ],
)
def test_members_of_a_killed_node_who_are_not_told_of_once_are_wrong(
    fault: str, said: list[str], binaries: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.killing.MARGIN", 1)
    row = measure_kill(faulty(binaries, fault), binaries, quick=True)
    for name in (A, C):
        wrong = [text for text in row.wrong if text.startswith(name)]
        assert len(wrong) == len(said), row.wrong
        assert all(text.startswith(f"{name}: {part}") for text, part in zip(wrong, said, strict=True)), row.wrong


MEMBERS = {"0", "1"}


@pytest.mark.parametrize(
    ("heard", "event", "wrong"),
    [
        ([(CAME, "0"), (CAME, "1"), (CAME, "watcher-7")], CAME, []),
        ([(CAME, "0")], CAME, ["1 of 2 members never added"]),
        ([(CAME, "0"), (CAME, "1"), (CAME, "1")], CAME, ["1 added more than once"]),
        ([(CAME, "0"), (CAME, "1"), (CAME, "2")], CAME, ["1 added who are no members"]),
        ([(CAME, "0"), (CAME, "1"), (WENT, "1")], CAME, ["1 removed before the node was killed"]),
        ([(WENT, "1"), (WENT, "0")], WENT, []),
        ([(WENT, "1"), (WENT, "0"), (WENT, "0")], WENT, ["1 removed more than once"]),
        ([(WENT, "1"), (WENT, "0"), (WENT, "watcher-7")], WENT, ["1 removed who are no members"]),
        ([], WENT, ["2 of 2 members never removed"]),
    ],
)
def test_a_watcher_knows_who_was_not_told_of_once(heard: list[tuple[str, str]], event: str, wrong: list[str]) -> None:
    account = Account(MEMBERS)
    for number, (each, user_id) in enumerate(heard, 1):
        account.note(each, user_id, number)
    assert account.wrongs(event) == wrong
    assert account.has_all(event) == (not any("never" in text for text in wrong))
    assert account.last == max((number for number, (_, user) in enumerate(heard, 1) if user in MEMBERS), default=0)


@pytest.mark.parametrize(
    ("status", "channels", "info", "right"),
    [
        (200, {"presence-bench-0": {}, "presence-bench-1": {}}, "", True),
        (200, {"presence-bench-0": {}}, "", False),
        (200, {"presence-bench-0": {}, "presence-bench-1": {}, "presence-bench-2": {}}, "", False),
        (200, {"presence-bench-0": {"user_count": 1}, "presence-bench-1": {"user_count": 1}}, "user_count", True),
        (200, {"presence-bench-0": {"user_count": 1}, "presence-bench-1": {"user_count": 3}}, "user_count", False),
        (503, {"presence-bench-0": {}, "presence-bench-1": {}}, "", False),
    ],
)
def test_an_answer_that_lacks_a_channel_is_wrong(
    status: int, channels: dict[str, dict[str, int]], info: str, right: bool
) -> None:
    assert is_right(status, json.dumps({"channels": channels}).encode(), 2, info) == right


def test_without_redis_the_rows_are_left_out_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_SERVER", "no-such-redis")
    assert main(["--quick", "--only", "fanout-1,cluster-fanout,cluster-kill"]) == 0
    said = capsys.readouterr().out
    assert "LEFT OUT: cluster-fanout, cluster-kill: no redis-server: install one" in said
    assert "one event to 1 subscriber" in said


# What is reported.


def row(name: str, **samples: list[Figures]) -> Row:
    return Row(name, name, "event", {server.replace("_", " "): runs for server, runs in samples.items()})


def latency(single: list[float], many: list[float]) -> Row:
    seen = {SINGLE: single, B: many}
    return Row("cluster-latency", "", "event", {name: [{"p50_us": p50} for p50 in each] for name, each in seen.items()})


def elsewhere(rate: float, percent: float) -> Row:
    return row("cluster-elsewhere", node_B=[{"rate": rate}], node_C=[{"core_percent": percent}])


@pytest.mark.parametrize(
    ("measured", "text", "reached", "verdict"),
    [
        (latency([200, 300, 100], [700, 500, 1900]), "publish on A", 500, "met"),
        (latency([200], [1300]), "publish on A", 1100, "missed"),
        (elsewhere(9_990, 0.4), "node C", 0.4, "met"),
        (elsewhere(9_990, 2.4), "node C", 2.4, "missed"),
        (elsewhere(9_000, 0.4), "node C", None, "not measured"),
        (
            row("cluster-fanout", single_node=[{"cpu_us": 4}], node_B=[{"cpu_us": 5}]),
            "delivered copy on B",
            1.25,
            "missed",
        ),
        (row("cluster-channels", node_B=[{"p50_us": 9_000}]), "GET /channels", 9, "met"),
        (row("cluster-kill", node_A=[{"seconds": 12}], node_C=[{"seconds": 16}]), "a node killed", 16, "missed"),
    ],
)
def test_a_target_is_met_or_missed(measured: Row, text: str, reached: float | None, verdict: str) -> None:
    (target,) = [each for each in targets({measured.name: measured}) if each.text.startswith(text)]
    assert target.reached == (None if reached is None else pytest.approx(reached))
    assert target.verdict == verdict
    others = [each for each in targets({measured.name: measured}) if each is not target and each.text != target.text]
    assert {each.verdict for each in others} == {"not measured"}


def test_the_table_has_each_process_and_the_ratio_to_the_single_node() -> None:
    figures = {SINGLE: [{"cpu_us": 4.0}], A: [{"cpu_us": 0.3}], B: [{"cpu_us": 5.0}], REDIS: [{"cpu_us": 0.1}]}
    measured = Row("cluster-fanout", "one event", "copy", figures)
    (line,) = [line for line in as_text({"cluster-fanout": measured}, {}).splitlines() if line.startswith("| one ev")]
    assert [cell.strip() for cell in line.split("|")][2:8] == ["copy", "4", "0.3", "5", "0.1", "1.25"]

"""The benchmark itself: its servers do the work that they are measured at, and it sees what goes wrong."""

import base64
import hashlib
import hmac
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.figures import ratio
from bench.machine import describe
from bench.measure import WRONG, Row, measure, measure_idle, wrongs
from bench.process import KEY, SECRET, Broken, Load, Server, compile_c, load_command
from bench.report import as_json, as_text, split, targets
from bench.workloads import FLOOR, IDLE, ORDINARY, OURS, QUIET, WORKLOADS, Idle, Kind, Options, Workload, kinds

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the benchmark needs Linux: epoll and /proc"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler: the benchmark cannot be built"),
]

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the compiled floor and load."""
    directory = tmp_path_factory.mktemp("bench")
    compile_c(directory)
    return directory


def workload(name: str) -> Workload:
    """The row of that name as --quick runs it, against every server that it has."""
    (found,) = (each for each in WORKLOADS if each.name == name)
    small = found.smaller()
    assert small is not None
    return replace(small, servers=found.servers)


# What the C programs calculate.


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("vectors") / "vectors"
    warnings = ["-Wall", "-Wextra", "-Werror"]
    sources = [f"-I{REPOSITORY / 'bench'}", str(Path(__file__).parent / "vectors.c")]
    subprocess.run(["cc", "-O2", *warnings, "-o", str(program), *sources], check=True)
    return program


def hmac_of(data: bytes) -> str:
    return hmac.digest(b"7ad3773142a6692b25b8", data, "sha256").hex()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("sha1",), lambda data: hashlib.sha1(data).hexdigest()),
        (("sha256",), lambda data: hashlib.sha256(data).hexdigest()),
        (("md5",), lambda data: hashlib.md5(data).hexdigest()),
        (("base64",), lambda data: base64.b64encode(data).decode()),
        (("hmac", "7ad3773142a6692b25b8"), hmac_of),
    ],
)
def test_crypto_is_that_of_the_standard_library(
    vectors: Path, arguments: tuple[str, ...], expected: Callable[[bytes], str]
) -> None:
    for size in (0, 1, 2, 3, 20, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000):  # around the ends of blocks
        data = bytes(range(7, 256))[:size] if size < 249 else b"\xff\x00a" * size
        done = subprocess.run([vectors, *arguments], input=data, capture_output=True, check=True)
        assert done.stdout.decode().strip() == expected(data), size


# What is measured.


@pytest.mark.parametrize(
    "name", ["fanout-1", "fanout-100", "trigger-fresh", "trigger-busy", "client-20", "storm-5000", "burst-batch"]
)
def test_every_server_does_the_work_without_a_loss(binaries: Path, name: str) -> None:
    small = workload(name)
    row = measure(small, kinds(binaries), binaries, rounds=1)
    assert row.wrong == []
    assert set(row.samples) == set(small.servers)
    assert all(figures[0]["cpu_us"] > 0 for figures in row.samples.values())


def test_joins_and_leaves_reach_every_member(binaries: Path) -> None:
    row = measure(workload("presence-100"), kinds(binaries), binaries, rounds=2)
    assert row.wrong == []
    assert [run["delivered"] for run in row.samples[OURS]] == [run["events"] * 100 for run in row.samples[OURS]]


def test_subscribers_that_come_and_go_miss_nothing_meanwhile(binaries: Path) -> None:
    churn = replace(workload("shape-soketi"), ms=600)
    lively = replace(churn, options={**churn.options, "life": 200, "rate": 200, "connections": 50})
    row = measure(lively, kinds(binaries), binaries, rounds=1)
    assert row.wrong == []
    assert all(run["delivered"] > 50 for (run,) in row.samples.values())


@pytest.mark.parametrize("idle", IDLE, ids=lambda idle: idle.name)
def test_idle_connections_have_a_size_and_are_kept_alive(binaries: Path, idle: Idle) -> None:
    if idle.tls and shutil.which("openssl") is None:
        pytest.skip("no openssl: TLS is not measured")
    only_ours = {OURS: kinds(binaries)[OURS]}
    row = measure_idle(idle, only_ours, binaries, connections=50, seconds=3 if idle.seconds else 0)
    assert row.wrong == []
    assert row.samples[OURS][0]["bytes"] > 1_000


@pytest.mark.parametrize("server", [FLOOR, OURS, ORDINARY])
def test_every_server_checks_signatures(binaries: Path, server: str) -> None:
    kind = kinds(binaries)[server]
    with Server(server, kind.command, kind.env) as running:
        wrong: Options = {"secret": "wrong", "mode": "trigger", "ms": 50}
        with Load(load_command(binaries, running.port, wrong)) as load:
            result = load.run()
        assert (result["delivered"], result["refused"]) == (0, result["events"])
        assert result["refused"] > 0
        with pytest.raises(Broken, match="ended with 2"):
            Load(load_command(binaries, running.port, {**wrong, "prefix": "private-"}))


# What must not happen.


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What these servers lose never comes: a second is enough to know."""
    monkeypatch.setenv("BENCH_PATIENCE_MS", "1000")


def faulty(fault: str) -> dict[str, Kind]:
    return {OURS: Kind(lambda port: [sys.executable, "-m", "tests.bench.faulty", str(port), fault])}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["lost", "duplicates", "disordered"])
def test_a_copy_gone_wrong_ends_the_benchmark_with_1(fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--only", "burst-batch"], faulty(fault)) == 1
    wrong = [line for line in capsys.readouterr().out.splitlines() if line.startswith("WRONG: ")]
    assert any(line.endswith(f" {fault}") for line in wrong), wrong


@pytest.mark.parametrize("idle", IDLE, ids=lambda idle: idle.name)
def test_a_server_that_drops_idle_connections_is_found_out(binaries: Path, idle: Idle) -> None:
    if idle.tls and shutil.which("openssl") is None:
        pytest.skip("no openssl: TLS is not measured")
    row = measure_idle(idle, faulty("dropped"), binaries, connections=20, seconds=1 if idle.seconds else 0)
    assert row.wrong[:2] == ["ours: 20 dropped", "ours: 0 of 20 are subscribed at the end"]


def faulty_floor(directory: Path, right: str, wrong: str) -> dict[str, Kind]:
    """The floor with this change to its source."""
    source = (REPOSITORY / "bench" / "floor.c").read_text()
    assert source.count(right) == 1
    (directory / "faulty.c").write_text(source.replace(right, wrong))
    command = ["cc", "-O2", f"-I{REPOSITORY / 'bench'}", "-o", str(directory / "faulty"), str(directory / "faulty.c")]
    subprocess.run(command, check=True)
    return {OURS: Kind(lambda port: [str(directory / "faulty"), str(port), KEY, SECRET])}


def wrong_with(servers: dict[str, Kind], name: str, binaries: Path) -> list[str]:
    """What is found wrong with them in that row, without the numbers."""
    row = measure(workload(name), servers, binaries, rounds=1)
    return [re.sub(r"\d+ ", "", text) for text in row.wrong]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", ["fanout-100", "shape-soketi", "client-20"])
def test_copies_that_half_of_the_subscribers_never_get_are_lost(name: str, binaries: Path, tmp_path: Path) -> None:
    to_all = "if (channel->sockets[i] != but)"
    servers = faulty_floor(tmp_path, to_all, f"{to_all[:-1]} && channel->sockets[i] % 2)")
    assert "ours: lost" in wrong_with(servers, name, binaries)


def test_where_subscribers_come_and_go_a_lost_tail_is_found_out(binaries: Path, tmp_path: Path) -> None:
    to_all = "if (channel->sockets[i] != but)"
    few = "static int sent[MAX_CLIENTS]; if (channel->sockets[i] != but && ++sent[channel->sockets[i]] < 3)"
    assert "ours: lost" in wrong_with(faulty_floor(tmp_path, to_all, few), "shape-soketi", binaries)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (  # to the subscribers of the neighbour, as an event of theirs
            "            broadcast(channel_of(channel), name, data, -1);",
            "((char *)channel.at)[channel.size - 1] ^= 1; broadcast(channel_of(channel), name, data, -1);",
        ),
        (  # to the subscribers of the neighbour, with the channel's name
            "    for (int i = 0; i < channel->count; i++) {",
            "char other[256]; strcpy(other, channel->name), other[strlen(other) - 1] ^= 1;"
            "channel = channel_of((Slice){other, strlen(other)}); for (int i = 0; i < channel->count; i++) {",
        ),
        ("name.at, channel->name, (int)data.size", 'name.at, "bench-77", (int)data.size'),  # its name alone
    ],
    ids=["as theirs", "as what it is", "name"],
)
@pytest.mark.usefixtures("impatient")
def test_copies_in_the_wrong_channel_are_strays(right: str, wrong: str, binaries: Path, tmp_path: Path) -> None:
    assert "ours: strays" in wrong_with(faulty_floor(tmp_path, right, wrong), "trigger-keepalive", binaries)


def test_a_faultless_run_ends_with_0_and_writes_every_run_as_json(tmp_path: Path, binaries: Path) -> None:
    path = tmp_path / "bench.json"
    servers = {name: kinds(binaries)[name] for name in (FLOOR, OURS)}
    assert main(["--quick", "--only", "fanout-100", "--rounds", "2", "--json", str(path)], servers) == 0
    written = json.loads(path.read_text())
    assert written["machine"]["uvicorn"]
    (row,) = written["rows"]
    assert [len(each["runs"]) for each in row["servers"].values()] == [2, 2]


def test_a_server_that_does_not_start_is_nonsense_too(capsys: pytest.CaptureFixture[str]) -> None:
    broken = {OURS: Kind(lambda port: [sys.executable, "-c", "raise SystemExit(3)"])}
    assert main(["--quick", "--only", "fanout-1,trigger-fresh"], broken) == 1
    assert capsys.readouterr().out.count("ours did not come up") == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--only", "fanout-100,fan-out,sotrm"], ["no such row: fan-out, sotrm", "fanout, trigger,", "storm-5000"]),
        (["--json", "/no/such/directory/bench.json"], ["cannot write /no/such/directory/bench.json: No such file"]),
        (["--rounds", "-1"], ["--rounds must be"]),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_measured(
    options: list[str], said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["--quick", *options])
    assert exit.value.code == 2
    shown = " ".join(capsys.readouterr().err.split())
    assert all(each in shown for each in said), shown


def test_ctrl_c_keeps_the_rows_until_then(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    rows = ["--only", "fanout-1,fanout-100,idle-plain", "--json", str(path)]
    command, pipe = [sys.executable, "-m", "bench", "--quick", *rows], subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=REPOSITORY) as benchmark:
        assert benchmark.stderr is not None
        said = ""
        while not said.endswith("idle-plain … "):
            said += benchmark.stderr.read(1) or pytest.fail(said)
        benchmark.send_signal(signal.SIGINT)
        output, errors = benchmark.communicate(timeout=30)
    assert (benchmark.returncode, errors) == (130, "\nInterrupted: these are the rows until then.\n")
    assert "one event to 100 subscribers" in output
    assert [row["name"] for row in json.loads(path.read_text())["rows"]] == ["fanout-1", "fanout-100"]


def test_without_a_compiler_the_benchmark_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    assert main(["--quick"]) == 1
    assert "no C compiler" in capsys.readouterr().err


FINE = {**dict.fromkeys(WRONG, 0), "subscribed": 9}


@pytest.mark.parametrize(
    ("differs", "said"),
    [
        ({}, []),
        ({"lost": 3, "dropped": 1}, ["ours: 3 lost", "ours: 1 dropped"]),
        ({"subscribed": 8}, ["ours: 8 of 9 are subscribed at the end"]),
        ({"delivered": 0}, ["ours: nothing was counted (delivered is 0)"]),
    ],
)
def test_what_went_wrong_is_said(differs: dict[str, int], said: list[str]) -> None:
    assert wrongs("ours", {**FINE, "delivered": 5, **differs}, "delivered", connections=9) == said


def test_a_server_dies_with_the_benchmark_however_that_ends(binaries: Path) -> None:
    script = """if True:
        import sys, time
        from pathlib import Path
        from bench.process import Server
        from bench.workloads import kinds
        server = Server("floor", kinds(Path(sys.argv[1]))["floor"].command)
        print(server._process.pid, flush=True)
        time.sleep(30)
    """
    command = [sys.executable, "-c", script, str(binaries)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as benchmark:
        assert benchmark.stdout is not None
        floor = Path("/proc") / benchmark.stdout.readline().decode().strip()
        assert floor.exists()
        benchmark.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while (floor / "exe").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not (floor / "exe").exists()


# What is reported.


def row(name: str, **samples: list[float]) -> Row:
    """A row with these CPU times."""
    return Row(name, name, "copy", {server: [{"cpu_us": each} for each in given] for server, given in samples.items()})


def test_a_ratio_is_the_median_of_neighbouring_runs() -> None:
    drifting = row("fanout-1000", floor=[4, 8, 2], ours=[5, 12, 20])
    assert ratio(drifting, "cpu_us") == 1.5  # of 1.25, 1.5 and 10; the medians' would be 3
    assert ratio(row("presence-100", ours=[5]), "cpu_us") is None


def test_a_copy_is_split_into_what_each_part_adds() -> None:
    copy = row("fanout-1000", **{FLOOR: [4.0], QUIET: [5.0, 5.0, 90.0], OURS: [5.5]})
    assert split(copy) == (4.0, 1.0, 0.5)
    assert split(row("fanout-1000", floor=[4], ours=[5])) is None
    (written,) = as_json({copy.name: copy}, {})["rows"]
    assert written["split_us"] == {"floor": 4.0, "frame_and_python": 1.0, "receipt_and_log": 0.5}


def test_the_column_of_receipt_and_log_is_measured_against_a_server_without_either(binaries: Path) -> None:
    env = kinds(binaries)[QUIET].env
    assert (env["REVERB_LOG_LEVEL"], env["REVERB_LEDGER_SIZE"]) == ("error", "0")


def test_a_quick_run_passes_no_verdict() -> None:
    rows = {each.name: each for each in [row("fanout-1000", floor=[4], ours=[5])]}
    assert "| missed |" in as_text(rows, {})
    assert "missed" not in as_text(rows, {}, quick=True)
    assert (len(as_json(rows, {})["targets"]) > 1, as_json(rows, {}, quick=True)["targets"]) == (True, [])


def test_where_there_are_no_copies_nothing_is_said_of_them() -> None:
    idle = Row("idle-plain", "idle connection", "connection", {OURS: [{"bytes": 4000}]})
    assert "copies" not in as_text({idle.name: idle}, {})


def test_the_figures_say_of_which_commit_and_day_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = describe("cc")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", facts["date"])
    git = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(git, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert facts.get("commit", "") == done.stdout.strip()
    monkeypatch.setenv("PATH", str(Path(shutil.which("cc") or "").parent / "nowhere"))
    assert "commit" not in describe(str(shutil.which("cc", path="/usr/bin")))


FANOUT = [row("fanout-100", ours=[5]), row("fanout-1000", ours=[5])]


@pytest.mark.parametrize(
    ("rows", "text", "reached", "verdict"),
    [
        ([row("fanout-1000", floor=[4], ours=[4.4])], "delivered copy, 1,000", 1.1, "met"),
        ([row("fanout-1000", floor=[4], ours=[5])], "delivered copy, 1,000", 1.25, "missed"),
        ([row("fanout-1000", floor=[4], ours=[5])], "delivered copy, 10,000", None, "not measured"),
        ([*FANOUT, row("fanout-10000", ours=[6])], "delivered copy, dearest", 1.2, "missed"),
        (FANOUT, "delivered copy, dearest", None, "not measured"),
        ([row("client-20", ours=[6]), row("fanout-1000", ours=[5])], "client event", 1.2, "met"),
        ([row("presence-100", ours=[2000]), row("fanout-100", ours=[4])], "presence", 2.5, "missed"),
        ([row("burst-batch", floor=[5], ours=[1])], "batch of 10", 0.2, "met"),
        ([row("storm-5000", ours=[200])], "connect", 200, "met"),
    ],
)
def test_a_target_is_met_or_missed(rows: list[Row], text: str, reached: float | None, verdict: str) -> None:
    (target,) = [each for each in targets({each.name: each for each in rows}) if each.text.startswith(text)]
    assert target.reached == (None if reached is None else pytest.approx(reached))
    assert target.verdict == verdict


def test_the_table_shows_medians_and_the_json_every_run() -> None:
    measured = row("fanout-1000", floor=[4, 4, 5], ours=[5, 6, 7])
    rows = {measured.name: measured}
    (line,) = [line for line in as_text(rows, {"cpu": "Z80"}).splitlines() if line.startswith("| fanout-1000")]
    assert [cell.strip() for cell in line.split("|")][3:7] == ["4", "", "6", "1.4"]
    (written,) = as_json(rows, {"cpu": "Z80"})["rows"]
    assert written["cpu_to_floor"] == {"ours": 1.4}
    assert written["split_us"] is None
    assert written["servers"]["ours"] == {
        "median": {"cpu_us": 6},
        "runs": [{"cpu_us": 5}, {"cpu_us": 6}, {"cpu_us": 7}],
    }

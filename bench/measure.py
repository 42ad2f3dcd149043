"""Take the measurements: interleaved runs of one row against its servers."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.process import Broken, Load, Server, load_command
from bench.workloads import OURS, Idle, Kind, Workload

WRONG = ("lost", "duplicates", "disordered", "strays", "refused", "errors", "dropped")  # of a run; each must be 0

Figures = dict[str, float]


@dataclass(slots=True)
class Row:
    """What came of a workload: figures of each run by server, and what must not have happened.

    `left_out` says why it was not measured.
    """

    name: str
    title: str
    unit: str
    samples: dict[str, list[Figures]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    left_out: str = ""

    def add(self, server: str, figures: Figures) -> None:
        self.samples.setdefault(server, []).append(figures)


def measure(workload: Workload, kinds: Mapping[str, Kind], binaries: Path, rounds: int) -> Row:
    """Run a workload against each of its servers in turn, `rounds` times."""
    row = Row(workload.name, workload.title, workload.unit)
    options = {**workload.options, "ms": workload.ms}
    with ExitStack() as stack:
        servers = [
            stack.enter_context(Server(name, kinds[name].command, kinds[name].env))
            for name in workload.servers
            if name in kinds
        ]
        loads: dict[str, Load] = {}
        for _ in range(min(rounds, workload.most_rounds)):
            for server in servers:
                if server.name not in loads:
                    loads[server.name] = stack.enter_context(Load(load_command(binaries, server.port, options)))
                server.settle()
                _run(workload, server, loads[server.name], row)
                if workload.options["mode"] == "storm":  # the connections themselves are the work: anew each time
                    loads.pop(server.name).stop()
    return row


def _run(workload: Workload, server: Server, load: Load, row: Row) -> None:
    before = server.cpu
    result = load.run()
    cpu = server.cpu - before
    row.wrong += wrongs(server.name, result, workload.count, int(workload.options["connections"]))
    units = result[workload.count] / workload.per
    if units:
        row.add(
            server.name,
            {
                "cpu_us": cpu * 1e6 / units,
                "rate": units / result["seconds"],
                "megabytes": server.memory / 1e6,
                **{name: result[name] for name in ("p50_us", "p95_us", "p99_us", "events", "delivered", *WRONG)},
                "server_busy": cpu / result["seconds"],
                "load_busy": result["busy"],
            },
        )


def wrongs(server: str, result: Mapping[str, Any], counted: str, connections: int) -> list[str]:
    """Say what must not happen in a run, and did."""
    found = [f"{server}: {result[name]} {name}" for name in WRONG if result[name]]
    if result["subscribed"] != connections:
        found.append(f"{server}: {result['subscribed']} of {connections} are subscribed at the end")
    return found if result[counted] else [*found, f"{server}: nothing was counted ({counted} is 0)"]


def measure_idle(idle: Idle, kinds: Mapping[str, Kind], binaries: Path, connections: int, seconds: int) -> Row:
    """Measure memory, and for `seconds` the CPU time, of connections that do nothing."""
    row = Row(idle.name, idle.title, "connection")
    env = {"REVERB_APP_PING_INTERVAL": str(max(seconds - 1, 1)), **(certificate(binaries) if idle.tls else {})}
    for name in idle.servers:
        if name in kinds:
            watched = seconds if name == OURS else 0
            with Server(name, kinds[name].command, {**kinds[name].env, **env}) as server:
                command = _idle_command(idle, binaries, server.port, connections, watched)
                _hold(server, command, connections, watched, row)
    return row


def _hold(server: Server, command: list[str], connections: int, watched: int, row: Row) -> None:
    """Let the load connect, and look at the server before and after. The run tells who is still there at its end."""
    server.settle()
    before = server.memory
    with Load(command) as load:
        server.settle()
        used = server.cpu
        result = load.run()
        used = server.cpu - used
        row.wrong += wrongs(server.name, result, "subscribed", connections)
        figures = {"bytes": (server.memory - before) / connections}
        if watched:
            figures["core_percent"] = 100 * used / float(result["seconds"])
        row.add(server.name, figures)


def _idle_command(idle: Idle, binaries: Path, port: int, connections: int, seconds: int) -> list[str]:
    if idle.tls:
        return [sys.executable, "-m", "bench.tls_clients", str(port), str(connections)]
    channels = connections if idle.own_channels else 1
    return load_command(
        binaries, port, {"mode": "hold", "connections": connections, "channels": channels, "ms": seconds * 1000}
    )


def certificate(directory: Path) -> dict[str, str]:
    """Make a self-signed certificate; return the settings that name it. Raise Broken without openssl."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise Broken("no openssl: TLS is not measured")
    key, cert = directory / "key.pem", directory / "cert.pem"
    if not cert.exists():
        command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command += ["-days", "1", "-subj", "/CN=127.0.0.1", "-keyout", str(key), "-out", str(cert)]
        subprocess.run(command, check=True, capture_output=True)
    return {"REVERB_TLS_CERT": str(cert), "REVERB_TLS_KEY": str(key)}

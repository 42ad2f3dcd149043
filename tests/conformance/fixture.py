"""The apps of `reverb.toml`, as the cases know them, and the server that a case starts for itself."""

import asyncio
import signal
import ssl
import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from reverb_py.conformance.target import Target, TargetApp
from tests.server_process import ServerProcess

HERE = Path(__file__).parent
CONFIG = HERE / "reverb.toml"
CERTIFICATE = {  # of localhost and 127.0.0.1, self-signed; its key is public, it protects nothing
    "REVERB_TLS_CERT": str(HERE / "certificate" / "localhost.crt"),
    "REVERB_TLS_KEY": str(HERE / "certificate" / "localhost.key"),
}


def fixture_apps() -> dict[str, TargetApp]:
    """The apps of `reverb.toml` by their names in the cases."""
    tables: list[dict[str, Any]] = tomllib.loads(CONFIG.read_text())["apps"]
    by_id = {table["id"]: table for table in tables}
    return {name: _app(by_id[app_id]) for name, app_id in IDS.items()}


IDS = {
    "MAIN": "3",
    "MIN": "4",
    "DIS": "5",
    "Q1": "6",
    "TLS": "7",
    "FAST": "10",
    "STRICT": "11",
    "HOSTED": "12",
    "SMALL": "13",
    "ORIGINS": "14",
    "WILD": "15",
    "LIMITED": "16",
    "LIMITEDT": "17",
    "WIDE": "18",
    "EVERYBODY": "19",
    "LOCAL": "20",
    "A": "123456",
    "B": "654321",
    "C": "987654",
}


def _app(table: Mapping[str, Any]) -> TargetApp:
    return TargetApp(table["id"], table["key"], table["secret"], table.get("activity_timeout", 30))


def trusting() -> ssl.SSLContext:
    """A client's context that accepts our certificate, and no other."""
    return ssl.create_default_context(cafile=CERTIFICATE["REVERB_TLS_CERT"])


class OwnProcess:
    """A server of a case's own, seen from the event loop."""

    def __init__(self, process: ServerProcess, target: Target) -> None:
        self.target = target
        self.port = process.port
        self._process = process

    @property
    def output(self) -> str:
        return self._process.output

    @property
    def pid(self) -> int:
        return self._process.pid

    def terminate(self) -> None:
        self._process.terminate()

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def exit_code(self, seconds: float = 15.0) -> int:
        return await asyncio.to_thread(self._process.wait, seconds)


@asynccontextmanager
async def launch(
    *options: str,
    env: Mapping[str, str] | None = None,
    ready: bool = True,
    tls: bool = False,
    port: int | None = None,
) -> AsyncIterator[OwnProcess]:
    """A server with the app MAIN alone, unless the options or settings say otherwise."""
    main = fixture_apps()["MAIN"]
    credentials = {"REVERB_APP_ID": main.id, "REVERB_APP_KEY": main.key, "REVERB_APP_SECRET": main.secret}
    settings = {**credentials, **(CERTIFICATE if tls else {}), **(env or {})}
    given = {name: value for name, value in settings.items() if value != ""}
    with ServerProcess(*options, env=given, tls=tls, port=port) as process:
        app = TargetApp(main.id, main.key, main.secret)
        scheme, context = ("wss", trusting()) if tls else ("ws", None)
        target = Target(f"{scheme}://127.0.0.1:{process.port}", {"MAIN": app}, tls_context=context)
        if ready:
            await asyncio.to_thread(process.wait_until_ready)
        try:
            yield OwnProcess(process, target)
        finally:
            await target.aclose()

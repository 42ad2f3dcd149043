"""The server as a process: what signals do to it, and what it does when a part of it dies."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
import uvicorn
from websockets.frames import Opcode

from reverb_py import server
from reverb_py.activity_log import ActivityLog
from reverb_py.conformance.expect import eventually, handshake_refused
from reverb_py.conformance.target import Target, TargetApp
from reverb_py.conformance.verify import Deviation
from reverb_py.conformance.wire import client_frame
from reverb_py.hub.app import App, Apps, Credential
from reverb_py.settings import Settings
from tests.conformance.fixture import CERTIFICATE, OwnProcess, launch
from tests.fakes import World
from tests.server_process import ServerProcess
from tests.settings.test_load import make_certificate
from tests.transports.fake_transport import FakeServer, turn
from tests.transports.in_process import publish, until

APP = App("1", (Credential("key", "hunter2"),))
CREDENTIALS = {"REVERB_APP_ID": APP.id, "REVERB_APP_KEY": APP.key, "REVERB_APP_SECRET": APP.secrets[0]}
QUICK = {"REVERB_DRAIN": "1"}
NO_APP = {"REVERB_APP_ID": "", "REVERB_APP_KEY": "", "REVERB_APP_SECRET": ""}


def messages(process: OwnProcess) -> list[str]:
    """The log so far; every line must be JSON with a level and a message."""
    lines = [json.loads(line) for line in process.output.splitlines()]
    assert all({"ts", "level", "message"} <= line.keys() for line in lines)
    return [line["message"] for line in lines]


# Signals.


async def test_sigterm_says_goodbye_to_everybody_and_is_a_success() -> None:
    async with launch(env=QUICK) as process, AsyncExitStack() as stack:
        target = process.target
        clients = [await stack.enter_async_context(target.client()) for _ in range(20)]
        for client in clients:
            await client.subscribed("news")
        process.terminate()

        async def unwell() -> bool:
            return (await target.http("GET", "/up")).status_code == 503

        await eventually(unwell, "/up should say 503")
        await handshake_refused(target, 4100)
        await target.trigger("news")
        goodbyes = await asyncio.gather(*(client.closed() for client in clients))
        assert {code for code, _ in goodbyes} == {4200}
        late = [client for client in clients if any(frame["event"] == "ev" for frame in client.unread())]
        assert late, "a trigger during the drain should reach those who are still here"
        assert await process.exit_code() == 0
        assert "Gracefully terminating connections." in messages(process)
        with pytest.raises(Deviation):
            await target.http("GET", "/up")


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_it_at_once_and_is_no_success(second: signal.Signals) -> None:
    async with launch(env={"REVERB_DRAIN": "600"}) as process, AsyncExitStack() as stack:
        for _ in range(20):
            await stack.enter_async_context(process.target.client())
        process.send_signal(signal.SIGINT)

        async def draining() -> bool:
            return "Gracefully terminating connections." in process.output

        await eventually(draining, "the first signal should begin the drain")
        process.send_signal(second)
        assert await process.exit_code() == 1


def apps_toml(secret: str, **more: str) -> str:
    """A TOML file with one app of this secret."""
    lines = [f"{name} = {value}" for name, value in more.items()]
    return "\n".join(["[[apps]]", 'id = "3"', 'key = "key"', f'secret = "{secret}"', *lines, ""])


async def test_sighup_exchanges_apps_and_secrets_and_ends_no_connection(tmp_path: Path) -> None:
    file = tmp_path / "reverb.toml"
    file.write_text(apps_toml("old"))
    async with launch("--config", str(file), env={**QUICK, **NO_APP}) as process:
        old, new = (Target(process.target.url, {"MAIN": TargetApp("3", "key", each)}) for each in ("old", "new"))

        async def reloaded(times: int) -> None:
            async def told() -> bool:
                return sum("eloaded" in message for message in messages(process)) == times

            process.send_signal(signal.SIGHUP)
            await eventually(told, "the reload should be told")

        async with old.client() as client:
            await client.subscribed("private-news")
            file.write_text(apps_toml("new"))
            await reloaded(1)
            assert messages(process)[-1] == "Reloaded 1 app"
            assert (await old.get("/channels")).status_code == 401
            await new.trigger("private-news")
            assert (await client.frame())["event"] == "ev"
            client.secret = "new"
            await client.subscribed("private-olds")
            for times, text in enumerate(["[[apps", apps_toml("")[:30], apps_toml("x", max_connections="-1"), ""], 2):
                file.write_text(text)
                await reloaded(times)
                assert messages(process)[-1].startswith("Nothing was reloaded, the server goes on as before: ")
                await new.trigger("private-news")
                assert (await client.frame())["event"] == "ev"
            file.write_text(apps_toml("new", enabled="false"))
            await reloaded(6)
            assert (await client.closed())[0] == 4003
        await old.aclose()
        await new.aclose()


def test_every_address_of_both_families_is_listened_on_by_default() -> None:
    with ServerProcess("--host", "", env=CREDENTIALS) as process:
        process.wait_until_ready()
        assert httpx.get(f"http://[::1]:{process.port}/up", trust_env=False).status_code == 200
        assert f"Starting server on 0.0.0.0:{process.port}..." in process.output


async def test_a_port_that_is_taken_is_one_line_and_no_success() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        async with launch(port=port, ready=False) as process:
            assert await process.exit_code() == 1
            assert messages(process) == [
                f"Cannot listen on 127.0.0.1:{port}: Address already in use."
                " Take another one by --port or REVERB_SERVER_PORT"
            ]


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
async def test_a_host_of_another_machine_is_a_matter_of_configuration_and_told_with_its_source(host: str) -> None:
    async with launch("--host", "", env={"REVERB_SERVER_HOST": host}, ready=False) as process:
        assert await process.exit_code() == 2
        (line,) = messages(process)
        assert line.startswith(f"Cannot listen on {host}:")
        assert "Correct REVERB_SERVER_HOST: it must be an address or a name of this machine" in line


# `run` itself, in this process.


def run(then: Callable[[int], object], **settings: object) -> int:
    """Run a server until `then`, called on another thread with its port, stops it; return its exit code."""
    threads: list[threading.Thread] = []

    def go_on(addresses: list[tuple[str, int]]) -> None:
        threads.append(threading.Thread(target=then, args=(addresses[0][1],)))
        threads[0].start()

    here = Settings(host="127.0.0.1", port=0, drain=0, **settings)  # type: ignore[arg-type]  # as the case says
    code = server.run(here, Apps([APP]), on_listening=go_on, read_apps=lambda: Apps([APP]))
    threads[0].join(5)
    return code


def stop(port: int) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_part_that_dies_takes_the_whole_down_and_is_no_success(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("time stands still")

    monkeypatch.setattr(server, "SWEEP", 0.01)
    monkeypatch.setattr(server, "overdue", broken)
    assert run(lambda port: None) == 1
    assert "A part of the server failed" in caplog.text
    assert "time stands still" in caplog.text


def test_the_sums_of_the_last_second_are_told_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    def three_publishes(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(publish() * 3)
            answered = b""
            while answered.count(b"HTTP/1.1 200") < 3:
                answered += sock.recv(65_536)
        stop(port)

    caplog.set_level(logging.INFO, logger="reverb_py")
    assert run(three_publishes, log_rate=1) == 0
    told = [record.getMessage() for record in caplog.records if "ublish" in record.getMessage()]
    assert told[1:] == ["2 more publishes in the last second, 0 received"]


def test_the_workers_of_other_servers_mean_nothing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "auto")
    assert run(stop) == 0


def test_without_uvloop_it_runs_and_says_what_that_costs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert run(stop) == 0
    assert "without uvloop" in caplog.text


# Its parts.


async def test_once_a_second_the_silent_are_pinged_and_the_dead_and_the_stuck_are_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "SWEEP", 0)
    fake = FakeServer()
    silent, dead, stuck = (fake.connect() for _ in range(3))
    await turn()
    fake.world.clock.now += 60
    dead.websocket._session.connection.pinged_at = fake.world.clock.now - 30  # type: ignore[union-attr]
    stuck.websocket.data_received(client_frame(b'{"event":"pusher:subscribe","data":{"channel":"news"}}'))
    stuck.transport.stuck = True
    fake.world.publishes("news", data="x" * 70_000)
    sweep = asyncio.create_task(server._sweep(fake.node, fake.endpoint, [ActivityLog(1).tick], slow_timeout=0))
    await until(lambda: stuck.goodbye())
    sweep.cancel()
    await turn()
    assert [frame.opcode for frame in silent.frames()] == [Opcode.TEXT, Opcode.PING]
    assert dead.goodbye() == (4201, "Pong reply not received")
    assert stuck.goodbye() == (4100, "Too slow: nothing was read for 0 seconds")


@pytest.mark.parametrize("whole", [True, False])
def test_a_reload_takes_apps_and_certificate_together_or_neither(
    tmp_path: Path, whole: bool, caplog: pytest.LogCaptureFixture
) -> None:
    cert = tmp_path / "cert.pem"
    cert.write_bytes(Path(CERTIFICATE["REVERB_TLS_CERT"]).read_bytes() if whole else b"no certificate")
    settings = Settings(tls_cert=str(cert), tls_key=CERTIFICATE["REVERB_TLS_KEY"])
    config = uvicorn.Config("an:app", log_config=None)
    config.ssl = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    node, other = World().node, Apps([App("2", (Credential("other", "other"),))])
    caplog.set_level(logging.INFO, logger="reverb_py")
    server._reload(settings, node, config, lambda: other)
    assert (node.apps is other) is whole
    assert ("Reloaded 1 app and the certificate" if whole else "Nothing was reloaded") in caplog.text


def handshake(context: ssl.SSLContext) -> None:
    """Raise SSLError when a client that verifies nothing cannot speak to a server with this context."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = context.wrap_bio(to_server, to_client, server_side=True)
    theirs = ssl._create_unverified_context().wrap_bio(to_client, to_server)
    for side in (theirs, ours, theirs, ours):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    assert ours.version() is not None


def test_a_certificate_that_does_not_fit_its_key_leaves_the_old_pair_at_work(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cert, key = make_certificate(tmp_path)
    settings = Settings(tls_cert=str(cert), tls_key=str(key))
    config = uvicorn.Config("an:app", log_config=None)
    config.ssl = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    config.ssl.load_cert_chain(cert, key)
    cert.write_bytes(Path(CERTIFICATE["REVERB_TLS_CERT"]).read_bytes())
    server._reload(settings, World().node, config, lambda: Apps([APP]))
    assert "Nothing was reloaded" in caplog.text
    handshake(config.ssl)


def test_a_fault_while_reading_ends_nothing_and_is_told_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    def faulty() -> Apps:
        raise RecursionError("of ours")

    node = World().node
    before = node.apps
    server._reload(Settings(), node, uvicorn.Config("an:app", log_config=None), faulty)
    assert node.apps is before
    assert "Nothing was reloaded" in caplog.text
    assert "RecursionError: of ours" in caplog.text

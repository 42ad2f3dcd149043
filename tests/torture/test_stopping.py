"""The ends of a server, and what changes while it runs: nobody is lost on the way who could be kept."""

import asyncio
import signal
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

from reverb_py.conformance.expect import eventually
from reverb_py.conformance.target import Target, TargetApp
from tests.server_process import ServerProcess
from tests.torture.clients import deaf, flock
from tests.torture.conftest import Watch
from tests.torture.proc import MB
from tests.torture.publisher import PUBLISHERS, TOLD, publish_on
from tests.torture.rows import Row
from tests.torture.watching import APP, SECRET, server

NEW = "torture-secret-of-tomorrow-zk42"
LAST = 2.0  # seconds after the last goodbye: for the answers, and for requests in work
EXIT = 1.0  # seconds for the process itself, on a busy machine


def at(process: ServerProcess) -> Target:
    return Target(f"ws://127.0.0.1:{process.port}", {"MAIN": APP})


async def draining(target: Target) -> bool:
    return (await target.http("GET", "/up")).status_code == 503


async def test_sigterm_under_traffic(row: Row, big: bool) -> None:
    """SIGTERM with 200 (5,000) subscribers while events are published: all get 4200, every trigger its answer."""
    count, drain = (5_000, 8.0) if big else (200, 1.0)
    told: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    with server(env={"REVERB_DRAIN": str(drain), "REVERB_LOG_RATE": "100000"}) as process:
        await asyncio.to_thread(process.wait_until_ready)
        target = at(process)
        async with flock(process.port, count, "flock") as subscribers, asyncio.TaskGroup() as tasks:
            for _ in range(PUBLISHERS):
                tasks.create_task(publish_on(process.port, told, 0.5 if big else 0.02))
            await eventually(lambda: answered(told), "triggers should be answered")
            process.terminate()
            began = loop.time()
            await eventually(lambda: draining(target), "/up should say 503")
            await subscribers.all_ended(drain + LAST + 10)
            code = await asyncio.to_thread(process.wait, drain + LAST + 10)
        ends = sorted(each.closed_at - began for each in subscribers.sheep)
        codes = Counter(each.close_code for each in subscribers.sheep)
        assert codes == {4200: count}
        assert code == 0
        assert process.output.count(TOLD) == told["answered"]
        assert told["unanswered"] == 0
        assert ends[-1] < drain + LAST
        assert 0.3 * drain < ends[count // 2] < 0.8 * drain
        row.tells(f"{drain:g} s (REVERB_DRAIN), exit code 0", f"{count} in {ends[0]:.2f} to {ends[-1]:.2f} s")
        row.measured += f", {told['answered']} triggers published and answered"
        assert SECRET not in process.output
        await target.aclose()


async def test_sigterm_with_readers_that_do_not_read(row: Row) -> None:
    """SIGTERM while twenty subscribers read nothing and are behind: they hold up nothing, exit code 0."""
    drain, readers = 0.5, 20
    with server(env={"REVERB_DRAIN": str(drain), "REVERB_MAX_BACKLOG": str(100 * MB)}) as process:
        await asyncio.to_thread(process.wait_until_ready)
        target = at(process)
        async with AsyncExitStack() as stack:
            for _ in range(readers):
                await stack.enter_async_context(deaf(process.port, "flock"))
            for _ in range(100):
                await target.trigger("flock", "ev", "x" * 50_000)
            process.terminate()
            began = asyncio.get_running_loop().time()
            assert await asyncio.to_thread(process.wait, 20) == 0
            seconds = asyncio.get_running_loop().time() - began
        assert seconds < drain + LAST + EXIT
        row.tells(f"{drain + LAST + EXIT:g} s, exit code 0", f"{seconds:.2f} s")
        await target.aclose()


async def answered(told: Counter[str]) -> bool:
    return told["answered"] > 4


async def test_a_second_sigterm(row: Row) -> None:
    """A second SIGTERM in the middle of a long drain, under traffic: it ends at once, with exit code 1."""
    told: Counter[str] = Counter()
    with server(env={"REVERB_DRAIN": "600"}) as process:
        await asyncio.to_thread(process.wait_until_ready)
        target = at(process)
        async with flock(process.port, 100, "flock"), asyncio.TaskGroup() as tasks:
            tasks.create_task(publish_on(process.port, told, 0.02))
            process.terminate()
            await eventually(lambda: draining(target), "/up should say 503")
            process.terminate()
            began = asyncio.get_running_loop().time()
            assert await asyncio.to_thread(process.wait, 5) == 1
            row.tells("at once, exit code 1", f"{asyncio.get_running_loop().time() - began:.2f} s")
        await target.aclose()


def configuration(secret: str, more: str = "") -> str:
    """A reverb.toml whose app has this secret, and another one that is still accepted."""
    lines = ["[[apps]]", f'id = "{APP.id}"', f'key = "{APP.key}"', f'secret = "{secret}"']
    if more:
        lines.append(f'more_credentials = [{{ key = "{APP.key}-2", secret = "{more}" }}]')
    return "\n".join([*lines, ""])


async def test_reload_under_traffic(watch: Watch, tmp_path: Path, big: bool) -> None:
    """Twenty SIGHUPs in a row under traffic, broken files among them: nobody is dropped, no event is lost."""
    file = tmp_path / "reverb.toml"
    file.write_text(configuration(SECRET))
    count = 1_000 if big else 100
    async with watch("--config", str(file)) as found, flock(found.process.port, count, "flock") as subscribers:
        for number in range(20):
            file.write_text("[[apps" if number % 5 == 4 else configuration(SECRET, f"{NEW}-{number}"))
            await reload(found.process, number + 1)
            await found.stream.goes_on()
        assert subscribers.open == count
        found.row.tells("nobody dropped", f"{subscribers.open} of {count} are still here after 20 reloads")


async def reload(process: ServerProcess, times: int) -> None:
    """Send SIGHUP, and wait until it is told."""

    async def told() -> bool:
        return process.output.count("Reloaded") + process.output.count("Nothing was reloaded") == times

    process.send_signal(signal.SIGHUP)
    await eventually(told, "the reload should be told")


async def test_rotation_of_a_secret(watch: Watch, tmp_path: Path) -> None:
    """A secret is exchanged in two reloads: both sign between them, only the new one after; nobody is dropped."""
    file = tmp_path / "reverb.toml"
    file.write_text(configuration(SECRET))
    async with watch("--config", str(file)) as found:
        new = Target(found.target.url, {"MAIN": TargetApp(APP.id, APP.key, NEW)})
        assert (await new.get("/channels")).status_code == 401
        file.write_text(configuration(NEW, SECRET))
        await reload(found.process, 1)
        for target in (found.target, new):
            assert (await target.get("/channels")).status_code == 200
            async with target.client() as client:
                await client.subscribed("private-news")
        file.write_text(configuration(SECRET))
        await reload(found.process, 2)
        assert (await new.get("/channels")).status_code == 401
        assert NEW not in found.process.output
        await new.aclose()
        found.row.tells("both sign", "both signed, and the stream went on")

"""Subscribers that do not read, or are not there any more: what they cost is bounded, and only they pay."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from reverb_py.conformance.client import Client
from reverb_py.conformance.expect import eventually
from tests.torture.clients import Deaf, deaf
from tests.torture.conftest import BOTH, Watch
from tests.torture.killers import request, signed, subscribing
from tests.torture.proc import MB
from tests.torture.watching import APP, TOLERANCE, Watched

SIZE = 50_000  # bytes of one event
WINDOW = 4  # events that may be under way: those who read must not be slow themselves
BEHIND = 200  # events, 10 MB: more than the kernel keeps of them (tcp_wmem)
KEPT = 64_000  # bytes of each TLS connection that the allocator keeps for the next ones (malloc_trim frees them)
ABOVE_TLS = 1 << 20  # bytes of answers that wait above TLS for one peer: uvloop pauses at the half
SLACK = 8 * MB  # of memory, for what is under way


class Flow:
    """Numbered events of SIZE bytes on `flood`, which two more clients read and check."""

    def __init__(self, server: Watched, readers: list[Client]) -> None:
        self.readers = readers
        self._server = server
        self._fill = "x" * SIZE

    async def run(self, count: int) -> None:
        """Publish so many; raise AssertionError when a reader misses one, or gets it out of order."""
        room = asyncio.Semaphore(2 * WINDOW)
        target = self._server.another_target()
        async with asyncio.TaskGroup() as tasks:
            for reader in self.readers:
                await reader.subscribed("flood")
            first, second = (tasks.create_task(self._read(reader, count, room)) for reader in self.readers)
            for number in range(count):
                await room.acquire()
                await room.acquire()
                await target.trigger("flood", f"n{number}", self._fill)
            await asyncio.gather(first, second)
        await target.aclose()

    async def _read(self, reader: Client, count: int, room: asyncio.Semaphore) -> None:
        for number in range(count):
            text = await reader.text(15)
            assert text.startswith(f'{{"event":"n{number}",'), text[:100]
            room.release()


async def last_words(client: Deaf) -> tuple[int, str] | None:
    async with asyncio.timeout(10):
        return await client.last_words()


@BOTH
@pytest.mark.timeout(300)
async def test_a_subscriber_that_does_not_read(watch: Watch, big: bool, tls: bool) -> None:
    """One subscriber reads nothing while 100 MB (1 GB) of events flow: it is closed with 4100, others get them all."""
    count = (1_000 if big and not tls else 100) * MB // SIZE
    async with watch() as server, AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(server.target.client()) for _ in range(2)]
        client = await stack.enter_async_context(deaf(server.port, "flood", tls=server.tls))
        server.measure_memory()
        flowing = asyncio.create_task(Flow(server, readers).run(count))
        await eventually(lambda: dropped(server), "it should have been counted as dropped", 10)
        close = await last_words(client)
        assert close is not None
        assert close[0] == 4100
        assert close[1].startswith("Too slow: ")
        await flowing
        bound = 1 * MB + SLACK
        assert server.growth < bound
        measured = f"+{server.growth / MB:.1f} MB at the peak, {count * SIZE // MB} MB published"
        server.row.tells(f"RSS +{bound // MB} MB (REVERB_MAX_BACKLOG 1 MiB), 4100", measured)
        server.row.sent += 2 * count


async def dropped(server: Watched) -> bool:
    return await server.dropped("flood") == 1


@BOTH
async def test_many_subscribers_that_do_not_read(watch: Watch, big: bool, tls: bool) -> None:
    """Twenty (sixty) subscribers read nothing, each within its own limit: together they stay within the node's."""
    number, total = (60 if big else 20), 16 * MB
    env = {"REVERB_MAX_BACKLOG": str(100 * MB), "REVERB_MAX_TOTAL_BACKLOG": str(total), "REVERB_SLOW_TIMEOUT": "600"}
    copies = number * (WINDOW + 1) * SIZE if tls else 0  # of what one turn publishes, and of the event below TLS
    bound = total + total // 2 + SLACK + copies
    count = 600 if big else 150
    async with watch(env=env, tolerance=max(total, bound // 2)) as server, AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(server.target.client()) for _ in range(2)]
        for _ in range(number):
            await stack.enter_async_context(deaf(server.port, "flood", tls=server.tls))
        server.measure_memory()
        await Flow(server, readers).run(count)
        lost = await server.dropped("flood")
        assert lost > 0
        assert server.growth < bound
        promised = f"RSS +{bound // MB} MB (REVERB_MAX_TOTAL_BACKLOG {total // MB} MB)"
        server.row.tells(promised, f"+{server.growth / MB:.1f} MB at the peak, {lost} of {number} closed")
        server.row.sent += 2 * count


@BOTH
async def test_a_subscriber_that_rests_too_long(watch: Watch) -> None:
    """A subscriber is a little behind, for ever: it is closed with 4100 after REVERB_SLOW_TIMEOUT."""
    async with watch(env={"REVERB_SLOW_TIMEOUT": "1", "REVERB_MAX_BACKLOG": str(100 * MB)}) as server:
        async with deaf(server.port, "flood", tls=server.tls) as client, server.target.client() as reader:
            await reader.subscribed("flood")
            for _ in range(BEHIND):
                await server.target.trigger("flood", "ev", "x" * SIZE)
                await reader.frame()
            await eventually(lambda: server.has_dropped("flood"), "it should be closed", 5)
            close = await last_words(client)
            assert close is not None
            assert close[0] == 4100
            assert "nothing was read for 1 seconds" in close[1]
        server.row.tells("1 s (REVERB_SLOW_TIMEOUT) and a sweep of 1 s, 4100", close[1])


@BOTH
async def test_half_open_connections(watch: Watch, big: bool, tls: bool) -> None:
    """Peers that vanished, half of them not subscribed, leave after REVERB_APP_PING_INTERVAL and _PONG_TIMEOUT."""
    number, sweep = (500 if big else 50), 1.0
    env = {"REVERB_APP_PING_INTERVAL": "1", "REVERB_APP_PONG_TIMEOUT": "1"}
    tolerance = TOLERANCE + (number * KEPT if tls else 0)
    async with watch(env=env, tolerance=tolerance) as server, AsyncExitStack() as stack:
        names = [[], ["news"]] * (number // 2)
        gone = [await stack.enter_async_context(deaf(server.port, *each, tls=server.tls)) for each in names]
        began = asyncio.get_running_loop().time()
        await eventually(server.is_alone, "they should not count any more", 10)
        seconds = asyncio.get_running_loop().time() - began
        assert {await last_words(client) for client in gone} == {(4201, "Pong reply not received")}
        bound = 1 + 1 + 2 * sweep
        assert seconds < bound + 0.5
        server.row.tells(f"{bound:g} s (1 + 1 and two sweeps of 1 s), 4201", f"{seconds:.2f} s, {number} at once")


@BOTH
async def test_questions_over_http_whose_answers_nobody_reads(watch: Watch, big: bool, tls: bool) -> None:
    """Peers that ask over HTTP, again and again, and read no answer: each is ended after REVERB_SLOW_TIMEOUT."""
    count, timeout = (20 if big else 5), 1.0
    question = request(f"GET {signed(APP, 'GET', '/channels')} HTTP/1.1")
    loop = asyncio.get_running_loop()

    async def ask_on() -> float:
        """Seconds until the server ends it; raise TimeoutError when it does not."""
        _, writer = await server.dial()
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # of a transport both ways
        began = loop.time()
        try:
            async with asyncio.timeout(20):
                while not writer.transport.is_closing():
                    writer.write(question)
                    await writer.drain()
                    await asyncio.sleep(0.1)  # more than a few that wait together are refused
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()
        return loop.time() - began

    env = {"REVERB_SLOW_TIMEOUT": f"{timeout:g}", "REVERB_KEEP_ALIVE": "300"}
    tolerance = TOLERANCE + (count * ABOVE_TLS if tls else 0)
    async with watch(env=env, tolerance=tolerance) as server, server.target.client() as client:
        await client.send_bytes(b"".join(subscribing(channel=f"{each:0>150}") for each in range(1_000)))
        await client.ping()  # an answer is 160 kB now, and the kernels keep some 25 of them
        server.measure()
        ends = await asyncio.gather(*(ask_on() for _ in range(count)))
        assert timeout < min(ends)
        assert max(ends) < 10
        bound = f"10 s: {2 * timeout:g} s (REVERB_SLOW_TIMEOUT, twice) once the kernels are full"
        server.row.tells(bound, f"{max(ends):.2f} s from the first question, {count} at once")

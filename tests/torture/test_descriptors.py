"""No descriptor is left: newcomers are refused, nothing spins, and those who are there are served."""

import asyncio
from contextlib import AsyncExitStack

from reverb_py.conformance.expect import eventually
from tests.torture import proc
from tests.torture.clients import flock
from tests.torture.conftest import Watch
from tests.torture.killers import request

FILES = 200  # open files of a server that is to run out of them
SILENT = "4"  # seconds that a silent connection may stay: all are made in that time, on a busy machine too
IDLE = 0.5  # of a processor: the stream of the bystanders takes some of it


async def test_descriptors_run_out(watch: Watch, big: bool) -> None:
    """All descriptors are taken by silent connections: newcomers are refused, nothing spins."""
    async with watch(files=FILES, env={"REVERB_REQUEST_TIMEOUT": SILENT}) as server, AsyncExitStack() as stack:
        silent = await asyncio.gather(*(server.dial() for _ in range(FILES * (10 if big else 3))))
        for _, writer in silent:
            stack.callback(writer.transport.abort)
        load = await server.busy()
        for _ in range(20):
            answer = await server.asked(request("GET /up HTTP/1.1"))
            assert answer.startswith(b"HTTP/1.1 503 ") or answer == b""
        await server.stream.goes_on()
        await eventually(server.is_alone, "the silent should be gone", 10)
        assert load < IDLE
        server.row.tells(
            f"503, {IDLE:.0%} of a processor", f"{len(silent)} on {FILES} files, {load:.0%} of a processor"
        )


async def test_subscribers_take_all_places(watch: Watch) -> None:
    """More clients than descriptors: the newcomers are refused with 4100, and let in when there is room again."""
    async with watch(files=FILES) as server:
        room = FILES - 2 * FILES // 4 - 2  # two reserves of a quarter (transports/sockets.py), two bystanders
        async with flock(server.process.port, room, "news"):
            for _ in range(30):
                async with server.target.open() as client:
                    assert (await client.closed())[0] == 4100
            load = await server.busy()
            assert load < IDLE
        await eventually(server.is_alone, "there should be room again")
        server.row.tells("4100 beyond the room", f"{room + 2} clients served, 30 refused, {load:.0%} of a processor")


async def test_the_kernel_has_no_descriptor(watch: Watch, big: bool) -> None:
    """The limit is lowered below what the server reckons with (EMFILE): nothing spins, who is there is served."""
    async with watch(env={"REVERB_REQUEST_TIMEOUT": SILENT}) as server, AsyncExitStack() as stack:
        room = 20
        proc.limit_descriptors(server.pid, proc.descriptors(server.pid) + room)
        silent = await asyncio.gather(*(server.dial() for _ in range(2_000 if big else 300)))
        for _, writer in silent:
            stack.callback(writer.transport.abort)
        load = await server.busy()
        await server.stream.goes_on()
        assert await server.asked(request("GET /up HTTP/1.1")) == b""
        assert load < IDLE
        await eventually(server.is_alone, "the silent should be gone", 10)
        server.row.tells(
            f"closed, {IDLE:.0%} of a processor", f"{len(silent)} for {room} files, {load:.0%} of a processor"
        )

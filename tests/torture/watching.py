"""A real server process under attack, two bystanders, and what must be true of all three afterwards."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from reverb_py.conformance.client import Client
from reverb_py.conformance.expect import eventually
from reverb_py.conformance.link import dial
from reverb_py.conformance.target import Target, TargetApp
from reverb_py.conformance.verify import Deviation
from tests.conformance.fixture import CERTIFICATE, trusting
from tests.server_process import ServerProcess
from tests.torture import proc
from tests.torture.killers import request
from tests.torture.proc import MB
from tests.torture.rows import Row
from tests.torture.stream import Stream

SECRET = "torture-secret-zk41-never-to-be-seen"
APP = TargetApp("77", "torture-key", SECRET)
CREDENTIALS = {"REVERB_APP_ID": APP.id, "REVERB_APP_KEY": APP.key, "REVERB_APP_SECRET": SECRET}
TOLERANCE = 16 * MB  # of memory that need not come back: arenas of the allocator, code that was imported late
LOOK = 0.5  # seconds over which a processor is looked at
BACK = 15.0  # seconds in which memory and descriptors are back


class Watched:
    """The server, how to reach it, and what it was before the attack."""

    def __init__(self, process: ServerProcess, target: Target, row: Row) -> None:
        self.process = process
        self.target = target
        self.row = row
        self.heard = bytearray()  # what raw connections were answered
        self.stream: Stream
        self.before = 0
        self.back_after = 0.0  # seconds that descriptors took to be what they were
        self._descriptors = 0

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def port(self) -> int:
        return self.process.port

    @property
    def tls(self) -> ssl.SSLContext | None:
        """What a client needs to reach it; None without TLS."""
        return self.target.tls_context

    @property
    def growth(self) -> int:
        """Bytes of memory more than before the attack, at their peak."""
        return proc.peak(self.pid) - self.before

    async def begin(self, clients: list[Client]) -> None:
        self.stream = Stream(self.another_target(), clients)
        await self.stream.begin()
        await self._fresh_client_is_served()
        self.measure()

    def measure(self) -> None:
        """Take what is now as what must be again."""
        self.measure_memory()
        self._descriptors = proc.descriptors(self.pid)

    def measure_memory(self) -> None:
        """Let growth count from now."""
        proc.forget_peak(self.pid)
        self.before = proc.rss(self.pid)

    async def asked(self, *parts: bytes, seconds: float = 1.0) -> bytes:
        """Send these parts over a new connection; return what was answered in that time, the first answer at least."""
        reader, writer = await self.dial()
        answer = b""
        try:
            async with asyncio.timeout(seconds):
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                while b"\r\n\r\n" not in answer and (more := await reader.read(65_536)):
                    answer += more
        except (TimeoutError, ConnectionError):
            pass  # no answer is one of the answers
        finally:
            writer.transport.abort()
        self.heard += answer
        return answer

    def another_target(self) -> Target:
        """The same, over HTTP connections of its own."""
        return Target(self.target.url, self.target.apps, tls_context=self.target.tls_context)

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A bare connection."""
        return await dial(self.target.url, self.tls)

    async def connections(self) -> int:
        """How many clients the server counts."""
        return int((await self.target.get("/connections")).json()["connections"])

    async def is_alone(self) -> bool:
        """Whether the bystanders are the only clients, and a request gets through."""
        answer = await self.asked(request("GET /up HTTP/1.1"))
        return answer.startswith(b"HTTP/1.1 200 ") and await self.connections() == len(self.stream.bystanders)

    async def busy(self) -> float:
        """The part of a processor that the server takes at the moment."""
        before = proc.cpu_seconds(self.pid)
        await asyncio.sleep(LOOK)
        return (proc.cpu_seconds(self.pid) - before) / LOOK

    async def dropped(self, channel: str) -> int:
        """How many subscribers the receipts of this channel count as closed for being too slow."""
        receipts = (await self.target.get("/publishes", {"limit": "1000"})).json()["publishes"]
        return sum(receipt["channels"].get(channel, {}).get("dropped", 0) for receipt in receipts)

    async def has_dropped(self, channel: str) -> bool:
        return await self.dropped(channel) > 0

    async def unharmed(self, tolerance: int = TOLERANCE) -> None:
        """Raise when the server, a newcomer or a bystander is not as before the attack."""
        await self.stream.goes_on()
        assert (await self.target.http("GET", "/up")).status_code == 200
        await self._fresh_client_is_served()
        await self._descriptors_come_back()
        await eventually(lambda: self._has_its_memory_back(tolerance), f"RSS should be near {self.before} again", BACK)
        assert not self.stream.lost or self.stream.lost <= len(self.stream.bystanders)  # one may be under way
        self.says_no_secret()

    def says_no_secret(self) -> None:
        """Raise when the secret stands in the log, or in what raw connections were answered."""
        assert SECRET not in self.process.output
        assert SECRET.encode() not in self.heard
        assert "Traceback" not in self.process.output, self.process.output[-4_000:]

    async def _fresh_client_is_served(self) -> None:
        async with self.target.client() as client:
            await client.subscribed("fresh")
            await self.target.trigger("fresh", "hello")
            assert (await client.frame())["event"] == "hello"

    async def _descriptors_come_back(self) -> None:
        began = asyncio.get_running_loop().time()
        try:
            await eventually(self._has_its_descriptors_back, f"descriptors should be {self._descriptors} again", BACK)
        except Deviation as late:
            raise AssertionError(f"{late}; connected: {', '.join(proc.peers(self.pid, self.port))}") from late
        self.back_after = asyncio.get_running_loop().time() - began

    async def _has_its_descriptors_back(self) -> bool:
        return proc.descriptors(self.pid) <= self._descriptors

    async def _has_its_memory_back(self, tolerance: int) -> bool:
        return proc.rss(self.pid) <= self.before + tolerance


def server(*options: str, env: Mapping[str, str] | None = None, files: int = 0, tls: bool = False) -> ServerProcess:
    """A server of the app with the recognizable secret, unless an option names a configuration."""
    settings = {**({} if options else CREDENTIALS), **(CERTIFICATE if tls else {}), **(env or {})}
    return ServerProcess(*options, env=settings, files=files, tls=tls)


@asynccontextmanager
async def watched(
    row: Row,
    *options: str,
    env: Mapping[str, str] | None = None,
    files: int = 0,
    tolerance: int = TOLERANCE,
    tls: bool = False,
) -> AsyncIterator[Watched]:
    """A server with two bystanders; leaving it without an exception asks whether all are unharmed."""
    with server(*options, env=env, files=files, tls=tls) as process:
        await asyncio.to_thread(process.wait_until_ready)
        scheme, context = ("wss", trusting()) if tls else ("ws", None)
        target = Target(f"{scheme}://127.0.0.1:{process.port}", {"MAIN": APP}, tls_context=context)
        async with target.client() as first, target.client() as second:
            found = Watched(process, target, row)
            await found.begin([first, second])
            try:
                yield found
                await found.unharmed(tolerance)
                await found.stream.end()
            finally:
                await found.stream.cancel()
                row.sent += 2 * found.stream.sent
                row.lost += found.stream.lost
        await target.aclose()

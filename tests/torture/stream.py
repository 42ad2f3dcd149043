"""A steady stream of numbered events, and two clients that must get each of them, in order."""

import asyncio
from dataclasses import dataclass, field

from reverb_py.conformance.client import Client
from reverb_py.conformance.target import Target

STEADY = "steady"
PACE = 0.01  # seconds between two events
PATIENCE = 15.0  # seconds that one event may take while the server is under attack


@dataclass(slots=True, eq=False)
class Bystander:
    """A client that only listens. `got` is how many events came, each with the number that was due."""

    client: Client
    got: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        """Read until cancelled; raise AssertionError at the first event that is not the one due."""
        while True:
            frame = await self.client.frame(PATIENCE)
            if frame["event"] == "numbered":
                assert frame["data"] == str(self.got), f"event {frame['data']} came where {self.got} was due"
                self.got += 1
                self.came.set()

    async def reaches(self, count: int) -> None:
        """Wait until so many events came; raise TimeoutError when they do not."""
        async with asyncio.timeout(PATIENCE):
            while self.got < count:
                self.came.clear()
                await self.came.wait()


class Stream:
    """Publishes while its context is open. `slowest` is the longest that an event took to both bystanders."""

    def __init__(self, target: Target, clients: list[Client]) -> None:
        self.bystanders = [Bystander(client) for client in clients]
        self.sent = 0
        self.slowest = 0.0
        self._target = target
        self._under_way: asyncio.Future[None]
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def lost(self) -> int:
        """Copies of events that did not come."""
        return sum(self.sent - each.got for each in self.bystanders)

    async def begin(self) -> None:
        for each in self.bystanders:
            await each.client.subscribed(STEADY)
            self._tasks.append(asyncio.create_task(each.listen()))
        self._tasks.append(asyncio.create_task(self._publish()))
        await self.goes_on()

    async def goes_on(self) -> None:
        """Return when two events more have reached everybody; raise what ended the stream, if it has ended."""
        due = self.sent + 2
        waiting = asyncio.create_task(self._everybody_reaches(due))
        await asyncio.wait([waiting, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in self._tasks:
            if task.done():
                waiting.cancel()
                task.result()
        await waiting

    async def end(self) -> None:
        """Publish no more, and wait for what is under way, which may have been begun in this very turn."""
        self._tasks[-1].cancel()
        await asyncio.wait(self._tasks[-1:])
        await self._under_way

    async def cancel(self) -> None:
        """Stop; nobody reads any more when it returns."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _publish(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            self._under_way = asyncio.ensure_future(self._publish_one())
            await asyncio.shield(self._under_way)
            self.slowest = max(self.slowest, loop.time() - began)
            await asyncio.sleep(PACE)

    async def _publish_one(self) -> None:
        number, self.sent = self.sent, self.sent + 1
        await self._target.trigger(STEADY, "numbered", str(number))
        await self._everybody_reaches(number + 1)

    async def _everybody_reaches(self, count: int) -> None:
        for each in self.bystanders:
            await each.reaches(count)

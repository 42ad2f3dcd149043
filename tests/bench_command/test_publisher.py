"""When a publish is sent, from when its latency counts, and which answer is its own."""

import asyncio
import json

import pytest

from reverb_py.bench import publisher
from reverb_py.bench.publisher import Publisher, Unanswered, publish
from reverb_py.bench.runner import new_tally
from reverb_py.conformance.link import Answer
from tests.bench_command.plans import plan
from tests.fakes import Clock


class Slow(Publisher):
    """Gets every answer after so many seconds of a clock that nothing else moves."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        super().__init__(plan(), None)
        self.sent_at: list[float] = []
        self._clock, self._seconds = clock, seconds

    async def post(self, path: str, body: bytes) -> Answer:
        assert path == "/events"
        self.sent_at.append(json.loads(json.loads(body)["data"])["at"] - self._start)
        self._clock.now += self._seconds
        return Answer(200, {})

    async def publish_all(self, seconds: float) -> list[float]:
        """One event a second for so many seconds; from when the latency of each counts, after the start."""
        what = plan(channels=1, rate=1.0, duration=seconds)
        tally = new_tally(what)
        tally.started = self._start = self._clock.now
        await publish(what, tally, self, 0, self._clock)
        assert tally.published == tally.channels[0].sent == len(self.sent_at)
        return self.sent_at


async def test_a_slow_server_is_not_asked_to_wait_less() -> None:
    assert await Slow(Clock(), 1.5).publish_all(4.0) == [0.0, 1.0, 2.0, 3.0]


async def test_what_is_far_behind_at_the_end_is_not_sent_any_more() -> None:
    assert await Slow(Clock(), 3.0).publish_all(4.0) == [0.0, 1.0]


async def test_a_latency_counts_from_the_moment_of_sending_and_not_from_the_plans() -> None:
    # It waits 10 ms by the loop's clock; this one stands still meanwhile, as if it had been sent too early.
    assert await Slow(Clock(), 0.99).publish_all(2.0) == [0.0, pytest.approx(0.99, abs=0.001)]


async def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    connections: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        text = "late" if len(connections) == 1 else "fresh"
        await reader.readuntil(b"{}")
        if text == "late":
            await reader.read(1)  # until the next request, or the end
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())

    monkeypatch.setattr(publisher, "PATIENCE", 0.1)
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    one = Publisher(plan(http_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"), None)
    with pytest.raises(Unanswered, match="no answer within"):
        await one.post("/events", b"{}")
    assert (await one.post("/events", b"{}")).body == b"fresh"
    one.close()
    for writer in connections:
        writer.close()
    server.close()

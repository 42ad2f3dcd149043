"""What a server does wrong is found out, counted exactly, and is exit code 1."""

import asyncio
import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.bench_command.asking import FINE, NEGATIVE, UNREACHABLE, ask_beside, figures
from tests.bench_command.fake_server import FakeServer, Fault, Subscriber, close_frame, faithful

SIZE = ("--connections", "4", "--channels", "2", "--json")  # 20 events: 10 copies for each of 4 listeners


def dropping_every_tenth(to: Subscriber, frame: bytes) -> list[bytes]:
    return [] if to.copies == 9 else [frame]


def duplicating_one(to: Subscriber, frame: bytes) -> list[bytes]:
    return [frame, frame] if to.now == (0, 3) else [frame]


def duplicating_the_last_one_late(to: Subscriber, frame: bytes) -> list[bytes]:
    if to.now == (0, 9):
        asyncio.get_running_loop().call_later(0.05, to.tell, frame)
    return [frame]


def delivering_the_last_ones_late(to: Subscriber, frame: bytes) -> list[bytes]:
    if to.copies < 9:
        return [frame]
    asyncio.get_running_loop().call_later(0.5, to.tell, frame)
    return []


def naming_another_channel(to: Subscriber, frame: bytes) -> list[bytes]:
    return [frame.replace(b'-0"', b'-1"')] if to.now == (0, 3) else [frame]


def adding_one_of_another_channel(to: Subscriber, frame: bytes) -> list[bytes]:
    return [frame, frame.replace(b'-0"', b'-1"')] if to.now == (0, 3) else [frame]


def swapping_two() -> Fault:
    kept: list[bytes] = []

    def swap(to: Subscriber, frame: bytes) -> list[bytes]:
        if to.now == (1, 4):
            kept.append(frame)
            return []
        return [frame, kept.pop()] if to.now == (1, 5) else [frame]

    return swap


def everything() -> Fault:
    swap = swapping_two()

    def fault(to: Subscriber, frame: bytes) -> list[bytes]:
        if not dropping_every_tenth(to, frame):
            return []
        return swap(to, frame) if to.connection == 1 else duplicating_one(to, frame)

    return fault


@pytest.mark.parametrize(
    ("fault", "counts"),
    [
        (faithful, {"delivered": 40}),
        (delivering_the_last_ones_late, {"delivered": 40}),
        (duplicating_one, {"delivered": 40, "duplicates": 1}),
        (duplicating_the_last_one_late, {"delivered": 40, "duplicates": 1}),
        (naming_another_channel, {"delivered": 39, "lost": 1, "wrong_channel": 1}),
        (adding_one_of_another_channel, {"delivered": 40, "wrong_channel": 1}),
        (swapping_two(), {"delivered": 40, "out_of_order": 1}),
        (everything(), {"delivered": 36, "lost": 4, "duplicates": 1, "out_of_order": 1}),
    ],
)
async def test_a_server_that_delivers_badly_is_found_out(fault: Fault, counts: dict[str, int]) -> None:
    async with FakeServer(fault) as server:
        result = await ask_beside(server.url, *SIZE)
    found = figures(result)
    names = ("delivered", "lost", "duplicates", "out_of_order", "wrong_channel")
    assert {name: found[name] for name in names if found[name]} == counts
    assert found["expected"] == 40
    assert (found["passed"], result.exit_code) == ((True, FINE) if len(counts) == 1 else (False, NEGATIVE))


async def test_refused_publishes_are_counted_with_their_texts_and_not_as_lost() -> None:
    def answer(number: int) -> tuple[int, str]:
        return (503, "Come back later\x1b[2J") if number % 5 == 0 else (200, "{}")

    async with FakeServer(answer=answer) as server:
        found = figures(await ask_beside(server.url, *SIZE))
        table = await ask_beside(server.url, *SIZE[:-1])
    assert found["refused"] == {"count": 4, "texts": {"HTTP 503: Come back later\x1b[2J": 4}}
    assert (found["published"], found["expected"], found["lost"]) == (16, 32, 0)
    assert table.exit_code == NEGATIVE
    assert "refused, 4 times: HTTP 503: Come back later\\x1b[2J\n" in table.stdout  # no orders to the terminal
    assert table.stdout.splitlines()[-1] == "Not good: 4 publishes refused."


async def test_a_publish_without_an_answer_is_counted_and_the_next_one_goes_over_a_new_connection() -> None:
    async with FakeServer(answer=lambda number: None if number == 3 else (200, "{}")) as server:
        found = figures(await ask_beside(server.url, *SIZE))
        assert server.http_connections == 3  # two publishers, one of which came back
    assert found["refused"] == {"count": 1, "texts": {"the connection ended without an answer": 1}}
    assert (found["published"], found["lost"]) == (19, 0)


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        (lambda to: to.tell(close_frame(4100, "Over capacity")), "4100 Over capacity"),
        (lambda to: to.writer.close(), "1006 the connection was lost"),
        (lambda to: to.writer.transport.abort(), "1006 the connection was lost"),
    ],
)
@pytest.mark.parametrize(("after", "lost"), [(6, 3), (9, 0)])
async def test_a_closed_connection_is_counted_with_its_reason_and_misses_the_rest(
    ending: Callable[[Subscriber], None], text: str, after: int, lost: int
) -> None:
    def end_one(to: Subscriber, frame: bytes) -> list[bytes]:
        if to.now == (0, after):
            to.tell(frame)
            ending(to)
            return []
        return [frame]

    async with FakeServer(end_one) as server:
        result = await ask_beside(server.url, *SIZE)
    found = figures(result)
    ((said, count),) = found["closed"]["texts"].items()
    assert (said[: len(text)], count, found["closed"]["count"]) == (text, 1, 1)
    assert (found["delivered"], found["lost"], result.exit_code) == (40 - lost, lost, NEGATIVE)


async def test_connections_that_are_not_let_in_are_counted_and_the_others_measured() -> None:
    async with FakeServer(places=3) as server:
        result = await ask_beside(server.url, *SIZE)
    found = figures(result)
    assert found["not_connected"] == {"count": 1, "texts": {"4004: Over quota\x1b[2J": 1}}
    assert (found["connected"], found["delivered"], found["lost"], result.exit_code) == (3, 30, 0, NEGATIVE)


async def test_a_server_that_lets_nobody_in_is_exit_code_3_with_its_words() -> None:
    async with FakeServer(places=0) as server:
        result = await ask_beside(server.url, *SIZE)
        assert server.bodies == []
    assert result.exit_code == UNREACHABLE
    assert "4004: Over quota\\x1b[2J" in result.stderr  # no orders to the terminal


async def test_events_that_were_not_sent_in_time_are_in_the_verdict() -> None:
    def slow(number: int) -> tuple[int, str]:
        time.sleep(0.4)  # the event loop, with the whole server
        return 200, "{}"

    async with FakeServer(answer=slow) as server:
        result = await ask_beside(server.url, "--connections", "1", "--rate", "100", "--duration", "100ms")
    verdict = result.stdout.splitlines()[-1]
    assert re.fullmatch(r"All \d copies arrived, once and in order; \d events were not sent in time\.", verdict), (
        verdict
    )


@pytest.mark.parametrize("answer", [(404, "<h1>nginx</h1>"), (401, "no")])
async def test_an_http_api_that_refuses_each_publish_is_exit_code_1(answer: tuple[int, str]) -> None:
    async with FakeServer(answer=lambda number: answer) as server:
        result = await ask_beside(server.url, *SIZE)
    found = figures(result)
    assert (found["refused"]["count"], found["published"], found["delivered"]) == (20, 0, 0)
    assert set(found["latency_ms"].values()) == {None}
    assert result.exit_code == NEGATIVE


@pytest.mark.parametrize(("keep_alive", "connections"), [(True, 2), (False, 21)])
async def test_publishers_keep_their_connections_where_the_server_does(keep_alive: bool, connections: int) -> None:
    # 20 publishes and a first look: by two publishers, or each over its own.
    async with FakeServer(keep_alive=keep_alive) as server:
        # All at once, so that each follows its predecessor's answer at once.
        result = await ask_beside(server.url, *SIZE, "--rate", "20000", "--duration", "1ms")
        assert result.exit_code == FINE
        assert server.http_connections == connections


async def test_two_runs_share_no_channel_and_each_event_is_of_the_size_that_was_asked_for() -> None:
    runs: list[set[str]] = []
    async with FakeServer() as server:
        for _ in range(2):
            await ask_beside(server.url, *SIZE, "--private")
            runs.append(set(server.channels))
            server.channels.clear()
        sizes = {len(_data(body)) for body in server.bodies}
    assert all(channel.startswith("private-bench-") for run in runs for channel in run)
    assert [len(run) for run in runs] == [2, 2]
    assert not runs[0] & runs[1]
    assert sizes == {200}


def _data(body: bytes) -> str:
    message: dict[str, Any] = json.loads(body)
    return str(message["data"])

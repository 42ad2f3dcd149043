"""More of everything than the server has room for: what is refused is refused cheaply, and nobody else notices."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest

from reverb_py.conformance.expect import eventually
from reverb_py.conformance.target import signed_query
from reverb_py.conformance.wire import Opcode, client_frame
from tests.torture.clients import deaf, flock, hello, ping_frame, publish_batches
from tests.torture.conftest import BOTH, Watch
from tests.torture.killers import request, subscribing
from tests.torture.proc import MB
from tests.torture.watching import APP, TOLERANCE


async def test_connection_flood(watch: Watch, big: bool) -> None:
    """Connections that come and are dropped, with and without a handshake, as fast as one machine can."""
    count = 20_000 if big else 2_000

    async def drop(times: int) -> None:
        for number in range(times):
            _, writer = await server.dial()
            if number % 2:
                writer.write(hello() + subscribing(channel="flood"))
                await writer.drain()
            writer.transport.abort()

    async with watch() as server:
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(20):
                tasks.create_task(drop(count // 20))
        rate = count / (asyncio.get_running_loop().time() - began)
        server.row.tells("RSS +16 MB", f"{count} at {rate:.0f}/s, +{server.growth / MB:.1f} MB at the peak")


TRICKLES = {
    "a handshake": hello()[:100],
    "a body": request(
        f"POST /apps/77/events?{signed_query(APP, 'POST', '/apps/77/events', b'x' * 99, {}, {})} HTTP/1.1",
        "Content-Length: 99",
        body=b"x" * 60,
    ),
    "nothing": b"",
}


@BOTH
@pytest.mark.parametrize("sent", TRICKLES.values(), ids=TRICKLES.keys())
async def test_trickling_requests(watch: Watch, sent: bytes, tls: bool) -> None:
    """Handshakes, bodies and silence that trickle, two hundred at once, are ended in time."""
    timeout, count = (2.0 if tls else 0.5), 200  # two hundred TLS handshakes may take half a second themselves

    async def trickle() -> float:
        reader, writer = await server.dial()
        began = asyncio.get_running_loop().time()
        ended = asyncio.create_task(reader.read())
        for byte in sent:
            writer.write(bytes([byte]))
            await asyncio.wait([ended], timeout=0.02)
            if ended.done():
                break
        async with asyncio.timeout(5):
            await asyncio.gather(ended, return_exceptions=True)
        writer.transport.abort()
        return asyncio.get_running_loop().time() - began

    async with watch(env={"REVERB_REQUEST_TIMEOUT": str(timeout)}) as server:
        longest = max(await asyncio.gather(*(trickle() for _ in range(count))))
        assert longest < timeout + 1.5
        server.row.tells(f"{timeout:g} s (REVERB_REQUEST_TIMEOUT)", f"{longest:.2f} s at most, {count} at once")


async def test_a_strangers_large_body(watch: Watch, big: bool) -> None:
    """Bodies of 100 MB that nobody has signed, four at once: none of it is kept."""
    size = 100 * MB if big else 25 * MB
    chunk = b"x" * (1 << 20)

    async def pour(framing: str, prefix: bytes, suffix: bytes) -> None:
        _, writer = await server.dial()
        writer.write(request("POST /apps/77/events?auth_key=a HTTP/1.1", framing))
        try:
            for _ in range(size // len(chunk)):
                writer.write(prefix + chunk + suffix)
                await writer.drain()
        except ConnectionError:
            pass  # it was refused, and is not listened to any more
        writer.transport.abort()

    async with watch() as server:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(2):
                tasks.create_task(pour(f"Content-Length: {size}", b"", b""))
                tasks.create_task(pour("Transfer-Encoding: chunked", b"100000\r\n", b"\r\n"))
        assert server.growth < 8 * MB
        server.row.tells("RSS +8 MB", f"+{server.growth / MB:.1f} MB at the peak, 4 times {size // MB} MB sent")


async def test_a_strangers_large_head(watch: Watch) -> None:
    """Heads that never end, a hundred at once, are refused at REVERB_MAX_HEADER_SIZE."""

    async def pour() -> bytes:
        lines = b"".join(b"X-%d: %b\r\n" % (number, b"y" * 900) for number in range(200))
        return await server.asked(b"GET /up HTTP/1.1\r\n", lines, lines, seconds=5)

    async with watch() as server:
        answers = await asyncio.gather(*(pour() for _ in range(100)))
        assert all(answer == b"" or answer.startswith(b"HTTP/1.1 431 ") for answer in answers)
        told = sum(answer != b"" for answer in answers)
        server.row.tells(
            "431 at 32 KiB, RSS +16 MB", f"+{server.growth / MB:.1f} MB at the peak, {told} of 100 told 431"
        )


async def test_ten_thousand_subscriptions(watch: Watch, big: bool) -> None:
    """Ten thousand channels on one connection: REVERB_APP_MAX_SUBSCRIPTIONS of them are taken."""
    limit, asked, clients = 1_000, 10_000, 5 if big else 1
    async with watch() as server, AsyncExitStack() as stack:
        for number in range(clients):
            client = await stack.enter_async_context(server.target.client())
            names = [f"mine-{number}-{each}-{'x' * 150}" for each in range(asked)]
            for at in range(0, asked, 500):
                await client.send_bytes(b"".join(subscribing(channel=name) for name in names[at : at + 500]))
                await client.ping()
            acknowledged = [frame for frame in client.unread() if frame["event"].endswith("succeeded")]
            assert len(acknowledged) == limit
        channels = (await server.target.get("/channels", {"filter_by_prefix": "mine-"})).json()["channels"]
        assert len(channels) == clients * limit
        taken = f"{len(channels)} of {clients * asked}, +{server.growth / MB:.1f} MB"
        server.row.tells(f"{limit} channels a connection", taken)


async def test_any_number_of_cache_channels(watch: Watch, big: bool) -> None:
    """Last events of more cache channels than REVERB_CACHE_SIZE has room for: the oldest leave."""
    size, data = 8 * MB, "x" * 9_000
    batches = 1_200 if big else 120
    async with watch(env={"REVERB_CACHE_SIZE": str(size)}, tolerance=2 * size) as server:
        for batch in range(batches):
            names = [f"cache-{batch}-{each}" for each in range(50)]
            events = [{"name": "ev", "channel": name, "data": data} for name in names]
            body = json.dumps({"batch": events}).encode()
            assert (await server.target.post("/batch_events", body)).status_code == 200
        async with server.target.client() as client:
            await client.subscribed(f"cache-{batches - 1}-49")
            assert (await client.frame())["event"] == "ev"
            await client.subscribed("cache-0-0")
            assert (await client.frame())["event"] == "pusher:cache_miss"
        assert server.growth < 2 * size
        poured = batches * 50 * len(data) // MB
        server.row.tells(
            "RSS +16 MB (cache of 8 MB)", f"+{server.growth / MB:.1f} MB at the peak, {poured} MB published"
        )


async def test_garbage_frames(watch: Watch, big: bool) -> None:
    """Garbage in well-formed frames, as fast as it goes: at most one error a second for each connection."""
    garbage = client_frame(b"}{") * 200 + client_frame(bytes(range(128, 248)), Opcode.PONG) * 20
    rounds = 500 if big else 50
    async with watch() as server, server.target.client() as client:
        began = asyncio.get_running_loop().time()
        for _ in range(rounds):
            await client.send_bytes(garbage)
            await client.ping()
        seconds = asyncio.get_running_loop().time() - began
        errors = sum(frame["event"] == "pusher:error" for frame in client.unread())
        assert 1 <= errors <= seconds + 2
        server.row.tells("1 error a second", f"{errors} errors for {rounds * 200} frames in {seconds:.1f} s")


async def test_unfinished_messages(watch: Watch, big: bool) -> None:
    """A hundred (a thousand) clients that each send most of a message, and wait: REVERB_APP_MAX_MESSAGE_SIZE each."""
    clients, limit = (1_000 if big else 100), 65_536
    unfinished = client_frame(b"x" * 30_000, fin=False) + client_frame(b"x" * 30_000, Opcode.CONTINUATION)[:-1]
    async with watch(tolerance=TOLERANCE + clients * limit) as server:
        async with flock(server.process.port, clients, "news") as subscribers:
            server.measure_memory()
            for each in subscribers.sheep:
                each.transport.write(unfinished)
            await server.target.trigger("news")
            load = await server.busy()
            assert server.growth < 2 * clients * limit
        bound = f"RSS +{2 * clients * limit // MB} MB ({clients} times 64 KiB, twice while it arrives)"
        server.row.tells(bound, f"+{server.growth / MB:.1f} MB at the peak, {load:.0%} of a processor")


async def test_signatures_that_do_not_fit(watch: Watch, big: bool) -> None:
    """Wrong signatures as fast as it goes, from ten connections: they are slowed, right ones from there are not."""
    seconds, limit, connections = (20 if big else 3), 300, 10
    wrong = subscribing(channel="private-x", auth=f"{APP.key}:58df8b0c")
    segment = (1 << 18) // len(wrong) + 1  # messages that the server reads at once

    async def insist() -> int:
        """How many were answered."""
        reader, writer = await server.dial()
        writer.write(hello())
        pouring = asyncio.create_task(pour(writer, wrong * 500))
        answered = 0
        try:
            async with asyncio.timeout(seconds):
                while True:
                    answered += (await reader.read(65_536)).count(b'"pusher:subscription_error"')
        except TimeoutError:
            pouring.cancel()
            writer.transport.abort()
        return answered

    async with watch(env={"REVERB_MAX_FAILURES": str(limit)}) as server:
        insisting = [asyncio.create_task(insist()) for _ in range(connections)]
        slowest = 0.0
        while not all(each.done() for each in insisting):
            began = asyncio.get_running_loop().time()
            async with server.target.client() as right:
                await right.subscribed("private-x")
            slowest = max(slowest, asyncio.get_running_loop().time() - began)
            await asyncio.sleep(0.1)
        answered = sum([await each for each in insisting])
        assert limit < answered <= limit + connections * segment * (1 + seconds // 5)
        assert "more than 300 failed signatures in a minute" in server.process.output
        measured = f"{answered} looked at in {seconds} s, a right one in {slowest * 1000:.0f} ms at most"
        server.row.tells("a segment (256 KiB) each in 5 s", measured)


async def pour(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send it again and again, until cancelled."""
    while True:
        writer.write(data)
        await writer.drain()


async def test_client_event_flood(watch: Watch, big: bool) -> None:
    """Client events far above REVERB_APP_MAX_CLIENT_EVENTS: 4301, and the other members get no more than the limit."""
    count = 50_000 if big else 5_000
    event = client_frame(b'{"event":"client-x","channel":"private-room","data":{}}')
    async with watch() as server, server.target.client() as loud, server.target.client() as quiet:
        for each in (loud, quiet):
            await each.subscribed("private-room")
        began = asyncio.get_running_loop().time()
        for _ in range(count // 100):
            await loud.send_bytes(event * 100)
        await loud.ping()
        seconds = asyncio.get_running_loop().time() - began
        assert {frame["data"]["code"] for frame in loud.unread()} == {4301}
        await quiet.ping()
        got = sum(frame["event"] == "client-x" for frame in quiet.unread())
        assert got <= 100 * (seconds + 2)
        server.row.tells("100 a second, 4301", f"{got} of {count} passed on in {seconds:.1f} s")


async def test_questions_whose_answers_nobody_reads(watch: Watch) -> None:
    """Pings by the thousand from a client that reads none of the answers."""
    async with watch(env={"REVERB_MAX_BACKLOG": "200000"}) as server, deaf(server.port, "news") as client:
        try:
            for _ in range(2_000):
                await client.send(ping_frame(10) * 100)
        except (ConnectionError, TimeoutError):
            pass  # it was closed; where both windows are shut our kernel learns of that late
        await eventually(server.is_alone, "it should have been closed", 10)
        assert server.growth < 8 * MB
        server.row.tells("RSS +8 MB", f"+{server.growth / MB:.1f} MB at the peak")


async def test_a_publisher_faster_than_its_subscribers(watch: Watch, big: bool) -> None:
    """Eight publishers at full speed to a hundred subscribers that read less: every batch is answered."""
    count, total = (640 if big else 160), 16 * MB
    async with watch(env={"REVERB_MAX_TOTAL_BACKLOG": str(total)}, tolerance=total + TOLERANCE) as server:
        async with flock(server.process.port, 100, "flood", rest=1.0):
            answered = await publish_batches(server.target, "flood", count, "x" * 1_000)
            closed = 102 - await server.connections()
        assert answered == count
        assert closed
        bound = total + TOLERANCE
        assert server.growth < bound
        measured = f"{answered} batches answered, {closed} of 100 closed, +{server.growth / MB:.1f} MB at the peak"
        server.row.tells(f"RSS +{bound // MB} MB (REVERB_MAX_TOTAL_BACKLOG {total // MB} MB)", measured)

"""HTTP by hand against a real server: the order of answers, the life of a connection, limits, bodies, upgrades."""

import asyncio
import gc
import logging
import weakref

import pytest

from reverb_py.conformance.link import parse_head, upgrade_request
from reverb_py.hub import facts
from reverb_py.settings import Settings
from reverb_py.transports import http_protocol
from tests.transports.in_process import Running, publish, request, running, signed, until
from tests.transports.slow import slow

UP = request("GET", "/up")
H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA")


@pytest.fixture(autouse=True)
def _idle_connections_are_looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "MIN_WAIT", 0.01)


# The order of answers.


async def test_pipelined_requests_are_answered_in_their_order(server: Running) -> None:
    requests = [UP, request("GET", "/nowhere"), publish(), request("POST", "/up"), UP]
    async with server.http() as http:
        http.send(b"".join(requests))
        assert [(await http.answer()).status for _ in requests] == [200, 404, 200, 405, 200]


async def test_requests_that_come_byte_by_byte_are_answered_in_their_order(server: Running) -> None:
    async with server.http() as http:
        await http.send_bytewise(publish() + request("GET", "/nowhere") + UP)
        assert [(await http.answer()).status for _ in range(3)] == [200, 404, 200]


@pytest.mark.parametrize("in_one_segment", [True, False])
async def test_nothing_overtakes_an_answer_that_takes_its_time(server: Running, in_one_segment: bool) -> None:
    occupancy = slow(server)
    async with server.http() as http:
        first, *others = request("GET", signed("GET", "/channels")), publish(), UP
        http.send(b"".join([first, *others]) if in_one_segment else first)
        await occupancy.asked.wait()
        for other in [] if in_one_segment else others:
            http.send(other)
            await asyncio.sleep(0.01)  # in a segment of its own
        occupancy.released.set()
        assert [(await http.answer()).body for _ in range(3)] == [b'{"channels":{}}', b"{}", b'{"health":"OK"}']


@pytest.mark.parametrize("behind", [b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\nx: %b\r\n\r\n" % (b"y" * 40_000)])
async def test_what_is_refused_behind_a_request_waits_for_its_answer(server: Running, behind: bytes) -> None:
    occupancy = slow(server)
    async with server.http() as http:
        http.send(request("GET", signed("GET", "/channels")) + behind)
        await occupancy.asked.wait()
        occupancy.released.set()
        answer = await http.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await http.rest() == b""


async def test_requests_whose_answers_nobody_reads_do_not_pile_up(server: Running) -> None:
    async with server.http() as http:
        http.writer.transport.pause_reading()  # type: ignore[attr-defined]  # of a transport both ways
        for _ in range(100):
            http.send(UP * 1_000)
        await until(lambda: server.server.server_state.connections)
        (protocol,) = server.server.server_state.connections
        longest = 0
        for _ in range(1_000):
            await asyncio.sleep(0)
            longest = max(longest, len(protocol.pipeline))  # type: ignore[union-attr]
        assert 0 < longest < 10_000  # those of one segment, at most 256 KiB


# The life of a connection.


async def test_a_connection_is_kept_for_the_next_request_and_closed_when_none_comes() -> None:
    async with running(settings=Settings(keep_alive=0.2)) as server, server.http() as http:
        for _ in range(3):
            assert (await http.send(publish()).answer()).status == 200
            assert (await http.send(UP).answer()).status == 200
        assert await http.rest() == b""


@pytest.mark.parametrize("asked", [publish(), UP])
async def test_an_idle_connection_is_closed_after_either_kind_of_answer(asked: bytes) -> None:
    async with running(settings=Settings(keep_alive=0.05)) as server, server.http() as http:
        assert (await http.send(asked).answer()).status == 200
        assert await http.rest() == b""


@pytest.mark.parametrize(
    "asked",
    [
        publish("news", version="HTTP/1.0"),
        publish("news", "Connection: close"),
        request("GET", "/up", version="HTTP/1.0"),
        request("GET", "/up", "Connection: close"),
    ],
)
async def test_the_client_may_ask_for_the_end_after_its_answer(server: Running, asked: bytes) -> None:
    async with server.http() as http:
        answer = await http.send(asked + UP).answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await http.rest() == b""


async def test_nothing_is_published_behind_the_last_answer(server: Running) -> None:
    async with server.http() as http:
        assert (await http.send(publish("news", "Connection: close") + publish()).answer()).status == 200
        assert await http.rest() == b""
    assert len(server.told(facts.Published)) == 1


@pytest.mark.parametrize("asked", [publish(), UP])
async def test_a_connection_in_use_is_not_idle_though_its_first_requests_came_together(asked: bytes) -> None:
    async with running(settings=Settings(keep_alive=0.2)) as server, server.http() as http:
        http.send(publish() + publish())
        assert [(await http.answer()).status for _ in range(2)] == [200, 200]
        for _ in range(6):
            await asyncio.sleep(0.05)  # less than keep_alive each, more together
            assert (await http.send(asked).answer()).status == 200


async def test_a_client_that_goes_away_in_the_middle_of_its_request_leaves_nothing(server: Running) -> None:
    state = server.server.server_state
    async with server.http() as http:
        http.send(publish()[:-1])
        await http.writer.drain()
        await until(lambda: state.connections)
    await until(lambda: not state.connections and not state.tasks)
    assert server.facts == []


# Limits on size.


@pytest.mark.parametrize("lines", [(), H2C, ("Connection: Upgrade", "Upgrade: websocket")])
@pytest.mark.parametrize("by", ["in one segment", "byte by byte", "in one field", "without an end"])
async def test_a_head_above_the_limit_is_431_however_it_comes(by: str, lines: tuple[str, ...]) -> None:
    field = "X-Much: " + "x" * 2_000 if by == "in one field" else "\r\n".join(["X: " + "x" * 100] * 20)
    head = request("GET", "/app/key", *lines, field)
    async with running(settings=Settings(max_header_size=2_000)) as server, server.http() as http:
        if by == "byte by byte":
            await http.send_bytewise(head[:2_001])
        else:
            http.send(head[:2_001] if by == "without an end" else head)
        answer = await http.answer()
        assert (answer.status, b"REVERB_MAX_HEADER_SIZE" in answer.body) == (431, True)
        assert await http.rest() == b""
        assert [fact.status for fact in server.told(facts.RequestRefused)] == [431]


async def test_a_head_of_a_second_request_has_the_same_limit() -> None:
    async with running(settings=Settings(max_header_size=2_000)) as server, server.http() as http:
        http.send(UP + request("GET", "/up", "X: " + "x" * 3_000))
        assert (await http.answer()).status == 200
        assert await http.rest() == b""


async def test_a_body_does_not_count_as_head() -> None:
    async with running(settings=Settings(max_header_size=1_000)) as server, server.http() as http:
        assert (await http.send(publish("news", data="x" * 5_000)).answer()).status == 200
        assert (await http.send(publish("news", *H2C, data="x" * 5_000)).answer()).status == 200


async def test_a_chunked_body_above_the_limit_is_413_while_it_still_comes() -> None:
    head = request("POST", signed("POST", "/events", b"x"), "Transfer-Encoding: chunked")
    async with running(settings=Settings(max_request_size=1_000)) as server, server.http() as http:
        http.send(head + b"3e8\r\n%b\r\n" % (b"x" * 1_000))
        http.send(b"1\r\nx\r\n")
        answer = await http.answer()
        assert (answer.status, b"REVERB_MAX_REQUEST_SIZE" in answer.body) == (413, True)


async def test_an_announced_body_above_the_limit_is_413_before_it_comes() -> None:
    head = request("POST", signed("POST", "/events", b"x"), "Content-Length: 1001")
    async with running(settings=Settings(max_request_size=1_000)) as server, server.http() as http:
        assert (await http.send(head).answer()).status == 413


async def test_a_newcomer_on_the_last_descriptors_is_503() -> None:
    async with running(max_open=1) as server, server.http() as first, server.http() as http:
        assert (await first.send(UP).answer()).status == 200
        answer = await http.answer()
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert await http.rest() == b""
        assert [fact.status for fact in server.told(facts.RequestRefused)] == [503]


# Limits on time.


@pytest.mark.parametrize(
    "part",
    [b"G", b"GET /up HTTP/1.1\r\nHost:", b"\r\n", publish()[:-1], publish("news", *H2C)[:-1]],
    ids=["a letter", "half a head", "a blank line", "all but a byte", "all but a byte of h2c"],
)
@pytest.mark.parametrize("before", [b"", UP, publish()], ids=["at first", "after an answer", "after a publish"])
async def test_a_request_that_does_not_arrive_in_time_is_408(before: bytes, part: bytes) -> None:
    async with running(settings=Settings(request_timeout=0.1)) as server, server.http() as http:
        if before:
            assert (await http.send(before).answer()).status == 200
        answer = await http.send(part).answer()
        assert (answer.status, b"REVERB_REQUEST_TIMEOUT" in answer.body) == (408, True)
        assert await http.rest() == b""


async def test_a_body_that_never_ends_is_408_though_it_never_rests() -> None:
    head = request("POST", signed("POST", "/events", b"x"), "Transfer-Encoding: chunked")
    async with running(settings=Settings(request_timeout=0.1)) as server, server.http() as http:
        answer = asyncio.create_task(http.send(head).answer())
        while not answer.done():
            http.send(b"1\r\nx\r\n")
            await asyncio.sleep(0.01)
        assert answer.result().status == 408


async def test_a_connection_on_which_nothing_is_asked_ends_without_a_word() -> None:
    async with running(settings=Settings(request_timeout=0.05)) as server, server.http() as http:
        assert await http.rest() == b""
        assert server.facts == []


async def test_a_refused_body_that_goes_on_coming_gets_no_second_answer() -> None:
    head = request("POST", signed("POST", "/events", b"x"), "Content-Length: 5000000")
    async with running(settings=Settings(request_timeout=0.1)) as server, server.http() as http:
        assert (await http.send(head).answer()).status == 413
        assert await http.send(b"x" * 1_000).rest() == b""


@pytest.mark.parametrize("asked", [publish(), UP])
async def test_time_begins_anew_with_each_request(asked: bytes) -> None:
    async with running(settings=Settings(request_timeout=0.1)) as server, server.http() as http:
        for _ in range(2):
            assert (await http.send(asked).answer()).status == 200
            await asyncio.sleep(0.15)  # longer than a request may take
        assert (await http.send(asked).answer()).status == 200


async def test_time_ends_with_the_request_and_not_with_the_answer() -> None:
    async with running(settings=Settings(request_timeout=0.1)) as server, server.http() as http:
        occupancy = slow(server)
        http.send(request("GET", signed("GET", "/channels")))
        await occupancy.asked.wait()
        await asyncio.sleep(0.15)  # longer than the request may take
        occupancy.released.set()
        assert (await http.answer()).status == 200


# Bodies.


@pytest.mark.parametrize("in_one_segment", [True, False])
async def test_a_chunked_publish_is_published(server: Running, in_one_segment: bool) -> None:
    body = b'{"name":"ev","channel":"news","data":"{}"}'
    head = request("POST", signed("POST", "/events", body), "Transfer-Encoding: chunked")
    chunks = b"".join(b"%x;ext=1\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:]))
    whole = head + chunks + b"0\r\nX-Trailer: 1\r\n\r\n"
    async with server.http() as http:
        if in_one_segment:
            http.send(whole)
        else:
            await http.send_bytewise(whole)
        assert (await http.answer()).body == b"{}"
    assert [fact.event for fact in server.told(facts.Published)] == ["ev"]


async def test_a_body_that_looks_like_a_publish_is_a_body(server: Running) -> None:
    """In a segment of its own, as somebody would send it who wants to smuggle a request past a proxy."""
    body = publish()
    head = request("POST", "/nowhere", f"Content-Length: {len(body)}")
    async with server.http() as http:
        assert (await http.send(head).answer()).status == 404
        http.send(body)
        await asyncio.sleep(0.01)
        assert (await http.send(UP).answer()).body == b'{"health":"OK"}'
    assert server.told(facts.Published) == []


async def test_the_body_is_asked_for_when_the_client_waits_for_that(server: Running) -> None:
    head, _, body = publish("news", "Expect: 100-continue").partition(b"\r\n\r\n")
    async with server.http() as http:
        assert (await http.send(head + b"\r\n\r\n").answer()).status == 100
        assert (await http.send(body).answer()).status == 200


@pytest.mark.parametrize(
    ("target", "length", "status"),
    [("/apps/1/events", 10, 401), ("/apps/2/events", 10, 404), (signed("POST", "/events", b"x"), 2_000_000, 413)],
)
async def test_a_body_that_would_be_refused_is_not_asked_for(
    server: Running, target: str, length: int, status: int
) -> None:
    head = request("POST", target, "Expect: 100-continue", f"Content-Length: {length}")
    async with server.http() as http:
        assert (await http.send(head).answer()).status == status


# Upgrades.


@pytest.mark.parametrize("cut", ["nowhere", "behind the head", "everywhere"])
async def test_a_request_that_offers_http2_keeps_its_body(server: Running, cut: str) -> None:
    asked = publish("news", *H2C)
    head, _, body = asked.partition(b"\r\n\r\n")
    async with server.http() as http:
        for _ in range(2):
            if cut == "everywhere":
                await http.send_bytewise(asked)
            elif cut == "behind the head":
                http.send(head + b"\r\n\r\n")
                await asyncio.sleep(0.01)  # in a segment of its own
                http.send(body)
            else:
                http.send(asked)
            assert (await http.answer()).body == b"{}"
    assert len(server.told(facts.Published)) == 2


async def test_an_upgrade_to_something_else_is_ignored(server: Running) -> None:
    async with server.http() as http:
        http.send(request("GET", "/up", "Connection: upgrade", "Upgrade: tls/1.2") + UP)
        assert [(await http.answer()).body for _ in range(2)] == [b'{"health":"OK"}'] * 2


async def test_a_tunnel_is_not_opened(server: Running) -> None:
    async with server.http() as http:
        assert (await http.send(b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n").answer()).status == 405
        assert await http.rest() == b""


@pytest.mark.parametrize(
    ("target", "status"),
    [("http://localhost", 101), ("http://localhost/app/key", 101), ("http://localhost:99999/app/key", 400)],
)
async def test_an_absolute_target_of_an_upgrade_is_understood_or_refused(
    server: Running, target: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    asked = upgrade_request("ws://localhost/", {}).replace(b"GET / ", f"GET {target} ".encode())
    async with server.http() as http:
        http.send(asked)
        assert (await http.answer()).status == status
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_the_http_side_of_a_websocket_needs_no_garbage_collector(server: Running) -> None:
    connections = server.server.server_state.connections
    gc.collect()
    gc.disable()
    try:
        async with server.http() as http:
            await until(lambda: connections)
            (protocol,) = connections
            gone = weakref.ref(protocol)
            del protocol
            http.send(upgrade_request("ws://localhost/app/key", {}))
            assert (await http.answer()).status == 101
            assert gone() is None
    finally:
        gc.enable()


async def test_a_request_that_is_none_is_answered_400_and_told(server: Running) -> None:
    async with server.http() as http:
        assert parse_head(await http.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").rest()).status == 400
    (refused,) = server.told(facts.RequestRefused)
    assert (refused.status, "127.0.0.1" in refused.reason) == (400, True)


async def test_trailers_are_dropped_whatever_their_number(server: Running) -> None:
    head = request("POST", "/nowhere", "Transfer-Encoding: chunked")
    async with server.http() as http:
        assert (await http.send(head).answer()).status == 404
        (protocol,) = server.server.server_state.connections
        headers = protocol.headers  # type: ignore[union-attr]
        known = list(headers)
        http.send(b"0\r\n" + b"x: y\r\n" * 1_000 + b"\r\n" + UP)
        assert (await http.answer()).status == 200
        assert headers == known


async def test_requests_behind_one_whose_answer_is_due_are_bounded(server: Running) -> None:
    """Each would be a scope and a cycle: the seventeenth ends the connection, after the answers before it."""
    async with server.http() as http:
        answers = await http.send(UP * 500).rest()
    assert 1 <= answers.count(b"HTTP/1.1 200 OK") <= http_protocol.MAX_PIPELINE + 1


async def test_upgrades_that_nobody_speaks_do_not_recurse(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    other = request("GET", "/up", "Upgrade: x", "Connection: Upgrade")
    async with server.http() as http:
        answers = await http.send(other * 1_500).rest()
    assert answers.count(b"HTTP/1.1 200 OK") == 1
    assert caplog.records == []


@pytest.mark.parametrize("lines", [("Upgrade: h2c", "Connection: Upgrade, close")])
async def test_an_ignored_upgrade_keeps_the_wish_to_close(server: Running, lines: tuple[str, ...]) -> None:
    async with server.http() as http:
        answers = await http.send(request("GET", "/up", *lines)).rest()
    assert b"connection: close" in answers


async def test_the_answer_before_a_broken_request_is_given(server: Running) -> None:
    async with server.http() as http:
        answers = await http.send(UP + b"GET http://[ HTTP/1.1\r\n\r\n").rest()
    assert answers.startswith(b"HTTP/1.1 200 OK")


async def test_a_large_head_is_refused_also_on_the_short_way(server: Running) -> None:
    async with server.http() as http:
        assert (await http.send(publish("news", "X-Much: " + "x" * 40_000)).answer()).status == 431


async def test_tls_on_the_plain_port_is_named_for_what_it_is(server: Running) -> None:
    async with server.http() as http:
        assert (await http.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)).answer()).status == 400
    (fact,) = server.told(facts.RequestRefused)
    assert (str(fact.code), "REVERB_SCHEME=http" in fact.reason) == ("RVB203", True)


async def test_a_handshake_that_lost_its_upgrade_header_is_told(server: Running) -> None:
    async with server.http() as http:
        assert (await http.send(request("GET", "/app/key")).answer()).status == 426
    (fact,) = server.told(facts.RequestRefused)
    assert (str(fact.code), fact.status, "key" in fact.path) == ("RVB604", 426, False)

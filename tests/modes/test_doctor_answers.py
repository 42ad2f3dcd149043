"""Failure modes of whatever answers in the server's place, each produced for real; the doctor names every one."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from time import time

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.utils import accept_key

from reverb_py import codes
from reverb_py.diagnosis.doctor.finding import Status
from reverb_py.diagnosis.doctor.opening import opened
from reverb_py.diagnosis.doctor.target import Inquiry, Target
from reverb_py.diagnosis.doctor.visit import Visit, surroundings
from reverb_py.protocol.signatures import parse_query, request_text, sign
from tests.modes.responder import HTML, Asked, Reply, fake_pusher, relay, responder
from tests.modes.visiting import APP, QUICK, SECRET, at, first, found, told
from tests.server_process import ServerProcess

GREETING = {"socket_id": "1.1", "activity_timeout": 30}


@pytest.fixture(scope="module")
def server() -> Iterator[Target]:
    with ServerProcess(env=APP) as process:
        yield at(process.wait_until_ready().port)


@pytest.mark.mode("RVB212", "doctor")
@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (403, {**HTML, "cf-mitigated": "challenge"}, ""),
        (503, HTML, "<!DOCTYPE html><title>Just a moment...</title><script src=/cdn-cgi/challenge-platform/></script>"),
    ],
)
async def test_a_firewall_asks_for_a_browser(status: int, headers: dict[str, str], body: str) -> None:
    async with responder(lambda asked: Reply(status, body, headers)) as port:
        assert first(await found(at(port))).code is codes.BOT_CHALLENGE


@pytest.mark.mode("RVB214", "doctor")
async def test_the_first_request_wakes_the_server() -> None:
    asked_before: list[str] = []

    def waking(asked: Asked) -> Reply:
        asked_before.append(asked.path)
        return Reply(502, "Bad Gateway") if len(asked_before) == 1 else _reverb(asked)

    async with responder(waking) as port:
        assert first(await found(at(port))).code is codes.ASLEEP


@pytest.mark.mode("RVB215", "doctor")
async def test_a_server_answers_late() -> None:
    async def late(asked: Asked) -> Reply:
        await asyncio.sleep(1.1 if asked.path == "/up" else 0)
        return _reverb(asked)

    async with responder(late) as port:
        assert first(await found(at(port), Inquiry(timeout=2))).code is codes.SATURATED


@pytest.mark.mode("RVB305", "doctor")
@pytest.mark.parametrize(("off", "status"), [(-120, Status.WARN), (3600, Status.FAIL)])
async def test_the_clocks_disagree(off: int, status: Status) -> None:
    async with responder(lambda asked: replace(_reverb(asked), date=time() + off)) as port:
        finding = first(await found(at(port)))
    assert (finding.code, finding.status) == (codes.CLOCK_SKEW, status)


@pytest.mark.mode("RVB309", "doctor")
async def test_a_server_knows_one_form_of_signature() -> None:
    async with responder(_reverb) as port:
        findings = await found(at(port))
    assert "credentials pass" in told(findings)
    assert "credentials.forms warn RVB309" in told(findings)


def _reverb(asked: Asked) -> Reply:
    """As Laravel Reverb: body_md5 is signed only when there is a body."""
    if asked.path == "/up":
        return Reply(200, '{"health":"OK"}')
    parameters = parse_query(asked.query)
    parameters.pop("body_md5", None)
    right = sign(SECRET, request_text(asked.method, asked.path, parameters))
    if parameters.get("auth_signature") != right:
        return Reply(401, "Authentication signature invalid.")
    return Reply(200, '{"channels":{}}')


@pytest.mark.mode("RVB304", "doctor")
async def test_hosted_pusher_answers() -> None:
    async with responder(lambda asked: Reply(401, "auth_key should be a valid app key\n")) as port:
        findings = await found(at(port))
    assert first(findings).code is codes.HOSTED_PUSHER


async def test_whatever_accepts_a_wrong_secret_is_no_pusher_server() -> None:
    async with responder(lambda asked: Reply(200, '{"channels":{}}', {"X-Powered-By": "reverb-py"})) as port:
        findings = await found(at(port))
    assert "credentials.control fail" in told(findings)


async def test_a_web_site_is_no_pusher_server() -> None:
    async with responder(lambda asked: Reply(404, "<!DOCTYPE html><h1>Not Found</h1>", HTML)) as port:
        findings = await found(at(port))
    assert "no Pusher server" in findings[-2].title + findings[-1].title + findings[-3].title


@pytest.mark.mode("RVB613", "doctor")
async def test_a_server_misreads_requests_in_pieces(server: Target) -> None:
    async with relay(server.port, first_refused_after=2) as port:
        findings = await found(at(port))
    assert "loopback pass" in told(findings)
    assert first(findings).code is codes.SPLIT_REQUESTS


@pytest.mark.mode("RVB606", "doctor")
async def test_a_server_does_not_take_the_answers_to_its_pings() -> None:
    async def impatient(connection: ServerConnection) -> None:
        await connection.send('{"event":"pusher:ping","data":"{}"}')
        await connection.recv()
        await connection.close(4201, "Pong reply not received in time")

    async with fake_pusher(GREETING, impatient) as port:
        findings = await found(at(port), replace(QUICK, soak=2))
    assert "soak fail RVB606" in told(findings)


async def test_every_request_says_that_it_is_the_doctors() -> None:
    heard: list[str] = []

    def noted(asked: Asked) -> Reply:
        if asked.path.startswith("/apps/"):
            heard.append(asked.headers.get("x-pusher-library", ""))
        return _reverb(asked)

    async with responder(noted) as port:
        await found(at(port))
    assert len(heard) > 3  # without a signature, with two forms of it, with a wrong secret
    assert set(heard) == {"reverb-py-doctor"}


async def test_a_server_that_does_not_answer_a_closing_frame_is_not_waited_for() -> None:
    greeting = json.dumps({"event": "pusher:connection_established", "data": json.dumps(GREETING)}).encode()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(line[19:] for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key: "))
        upgraded = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        writer.write(f"{upgraded}Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n".encode())
        writer.write(bytes([0x81, len(greeting)]) + greeting)
        while await reader.read(65536):
            pass
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as silent:
        target = at(silent.sockets[0].getsockname()[1])
        began = asyncio.get_running_loop().time()
        async with opened(Visit(target, QUICK, surroundings({})), target) as socket:
            assert socket.socket_id == "1.1"
        assert asyncio.get_running_loop().time() - began < 0.8

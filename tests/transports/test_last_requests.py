"""The last instant of a stop: who was there before the listener closed is answered, and that ends the connection."""

import asyncio
import socket

import pytest

from reverb_py.conformance.link import Answer
from reverb_py.hub import facts
from reverb_py.settings import Settings
from reverb_py.transports import uvicorn_server
from tests.conformance.fixture import CERTIFICATE, trusting
from tests.transports.in_process import PATIENCE, Http, Running, publish, request, running, signed, until

TLS = Settings(drain=0, tls_cert=CERTIFICATE["REVERB_TLS_CERT"], tls_key=CERTIFICATE["REVERB_TLS_KEY"])


async def stops(server: Running) -> None:
    """Return when nobody listens any more, and each connection was told."""
    async with server.http() as idle:
        assert (await idle.send(request("GET", "/up")).answer()).status == 200
        server.server.stop()
        assert await idle.rest() == b""


async def ended(server: Running) -> int:
    """Wait until the server has stopped by itself; its exit code."""
    await asyncio.wait_for(server.serving, PATIENCE)
    return server.server.exit_code


async def last_answer(http: Http) -> Answer:
    """The answer behind which the connection ends, and says so."""
    answer = await http.answer()
    assert answer.headers["connection"] == "close"
    assert await http.rest() == b""
    return answer


async def ask_over(sock: socket.socket, *, tls: bool) -> Answer:
    """Publish over a connection that was made."""
    context, name = (trusting(), "localhost") if tls else (None, None)
    http = Http(*await asyncio.open_connection(sock=sock, ssl=context, server_hostname=name))
    try:
        return await last_answer(http.send(publish()))
    finally:
        http.writer.transport.abort()


@pytest.mark.parametrize("asked", [publish(), request("GET", signed("GET", "/channels"))], ids=["publish", "question"])
async def test_an_answer_ends_its_connection_while_the_server_drains_and_not_before(
    server: Running, asked: bytes
) -> None:
    async with server.http() as http:
        before = await http.send(asked).answer()
        assert "connection" not in before.headers
        server.node.draining = True
        assert (await last_answer(http.send(asked))).status == before.status == 200


@pytest.mark.parametrize("settings", [Settings(drain=0), TLS], ids=["plain", "TLS"])
async def test_a_trigger_that_waits_to_be_accepted_when_the_listener_closes_is_answered(settings: Settings) -> None:
    async with running(settings=settings) as server:
        server.node.draining = True
        late = socket.create_connection(("127.0.0.1", server.port))  # no turn of the loop from here to `shutdown`
        asking = asyncio.create_task(ask_over(late, tls=bool(settings.tls_cert)))
        await server.server.shutdown(server.listeners)
        assert (await asking).status == 200
        assert len(server.told(facts.Published)) == 1


@pytest.mark.parametrize("sent", [0, 20, -1], ids=["nothing", "half a line", "all but a byte"])
async def test_who_has_begun_to_ask_or_not_even_that_may_ask_when_nobody_listens_any_more(
    server: Running, sent: int
) -> None:
    whole = publish()
    async with server.http() as http:
        http.send(whole[:sent])
        await until(lambda: server.server.server_state.connections)
        await stops(server)
        with pytest.raises(ConnectionRefusedError):
            async with server.http():
                pass
        assert (await last_answer(http.send(whole[sent:]))).status == 200
        assert await ended(server) == 0


async def test_who_asks_nothing_is_waited_for_no_longer_than_half_a_second(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert uvicorn_server.LAST_REQUESTS == 0.5
    monkeypatch.setattr(uvicorn_server, "LAST_REQUESTS", 0.1)
    async with server.http() as http:
        await until(lambda: server.server.server_state.connections)
        await stops(server)
        assert await http.rest() == b""
        assert await ended(server) == 0


async def refuses(server: Running) -> None:
    """Return when nobody listens any more."""
    try:
        while True:
            async with server.http():
                await asyncio.sleep(0)
    except ConnectionRefusedError:
        pass


async def test_who_is_still_in_its_tls_handshake_may_ask_when_nobody_listens_any_more() -> None:
    async with running(settings=TLS) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as peer:
            server.server.stop()
            await refuses(server)
            await asyncio.sleep(0.3)  # twice as long as uvicorn waits when it knows of nobody
            assert not server.serving.done(), "the process would have ended"
            assert (await ask_over(peer, tls=True)).status == 200
        assert await ended(server) == 0
        assert len(server.told(facts.Published)) == 1


async def test_who_is_silent_in_its_tls_handshake_is_waited_for_no_longer_than_half_a_second() -> None:
    loop = asyncio.get_running_loop()
    async with running(settings=TLS) as server:
        with socket.create_connection(("127.0.0.1", server.port)):
            server.server.stop()
            await refuses(server)
            began = loop.time()
            assert await ended(server) == 0
            assert loop.time() - began < 1.5

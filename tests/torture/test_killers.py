"""What has killed, frozen or fooled another server of the protocol does nothing to this one."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest
import pytest_asyncio

from reverb_py.conformance.client import Client
from reverb_py.conformance.link import upgrade_request
from reverb_py.conformance.target import LIKE_PUSHER_JS, TargetApp
from reverb_py.conformance.verify import Deviation
from reverb_py.conformance.wire import Opcode, client_frame, close_payload
from tests.torture.killers import GOOD, MESSAGES, PUBLISHES, REQUESTS, posted, request, subscribing, text
from tests.torture.proc import MB
from tests.torture.rows import Row
from tests.torture.watching import APP, TOLERANCE, Watched, watched

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENV = {"REVERB_REQUEST_TIMEOUT": "0.3", "REVERB_MAX_FAILURES": "0"}
HEAD = upgrade_request(f"ws://localhost/app/{APP.key}?{LIKE_PUSHER_JS}", {})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Watched]:
    """One server for all of them: what one case breaks, the next would notice."""
    async with watched(Row("", ""), env=ENV) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def server(shared: Watched, row: Row) -> AsyncIterator[Watched]:
    sent = shared.stream.sent
    yield shared
    await shared.unharmed()
    row.sent += 2 * (shared.stream.sent - sent)
    row.tells(f"RSS +{TOLERANCE // MB} MB over all", f"+{max(0, shared.growth) / MB:.1f} MB at the peak")


@pytest.mark.parametrize("sent", MESSAGES.values(), ids=MESSAGES.keys())
async def test_no_message_of_a_client_harms_the_server(server: Watched, sent: bytes) -> None:
    """Messages and frames that killed or fooled another server."""
    async with server.target.client() as client:
        await client.send_bytes(sent + text('{"event":"pusher:ping"}'))
        await answered_or_closed(client, server)


async def answered_or_closed(client: Client, server: Watched) -> None:
    """Read until the pong or the end; a length that lies makes the server wait for more, which is no harm."""
    try:
        while "pusher:pong" not in (answer := await client.text(0.5)):
            server.heard += answer.encode()
    except Deviation:
        return


@pytest.mark.parametrize("name", REQUESTS)
async def test_no_request_harms_the_server(server: Watched, name: str) -> None:
    """Requests that killed or fooled another server, whole and in two parts."""
    sent = REQUESTS[name](APP)
    middle = len(sent) // 2
    for answer in await asyncio.gather(server.asked(sent), server.asked(sent[:middle], sent[middle:])):
        assert answer == b"" or answer.startswith(b"HTTP/1.1 "), answer[:200]
        assert b" 500 " not in answer.partition(b"\r\n")[0]


@pytest.mark.parametrize("body", PUBLISHES.values(), ids=PUBLISHES.keys())
async def test_no_signed_body_harms_the_server(server: Watched, body: bytes) -> None:
    """Bodies of a publisher, rightly signed, that killed another server or its cluster."""
    response = await server.target.post("/events", body)
    assert response.status_code in (200, 400, 413, 422), response.text
    server.heard += response.content


MEMBERS: dict[str, str | None] = {
    "no channel_data": None,
    "no user_id": "{}",
    "user_id null": '{"user_id":null}',
    "user_id a list": '{"user_id":[1]}',
    "user_id an object": '{"user_id":{"a":1}}',
    "user_id true": '{"user_id":true}',
    "user_id empty": '{"user_id":""}',
    "user_id huge": json.dumps({"user_id": "u" * 50_000}),
    "user_info missing": '{"user_id":"0"}',
    "user_info true": '{"user_id":"0","user_info":true}',
    "user_info deep": '{"user_id":"0","user_info":' + "[" * 5_000 + "]" * 5_000 + "}",
    "no JSON": "no json",
    "a list": "[]",
    "a number": "7",
}


@pytest.mark.parametrize("member", MEMBERS.values(), ids=MEMBERS.keys())
async def test_no_signed_member_harms_the_server(server: Watched, member: str | None) -> None:
    """Members of presence channels, rightly signed, of every strange shape."""
    async with server.target.client() as strange, server.target.client() as usual:
        await strange.subscribe("presence-room", channel_data=member)
        await answered_after(strange)
        await usual.subscribe("presence-room", channel_data='{"user_id":"usual","user_info":{}}')
        acknowledged = await usual.frame()
        assert acknowledged["event"] == "pusher_internal:subscription_succeeded"
        assert "usual" in json.loads(acknowledged["data"])["presence"]["hash"]
        for path in ("/channels/presence-room/users", "/channels?info=user_count&filter_by_prefix=presence-"):
            bare, _, query = path.partition("?")
            params = dict(each.split("=") for each in query.split("&")) if query else {}
            assert (await server.target.get(bare, params)).status_code == 200
        assert (await server.target.post("/users/nobody/terminate_connections", b"{}")).status_code == 200


async def answered_after(client: Client) -> None:
    """Read until the pong: all that was asked before it is done."""
    await client.send({"event": "pusher:ping", "data": {}})
    while (await client.frame())["event"] != "pusher:pong":
        pass


LONG = client_frame(b"x" * 60_000)
STATES: dict[str, Callable[[TargetApp], bytes]] = {
    "connected": lambda app: b"",
    "in the request line": lambda app: b"GET /ap",
    "in the head": lambda app: HEAD[:60],
    "in the body": lambda app: posted(app, GOOD, f"Content-Length: {len(GOOD)}", sent=GOOD[:9]),
    "before the answer to a publish": lambda app: posted(app, GOOD, f"Content-Length: {len(GOOD)}"),
    "before the answer to a question": lambda app: request("GET /up HTTP/1.1") * 20,
    "before the answer to the upgrade": lambda app: HEAD,
    "in the head of a frame": lambda app: HEAD + LONG[:3],
    "in the mask of a frame": lambda app: HEAD + LONG[:6],
    "in a frame": lambda app: HEAD + LONG[:30_000],
    "between fragments": lambda app: HEAD + client_frame(b"x", fin=False),
    "while it subscribes": lambda app: HEAD + subscribing(channel="steady"),
    "while it asks a lot": lambda app: HEAD + text('{"event":"pusher:ping"}') * 500,
    "after its goodbye": lambda app: HEAD + client_frame(close_payload(1000), Opcode.CLOSE),
    "after a broken frame": lambda app: HEAD + client_frame(b"x", rsv=7),
    "after a refusal": lambda app: upgrade_request("ws://localhost/app/nobody", {}),
}


@pytest.mark.parametrize("end", ["reset", "half-closed", "closed"])
@pytest.mark.parametrize("sent", STATES.values(), ids=STATES.keys())
async def test_a_client_may_vanish_in_every_state(
    server: Watched, sent: Callable[[TargetApp], bytes], end: str
) -> None:
    """Clients that vanish in every state, by RST, half and whole close."""
    reader, writer = await server.dial()
    writer.write(sent(APP))
    await writer.drain()
    if end == "reset":
        writer.transport.abort()
    elif end == "closed":
        writer.close()
    else:
        writer.write_eof()
        async with asyncio.timeout(5):
            with suppress(ConnectionError):
                server.heard += await reader.read()
        writer.close()

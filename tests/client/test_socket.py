"""The WebSocket client against a real server: greeting, channels, events, ends, and refusals with their codes."""

import asyncio
import json
from dataclasses import replace

import pytest
from websockets.asyncio.server import ServerConnection, serve

from reverb_py import codes
from reverb_py.client.api import Api
from reverb_py.client.reach import Unreachable
from reverb_py.client.signing import channel_auth
from reverb_py.client.socket import Closed, NotUpgraded, Refused, connect
from tests.client.serving import APP
from tests.client.test_api import answering
from tests.server_process import free_port


@pytest.fixture
def ws(url: str) -> str:
    return url.replace("http", "ws")


async def test_what_is_published_arrives_with_its_data_decoded_once(url: str, ws: str) -> None:
    async with connect(ws, APP.key) as socket:
        answer = await socket.join("room")
        assert answer.event == "pusher_internal:subscription_succeeded"
        body = {"name": "ticket.assigned", "data": json.dumps({"ticket_id": 1}), "channels": ["room"]}
        with Api(url, APP) as api:
            await asyncio.to_thread(api.post, "/events", body)
        message = await socket.receive(5)
    assert (message.event, message.channel, message.content) == ("ticket.assigned", "room", {"ticket_id": 1})
    assert message.data == '{"ticket_id": 1}'


async def test_the_greeting_gives_a_socket_id_and_the_activity_timeout(ws: str) -> None:
    async with connect(ws, APP.key) as socket:
        assert socket.socket_id.count(".") == 1
        assert socket.activity_timeout == 30
        assert socket.close_code is None


async def test_a_private_channel_is_joined_with_a_signature_and_refused_with_another(ws: str) -> None:
    async with connect(ws, APP.key) as socket:
        right = channel_auth(APP, socket.socket_id, "private-a")
        assert (await socket.join("private-a", right)).event == "pusher_internal:subscription_succeeded"
        wrong = channel_auth(replace(APP, secret="other"), socket.socket_id, "private-b")
        refused = await socket.join("private-b", wrong)
    assert refused.event == "pusher:subscription_error"
    assert refused.content["status"] == 401


async def test_what_comes_while_a_channel_is_joined_is_not_lost(ws: str) -> None:
    async with connect(ws, APP.key) as socket:
        await socket.subscribe("a")
        await socket.join("b")
        assert (await socket.receive(1)).channel == "a"


async def test_an_unknown_key_is_refused_with_4001(ws: str) -> None:
    with pytest.raises(Refused) as caught:
        async with connect(ws, "unknown"):
            pass
    assert caught.value.code == 4001


async def test_a_server_that_does_not_upgrade_is_told_with_its_status() -> None:
    raw = b"HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.invalid/\r\nContent-Length: 0\r\n\r\n"
    with answering(raw) as port, pytest.raises(NotUpgraded) as caught:
        async with connect(f"ws://127.0.0.1:{port}", APP.key):
            pass
    assert caught.value.status == 301
    assert caught.value.headers["Location"] == "https://elsewhere.invalid/"


async def test_silence_has_the_reason_of_the_http_client(ws: str) -> None:
    for address, code in (
        (f"ws://127.0.0.1:{free_port()}", None),
        ("ws://nobody.invalid", codes.NAME_UNKNOWN),
        (ws.replace("ws", "wss"), codes.TLS_TO_PLAIN),
    ):
        with pytest.raises(Unreachable) as caught:
            async with connect(address, APP.key):
                pass
        assert caught.value.code is code, address
        assert code or caught.value.reason == "connection refused"


GREETING = json.dumps({"event": "pusher:connection_established", "data": '{"socket_id":"1.2"}'})


async def test_pings_are_answered_and_the_end_ends_the_iteration_with_its_code() -> None:
    heard = []

    async def speak(websocket: ServerConnection) -> None:
        await websocket.send(GREETING)
        await websocket.send('{"event":"pusher:ping"}')
        heard.append(json.loads(await websocket.recv()))
        await websocket.send("no json")
        await websocket.close(4200, "come back")

    async with serve(speak, "127.0.0.1", 0) as listener:
        port = next(iter(listener.sockets)).getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}", "k") as socket:
            messages = [message async for message in socket]
            assert (socket.close_code, socket.close_reason) == (4200, "come back")
            with pytest.raises(Closed, match="4200 come back"):
                await socket.receive()
    assert heard == [{"event": "pusher:pong", "data": {}}]
    assert [(each.event, each.text) for each in messages] == [("", "no json")]


@pytest.mark.parametrize("first", ["no json", '{"event":"hello"}', '{"event":"pusher:connection_established"}'])
async def test_a_greeting_of_another_protocol_is_not_taken_for_ours(first: str) -> None:
    async def speak(websocket: ServerConnection) -> None:
        await websocket.send(first)
        await websocket.wait_closed()

    async with serve(speak, "127.0.0.1", 0) as listener:
        port = next(iter(listener.sockets)).getsockname()[1]
        with pytest.raises(Unreachable, match="does not speak Pusher"):
            async with connect(f"ws://127.0.0.1:{port}", "k"):
                pass

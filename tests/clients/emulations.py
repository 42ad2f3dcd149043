"""Clients that are not JavaScript, as far as a server can tell them apart (pp 1.1, 1.5, 1.7, 11)."""

import httpx

from reverb_py.conformance.client import Client, Frame
from tests.clients.laravel import Laravel

JAVA = "client=java-client&protocol=5&version=2.4.4"
DOTNET = "protocol=5&client=pusher-dotnet-client&version=2.3.1"
SWIFT = "client=pusher-websocket-swift&version=10.1.10&protocol=7"
SWIFT_SUBPROTOCOL = "pusher-channels-protocol-7"
DART = None  # dart_pusher_channels without metadata sends no query at all


async def authorize(laravel: Laravel, client: Client, channel: str, token: str = "token-of-100") -> httpx.Response:
    """The application's answer to a Flutter app that asks for a channel."""
    form = {"socket_id": client.socket_id, "channel_name": channel}
    async with httpx.AsyncClient(trust_env=False) as http:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await http.post(f"{laravel.url}/api/broadcasting/auth", data=form, headers=headers)


async def dart_subscribes(laravel: Laravel, client: Client, channel: str) -> None:
    """Subscribe as dart_pusher_channels does: authorized by the application, whose answer must be a 200."""
    response = await authorize(laravel, client, channel)
    assert response.status_code == 200, response.text
    await client.subscribed(channel, response.json()["auth"], response.json().get("channel_data"))


async def dart_hears(client: Client) -> Frame:
    """The next frame that is no `pusher:ping`; those are answered."""
    while (frame := await client.frame())["event"] == "pusher:ping":
        await client.send({"event": "pusher:pong", "data": {}})
    return frame

"""Frames are sent on the transport's own descriptor: when that number is used again, nobody gets what was another's."""

import asyncio
from random import Random

from reverb_py.conformance.client import Client
from tests.transports.in_process import Running, running

CLIENTS, ROUNDS = 20, 40


async def test_no_frame_reaches_the_next_owner_of_a_descriptor() -> None:
    """Connections break, close and come anew in every turn, while each channel is published to."""
    random = Random(7)
    async with running() as server:
        publishing = asyncio.create_task(publish_to_all(server))
        async with asyncio.TaskGroup() as clients:
            for number in range(CLIENTS):
                clients.create_task(come_and_go(server, f"own-{number}", random))
        publishing.cancel()


async def publish_to_all(server: Running) -> None:
    app = next(iter(server.node.apps))
    while True:
        for number in range(CLIENTS):
            channel = f"own-{number}"
            server.node.publish(app.id, channel, b'{"event":"ev","channel":"%b","data":"{}"}' % channel.encode())
        await asyncio.sleep(0)


async def come_and_go(server: Running, channel: str, random: Random) -> None:
    for _ in range(ROUNDS):
        async with server.target.client() as client:
            await client.subscribed(channel)
            for _ in range(random.randrange(1, 4)):
                await only_its_own(client, channel)
            if random.random() < 0.5:
                client.abort()


async def only_its_own(client: Client, channel: str) -> None:
    frame = await client.frame()
    assert frame["channel"] == channel

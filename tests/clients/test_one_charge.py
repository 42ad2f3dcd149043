"""A driver comes to a customer: the application authorizes, publishes twelve events, and the customer's app shows them.

Nobody in it knows our server: the libraries are the official ones, and the application signs as Laravel does.
"""

import json
from typing import Any

import pytest

from reverb_py.conformance.target import Target
from tests.clients.apps import publisher
from tests.clients.conftest import Play
from tests.clients.emulations import DART, authorize, dart_hears, dart_subscribes
from tests.clients.laravel import Laravel
from tests.server_process import ServerProcess

CHANNEL = "private-customer.100.driver-location"
AJAY = {"driver_id": 9, "driver_name": "Ajay Prajāpati 🚗"}
OFFERED = {"ticket_id": 41, "status": "offered", "driver_id": None, "driver_name": None}
ASSIGNED = {"ticket_id": 41, "status": "assigned", **AJAY, "latitude": 12.971599, "longitude": 77.594566}


def moved(step: int) -> dict[str, Any]:
    """The driver's position after this many steps."""
    at = f"2026-01-31 12:00:{step:02}"
    return {
        **{"ticket_id": 41, **AJAY, "last_location_updated_at": at},
        **{"latitude": 12.971599 + step / 1000, "longitude": 77.594566},
    }


EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("ticket.offered", {**OFFERED, "message": "Looking for a driver..."}),
    ("ticket.assigned", {**ASSIGNED, "last_location_updated_at": "2026-01-31 12:00:00"}),
    *[("driver.location.updated", moved(step)) for step in range(1, 11)],
]


def publish_everything(server: ServerProcess) -> None:
    sdk = publisher(server.port)
    for name, data in EVENTS:
        sdk.trigger(CHANNEL, name, data)


@pytest.mark.parametrize("library", ["pusher_js", "laravel_echo"])
async def test_a_web_app_hears_its_driver(play: Play, server: ServerProcess, library: str) -> None:
    """pp-287, pp-300: all events of a ticket arrive, in order, with their data as it was published."""
    async with play(library, "listensToADriver") as story:
        await story.told("subscribed")
        publish_everything(server)
        heard = [tuple(await story.told("event")) for _ in EVENTS]
        assert heard == EVENTS
        await story.ended()


async def test_a_flutter_app_hears_its_driver(target: Target, laravel: Laravel, server: ServerProcess) -> None:
    """pp-298: the same for a client that behaves as dart_pusher_channels, which the customers have."""
    async with target.client(query=DART) as client:
        assert type(client.established["activity_timeout"]) is int
        await dart_subscribes(laravel, client, CHANNEL)
        publish_everything(server)
        frames = [await dart_hears(client) for _ in EVENTS]
        assert {frame["channel"] for frame in frames} == {CHANNEL}
        assert [(frame["event"], json.loads(frame["data"])) for frame in frames] == EVENTS
        await client.nothing()


async def test_without_a_token_nothing_is_authorized(play: Play, target: Target, laravel: Laravel) -> None:
    """pp-305: the application says 403, to another customer too; pusher-js tells its app, and is not subscribed."""
    async with play("pusher_js", "isRefusedWithoutAToken") as story:
        await story.ended()
    async with target.client(query=DART) as client:
        for token in ("", "token-of-7"):
            assert (await authorize(laravel, client, CHANNEL, token)).status_code == 403


async def test_the_log_is_the_one_that_operators_look_for(
    target: Target, laravel: Laravel, server: ServerProcess
) -> None:
    """The three lines of a healthy server, word for word, and a line for a publish that says who received it."""
    async with target.client(query=DART) as client:
        await dart_subscribes(laravel, client, CHANNEL)
        publisher(server.port).trigger(CHANNEL, *EVENTS[0])
        await dart_hears(client)
        lines = [line.split(" ", 2)[-1] for line in server.output.splitlines()]
        assert f"Starting server on 127.0.0.1:{server.port}..." in lines
        assert f"New connection: socket_id={client.socket_id}" in lines
        assert f"Channel subscribed: {CHANNEL}" in lines
        assert any(line.startswith(f"Published ticket.offered to {CHANNEL}: 1 received, ") for line in lines)

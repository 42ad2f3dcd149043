"""Two servers over one Redis, with the apps of the cases for several nodes, and what these cases ask of both."""

import json

from reverb_py.conformance.client import Client, Frame
from reverb_py.conformance.expect import eventually
from reverb_py.conformance.target import Target, TargetApp
from tests.clients.apps import MAIN
from tests.nodes import Node
from tests.torture.watching import APP as FLOCK  # whose clients are made by the thousand

OLD = TargetApp(MAIN.id, "old-key-of-one-charge", "old-secret-of-one-charge")
LIMITED = TargetApp("100003", "key-of-limited", "secret-of-limited")
A_SECOND = 10  # client events that LIMITED takes from one connection
APPS = {"MAIN": MAIN, "OLD": OLD, "LIMITED": LIMITED, "FLOCK": FLOCK}

_LISTED = [
    {
        **{"id": MAIN.id, "key": MAIN.key, "secret": MAIN.secret},
        **{"more_credentials": [{"key": OLD.key, "secret": OLD.secret}]},
    },
    {"id": LIMITED.id, "key": LIMITED.key, "secret": LIMITED.secret, "max_client_events": A_SECOND},
    {"id": FLOCK.id, "key": FLOCK.key, "secret": FLOCK.secret},
]
SETTINGS = {"REVERB_APPS": json.dumps(_LISTED), "REVERB_DEBUG": "true"}  # facts of occupancy are debug lines


def view(node: Node) -> Target:
    """The node with all of its apps, until `aclose`."""
    return Target(f"ws://127.0.0.1:{node.process.port}", APPS)


def told_by(nodes: list[Node], line: str) -> int:
    """How often the logs of these nodes say this."""
    return sum(node.process.output.count(line) for node in nodes)


async def logged(nodes: list[Node], line: str, seconds: float = 5.0) -> None:
    """Wait until one of the logs says this."""

    async def is_there() -> bool:
        return told_by(nodes, line) > 0

    await eventually(is_there, f"a log should say {line!r}", seconds)


async def marked(target: Target, channel: str, *clients: Client, app: str = "MAIN") -> None:
    """Publish one more event: for each client it must be the next frame, so that nothing came before it."""
    await target.trigger(channel, "mark", app=app)
    for client in clients:
        frame = await client.frame()
        assert frame["event"] == "mark", frame


async def until_event(client: Client, name: str) -> list[Frame]:
    """The frames before the next one with this name."""
    frames = [await client.frame()]
    while frames[-1]["event"] != name:
        frames.append(await client.frame())
    return frames[:-1]


async def connections(target: Target, count: int) -> None:
    """Each node tells how many it has once a second."""

    async def is_so() -> bool:
        return bool((await target.get("/connections")).json() == {"connections": count})

    await eventually(is_so, f"there should be {count} connections")

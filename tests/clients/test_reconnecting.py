"""What pusher-js does when the server ends its connection, by each of the codes that end one (pp 1.6, 1.7)."""

import signal

import pytest

from reverb_py.conformance.target import Target
from tests.clients.apps import ENVIRONMENT, MAIN, publisher
from tests.clients.conftest import Play
from tests.clients.story import Story
from tests.server_process import ServerProcess

AT_ONCE, LATER = (0, 700), (950, 2_000)  # milliseconds; pusher-js waits none, or 1 000
PATIENCE = 20.0  # seconds; where nobody listens, pusher-js tries again after 15
QUIET = 2.5  # seconds; whoever comes back by itself has done so by then
CHANNELS = ["orders", "presence-orders", "private-orders"]
OWN = "#server-to-user-100"


async def set_up(story: Story) -> None:
    """Wait until the client is signed in once and subscribed to everything, its user's channel included."""
    assert await story.told("set up", PATIENCE) == {"signIns": 1, "channels": [OWN, *CHANNELS]}


async def hears_all(story: Story, port: int) -> None:
    """Publish to every channel and to the user: everything arrives once, and in order."""
    sdk = publisher(port)
    for number, channel in enumerate(CHANNELS):
        sdk.trigger(channel, "shipped", {"id": number})
        assert await story.told("event") == [channel, {"id": number}]
    sdk.trigger(OWN, "invoice", {"total": 7.5})
    assert await story.told("user event") == {"total": 7.5}


@pytest.mark.parametrize(
    ("ending", "code", "window"),
    [
        pytest.param(signal.SIGTERM, 4200, AT_ONCE, id="pp-289-4200-comes-back-at-once"),
        pytest.param(signal.SIGKILL, 1006, LATER, id="pp-289-1006-comes-back-after-a-second"),
    ],
)
async def test_a_client_comes_back_to_a_new_process(
    play: Play, ending: signal.Signals, code: int, window: tuple[int, int]
) -> None:
    """pp-176, pp-289, pp-290: and it signs in and subscribes again by itself, so that events flow as before."""
    with ServerProcess(env=ENVIRONMENT) as old:
        async with play("pusher_js", "livesThroughARestart", old.wait_until_ready()) as story:
            await set_up(story)
            await hears_all(story, old.port)
            old.send_signal(ending)
            old.wait()
            with ServerProcess(env=ENVIRONMENT, port=old.port) as new:
                found, lost_at = await story.told("error")
                tried_at = await story.told("connecting")
                assert found == code
                assert window[0] <= tried_at - lost_at <= window[1]
                await set_up(story)
                await hears_all(story, new.port)


async def test_a_client_comes_back_each_second_until_there_is_room(play: Play) -> None:
    """pp-289: 4100, a server at its capacity."""
    with ServerProcess(env={**ENVIRONMENT, "REVERB_MAX_CONNECTIONS": "1"}) as server:
        target = Target(f"ws://127.0.0.1:{server.wait_until_ready().port}", {"MAIN": MAIN})
        async with target.client() as first, play("pusher_js", "livesThroughARestart", server) as story:
            refusals = [await story.told("error"), await story.told("error")]
            assert [code for code, _ in refusals] == [4100, 4100]
            assert LATER[0] <= refusals[1][1] - refusals[0][1] <= LATER[1]
            await first.aclose()
            await set_up(story)


async def test_a_terminated_client_stays_away(play: Play) -> None:
    """pp-289: 4009, told by `terminate_user_connections` of the Python library."""
    with ServerProcess(env=ENVIRONMENT) as server:
        async with play("pusher_js", "livesThroughARestart", server.wait_until_ready()) as story:
            await set_up(story)
            publisher(server.port).terminate_user_connections("100")
            code, _ = await story.told("error")
            assert code == 4009
            await story.told("disconnected")
            await story.tells_nothing(QUIET)
        assert server.output.count("New connection") == 1

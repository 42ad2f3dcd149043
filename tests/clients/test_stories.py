"""The official JavaScript libraries against a real server, one story each (pp 12.12, 12.18, 12.19).

The stories stand in `pusher_js.mjs`, `laravel_echo.mjs` and `pusher_node.mjs`; a test's id names the case's number.
"""

import json

import pytest

from reverb_py.conformance.target import Target
from tests.clients.conftest import Play
from tests.clients.laravel import Laravel
from tests.clients.relay import relay_to
from tests.clients.story import HERE
from tests.server_process import ServerProcess

PUSHER_JS = [
    ("pp-55", "staysConnectedByItsPings"),
    ("pp-116", "decrypts"),
    ("pp-169", "hearsWhatIsSentToItsUser"),
    ("pp-287", "subscribesToPublicPrivateAndPresence"),
]
PUSHER_NODE = [
    ("pp-292", "triggers"),
    ("pp-292", "triggersABatch"),
    ("pp-292", "excludesASocket"),
    ("pp-292", "asksAboutChannels"),
    ("pp-292", "terminatesAUser"),
]
LARAVEL_ECHO = [
    ("pp-299", "connectsToTheAppsPath"),
    ("pp-300", "listensToANameWithALeadingDot"),
    ("pp-301", "listensToAnEventClass"),
    ("pp-302", "whispers"),
    ("pp-303", "seesWhoIsHereJoinsAndLeaves"),
    ("pp-304", "decrypts"),
    ("pp-305", "isToldOfASubscription"),
    ("pp-305", "isToldWhenTheApplicationRefuses"),
    ("pp-306", "isToldWhenTheServerRefuses"),
    ("pp-307", "leavesTheVariantsThatItJoined"),
    ("pp-308", "stopsListeningWithoutAWord"),
    ("pp-309", "isLeftOutByToOthers"),
    ("pp-310", "hearsNotifications"),
    ("pp-311", "isToldOfACacheMiss"),
]
STORIES = {"pusher_js": PUSHER_JS, "pusher_node": PUSHER_NODE, "laravel_echo": LARAVEL_ECHO}


@pytest.mark.parametrize(
    ("file", "name"),
    [
        pytest.param(file, name, id=f"{number}-{file}-{name}")
        for file, stories in STORIES.items()
        for number, name in stories
    ],
)
async def test_the_story_ends_well(play: Play, file: str, name: str) -> None:
    async with play(file, name) as story:
        await story.ended()


def test_the_lock_pins_every_package_and_names_no_registry() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert {"node_modules/pusher-js", "node_modules/laravel-echo", "node_modules/pusher"} <= set(packages)
    assert [name for name, package in packages.items() if "integrity" not in package or "resolved" in package] == []


async def test_a_wrong_key_is_refused_once(play: Play, server: ServerProcess) -> None:
    """pp-288: pusher-js is told 4001, becomes `disconnected`, and never comes back."""
    async with play("pusher_js", "givesUpOnAWrongKey") as story:
        await story.ended()
    refusals = [line for line in server.output.splitlines() if "key-that-no-app-has" in line]
    assert len(refusals) == 1, server.output
    assert "Handshake refused: 4001" in refusals[0]


async def test_a_published_ciphertext_arrives_byte_for_byte(play: Play, target: Target, server: ServerProcess) -> None:
    """pp-115: what the node library encrypted is relayed as it was sent, with `nonce` and `ciphertext`."""
    async with target.client() as client, relay_to(server.port) as relay:
        await client.subscribed("private-encrypted-orders")
        async with play("pusher_node", "publishesEncrypted", relay=relay.port) as story:
            await story.ended()
        frame = await client.frame()
        assert frame["data"] == json.loads(relay.body)["data"]
        assert set(json.loads(frame["data"])) == {"nonce", "ciphertext"}


async def test_a_rotated_master_key_costs_one_more_authorization(play: Play, laravel: Laravel) -> None:
    """pp-117: pusher-js cannot decrypt, asks the application once more, and then can."""
    async with play("pusher_js", "asksAgainWhenTheMasterKeyWasRotated") as story:
        await story.ended()
    assert laravel.authorized.count("private-encrypted-rotated") == 2


async def test_a_user_info_of_true_is_accepted_and_told(play: Play, server: ServerProcess) -> None:
    """pp-313: a presence callback that returns `true` works, and the log says that it is a mistake."""
    async with play("laravel_echo", "joinsWhereTheCallbackReturnsTrue") as story:
        await story.ended()
    assert "the user_info of presence-yes-" in server.output

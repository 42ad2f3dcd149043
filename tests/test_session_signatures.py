"""Which refusals count as a failed signature: those of a stranger, and not the application's own mistakes."""

import json
from dataclasses import replace

import pytest

from reverb_py.hub.app import Apps, Credential
from tests.fakes import APP, Client, World

ANN = '{"user_id":"ann"}'


@pytest.fixture
def ann() -> Client:
    return World().client()


def subscribes(channel: str, auth: str | None, channel_data: str | None = None) -> str:
    data = {"channel": channel, "auth": auth, "channel_data": channel_data}
    return json.dumps({"event": "pusher:subscribe", "data": {name: text for name, text in data.items() if text}})


def signs_in(auth: str) -> str:
    return json.dumps({"event": "pusher:signin", "data": {"auth": auth, "user_data": '{"id":"ann"}'}})


@pytest.mark.parametrize(
    "text",
    [
        subscribes("private-x", None),
        subscribes("private-x", "no colon"),
        subscribes("private-x", "key:58df8b0c"),
        subscribes("presence-x", "key:58df8b0c", ANN),
        signs_in("no colon"),
        signs_in("other:58df8b0c"),
        signs_in("key:58df8b0c"),
    ],
)
def test_a_missing_or_wrong_signature_counts_each_time_and_is_answered(ann: Client, text: str) -> None:
    for times in range(1, 4):
        ann.session.receive(text)
        assert ann.failed_signatures == times
    assert ann.heard()[0]["event"] == "pusher:error"
    assert ann.goodbyes == []


def test_what_is_refused_for_another_reason_does_not_count(ann: Client) -> None:
    for text in ("nonsense", subscribes("a b", None), subscribes("#server-to-user-ann", None)):
        ann.session.receive(text)
    ann.subscribes("presence-x", "no JSON")
    ann.signs_in("no JSON either")
    ann.says("client-ev", {}, channel="private-x")
    assert (ann.failed_signatures, ann.connection.channels) == (0, {})


def test_what_is_right_does_not_count(ann: Client) -> None:
    ann.subscribes("private-x")
    ann.joins("presence-x", "ann")
    ann.signs_in('{"id":"ann"}')
    ann.signs_in('{"id":"ben"}')  # refused, and rightly signed
    assert ann.failed_signatures == 0
    assert ann.heard()[-1]["data"]["message"] == "This connection is signed in as another user"


def test_a_secret_that_a_client_sends_comes_back_to_nobody_nor_the_one_before_a_reload() -> None:
    old, new = "the-old-secret", "the-new-secret"
    world = World(app := replace(APP, credentials=(Credential("key", old),)))
    client = world.client()
    world.node.use(Apps([replace(app, credentials=(Credential("key", new),))]))
    for secret in (old, new):
        for auth in (secret, f"{secret}:x", f"key:{secret}"):
            client.subscribes("private-x", auth=auth)
            client.says("pusher:signin", {"auth": auth, "user_data": secret})
            world.clock.now += 1
    heard = json.dumps(client.heard())
    assert "but got <a secret>" in heard
    assert old not in heard
    assert new not in heard

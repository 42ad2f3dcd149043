"""What a signature fits that does not fit: tried, bounded, and told to the log."""

import pytest

from reverb_py.conformance.signing import channel_auth
from reverb_py.hub import facts
from tests.diagnosis.observed import Observed


@pytest.fixture
def world() -> Observed:
    return Observed()


@pytest.mark.parametrize(
    ("auth_of", "clause"),
    [
        (("key", "other-secret", "1.1", "private-a"), "it was signed with the secret of app 4"),
        (("key", '"hunter2"', "1.1", "private-a"), "it was signed with blanks or quotes around the secret"),
        (("key", "hunter2\n", "1.1", "private-a"), "it was signed with blanks or quotes around the secret"),
        (("key", "hunter2", "1.1", "a"), "it was signed for a, without the prefix"),
        (("key", "hunter2", "9.9", "private-a"), ""),
    ],
)
def test_a_refused_subscription_says_what_its_signature_fits(
    world: Observed, auth_of: tuple[str, str, str, str], clause: str
) -> None:
    world.client().subscribes("private-a", auth=channel_auth(*auth_of))
    (refused,) = world.told(facts.SubscriptionRefused)
    assert isinstance(refused, facts.SubscriptionRefused)
    assert refused.reason.partition("; ")[2] == clause


def test_a_signature_for_a_socket_that_closed_a_moment_ago_is_recognized(world: Observed) -> None:
    old = world.client()
    old.leaves()
    new = world.client()
    new.subscribes("private-a", auth=channel_auth("key", "hunter2", old.socket_id, "private-a"))
    (refused,) = world.told(facts.SubscriptionRefused)
    assert isinstance(refused, facts.SubscriptionRefused)
    assert f"it was signed for socket id {old.socket_id}, which closed a moment ago" in refused.reason


def test_a_presence_signature_without_its_channel_data_is_recognized(world: Observed) -> None:
    client = world.client()
    auth = channel_auth("key", "hunter2", client.socket_id, "presence-a")
    client.subscribes("presence-a", '{"user_id":"1"}', auth)
    (refused,) = world.told(facts.SubscriptionRefused)
    assert isinstance(refused, facts.SubscriptionRefused)
    assert refused.reason.endswith("it was signed without its channel_data")


def test_in_development_the_string_to_sign_is_shown(world: Observed) -> None:
    world.node.debug = True
    client = world.client()
    client.subscribes("private-a", auth="key:" + "0" * 64)
    (refused,) = world.told(facts.SubscriptionRefused)
    assert isinstance(refused, facts.SubscriptionRefused)
    assert refused.reason == f"Invalid signature: Expected HMAC SHA256 hex digest of {client.socket_id}:private-a"


def test_guesses_are_bounded_and_refusals_are_not(world: Observed) -> None:
    client = world.client()
    for _ in range(30):
        client.subscribes("private-a", auth=channel_auth("key", "other-secret", client.socket_id, "private-a"))
    reasons = [fact.reason for fact in world.told() if isinstance(fact, facts.SubscriptionRefused)]
    assert [("; it was" in reason) for reason in reasons] == [True] * 20 + [False] * 10

"""A tab of the walk notes whatever a server must not say: a walk that notes nothing would prove nothing."""

import json
from typing import Any

import pytest

from reverb_py.client.socket import Message
from tests.cluster.tabs import Life

CROWD = "presence-a"


def message(event: str, data: Any, channel: str = CROWD) -> Message:
    return Message(event, channel, json.dumps(data), f"{event} {data}")


def here(*users: str) -> Message:
    return message("pusher_internal:subscription_succeeded", {"presence": {"ids": users}})


def came(user: str) -> Message:
    return message("pusher_internal:member_added", {"user_id": user})


def went(user: str) -> Message:
    return message("pusher_internal:member_removed", {"user_id": user})


def event(number: int, stream: str = "0.1") -> Message:
    return message("numbered", [stream, number])


@pytest.mark.parametrize(
    ("heard", "wrong"),
    [
        ((here("ann"), came("bob"), went("ann"), came("ann")), []),
        ((here("ann"), came("ann")), ["ann was added to presence-a twice"]),
        ((here("ann"), went("bob")), ["bob was removed from presence-a, and was not there"]),
        ((here("ann", "ann"),), ["was told a member of presence-a twice: ['ann', 'ann']"]),
        ((here("ann"), event(1), event(3), event(2, "1.1")), []),
        ((here("ann"), event(1), event(1)), ["event 1 of 0.1 came to presence-a after 1"]),
        ((here("ann"), event(2), event(1)), ["event 1 of 0.1 came to presence-a after 2"]),
        ((here("ann"), event(7)), ["event 7 of 0.1 came to whom it excludes"]),
        ((event(1),), ["heard of presence-a before it was subscribed: numbered ['0.1', 1]"]),
        ((here("ann"), message("pusher:error", {})), ["was sent pusher:error {}"]),
    ],
)
def test_what_a_server_must_not_say_is_noted(heard: tuple[Message, ...], wrong: list[str]) -> None:
    life = Life(0, "1.1")
    life.barred.add(("0.1", 7))
    life.subscribe(CROWD, "ann")
    for each in heard:
        life.hear(each, {CROWD})
    assert life.wrong == wrong


def test_it_is_sure_of_a_subscription_only_when_the_newest_is_acknowledged() -> None:
    life = Life(0, "1.1")
    life.subscribe(CROWD, "ann")
    life.unsubscribe(CROWD)
    life.subscribe(CROWD, "ann")
    life.hear(here("ann"), {CROWD})
    assert life.sure == {}
    life.hear(here("ann"), {CROWD})
    assert list(life.sure) == [CROWD]
    life.unsubscribe(CROWD)
    assert life.sure == {}

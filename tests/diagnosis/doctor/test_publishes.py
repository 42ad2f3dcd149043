"""What the server's list of publishes says: strangers' requests are no problem of the app, its own publishers' are."""

import json
from email.utils import formatdate

import pytest

from reverb_py import codes
from reverb_py.diagnosis.doctor.channel import channel
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.target import Inquiry
from reverb_py.diagnosis.doctor.visit import Visit, surroundings
from tests.modes.responder import Asked, Reply, responder
from tests.modes.visiting import at

NOW = 1_700_000_000  # of the server, whose clock is not this machine's
CHANNEL = "private-mine"
LIBRARY = "pusher-http-php 7.2.7"


def refused(code: str | None, publisher: str, app: str = "100", time: float = NOW - 60) -> dict[str, object]:
    whose = {"app": app, "publisher": publisher, "code": code, "time": time}
    return {"id": "r1", "event": None, "channels": {}, "outcome": "refused", "status": 401, "text": "refused", **whose}


def accepted(time: float, channel: str = "news") -> dict[str, object]:
    channels = {channel: {"matched": 1}}
    return {"id": "1", "event": "e", "channels": channels, "publisher": LIBRARY, "app": "100", "time": time}


async def asked(
    *publishes: dict[str, object], refusals: list[dict[str, object]] | None = None, occupied: bool = True
) -> list[Finding]:
    """What the doctor finds of the channel, without the finding that it is occupied."""
    listed = {"publishes": list(publishes), "subscriptions_refused": refusals or []}

    def answer(request: Asked) -> Reply:
        if request.path.endswith("/publishes"):
            return Reply(200, json.dumps(listed), {"Date": formatdate(NOW, usegmt=True)})
        if request.path.endswith("/channels"):
            return Reply(200, '{"channels":{}}')
        return Reply(200, json.dumps({"occupied": occupied, "subscription_count": 1}))

    async with responder(answer) as port:
        visit = Visit(at(port), Inquiry(channel=CHANNEL, timeout=1), surroundings({}), accepts=True)
        return [each async for each in channel(visit) if each.check != "channel"]


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        pytest.param(refused("RVB302", LIBRARY), Status.FAIL, id="a library"),
        pytest.param(refused("RVB613", "reverb-py 1.0"), Status.FAIL, id="our own"),
        pytest.param(refused("RVB211", LIBRARY), Status.FAIL, id="a library whose query is dropped"),
        pytest.param(refused("RVB302", "my-script"), Status.FAIL, id="signed"),
        pytest.param(refused("RVB204", "python-requests"), Status.WARN, id="a redirect"),
        pytest.param(refused("RVB211", "python-requests"), None, id="unsigned"),
        pytest.param(refused(None, "Mozilla/5.0"), None, id="no code"),
        pytest.param(refused("RVB301", LIBRARY, "wp-admin"), Status.WARN, id="a library, another app"),
        pytest.param(refused("RVB301", "Mozilla/5.0", "wp-admin"), None, id="a stranger, another app"),
        pytest.param(refused("RVB302", "Mozilla/5.0", "wp-admin"), None, id="signed for another app"),
    ],
)
async def test_who_was_refused_decides_how_much_it_counts(refusal: dict[str, object], status: Status | None) -> None:
    found = [each for each in await asked(refusal) if "this server" not in each.title or each.code is codes.UNKNOWN_APP]
    assert next((each.status for each in found), None) == status


@pytest.mark.parametrize(("at", "status"), [(NOW - 30, Status.WARN), (NOW - 90, Status.FAIL)])
async def test_a_publish_that_was_accepted_since_takes_the_weight_of_a_refusal(at: float, status: Status) -> None:
    first = next(each for each in await asked(refused("RVB302", LIBRARY), accepted(at)) if "refused" in each.title)
    assert (first.status, first.title) == (status, "Publishes of this app are refused, 1 of the last 2")


async def test_after_an_event_for_the_channel_an_older_refusal_says_nothing() -> None:
    (seen,) = await asked(accepted(NOW - 30, CHANNEL), refused("RVB302", LIBRARY))
    assert seen.status is Status.PASS


async def test_the_publisher_that_is_refused_since_the_last_event_is_named() -> None:
    first = (await asked(refused("RVB302", LIBRARY), accepted(NOW - 90, CHANNEL)))[0]
    assert (first.status, first.code) == (Status.FAIL, codes.WRONG_SECRET)


@pytest.mark.parametrize(
    ("occupied", "age", "status"),
    [(False, 10, Status.FAIL), (True, 10, Status.WARN), (False, 301, None), (True, 301, None)],
)
async def test_a_refused_subscription_counts_while_it_is_young(occupied: bool, age: float, status: object) -> None:
    refusal = {"channel": CHANNEL, "code": "RVB603", "time": NOW - age, "text": "refused"}
    found = await asked(accepted(NOW - 5, CHANNEL), refusals=[refusal], occupied=occupied)
    assert next((each.status for each in found if each.check == "channel.refused"), None) == status

"""What loopback and silence mean, judged from what was counted."""

import pytest

from reverb_py import codes
from reverb_py.codes import Code
from reverb_py.diagnosis.doctor import loopback, soak
from reverb_py.diagnosis.doctor.finding import Status
from reverb_py.diagnosis.doctor.loopback import PUBLISHES, SOCKETS, Round
from reverb_py.diagnosis.doctor.soak import Silence


def around(missing: int) -> Round:
    sent = dict.fromkeys(range(PUBLISHES), 0.0)
    arrived = {(at, number): 5.0 for at in range(SOCKETS) for number in range(PUBLISHES)}
    return Round(sent=sent, arrived=dict(list(arrived.items())[missing:]))


def test_all_that_was_published_arrived() -> None:
    finding = loopback.judged(around(missing=0))
    assert (finding.status, finding.milliseconds) == (Status.PASS, 5.0)
    assert finding.title.startswith("32 of 32")


@pytest.mark.parametrize("missing", [1, 16, 32])
def test_one_that_misses_is_enough(missing: int) -> None:
    finding = loopback.judged(around(missing))
    assert finding.code is codes.NODES_APART
    assert f"{32 - missing} of 32" in finding.title


def test_a_refused_publish_is_no_loss() -> None:
    refused = around(missing=8)
    refused.refusals.append(("413 'Payload too large.'", codes.TOO_LARGE))
    assert loopback.judged(refused).code is codes.TOO_LARGE


@pytest.mark.parametrize(
    ("close", "status", "code"),
    [
        (None, Status.PASS, None),
        (1006, Status.FAIL, codes.IDLE_PROXY),
        (4201, Status.FAIL, codes.PING_FLAVOUR),
        (4200, Status.WARN, codes.DEPLOY_CUTS),
        (1012, Status.WARN, codes.DEPLOY_CUTS),
    ],
)
def test_the_end_of_silence_has_a_reason(close: int | None, status: Status, code: Code | None) -> None:
    finding = soak.judged(Silence(60.2, 0, close))
    assert (finding.status, finding.code) == (status, code)
    assert "60 s" in finding.title

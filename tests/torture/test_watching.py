"""What watches the attacks would notice: a lost event, one out of order, a secret in an answer, growing memory."""

import pytest

from reverb_py.conformance.client import Client, Frame
from reverb_py.conformance.target import Target
from reverb_py.conformance.wire import Opcode, close_payload
from tests.torture import watching
from tests.torture.clients import close_of
from tests.torture.proc import MB
from tests.torture.rows import Row
from tests.torture.soak import Sample, judged, slope
from tests.torture.stream import Bystander
from tests.torture.watching import APP, SECRET, Watched, server


class Scripted(Client):
    """A client to whom the server sends events with these numbers."""

    def __init__(self, *numbers: int) -> None:
        self._numbers = iter(numbers)

    async def frame(self, seconds: float = 0.0) -> Frame:
        return {"event": "numbered", "data": str(next(self._numbers, "nothing more"))}


@pytest.mark.parametrize("numbers", [(0, 2), (0, 0), (1, 0), (0, 1)])
async def test_a_bystander_notices_what_is_missing_doubled_out_of_order_or_not_sent(numbers: tuple[int, ...]) -> None:
    with pytest.raises(AssertionError, match="where"):
        await Bystander(Scripted(*numbers)).listen()


def test_a_secret_in_an_answer_is_noticed() -> None:
    with server() as process:
        watched = Watched(process, Target("ws://localhost", {"MAIN": APP}), Row("", ""))
        watched.says_no_secret()
        watched.heard += SECRET.encode()
        with pytest.raises(AssertionError):
            watched.says_no_secret()


async def test_descriptors_that_do_not_come_back_are_named_by_their_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "BACK", 0.2)
    async with watching.watched(Row("", "")) as found:
        stay = [await found.dial() for _ in range(3)]
        one = stay[0][1].get_extra_info("sockname")[1]
        with pytest.raises(AssertionError, match=rf"descriptors should be .* connected: .*\b{one} \(01\)"):
            await found.unharmed()
        for _, writer in stay:
            writer.transport.abort()


def test_a_close_frame_is_found_at_the_end_and_nowhere_else() -> None:
    payload = close_payload(4200, "bye")
    frame = bytes([0x80 | Opcode.CLOSE, len(payload)]) + payload
    assert close_of(b"\x81\x02{}" + frame) == (4200, "bye")
    assert close_of(frame[:-1]) is None
    assert close_of(b"\x81\x02{}") is None


@pytest.mark.parametrize(("growth", "expected"), [(0, 0.0), (MB, 12.0)])
def test_the_slope_is_in_megabytes_a_minute(growth: int, expected: float) -> None:
    samples = [Sample(5.0 * number, 50 * MB + growth * number, 20) for number in range(10)]
    assert slope(samples) == pytest.approx(expected)


@pytest.mark.parametrize(("seconds", "first"), [(60, None), (120, 90.0), (180, 90.0), (600, 300.0)])
def test_memory_is_judged_in_the_second_half_and_not_while_stores_fill(seconds: int, first: float | None) -> None:
    late = judged([Sample(float(second), 50 * MB, 20) for second in range(0, seconds, 5)])
    assert (late[0].seconds if late else None) == first

"""The suite itself: it must see what it looks for, and must not pass what it did not see."""

import asyncio
from dataclasses import replace

import pytest

from reverb_py.conformance import all_cases
from reverb_py.conformance.case import Case, NotApplicable, case
from reverb_py.conformance.runner import Verdict, run, run_case
from reverb_py.conformance.selection import select
from reverb_py.conformance.target import Target, TargetApp
from reverb_py.conformance.verify import Deviation, equal
from reverb_py.conformance.wire import FrameReader, Opcode, WireFrame, client_frame
from tests.server_process import free_port


def nobody() -> Target:
    """A target at which nobody listens."""
    return Target(f"ws://127.0.0.1:{free_port()}", {"MAIN": TargetApp("1", "key", "secret")})


def made(body: object, *, apps: tuple[str, ...] = (), own: bool = False, slow: bool = False) -> Case:
    """A case that is not in the registry."""
    assert callable(body)
    return Case(("pp-1",), "a sentence", body, apps, own, slow, patience=0.2)


async def passes(target: Target) -> None:
    return


async def deviates(target: Target) -> None:
    equal(1, 2, "a number")


async def deviates_in_a_group(target: Target) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(deviates(target))


async def is_not_applicable(target: Target) -> None:
    raise NotApplicable("no such thing")


async def hangs(target: Target) -> None:
    await asyncio.Event().wait()


async def stumbles(target: Target) -> None:
    int("no number")


STUMBLED = """an answer of a shape that the case does not know: \
ValueError("invalid literal for int() with base 10: 'no number'")"""


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("tried", "verdict", "text"),
    [
        (made(passes), Verdict.PASSED, ""),
        (made(deviates), Verdict.DEVIATES, "a number: expected 2, got 1"),
        (made(deviates_in_a_group), Verdict.DEVIATES, "a number: expected 2, got 1"),
        (made(hangs), Verdict.DEVIATES, "stuck: not done within 0.2 s"),
        (made(stumbles), Verdict.DEVIATES, STUMBLED),
        (made(is_not_applicable), Verdict.NOT_SHOWN, "no such thing"),
        (made(passes, apps=("Q1",)), Verdict.NOT_SHOWN, "needs an app with other settings: Q1"),
        (made(passes, own=True), Verdict.NOT_SHOWN, "needs to start and stop the server itself"),
    ],
)
async def test_a_verdict_says_what_came_of_the_case(tried: Case, verdict: Verdict, text: str) -> None:
    result = await run_case(tried, nobody())
    assert (result.verdict, result.text) == (verdict, text)


@pytest.mark.asyncio
async def test_results_are_in_the_order_of_the_cases_though_slow_ones_end_last() -> None:
    cases = [made(hangs, slow=True), made(passes), made(deviates)]
    results = await run(cases, nobody())
    assert [result.case for result in results] == cases


@pytest.mark.asyncio
async def test_no_case_passes_where_nobody_listens() -> None:
    target = nobody()
    everything = dict.fromkeys({name for each in all_cases() for name in each.apps}, target.apps["MAIN"])
    target.apps.update(everything)
    impatient = [replace(each, patience=1.0) for each in all_cases()]
    results = await asyncio.gather(*(run_case(each, target) for each in impatient))
    assert [result.case.id for result in results if result.verdict is Verdict.PASSED] == []


@pytest.mark.parametrize(
    ("only", "ids"),
    [
        ("", ["pp-1", "pp-2+rb-5", "rb-7"]),
        ("pp-1", ["pp-1"]),
        ("rb-5", ["pp-2+rb-5"]),
        ("rb-5,pp-2", ["pp-2+rb-5"]),
        ("pp-1..9, rb-7", ["pp-1", "pp-2+rb-5", "rb-7"]),
        ("rb", ["pp-2+rb-5", "rb-7"]),
    ],
)
def test_a_selection_names_cases_by_number_range_and_list(only: str, ids: list[str]) -> None:
    numbers = (("pp-1",), ("pp-2", "rb-5"), ("rb-7",))
    cases = [Case(each, "a sentence", passes, (), False, False, 1) for each in numbers]
    assert [found.id for found in select(cases, only)] == ids


@pytest.mark.parametrize("only", ["pp-3", "pp-3..9", "56", "pp-", "nonsense"])
def test_a_selection_of_nothing_is_an_error(only: str) -> None:
    with pytest.raises(ValueError, match="case"):
        select([made(passes)], only)


@pytest.mark.parametrize("numbers", [(), ("56",), ("pp-x",), ("pp-1", "xx-2")])
def test_a_case_without_a_proper_number_cannot_be_registered(numbers: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="numbers like pp-56"):
        case(*numbers)


def test_a_case_without_a_sentence_cannot_be_registered() -> None:
    with pytest.raises(ValueError, match="sentence"):
        case("pp-1")(passes)


@pytest.mark.parametrize(("actual", "expected"), [(True, 1), (1, 1.0), ({"a": [1]}, {"a": [True]}), ("1", 1)])
def test_values_of_different_types_are_not_equal(actual: object, expected: object) -> None:
    with pytest.raises(Deviation):
        equal(actual, expected)


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_frame_is_read_back_in_any_cut(size: int) -> None:
    unmasked = client_frame(b"x" * size, Opcode.BINARY, masked=False)
    reader = FrameReader()
    frames = [frame for byte in unmasked for frame in reader.feed(bytes([byte]))]
    assert frames == [WireFrame(Opcode.BINARY, b"x" * size)]


@pytest.mark.parametrize(
    ("raw", "text"),
    [(client_frame(b"x"), "masked"), (b"\xc1\x00", "reserved bits"), (b"\x83\x00", "opcode 3")],
    ids=["masked", "reserved bits", "opcode 3"],
)
def test_a_server_that_breaks_the_framing_is_found_out(raw: bytes, text: str) -> None:
    with pytest.raises(Deviation, match=text):
        FrameReader().feed(raw)

"""The RVB codes: every one once, in its hop, with what to do."""

import re
from collections import Counter

import pytest

from reverb_py import codes
from reverb_py.codes import CODES, Code, Hop


def test_there_are_the_65_modes_of_the_catalogue() -> None:
    assert Counter(code.id[3] for code in CODES.values()) == {"1": 12, "2": 15, "3": 10, "4": 9, "5": 6, "6": 13}
    assert list(CODES) == sorted(CODES)


def test_no_code_stands_for_two_things() -> None:
    named = [value for value in vars(codes).values() if isinstance(value, Code)]
    assert len(named) == len(CODES)


@pytest.mark.parametrize("code", CODES.values(), ids=str)
def test_a_code_says_what_is_wrong_and_what_to_do(code: Code) -> None:
    assert re.fullmatch(r"RVB[1-6]\d\d", str(code))
    assert re.fullmatch(r"[A-Z].*[^.]", code.title)  # a sentence that goes on: "…. The fix."
    for text in (code.cause, code.seen, code.fix):
        assert re.fullmatch(r"[A-Za-z].*\.", text)


@pytest.mark.parametrize(
    ("code", "hop"),
    [
        (codes.BROADCASTS_DISCARDED, Hop.FIRE),
        (codes.WORKER_DIFFERS, Hop.QUEUE),
        (codes.NOT_BROADCAST, Hop.FIRE),
        (codes.TLS_TO_PLAIN, Hop.PUBLISH),
        (codes.WRONG_SECRET, Hop.PUBLISH),
        (codes.PREFIX_DIFFERS, Hop.MATCH),
        (codes.ECHO_NAMESPACE, Hop.HANDLE),
        (codes.UNKNOWN_KEY, Hop.DELIVER),
    ],
    ids=str,
)
def test_a_code_belongs_to_the_hop_at_which_the_event_is_lost(code: Code, hop: Hop) -> None:
    assert code.hop is hop

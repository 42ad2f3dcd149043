"""The RVB codes: every one once, in its hop, with what to do."""

import re

import pytest

from reverb_py import codes
from reverb_py.codes import Code

ALL = {name: value for name, value in vars(codes).items() if isinstance(value, Code)}


def test_no_code_stands_for_two_things() -> None:
    ids = [code.id for code in ALL.values()]
    assert len(ids) == len(set(ids)) > 10


@pytest.mark.parametrize("code", ALL.values(), ids=str)
def test_a_code_says_what_is_wrong_and_what_to_do(code: Code) -> None:
    assert re.fullmatch(r"RVB[2346]\d\d", str(code))
    assert re.fullmatch(r"[A-Z].*[^.]", code.title)  # a sentence that goes on: "…. The fix."
    assert re.fullmatch(r"[A-Z].*\.", code.fix)

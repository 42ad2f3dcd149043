"""The page of all codes tells the truth: what is shown, by whom, and why the rest is not."""

import pytest

from reverb_py.codes import CODES
from tests.modes.table import NOT_SHOWN, PAGE, SEEN_BY, collected, page


@pytest.fixture(scope="module")
def found() -> dict[str, list[tuple[str, list[str]]]]:
    return collected()


def test_the_page_is_up_to_date(found: dict[str, list[tuple[str, list[str]]]]) -> None:
    assert PAGE.read_text() == page(found), "run: python -m tests.modes.table"


def test_every_code_has_a_test_or_a_reason_and_none_has_both(found: dict[str, list[tuple[str, list[str]]]]) -> None:
    assert set(found) | set(NOT_SHOWN) == set(CODES)
    assert set(found) & set(NOT_SHOWN) == set()


def test_every_mark_says_who_names_the_code(found: dict[str, list[tuple[str, list[str]]]]) -> None:
    marked = [(code, names) for code, tests in found.items() for _, names in tests]
    assert [each for each in marked if not each[1] or set(each[1]) - set(SEEN_BY)] == []

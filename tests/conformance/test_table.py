"""Every number of both checklists is tested, or it is said why not."""

from tests.conformance.table import LAST, NOT_YET, README, places, text, untested


def test_every_number_has_a_test_or_a_reason() -> None:
    assert untested() == []


def test_no_number_has_both() -> None:
    """Except where a part is shown: nothing may be called untested that is tested."""
    known = places()
    excused = [
        f"{family}-{number}"
        for family, ranges in NOT_YET.items()
        for (first, last), _ in ranges
        for number in range(first, last + 1)
    ]
    assert [number for number in excused if number in known] == []


def test_no_test_names_a_number_that_does_not_exist() -> None:
    strange = [each for each in places() if not 1 <= int(each[3:]) <= LAST[each[:2]]]
    assert strange == []


def test_the_table_is_up_to_date() -> None:
    assert README.read_text() == text(), "run: python -m tests.conformance.table"

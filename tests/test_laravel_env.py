"""Env files and values are read as phpdotenv and Laravel's env() read them."""

import pytest

from reverb_py.laravel_env import Value, parse, value


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("true", True),
        ("(true)", True),
        ("TRUE", True),
        ("false", False),
        ("(False)", False),
        ("null", None),
        ("(null)", None),
        ("empty", ""),
        ("(EMPTY)", ""),
        ("", ""),
        ("1", "1"),
        ("trueish", "trueish"),
        ('"abc"', "abc"),
        ("'abc'", "abc"),
        ("''abc''", "'abc'"),
        ("\"abc'", "\"abc'"),
        ('"true"', "true"),
        ('"', '"'),
        (" true", " true"),
    ],
)
def test_a_value_becomes_what_laravel_makes_of_it(text: str, read: Value) -> None:
    assert value(text) == read
    assert type(value(text)) is type(read)


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("A=b", {"A": "b"}),
        ("A = b", {"A": "b"}),
        ("  A=b  ", {"A": "b"}),
        ("export A=b", {"A": "b"}),
        ("A=", {"A": ""}),
        ("A", {}),
        ("# A=b", {}),
        ("A=b # comment", {"A": "b"}),
        ("A=b#comment", {"A": "b"}),
        ('A="b # c"', {"A": "b # c"}),
        ('A="b" # c', {"A": "b"}),
        ("A='b # c'", {"A": "b # c"}),
        ("A='b\\n${B}'", {"A": "b\\n${B}"}),
        ('A="b\\nc"', {"A": "b\nc"}),
        ('A="say \\"hi\\""', {"A": 'say "hi"'}),
        ('A="a\\\\b"', {"A": "a\\b"}),
        ('A="\\$B"', {"A": "$B"}),
        ("A=b\\nc", {"A": "b\\nc"}),
        ("A=base64:abc/def+g==", {"A": "base64:abc/def+g=="}),
        ("A=$PORT", {"A": "$PORT"}),
        ("A=1\nA=2", {"A": "2"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("\ufeffA=1", {"A": "1"}),
        ("A=1\nB=${A}2", {"A": "1", "B": "12"}),
        ('A=1\nB="x${A}y"', {"A": "1", "B": "x1y"}),
        ("B=${A}\nA=1", {"B": "${A}", "A": "1"}),
        ('A="one\ntwo"\nB=3', {"A": "one\ntwo", "B": "3"}),
        ('A="one\n# no comment\ntwo" # comment', {"A": "one\n# no comment\ntwo"}),
        ('VITE_REVERB_APP_KEY="${REVERB_APP_KEY}"', {"VITE_REVERB_APP_KEY": "${REVERB_APP_KEY}"}),
    ],
)
def test_a_file_is_read_as_phpdotenv_reads_it(line: str, values: dict[str, str]) -> None:
    read = parse(line)
    assert read.values == values
    assert read.problems == ()


def test_what_is_set_already_wins_in_a_reference() -> None:
    assert parse("A=file\nB=${A}", {"A": "environment"}).values == {"A": "file", "B": "environment"}


@pytest.mark.parametrize(
    ("text", "number", "name"),
    [
        ("OK=1\nA=b c", 2, "A"),
        ('A="b', 1, "A"),
        ("A='b", 1, "A"),
        ('A="b" c', 1, "A"),
        ('A="\\x"', 1, "A"),
        ("A-B=c", 1, ""),
        ("REVERB_APP-KEY=c", 1, "REVERB_APP"),
        ("REVERB_A b=c", 1, "REVERB_A"),
        ("=c", 1, ""),
    ],
)
def test_a_line_that_phpdotenv_refuses_is_told_by_its_number(text: str, number: int, name: str) -> None:
    read = parse(text)
    assert [(problem.line, problem.name) for problem in read.problems] == [(number, name)]
    assert name not in read.values


def test_lines_around_a_quote_that_is_never_closed_are_read() -> None:
    read = parse('A=1\nB="two\nC=3\n')
    assert read.values == {"A": "1", "C": "3"}
    assert [problem.line for problem in read.problems] == [2]


@pytest.mark.parametrize(
    "text", ["SECRET=hunter2 hunter2", "KEY=-----BEGIN\nhunter2/hunter2==\n", "A=1\nhunter2+hunter2"]
)
def test_a_problem_never_shows_the_value_or_a_line_of_it(text: str) -> None:
    problems = parse(text).problems
    assert problems
    assert "hunter2" not in repr(problems)

"""A member's text is the sender's own, byte for byte."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverb_py.protocol.json_text import member_text

SPACE = st.text(" \t\n\r", max_size=3)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"data":1.0}', "1.0"),
        ('{"data":12345678901234567890123}', "12345678901234567890123"),
        ('{"data":1e2}', "1e2"),
        ('{"data":-0}', "-0"),
        ('{"data":{}}', "{}"),
        ('{"data":[]}', "[]"),
        ('{"data":{"b":1,"a":2}}', '{"b":1,"a":2}'),
        ('{"data": {"a" : 1 } , "x": 2}', '{"a" : 1 }'),
        (r'{"data":"\u00e9\/"}', r'"\u00e9\/"'),
        (r'{"data":["}","\"","\\"]}', r'["}","\"","\\"]'),
        ('{"data":"\u2028é😀"}', '"\u2028é😀"'),
        ('{"data":null}', "null"),
        (r'{"d\u0061ta":1}', "1"),
        ('{"data":1,"data":2}', "2"),
        ('{"x":{"data":1}}', None),
        ('{"x":"data"}', None),
        ("{}", None),
        (" { } ", None),
        ('\n{\r"x"\t:\n1\r,\t"data"\n:\r2\t}\n', "2"),
    ],
)
def test_the_text_is_as_it_was_written(text: str, found: str | None) -> None:
    orjson.loads(text)  # it is asked about what was parsed before only
    assert member_text(text, "data") == found


@st.composite
def objects(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    """The text of an object, and the text of each of its members; spaces and escapes as anybody may write them."""
    members: dict[str, str] = {}
    parts = []
    for name in draw(st.lists(st.text(max_size=5), max_size=5)):
        value = json.dumps(draw(VALUE), ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1])))
        before, within, after, last = draw(SPACE), draw(SPACE), draw(SPACE), draw(SPACE)
        key = json.dumps(name, ensure_ascii=draw(st.booleans()))
        parts.append(f"{before}{key}{within}:{after}{value}{last}")
        members[name] = value
    return f"{draw(SPACE)}{{{','.join(parts) or draw(SPACE)}}}{draw(SPACE)}", members


@given(objects())
def test_every_member_of_any_object_is_found_and_nothing_else(written: tuple[str, dict[str, str]]) -> None:
    text, members = written
    assert {name: member_text(text, name) for name in members} == members
    assert member_text(text, "a name that is longer") is None


@pytest.mark.parametrize("depth", [20, 400])
def test_a_nested_value_is_found(depth: int) -> None:
    value = "[" * depth + "]" * depth
    assert member_text(f'{{"data":{value}}}', "data") == value


def test_what_is_nested_too_deeply_is_said() -> None:
    value = "[" * 100_000 + "]" * 100_000
    with pytest.raises(RecursionError):
        member_text(f'{{"data":{value}}}', "data")


def test_the_members_name_is_not_looked_for_inside_strings() -> None:
    assert member_text(json.dumps({"x": '","data":1,"'}), "data") is None

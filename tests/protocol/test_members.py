"""Who somebody is, read from signed text: ids as strings, the application's JSON as it wrote it."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reverb_py.protocol.errors import PusherError
from reverb_py.protocol.members import Member, User, parse_member, parse_user

DEEP = "[" * 1_010 + "]" * 1_010  # orjson takes it, the scanner of Python 3.11 does not


@pytest.mark.parametrize(
    ("channel_data", "member"),
    [
        ('{"user_id":"u1","user_info":{"name":"Ann"}}', Member("u1", b'{"name":"Ann"}')),
        ('{"user_id":"u1"}', Member("u1", b"null")),
        ('{"user_id":"u1","user_info":null}', Member("u1", b"null")),
        ('{"user_id":10,"user_info":{}}', Member("10", b"{}")),
        ('{"user_id":0}', Member("0")),
        ('{"user_id":-1}', Member("-1")),
        ('{"user_id":1.0}', Member("1.0")),
        ('{"user_id":12345678901234567890123}', Member("12345678901234567890123")),
        ('{"user_id":"0"}', Member("0")),
        ('{"user_id":"Ann Lee é 😀"}', Member("Ann Lee é 😀")),
        ('{"user_id":"u1","user_info":true}', Member("u1", b"true")),
        ('{"user_id":"u1","user_info":"x"}', Member("u1", b'"x"')),
        ('{"user_id":"u1","user_info":[1]}', Member("u1", b"[1]")),
        (r'{"user_id":"u1","user_info":{"name":"\u00e9\/"}}', Member("u1", rb'{"name":"\u00e9\/"}')),
        ('{"user_id":"u1","user_info":{"é" : "😀"}}', Member("u1", '{"é" : "😀"}'.encode())),
        (' {"more":[1], "user_info" : { "b":1,\n"a":2 } ,"user_id":"u1"} ', Member("u1", b'{ "b":1,\n"a":2 }')),
    ],
)
def test_a_member_has_a_string_for_an_id_and_the_applications_own_json(channel_data: str, member: Member) -> None:
    assert parse_member(channel_data) == member


@pytest.mark.parametrize(
    ("channel_data", "message"),
    [
        ("", "it is not JSON"),
        ("{{", "it is not JSON"),
        ("[]", "it is not a JSON object"),
        ('"u1"', "it is not a JSON object"),
        ("5", "it is not a JSON object"),
        ("{}", "user_id must be"),
        ('{"user_id":null}', "user_id must be"),
        ('{"user_id":""}', "user_id must be"),
        ('{"user_id":true}', "user_id must be"),
        ('{"user_id":false}', "user_id must be"),
        ('{"user_id":{}}', "user_id must be"),
        ('{"user_id":["u1"]}', "user_id must be"),
    ],
)
def test_a_member_without_a_usable_id_is_refused(channel_data: str, message: str) -> None:
    with pytest.raises(PusherError, match=message):
        parse_member(channel_data)


@pytest.mark.parametrize(
    ("user_data", "user"),
    [
        ('{"id":"12345"}', User("12345")),
        (
            '{"id":"u1","user_info":{"name":"Ann"},"watchlist":["u2","u3"]}',
            User("u1", b'{"name":"Ann"}'),
        ),
        ('{"id":"ann@example.com","user_info":null}', User("ann@example.com", b"null")),
    ],
)
def test_a_user_has_an_id_that_fits_into_a_channels_name(user_data: str, user: User) -> None:
    assert parse_user(user_data) == user


@pytest.mark.parametrize(
    ("user_data", "message"),
    [
        ("{{", "it is not JSON"),
        ("[]", "it is not a JSON object"),
        ("{}", "id must be"),
        ('{"id":""}', "id must be"),
        ('{"id":5}', "id must be"),
        ('{"id":null}', "id must be"),
        ('{"id":"a b"}', "id must be"),
        ('{"id":"a:b"}', "id must be"),
        ('{"id":"%s"}' % ("x" * 129), "id must be"),
    ],
)
def test_a_user_whom_pusher_js_would_not_take_is_refused(user_data: str, message: str) -> None:
    with pytest.raises(PusherError, match=message):
        parse_user(user_data)


def test_a_signed_in_user_joins_under_its_own_id_and_info() -> None:
    assert User("u1", b'{"name":"Ann"}').as_member() == Member("u1", b'{"name":"Ann"}')


FIELDS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ["id", "user_id", "user_info"],
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()),
    ),
)


@given(st.text() | FIELDS.map(json.dumps))
@example("\ud800")
@example(f'{{"id":"u1","user_id":"u1","user_info":{DEEP}}}')
@example(f'{{"id":"u1","user_id":1,"user_info":{DEEP}}}')
@example(f'{{"id":"u1","user_id":1,"more":{DEEP}}}')
def test_no_signed_text_raises_anything_but_pusher_error(text: str) -> None:
    for parse in (parse_member, parse_user):
        try:
            parse(text)
        except PusherError:
            continue


@given(st.integers() | st.text(min_size=1))
def test_the_id_of_a_member_is_the_decimal_text_of_a_number_and_a_text_itself(user_id: int | str) -> None:
    assert parse_member(json.dumps({"user_id": user_id})).user_id == str(user_id)

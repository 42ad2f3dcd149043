"""What is sent: compared as JSON, with `data` a string in everything but `pusher:error`."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverb_py.protocol import messages
from reverb_py.protocol.errors import ErrorCode

Message = dict[str, Any]


def read(payload: bytes) -> Message:
    message = json.loads(payload.decode())
    assert isinstance(message, dict)
    return message


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (
            messages.connection_established("3363.1846347", 30),
            {
                "event": "pusher:connection_established",
                "data": '{"socket_id":"3363.1846347","activity_timeout":30}',
            },
        ),
        (messages.PONG, {"event": "pusher:pong", "data": "{}"}),
        (
            messages.error("Rate limit exceeded", ErrorCode.RATE_LIMITED),
            {"event": "pusher:error", "data": {"code": 4301, "message": "Rate limit exceeded"}},
        ),
        (
            messages.error('Not "JSON"\n', None),
            {"event": "pusher:error", "data": {"code": None, "message": 'Not "JSON"\n'}},
        ),
        (
            messages.subscription_succeeded("my-channel"),
            {"event": "pusher_internal:subscription_succeeded", "channel": "my-channel", "data": "{}"},
        ),
        (
            messages.subscription_succeeded("#server-to-user-7"),
            {"event": "pusher_internal:subscription_succeeded", "channel": "#server-to-user-7", "data": "{}"},
        ),
        (
            messages.cache_miss("cache-x"),
            {"event": "pusher:cache_miss", "channel": "cache-x", "data": "{}"},
        ),
        (
            messages.presence_succeeded("presence-x", {"u1": b'{"name":"A"}', "u2": b"null"}),
            {
                "event": "pusher_internal:subscription_succeeded",
                "channel": "presence-x",
                "data": '{"presence":{"count":2,"ids":["u1","u2"],"hash":{"u1":{"name":"A"},"u2":null}}}',
            },
        ),
        (
            messages.presence_succeeded("presence-x", {"0": b"{}", "1": b"[]", "2": b"true"}),
            {
                "event": "pusher_internal:subscription_succeeded",
                "channel": "presence-x",
                "data": '{"presence":{"count":3,"ids":["0","1","2"],"hash":{"0":{},"1":[],"2":true}}}',
            },
        ),
        (
            messages.presence_succeeded("presence-x", {}),
            {
                "event": "pusher_internal:subscription_succeeded",
                "channel": "presence-x",
                "data": '{"presence":{"count":0,"ids":[],"hash":{}}}',
            },
        ),
        (
            messages.member_added("presence-x", "u3", b'{"name":"C", "n":1.0}'),
            {
                "event": "pusher_internal:member_added",
                "channel": "presence-x",
                "data": '{"user_id":"u3","user_info":{"name":"C", "n":1.0}}',
            },
        ),
        (
            messages.member_removed("presence-x", "u3"),
            {"event": "pusher_internal:member_removed", "channel": "presence-x", "data": '{"user_id":"u3"}'},
        ),
        (
            messages.signin_success('{"id": "u1"}'),
            {"event": "pusher:signin_success", "data": r'{"user_data":"{\"id\": \"u1\"}"}'},
        ),
        (
            messages.event("order.shipped", "private-x", '{"id":1}'),
            {"event": "order.shipped", "channel": "private-x", "data": '{"id":1}'},
        ),
        (
            messages.member_event("client-typing", "presence-x", '{"t":1}', "u1"),
            {"event": "client-typing", "channel": "presence-x", "data": '{"t":1}', "user_id": "u1"},
        ),
    ],
)
def test_a_message_is_as_documented_data_byte_for_byte(payload: bytes, message: Message) -> None:
    assert read(payload) == message


def test_a_refused_subscription_is_said_under_both_names() -> None:
    both = messages.subscription_error("private-x", "AuthError", "Connection is unauthorized", 401)
    data = '{"type":"AuthError","error":"Connection is unauthorized","status":401}'
    assert [read(each) for each in both] == [
        {"event": "pusher:subscription_error", "channel": "private-x", "data": data},
        {"event": "pusher_internal:subscription_error", "channel": "private-x", "data": data},
    ]


@pytest.mark.parametrize("code", ErrorCode)
def test_a_code_is_a_number_in_the_json(code: ErrorCode) -> None:
    """A string would be a ClassCastException in Java."""
    assert type(read(messages.error("no", code))["data"]["code"]) is int


@pytest.mark.parametrize("data", ["not json", '"quoted"', "123", "", "\u2028 😀 \x00 </script>", '{"a":1.0}'])
def test_the_data_of_an_event_arrives_unchanged(data: str) -> None:
    assert read(messages.event("e", "my-channel", data))["data"] == data


@pytest.mark.parametrize("name", ["App\\Events\\X", "order.shipped", "a b", "é"])
def test_the_name_of_an_event_arrives_unchanged(name: str) -> None:
    assert read(messages.event(name, "my-channel", "{}"))["event"] == name


@given(st.text(), st.text(), st.text())
def test_any_text_survives_in_every_place_that_takes_one(name: str, data: str, user_id: str) -> None:
    message = read(messages.member_event(name, "presence-x", data, user_id))
    assert message == {"event": name, "channel": "presence-x", "data": data, "user_id": user_id}
    assert json.loads(read(messages.signin_success(data))["data"]) == {"user_data": data}
    assert read(messages.error(data, None))["data"]["message"] == data


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.dictionaries(st.text(), st.integers())))
def test_the_members_of_a_channel_are_counted_listed_and_described(members: dict[str, object]) -> None:
    infos = {user_id: json.dumps(info).encode() for user_id, info in members.items()}
    payload = messages.presence_succeeded("presence-x", infos)
    presence = json.loads(read(payload)["data"])["presence"]
    assert presence == {"count": len(members), "ids": list(members), "hash": members}

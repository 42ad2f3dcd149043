"""The body of a publish is taken whole or refused whole, in Reverb's words where it has some."""

import json
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reverb_py.hub.app import App, Credential
from reverb_py.protocol.triggers import (
    Invalid,
    TooLarge,
    Trigger,
    Unparsable,
    claimed,
    event_of,
    parse_batch,
    parse_event,
)

ANY = App("3", (Credential("key", "secret"),))
HOSTED = replace(
    ANY, max_channel_name=164, max_event_name=200, max_event_size=10_240, max_event_channels=100, max_batch_size=10
)
VALID = {"name": "e", "data": "{}", "channel": "a"}


def body(fields: object) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("fields", "trigger"),
    [
        (
            {"name": "foo", "channels": ["project-3"], "data": '{"some":"data"}'},
            Trigger("foo", '{"some":"data"}', ("project-3",)),
        ),
        (VALID, Trigger("e", "{}", ("a",))),
        ({**VALID, "channels": ["b", "c"]}, Trigger("e", "{}", ("b", "c"))),
        ({**VALID, "channels": None}, Trigger("e", "{}", ("a",))),
        ({**VALID, "channels": ["b", "a", "b"]}, Trigger("e", "{}", ("b", "a"))),
        ({**VALID, "data": ""}, Trigger("e", "", ("a",))),
        ({**VALID, "data": " not json \u2028😀\x00"}, Trigger("e", " not json \u2028😀\x00", ("a",))),
        ({**VALID, "name": "App\\Events\\X y é"}, Trigger("App\\Events\\X y é", "{}", ("a",))),
        ({**VALID, "name": "client-a"}, Trigger("client-a", "{}", ("a",))),
        ({**VALID, "name": "pusher"}, Trigger("pusher", "{}", ("a",))),
        ({**VALID, "name": "x" * 10_000}, Trigger("x" * 10_000, "{}", ("a",))),
        ({**VALID, "data": "x" * 100_000}, Trigger("e", "x" * 100_000, ("a",))),
        ({**VALID, "channels": [f"c{n}" for n in range(500)]}, Trigger("e", "{}", tuple(f"c{n}" for n in range(500)))),
        ({**VALID, "channel": "#server-to-user-7"}, Trigger("e", "{}", ("#server-to-user-7",))),
        ({**VALID, "socket_id": "1.2"}, Trigger("e", "{}", ("a",), "1.2")),
        ({**VALID, "socket_id": "123123"}, Trigger("e", "{}", ("a",), "123123")),
        ({**VALID, "socket_id": None, "info": None}, Trigger("e", "{}", ("a",))),
        ({**VALID, "info": "user_count"}, Trigger("e", "{}", ("a",), info=frozenset({"user_count"}))),
        (
            {**VALID, "info": "cache, user_count,,foo"},
            Trigger("e", "{}", ("a",), info=frozenset({"cache", "user_count", "foo"})),
        ),
        ({**VALID, "info": ""}, Trigger("e", "{}", ("a",))),
        ({**VALID, "more": 1}, Trigger("e", "{}", ("a",))),
    ],
)
def test_an_event_is_taken(fields: object, trigger: Trigger) -> None:
    assert parse_event(body(fields), ANY) == trigger


REFUSED = [
    ({**VALID, "name": None}, "The {}name field is required."),
    ({**VALID, "name": ""}, "The {}name field is required."),
    ({**VALID, "name": " "}, "The {}name field is required."),
    ({**VALID, "name": 5}, "The {}name field must be a string."),
    ({**VALID, "name": "pusher:error"}, "The {}name field is invalid: 'pusher:error'"),
    ({**VALID, "name": "pusher_internal:x"}, "The {}name field is invalid: 'pusher_internal:x'"),
    ({**VALID, "data": None}, "The {}data field is required."),
    ({**VALID, "data": {"a": 1}}, "The {}data field must be a string."),
    ({**VALID, "data": 5}, "The {}data field must be a string."),
    ({**VALID, "channel": 5}, "The {}channel field must be a string."),
    ({**VALID, "channels": "a"}, "The {}channels field must be an array."),
    ({**VALID, "channels": [["a"]]}, "The {}channels field must hold strings only."),
    ({**VALID, "channels": ["a", None]}, "The {}channels field must hold strings only."),
    ({**VALID, "socket_id": 5}, "The {}socket id field must be a string."),
    ({**VALID, "info": ["cache"]}, "The {}info field must be a string."),
]


@pytest.mark.parametrize(("fields", "sentence"), REFUSED)
def test_a_wrong_parameter_is_named_in_reverbs_words(fields: dict[str, object], sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_event(body(fields), ANY)
    assert str(refused.value).startswith(sentence.format(""))
    with pytest.raises(Invalid) as refused:
        parse_batch(body({"batch": [VALID, fields]}), ANY)
    assert str(refused.value).startswith(sentence.format("batch.1."))


@pytest.mark.parametrize("fields", [{"name": "e", "data": "{}"}, {**VALID, "channel": ""}, {**VALID, "channels": []}])
def test_an_event_without_a_channel_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(Invalid, match=r"^The channels field is required when channel is not present\.$"):
        parse_event(body(fields), ANY)
    with pytest.raises(Invalid, match=r"^The batch\.1\.channels? field is required"):
        parse_batch(body({"batch": [VALID, fields]}), ANY)


@pytest.mark.parametrize("channel", ["a b", "a/b", "é", "a:b", "#foo", "x" * 201])
def test_a_bad_name_among_good_ones_refuses_the_whole_publish(channel: str) -> None:
    with pytest.raises(Invalid, match=r"^Invalid channel name '[^']*': 1 to 200 of a-zA-Z0-9_-=@,\.; are allowed"):
        parse_event(body({**VALID, "channels": ["a", channel]}), ANY)
    with pytest.raises(Invalid, match=r"^Invalid channel name .* in batch\.1: 1 to 200"):
        parse_batch(body({"batch": [VALID, {**VALID, "channels": ["a", channel]}]}), ANY)


def test_a_list_that_php_wrote_as_an_object_is_a_list() -> None:
    """A PHP array whose keys have gaps becomes one."""
    assert parse_event(body({**VALID, "channels": {"0": "a", "2": "b"}}), ANY).channels == ("a", "b")
    assert len(parse_batch(body({"batch": {"0": VALID, "2": VALID}}), ANY)) == 2


@pytest.mark.parametrize("text", [b"[]", b'"x"', b"5", b"null"])
def test_json_that_is_no_object_is_a_wrong_parameter(text: bytes) -> None:
    for parse in (parse_event, parse_batch):
        with pytest.raises(Invalid, match="must be a JSON object"):
            parse(text, ANY)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "The body is empty."),
        (b"{{", "The body is not valid JSON"),
        (b'{"name":"e",}', "The body is not valid JSON"),
        (b'{"name":"\xff"}', "The body is not valid JSON"),
        (b"name=e&data=x&channel=a", "The body is not valid JSON"),
        (b'\xef\xbb\xbf{"name":"e"}', "The body is not valid JSON"),
        (b"[" * 100_000, "The body is not valid JSON"),
    ],
)
def test_what_is_no_json_at_all_is_unparsable(text: bytes, sentence: str) -> None:
    for parse in (parse_event, parse_batch):
        with pytest.raises(Unparsable, match=sentence):
            parse(text, ANY)


@pytest.mark.parametrize(
    ("limit", "fields", "error", "named"),
    [
        ("max_event_size", {**VALID, "data": "x" * 10_240}, None, ()),
        ("max_event_size", {**VALID, "data": "😀" * 2_560}, None, ()),
        (
            *("max_event_size", {**VALID, "data": "x" * 10_241}, TooLarge),
            (
                "The data content of this event exceeds the allowed maximum",
                "10240",
                "10241",
                "REVERB_APP_MAX_EVENT_SIZE",
            ),
        ),
        ("max_event_size", {**VALID, "data": "😀" * 2_561}, TooLarge, ("10240", "10244")),
        ("max_event_name", {**VALID, "name": "x" * 200}, None, ()),
        ("max_event_name", {**VALID, "name": "x" * 201}, Invalid, ("200 characters",)),
        ("max_channel_name", {**VALID, "channel": "x" * 164}, None, ()),
        ("max_channel_name", {**VALID, "channel": "x" * 165}, Invalid, ("164",)),
        ("max_event_channels", {**VALID, "channels": ["a"] * 100}, None, ()),
        (
            *("max_event_channels", {**VALID, "channels": ["a"] * 101}, Invalid),
            ("100 items", "101", "REVERB_APP_MAX_EVENT_CHANNELS"),
        ),
    ],
)
def test_a_limit_is_kept_to_the_letter_and_named(
    limit: str, fields: dict[str, object], error: type[Exception] | None, named: tuple[str, ...]
) -> None:
    assert getattr(HOSTED, limit)
    if error is None:
        assert parse_event(body(fields), HOSTED) == parse_event(body(fields), ANY)
        return
    with pytest.raises(error) as refused:
        parse_event(body(fields), HOSTED)
    assert [part for part in named if part not in str(refused.value)] == []


def test_a_batch_is_read_in_its_order() -> None:
    entries = [{**VALID, "name": f"e{n}", "socket_id": f"{n}.1"} for n in range(10)]
    triggers = parse_batch(body({"batch": entries}), HOSTED)
    assert [(each.event, each.socket_id) for each in triggers] == [(f"e{n}", f"{n}.1") for n in range(10)]


def test_an_empty_batch_is_a_batch() -> None:
    assert parse_batch(b'{"batch":[]}', HOSTED) == []


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "The batch field is required."),
        ({"batch": None}, "The batch field is required."),
        ({"batch": "x"}, "The batch field must be an array."),
        ({"batch": [VALID, 5]}, "The batch.1 field must be an object."),
        ({"batch": [VALID] * 11}, "The batch field must not have more than 10 items (it has 11)."),
    ],
)
def test_what_is_no_batch_is_said(fields: object, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_batch(body(fields), HOSTED)
    assert str(refused.value).startswith(sentence)


def test_a_large_entry_of_a_batch_is_too_large_by_its_number() -> None:
    with pytest.raises(TooLarge, match=r"^The data content of this event exceeds .* batch\.1\.$"):
        parse_batch(body({"batch": [VALID, {**VALID, "data": "x" * 10_241}]}), HOSTED)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3),
    max_leaves=6,
)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("e") | JSON,
        "data": st.just("{}") | JSON,
        "channel": st.just("a") | JSON,
        "channels": st.just(["a", "b"]) | JSON,
        "socket_id": JSON,
        "info": JSON,
    },
)
BODIES = st.one_of(
    st.binary(),
    st.text().map(str.encode),
    JSON.map(body),
    EVENTS.map(body),
    st.fixed_dictionaries({"batch": st.lists(EVENTS | JSON, max_size=3) | JSON}).map(body),
)


@given(BODIES)
@example(b'{"name":"e","data":"\\ud800","channel":"a"}')
@example(b'{"name":"\xed\xa0\x80"}')
def test_no_body_raises_anything_but_the_three_refusals(text: bytes) -> None:
    for limits in (ANY, HOSTED):
        for parse in (parse_event, parse_batch):
            try:
                taken = parse(text, limits)
            except (Unparsable, Invalid, TooLarge):
                continue
            for trigger in taken if isinstance(taken, list) else [taken]:
                assert trigger.channels
                assert trigger.event


def test_an_event_may_come_from_other_places_than_a_body() -> None:
    assert event_of({"name": "e", "data": "x", "channel": "a", "socket_id": None}, ANY) == Trigger("e", "x", ("a",))


@pytest.mark.parametrize(
    ("body", "event", "channels"),
    [
        (b'{"name":"e","channels":["a b","c"],"data":1}', "e", ("a b", "c")),
        (b'{"name":"e","channel":"a"}', "e", ("a",)),
        (b'{"batch":[{"name":"e","channel":"a"},{"channel":"b"},5]}', "e", ("a", "b")),
        (b'{"batch":[]}', "", ()),
        (b'{"name":5,"channels":{"x":7,"y":"b"}}', "", ("b",)),
        (b'{"channels":7}', "", ()),
        (b"[]", "", ()),
        (b"{{{", "", ()),
        (b"\xff", "", ()),
    ],
)
def test_a_refused_body_is_read_as_far_as_it_can_be(body: bytes, event: str, channels: tuple[str, ...]) -> None:
    assert claimed(body) == (event, channels)

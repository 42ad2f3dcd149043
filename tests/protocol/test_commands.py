"""One message in, one command out, or a PusherError with hosted Pusher's text; nothing else, whatever comes."""

import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reverb_py.protocol.commands import ClientEvent, Command, Ping, Pong, SignIn, Subscribe, Unsubscribe, parse
from reverb_py.protocol.errors import PusherError

DEEP = "[" * 5_000 + "]" * 5_000


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ('{"event":"pusher:ping","data":{}}', Ping()),
        ('{"event": "pusher:ping"}', Ping()),
        ('{"event":"pusher:ping","data":"{}"}', Ping()),
        ('{"event":"pusher:ping","data":null}', Ping()),
        ('{"event":"pusher:ping","data":5}', Ping()),
        (' \n{"event":"pusher:pong","data":{}}', Pong()),
        ('{"event":"pusher:subscribe","data":{"auth":"","channel":"my-channel"}}', Subscribe("my-channel")),
        ('{"event":"pusher:subscribe","data":{"channel":"my-channel"}}', Subscribe("my-channel")),
        (
            '{"event":"pusher:subscribe","data":{"channel":"a","auth":null,"channel_data":null}}',
            Subscribe("a"),
        ),
        (
            '{"data":{"channel":"private-x","auth":"key:sig","more":[1]},"event":"pusher:subscribe","x":1}',
            Subscribe("private-x", "key:sig"),
        ),
        (
            r'{"event":"pusher:subscribe","data":{"channel":"presence-x","auth":"k:s","channel_data":"{\"a\": 1}"}}',
            Subscribe("presence-x", "k:s", '{"a": 1}'),
        ),
        (r'{"event":"pusher:subscribe","data":"{\"channel\":\"my-channel\"}"}', Subscribe("my-channel")),
        ('{"event":"pusher:unsubscribe","data":{"channel":"my-channel"}}', Unsubscribe("my-channel")),
        (
            r'{"event":"pusher:signin","data":{"auth":"k:s","user_data":"{\"id\":\"7\"}"}}',
            SignIn("k:s", '{"id":"7"}'),
        ),
        (
            '{"event":"client-a","channel":"private-x","data":{"k": 1.0}}',
            ClientEvent("client-a", "private-x", '{"k": 1.0}'),
        ),
        ('{"event":"client-a","channel":"private-x","data":"text"}', ClientEvent("client-a", "private-x", "text")),
        ('{"event":"client-a","channel":"private-x","data":""}', ClientEvent("client-a", "private-x", "")),
        ('{"event":"client-a","channel":"private-x","data":null}', ClientEvent("client-a", "private-x", "null")),
        ('{"event":"client-a","channel":"private-x"}', ClientEvent("client-a", "private-x", "null")),
        ('{"event":"client-a","channel":"private-x","data":1e2}', ClientEvent("client-a", "private-x", "1e2")),
        ('{"event":"client-a","channel":"private-x","data":[ ]}', ClientEvent("client-a", "private-x", "[ ]")),
        (
            '{"event":"client-a","user_id":"admin","channel":"presence-x","data":{}}',
            ClientEvent("client-a", "presence-x", "{}"),
        ),
        ('{"event":"client-","channel":"private-x","data":{}}', ClientEvent("client-", "private-x", "{}")),
        (
            '{"event":"client-a","channel":"private-x","data":{},"data":"last"}',
            ClientEvent("client-a", "private-x", "last"),
        ),
        (
            '{"event":"client-%s","channel":"private-x","data":{}}' % ("x" * 193),
            ClientEvent("client-" + "x" * 193, "private-x", "{}"),
        ),
    ],
)
def test_a_message_becomes_a_command(text: str, command: Command) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{{{", "not JSON"),
        ("{'event':'pusher:ping'}", "not JSON"),
        ('{"event":"pusher:ping",}', "not JSON"),
        ('{"event":"pusher:ping"} {}', "not JSON"),
        ('{"event":NaN}', "not JSON"),
        ('\ufeff{"event":"pusher:ping"}', "not JSON"),
        (r'{"event":"\ud800"}', "not JSON"),
        (DEEP, "not JSON"),
        ("[]", "not a JSON object"),
        ('"x"', "not a JSON object"),
        ("1", "not a JSON object"),
        ("null", "not a JSON object"),
        ('{"data":{}}', "event must be a non-empty string"),
        ('{"event":5}', "event must be a non-empty string"),
        ('{"event":null}', "event must be a non-empty string"),
        ('{"event":""}', "event must be a non-empty string"),
        ('{"event":"  "}', "event must be a non-empty string"),
        ('{"event":"pusher:foo","data":{}}', "Unsupported event received on socket: pusher:foo"),
        ('{"event":"hello","channel":"private-x"}', "Unsupported event received on socket: hello"),
        ('{"event":"client_a","channel":"private-x"}', "Unsupported event received on socket: client_a"),
        ('{"event":"Client-a","channel":"private-x"}', "Unsupported event received on socket: Client-a"),
        (
            '{"event":"pusher_internal:member_added","channel":"presence-x","data":"{}"}',
            "Unsupported event received on socket: pusher_internal:member_added",
        ),
        (
            '{"event":"pusher:connection_established"}',
            "Unsupported event received on socket: pusher:connection_established",
        ),
        ('{"event":"pusher:subscribe"}', "Expected parameter data to be a hash"),
        ('{"event":"pusher:subscribe","data":5}', "Expected parameter data to be a hash"),
        ('{"event":"pusher:subscribe","data":["a"]}', "Expected parameter data to be a hash"),
        ('{"event":"pusher:subscribe","data":"a"}', "Expected parameter data to be a hash"),
        ('{"event":"pusher:subscribe","data":"[]"}', "Expected parameter data to be a hash"),
        ('{"event":"pusher:subscribe","data":{}}', "channel must be a non-empty string"),
        ('{"event":"pusher:subscribe","data":{"channel":""}}', "channel must be a non-empty string"),
        ('{"event":"pusher:subscribe","data":{"channel":5}}', "channel must be a non-empty string"),
        ('{"event":"pusher:subscribe","data":{"channel":null}}', "channel must be a non-empty string"),
        ('{"event":"pusher:subscribe","data":{"channel":"a","auth":5}}', "Expected parameter auth to be a string"),
        (
            '{"event":"pusher:subscribe","data":{"channel":"a","channel_data":{}}}',
            "Expected parameter channel_data to be a string",
        ),
        ('{"event":"pusher:unsubscribe","data":{}}', "channel must be a non-empty string"),
        ('{"event":"pusher:signin","data":{"user_data":"{}"}}', "auth and user_data must be non-empty strings"),
        ('{"event":"pusher:signin","data":{"auth":"k:s"}}', "auth and user_data must be non-empty strings"),
        ('{"event":"pusher:signin","data":{"auth":"","user_data":""}}', "auth and user_data must be non-empty"),
        ('{"event":"client-a","data":{}}', "Invalid client event (must contain channel and data)"),
        ('{"event":"client-a","channel":"","data":{}}', "Invalid client event (must contain channel and data)"),
        ('{"event":"client-a","channel":5,"data":{}}', "Invalid client event (must contain channel and data)"),
        (
            '{"event":"client-%s","channel":"private-x","data":{}}' % ("x" * 194),
            "its name is longer than 200 characters",
        ),
    ],
)
def test_what_is_no_command_is_refused_in_hosted_pushers_words(text: str, message: str) -> None:
    with pytest.raises(PusherError) as refused:
        parse(text)
    assert message in refused.value.message
    assert refused.value.code is None


def test_a_long_name_is_not_repeated_whole() -> None:
    with pytest.raises(PusherError) as refused:
        parse(json.dumps({"event": "x" * 60_000}))
    assert len(refused.value.message) < 300


def taken(text: str) -> Command | None:
    """The command, None when it was refused as the client's fault; every other exception comes through."""
    try:
        return parse(text)
    except PusherError:
        return None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=12), values, max_size=4),
    max_leaves=10,
)
NAMES = st.sampled_from(
    ["pusher:subscribe", "pusher:unsubscribe", "pusher:signin", "pusher:ping", "pusher:pong", "client-a"]
)
FIELDS = st.fixed_dictionaries({}, optional=dict.fromkeys(["channel", "auth", "channel_data", "user_data"], JSON))
MESSAGES = st.fixed_dictionaries(
    {"event": NAMES | JSON},
    optional={"data": FIELDS | FIELDS.map(json.dumps) | JSON, "channel": JSON, "user_id": JSON},
)


@given(st.text() | JSON.map(json.dumps) | MESSAGES.map(json.dumps) | st.text(alphabet='{}[]",:\\ue01-.\ud800\x00'))
@example("\ud800")
@example(DEEP)
@example('{"event":"client-a","channel":"private-x","data":%s}' % ("[" * 1_010 + "]" * 1_010))
@example('{"event":"client-a","channel":"private-x","data":%s}' % ("9" * 5_000))
@example('{"event":"client-a","channel":"private-x","data":0.%s}' % ("9" * 5_000))
def test_no_text_of_a_stranger_raises_anything_but_pusher_error(text: str) -> None:
    command = taken(text)
    assert command is None or isinstance(command, Command)


@given(MESSAGES.map(json.dumps), st.data())
def test_no_broken_message_raises_anything_but_pusher_error(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    taken(text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 3)) :])


@given(JSON)
def test_others_get_a_string_as_it_is_and_everything_else_as_the_senders_json(data: object) -> None:
    sent = json.dumps({"event": "client-a", "channel": "private-x", "data": data}, ensure_ascii=False)
    command = taken(sent)
    if not is_json(data):
        assert command is None
        return
    assert isinstance(command, ClientEvent)
    assert command.data == (data if isinstance(data, str) else json.dumps(data, ensure_ascii=False))


def is_json(data: object) -> bool:
    """Return True when it holds no NaN and no infinity, which Python writes and JSON has not."""
    if isinstance(data, float):
        return math.isfinite(data)
    if isinstance(data, dict):
        return all(map(is_json, data.values()))
    return all(map(is_json, data)) if isinstance(data, list) else True

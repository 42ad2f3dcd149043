"""What strangers and publishers write, as bad and as large as it may be: the promised refusals and no others, in time.

Each parser's own tests try any text; here are mutations of right ones, and sizes. Times are of the processor, and far
above what is needed: a parser that is not linear takes minutes.
"""

import json
from collections.abc import Callable
from time import process_time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reverb_py import laravel_env
from reverb_py.diagnosis.near_misses import PREFIXES, near_misses
from reverb_py.hub.app import App
from reverb_py.protocol.commands import parse
from reverb_py.protocol.errors import PusherError
from reverb_py.protocol.members import parse_member, parse_user
from reverb_py.protocol.signatures import parse_query, request_text, request_texts, values_of
from reverb_py.protocol.triggers import Invalid, TooLarge, Unparsable, parse_batch, parse_event

APP = App("1", ())
REFUSALS = (PusherError, Unparsable, Invalid, TooLarge)
SECONDS = 1.0
HEAD = 32_768  # bytes of a request's head, max_header_size
RIGHT = [
    '{"event":"pusher:subscribe","data":{"channel":"presence-x","auth":"k:s","channel_data":"{\\"user_id\\":\\"7\\"}"}}',
    '{"event":"pusher:signin","data":{"auth":"k:s","user_data":"{\\"id\\":\\"7\\",\\"user_info\\":{\\"a\\":[1.0]}}"}}',
    '{"event":"client-e","channel":"private-x","data":{"a":[true,null,-1e5,"\\ud83d\\ude00é"]}}',
    '{"name":"e","channels":["a","b"],"data":"{\\"a\\":1}","socket_id":"1.1","info":"user_count"}',
    '{"batch":[{"name":"e","channel":"a","data":"x"},{"name":"f","channel":"b","data":""}]}',
    '{"user_id":7,"id":"7","user_info":{"name":"Ann","more":[1,2,{}]}}',
]
ODD = ["\\ud800", "\x00", "\ud800", '"', "\\", "{", "}", "[", "]", ",", ":", "1e999", "-", "NaN", "null", "\ufeff", "é"]


@st.composite
def mutated(draw: st.DrawFn, texts: list[str]) -> str:
    """A right text with up to four pieces cut out, doubled, or replaced by something odd or by a piece of another."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 12)))
        piece = text[start:end]
        text = text[:start] + draw(st.sampled_from(["", piece * 2, *ODD, *texts])) + text[end:]
    return text


def survives(parse: Callable[[], object]) -> bool:
    """Return True when it was read, False when it was refused as promised; anything else comes through."""
    try:
        parse()
    except REFUSALS:
        return False
    return True


@given(mutated(RIGHT))
@example("\ud800")
@example('{"event":"client-e","channel":"private-x","data":%s}' % ("[" * 1_010 + "]" * 1_010))
@example('{"user_id":7,"id":"7","user_info":%s}' % ("[" * 1_010 + "]" * 1_010))
def test_a_mutation_of_what_is_right_is_read_or_refused(text: str) -> None:
    for read in (parse, parse_member, parse_user):
        survives(lambda read=read: read(text))  # type: ignore[misc]
    body = text.encode(errors="surrogatepass")
    survives(lambda: parse_event(body, APP))
    survives(lambda: parse_batch(body, APP))


def of(prefix: str, repeated: str, suffix: str = "") -> Callable[[int], str]:
    """What makes a text of about so many characters."""
    return lambda size: prefix + repeated * (size // len(repeated)) + suffix


MESSAGES = {
    "opening brackets": of("", "["),
    "opening braces": of("", '{"a":'),
    "nested as deep as it goes": of('{"event":"client-e","channel":"private-x","data":', "[", ""),
    "a string": of('{"event":"', "x", '"}'),
    "escapes": of('{"event":"client-e","channel":"private-x","data":["', "\\u00e9", '"]}'),
    "backslashes": of('{"event":"', "\\\\", '"}'),
    "a string without an end": of('{"event":"', "\\"),
    "numbers": of('{"event":"client-e","channel":"private-x","data":[', "1.0,", "1]}"),
    "one number": of('{"event":"client-e","channel":"private-x","data":', "9", "}"),
    "spaces": of("{", " ", '"event":"pusher:ping"}'),
    "members of one name": of("{", '"data":1,', '"event":"client-e","channel":"private-x"}'),
    "objects": of('{"event":"client-e","channel":"private-x","data":[', '{"a":{}},', "1]}"),
    "data encoded twice": lambda size: json.dumps({"event": "pusher:subscribe", "data": '{"a":"' + "\\n" * size}),
    "many channels": of('{"name":"e","data":"","channels":[', '"a",', '"b"]}'),
    "many events": of('{"batch":[', '{"name":"e","data":"","channel":"a"},', "1]}"),
    "one user's info": of('{"user_id":1,"id":"1","user_info":[', '"x",', "1]}"),
}


@pytest.mark.parametrize("text", MESSAGES.values(), ids=MESSAGES)
def test_a_message_five_times_as_long_as_allowed_takes_no_second(text: Callable[[int], str]) -> None:
    message = text(5 * 65_536)
    began = process_time()
    for read in (parse, parse_member, parse_user):
        survives(lambda read=read: read(message))  # type: ignore[misc]
    survives(lambda: parse_event(message.encode(), APP))
    survives(lambda: parse_batch(message.encode(), APP))
    assert process_time() - began < SECONDS


# Queries.

QUERIES = {
    "ampersands": of("", "&"),
    "equal names": of("", "a=1&"),
    "arrays of one name": of("", "[]&"),
    "arrays of one name, with values": of("", "info[]=a&"),
    "arrays by number": lambda size: "&".join(f"info[{number}]=a" for number in range(size // 12)),
    "different names": lambda size: "&".join(f"{number}=" for number in range(size // 6)),
    "escapes": of("", "%41"),
    "broken escapes": of("", "%"),
    "spaces": of("a=", "+"),
}


@pytest.mark.parametrize("text", QUERIES.values(), ids=QUERIES)
def test_a_query_as_long_as_a_head_may_be_takes_no_second(text: Callable[[int], str]) -> None:
    query = text(HEAD)
    began = process_time()
    parameters = parse_query(query)
    values_of(parameters, "info")
    list(request_texts("GET", "/apps/1/channels", parameters, has_body=False))
    assert process_time() - began < SECONDS


NAMES = st.sampled_from(["info", "info[]", "info[0]", "[]", "a", "A", "auth_signature", "body_md5", "", "%5B%5D"])
PAIRS = st.lists(st.tuples(NAMES, st.text("ab&=%+[]é\ud800", max_size=4)), max_size=6)


@given(PAIRS, st.booleans(), st.sampled_from(["", "/ws"]))
@example([("[]", "a"), ("[]", "b")], True, "")
def test_any_query_gives_texts_to_sign_and_the_usual_one_first(
    pairs: list[tuple[str, str]], has_body: bool, prefix: str
) -> None:
    parameters = parse_query("&".join(f"{name}={value}" for name, value in pairs))
    texts = list(request_texts("GET", "/apps/1/x", parameters, prefix=prefix, has_body=has_body))
    assert texts[0] == request_text("GET", "/apps/1/x", parameters)
    assert len(texts) == len(set(texts))


# Env files.

ENV = [
    'REVERB_APP_KEY=key\nREVERB_APP_SECRET="a \\"b\\" ${REVERB_APP_KEY}" # why\n',
    "export A='x y'\r\nB=\nC=${A}/b\rD=null\n# a comment\n",
    'A="one\ntwo\nthree"\nB="never closed\nC=d\n',
]


@given(mutated(ENV) | st.text("A=\"'\\$\n\r# {}x\ufeff"))
@example('A="')
@example("A='")
@example('A="\\')
@example('"=\n"=')
def test_any_env_file_is_read_and_what_cannot_be_is_told_by_its_line(text: str) -> None:
    read = laravel_env.parse(text, {"X": "y"})
    lines = text.count("\n") + text.count("\r") + 1
    assert all(1 <= problem.line <= lines for problem in read.problems)
    for name, value in read.values.items():
        assert name.strip() == name != ""
        laravel_env.value(value)


ENV_FILES = {
    "lines": lambda size: "".join(f"A{number}=x\n" for number in range(size // 8)),
    "quotes that open": of("", 'A="\n'),
    "one quote that opens": of('A="', "b=c\n"),
    "quotes with backslashes": of("", 'A="\\\n'),
    "references": of("A=x\nB=", "${A}"),
    "broken references": of("A=", "${A"),
    "backslashes": of('A="', "\\\\", '"'),
    "comments": of("", "#\n"),
}


@pytest.mark.parametrize("text", ENV_FILES.values(), ids=ENV_FILES)
def test_an_env_file_of_64_kilobytes_takes_no_second(text: Callable[[int], str]) -> None:
    file = text(65_536)
    began = process_time()
    laravel_env.parse(file)
    assert process_time() - began < SECONDS


# Near misses.

PARTS = st.sampled_from([*PREFIXES, "a", "order", "Order", "7", "12345678", "0" * 26, "null", ".", "-", "..", "é"])
CHANNELS = st.lists(PARTS, max_size=8).map("".join)


@given(CHANNELS, st.sets(CHANNELS, max_size=8), st.integers(1, 4))
@example("", {"", "private-"}, 3)
@example("private-", {"", "private-private-"}, 3)
def test_near_misses_are_occupied_channels_and_never_the_one_that_was_meant(
    channel: str, occupied: set[str], limit: int
) -> None:
    for names in (occupied, dict.fromkeys(occupied, 1), list(occupied)):
        found = [miss.channel for miss in near_misses(channel, names, limit)]
        assert len(found) == len(set(found)) <= limit
        assert set(found) <= occupied - {channel}


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("private-", "x"),
        ("7.", "x"),
        ("7-", "x"),
        ("..", "x"),
        ("aaaaaaaa", "b"),
        ("0f8fad5b-d9cb-469f-a165-70867728950e.", "x"),
        ("12345678-1234-1234-1234-123456789012-", "x"),
        ("12345678.", "x"),  # eight digits are a number and hexadecimal: two ways for each of 22 ids
    ],
)
def test_names_as_long_as_they_may_be_are_compared_in_no_time(part: str, other: str) -> None:
    channel = part * (198 // len(part))
    began = process_time()
    near_misses(f"{channel}y", {f"{channel}{other}"})
    assert process_time() - began < SECONDS / 5

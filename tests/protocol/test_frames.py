"""Our frames are what websockets' own parser takes from a server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from reverb_py.protocol.frames import PING, text_frame
from tests.fakes import payloads


@pytest.mark.parametrize(
    ("length", "head"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_the_length_stands_in_the_shortest_of_three_forms(length: int, head: bytes) -> None:
    payload = b"x" * length
    assert text_frame(payload) == head + payload
    assert payloads(text_frame(payload)) == [payload]


@given(st.lists(st.text(max_size=300)))
def test_what_is_written_is_read_back_message_by_message(texts: list[str]) -> None:
    written = [text.encode() for text in texts]
    assert payloads(b"".join(map(text_frame, written))) == written


def test_a_ping_is_a_ping_without_a_payload() -> None:
    peer = ClientProtocol(parse_uri("ws://localhost/"), state=State.OPEN)
    peer.receive_data(PING)
    assert peer.events_received() == [Frame(Opcode.PING, b"")]

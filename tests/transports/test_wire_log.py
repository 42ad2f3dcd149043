"""What `--debug` shows of the wire: everything but signatures, and each message once."""

import json
import logging

import pytest

from reverb_py.conformance.wire import Opcode, client_frame, close_payload
from reverb_py.transports.wire_log import SHOWN, WireLog
from tests.transports.fake_transport import FakeServer, Side, turn

SIGNATURE = "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"
PING = b'{"event":"pusher:ping","data":{}}'


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, logger="reverb_py.transports.wire_log")
    return caplog


def shown(lines: pytest.LogCaptureFixture) -> list[str]:
    """The lines of the wire log since the last look, without the socket id."""
    found = [record.getMessage() for record in lines.records if record.name == "reverb_py.transports.wire_log"]
    lines.clear()
    return [f"{glyph} {rest}" for glyph, _, rest in (line.split(" ", 2) for line in found)]


async def connected(lines: pytest.LogCaptureFixture) -> Side:
    side = FakeServer(websocket=WireLog).connect()
    await turn()
    (greeting,) = shown(lines)
    assert greeting.startswith('> {"event":"pusher:connection_established"')
    return side


async def test_each_message_is_a_line_with_its_direction_and_socket_id(lines: pytest.LogCaptureFixture) -> None:
    side = await connected(lines)
    (socket_id,) = side.node.hub.connections
    side.websocket.data_received(client_frame(PING))
    assert [record.getMessage() for record in lines.records] == [
        f"< {socket_id} {PING.decode()}",
        f'> {socket_id} {{"event":"pusher:pong","data":"{{}}"}}',
    ]
    lines.clear()
    side.websocket.close(4200, "Please reconnect immediately")
    assert shown(lines) == ["x 4200 Please reconnect immediately"]


async def test_nothing_is_shown_that_is_not_sent(lines: pytest.LogCaptureFixture) -> None:
    side = await connected(lines)
    side.websocket.close(4200, "")
    shown(lines)
    side.websocket.close(4100, "again")
    side.websocket.write(b"\x81\x02{}")
    assert shown(lines) == []


async def test_control_frames_are_not_shown(lines: pytest.LogCaptureFixture) -> None:
    side = await connected(lines)
    side.websocket.data_received(client_frame(b"", Opcode.PING))
    side.websocket.data_received(client_frame(close_payload(1000), Opcode.CLOSE))
    assert shown(lines) == []


def subscription(auth: str = f"key:{SIGNATURE}", *, nested: bool = False, indent: int | None = None) -> bytes:
    """A subscription as clients write it: `data` as an object, or as a string of JSON."""
    data = {"channel": "private-news", "auth": auth}
    return json.dumps(
        {"event": "pusher:subscribe", "data": json.dumps(data) if nested else data}, indent=indent
    ).encode()


@pytest.mark.parametrize(
    "message",
    [
        subscription(),
        subscription(nested=True),
        subscription(indent=2),
        subscription().replace(b'"auth": ', b'"auth"  :\n'),
        json.dumps({"event": "pusher:signin", "data": {"auth": f"key:{SIGNATURE}", "user_data": "{}"}}).encode(),
    ],
    ids=["object", "string", "indented", "spaced", "sign-in"],
)
async def test_signatures_are_struck_out_however_they_are_written(
    lines: pytest.LogCaptureFixture, message: bytes
) -> None:
    side = await connected(lines)
    side.websocket.data_received(client_frame(message))
    (line,) = [line for line in shown(lines) if line.startswith("<")]
    assert SIGNATURE not in line
    assert "auth" in line
    assert "…" in line


async def test_a_message_in_fragments_is_shown_once_and_whole_so_that_no_signature_slips_through(
    lines: pytest.LogCaptureFixture,
) -> None:
    side = await connected(lines)
    message = subscription()
    cut = message.index(SIGNATURE.encode()) + 4
    side.websocket.data_received(client_frame(message[:cut], fin=False))
    assert shown(lines) == []
    side.websocket.data_received(client_frame(message[cut:], Opcode.CONTINUATION))
    incoming = [line for line in shown(lines) if line.startswith("<")]
    assert incoming == [f"< {message.decode().replace(f'key:{SIGNATURE}', '…')}"]


async def test_a_long_message_is_shown_in_part(lines: pytest.LogCaptureFixture) -> None:
    side = await connected(lines)
    side.websocket.data_received(client_frame(b'{"event":"pusher:ping","data":"%b"}' % (b"x" * 5_000)))
    (line, _) = shown(lines)
    assert len(line) == SHOWN + len("< ")

"""A listener's side of the conversation, byte for byte, over a transport that only notes."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from reverb_py.bench.client import Client, NotSubscribed
from reverb_py.bench.tally import Channel, Listener, Tally
from tests.bench_command.plans import APP, plan

SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
SOCKET_ID = "123.456"
NOW = 1000.0


class Noting(asyncio.Transport):
    """Notes what is written, and ends when it is closed."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self.written = b""
        self._client, self._closing = client, False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self._closing, "written after close"
        self.written += data

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._client.connection_lost(None)

    abort = close


class Conversation:
    """A client that has sent its upgrade request, on a channel of which `sent` events were published."""

    def __init__(self, *, private: bool = False, sent: int = 3) -> None:
        self.tally = Tally([Channel(sent)])
        listener = Listener(self.tally, self.tally.channels[0])
        self.client = Client(plan(private=private), 0, listener, lambda: NOW)
        self.transport = Noting(self.client)
        self.client.connection_made(self.transport)

    def hear(self, *parts: bytes) -> None:
        for part in parts:
            self.client.data_received(part)

    def said(self) -> list[Frame]:
        """The frames behind the upgrade request, read by websockets' own parser."""
        _, _, data = self.transport.written.partition(b"\r\n\r\n")
        peer = ServerProtocol(state=State.OPEN)
        peer.receive_data(data)
        assert peer.parser_exc is None
        return [event for event in peer.events_received() if isinstance(event, Frame)]

    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(bytes(frame.data)) for frame in self.said() if frame.opcode is Opcode.TEXT]


def frame(message: dict[str, Any] | bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> bytes:
    """As a server sends it, made by websockets."""
    payload = message if isinstance(message, bytes) else json.dumps(message).encode()
    return Frame(opcode, payload, fin).serialize(mask=False)


def established() -> bytes:
    return frame({"event": "pusher:connection_established", "data": json.dumps({"socket_id": SOCKET_ID})})


def succeeded() -> bytes:
    return frame({"event": "pusher_internal:subscription_succeeded", "channel": "bench-5eed-0", "data": "{}"})


COPY = {"event": "bench", "channel": "bench-5eed-0"}


def event(number: int, fill: str = "") -> bytes:
    data = json.dumps({"n": number, "at": NOW - 0.5, "fill": fill})
    return frame({**COPY, "data": data})


def everything() -> bytes:
    return SWITCHING + established() + succeeded() + event(0) + event(1, "x" * 500) + event(2, "y" * 70_000)


def pieces() -> Iterator[tuple[str, list[bytes]]]:
    whole = everything()
    yield "at once", [whole]
    yield "byte by byte up to the first events", [bytes([byte]) for byte in whole[:1000]] + [whole[1000:]]
    for size in (7, 126, 1460, 65_536):
        yield f"{size} bytes at a time", [whole[at : at + size] for at in range(0, len(whole), size)]


@pytest.mark.parametrize("parts", [parts for _, parts in pieces()], ids=[name for name, _ in pieces()])
async def test_however_the_bytes_are_cut_every_event_is_received(parts: list[bytes]) -> None:
    talk = Conversation()
    talk.hear(*parts)
    assert talk.client.subscribed.done()
    assert (talk.tally.delivered, talk.tally.lost) == (3, 0)
    assert talk.tally.latencies.max == pytest.approx(0.5)
    assert talk.messages() == [{"event": "pusher:subscribe", "data": {"channel": "bench-5eed-0"}}]


async def test_a_private_channel_is_subscribed_to_with_a_signature() -> None:
    talk = Conversation(private=True)
    talk.hear(SWITCHING, established())
    (message,) = talk.messages()
    assert message["data"]["channel"] == "private-bench-5eed-0"
    assert message["data"]["auth"].startswith(f"{APP.key}:")
    assert APP.secret.encode() not in talk.transport.written


async def test_fragments_are_one_message_even_with_a_ping_between_them() -> None:
    talk = Conversation()
    talk.hear(SWITCHING, established(), succeeded())
    for number in range(2):
        copy = json.dumps({"n": number, "at": NOW})
        data = json.dumps({**COPY, "data": copy}).encode()
        talk.hear(frame(data[:9], fin=False), frame(b"there?", Opcode.PING))
        talk.hear(frame(data[9:20], Opcode.CONT, fin=False), frame(data[20:], Opcode.CONT))
    assert (talk.tally.delivered, talk.tally.closed.count) == (2, 0)
    assert [bytes(said.data) for said in talk.said() if said.opcode is Opcode.PONG] == [b"there?"] * 2


async def test_the_protocols_own_ping_is_answered() -> None:
    talk = Conversation()
    talk.hear(SWITCHING, established(), succeeded(), frame({"event": "pusher:ping", "data": "{}"}))
    assert talk.messages()[-1] == {"event": "pusher:pong", "data": {}}


ERROR = {"code": 4004, "message": "Over quota"}


@pytest.mark.parametrize(
    ("answer", "text", "code"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\nno such path", "HTTP 404: no such path", None),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "expected an HTTP response", None),
        (SWITCHING + frame({"event": "pusher:error", "data": ERROR}), "4004: Over quota", 4004),
        (SWITCHING + frame({"event": "pusher:error", "data": json.dumps(ERROR)}), "4004: Over quota", 4004),
        (SWITCHING + frame({"event": "pusher:error", "data": {"message": "No"}}), "no code: No", None),
        (SWITCHING + frame(b"\x0f\xa1No such key", Opcode.CLOSE), "4001 No such key", 4001),
        (
            SWITCHING + established() + frame({"event": "pusher:subscription_error", "data": "{}"}),
            "the subscription was refused",
            None,
        ),
        (SWITCHING + frame(b"[1, 2]"), "it sent what the protocol does not know", None),
        (SWITCHING + frame(b"not JSON"), "it sent what the protocol does not know", None),
        (SWITCHING + b"\x81\x85abcdhello", "a masked frame", None),
    ],
)
async def test_a_refusal_says_what_the_server_said_and_counts_no_closed_connection(
    answer: bytes, text: str, code: int | None
) -> None:
    talk = Conversation()
    talk.hear(answer)
    with pytest.raises(NotSubscribed, match=text) as refusal:
        await talk.client.subscribed
    assert refusal.value.code == code
    assert talk.client.gone.done()
    assert talk.tally.closed.count == 0


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        (frame(b"\x10\x04Over capacity", Opcode.CLOSE), "4100 Over capacity"),
        (frame(b"", Opcode.CLOSE), "1005 "),
        (frame({**COPY, "data": "not ours"}), "it sent what the protocol does not know"),
        (frame({**COPY, "data": json.dumps({"n": "0", "at": NOW})}), "it sent what the protocol"),
    ],
)
async def test_a_connection_that_the_server_ends_is_counted_with_its_reason(ending: bytes, text: str) -> None:
    talk = Conversation()
    talk.hear(SWITCHING, established(), succeeded(), ending)
    ((said, count),) = talk.tally.closed.by_text.items()
    assert (said.startswith(text.strip()), count) == (True, 1)


async def test_a_connection_that_ends_without_a_word_is_counted_as_1006() -> None:
    talk = Conversation()
    talk.hear(SWITCHING, established(), succeeded())
    talk.client.connection_lost(ConnectionResetError("reset by peer"))
    assert dict(talk.tally.closed.by_text) == {"1006 the connection was lost: reset by peer": 1}


async def test_leaving_says_goodbye_and_is_not_the_servers_doing() -> None:
    talk = Conversation()
    talk.hear(SWITCHING, established(), succeeded())
    talk.client.leave()
    assert talk.said()[-1].opcode is Opcode.CLOSE
    assert talk.client.gone.done()
    assert talk.tally.closed.count == 0

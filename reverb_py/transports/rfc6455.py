"""What of RFC 6455 is ours: the sub-protocol that is answered, and messages that come in fragments."""

from codecs import getincrementaldecoder
from collections.abc import Sequence

from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

SUBPROTOCOL = "pusher-channels-protocol-7"  # what Swift offers, and may insist on (pp 1.1)
SURROGATE = b"\xed\xa0"  # how one begins, up to ED BF: no character of UTF-8, whatever follows (RFC 3629, 3)

_utf8 = getincrementaldecoder("utf-8")


class Rfc6455(ServerProtocol):
    """Answers the one sub-protocol that Pusher clients offer, and never one that was not offered."""

    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        # An override, as the argument of that name would make a cycle that only the garbage collector ends.
        return Subprotocol(SUBPROTOCOL) if SUBPROTOCOL in subprotocols else None

    def forget_handshake(self) -> None:
        """Let go of what nobody will look at any more: some 170 bytes a connection."""
        self.origin = None
        del self.id


class Fragments:
    """The fragments of one message, which is given up as soon as it can be no text any more.

    They are kept as bytes: as text they would take up to four times as much.
    """

    __slots__ = ("_data", "_decoder")

    def __init__(self) -> None:
        self._data = bytearray()
        self._decoder = _utf8()

    def add(self, data: bytes | bytearray | memoryview, *, is_last: bool) -> str | None:
        """Return the message with its last fragment; raise UnicodeDecodeError once nothing can make it UTF-8."""
        self._decoder.decode(data, is_last)
        pending, _ = self._decoder.getstate()
        if SURROGATE <= pending < b"\xee":  # Python waits for a third byte, which "surrogatepass" would accept
            pending.decode()
        self._data += data
        return str(self._data, "utf-8") if is_last else None

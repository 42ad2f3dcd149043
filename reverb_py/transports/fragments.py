"""A message that comes in fragments: kept as bytes, and given up as soon as it can be no text any more."""

from codecs import getincrementaldecoder

SURROGATE = b"\xed\xa0"  # how one begins, up to ED BF: no character of UTF-8, whatever follows (RFC 3629, 3)

_utf8 = getincrementaldecoder("utf-8")


class Fragments:
    """The fragments of one message. As text they would take up to four times their bytes, so they are not kept so."""

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

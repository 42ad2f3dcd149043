"""Payload to RFC 6455 frame, as a server sends it: one frame, not masked (RFC 6455 section 5.2)."""

PING = b"\x89\x00"  # FIN, opcode 9, no payload


def text_frame(payload: bytes) -> bytes:
    """Return the whole frame of a text message. The payload must be UTF-8."""
    length = len(payload)
    if length < 126:
        return b"\x81%c%b" % (length, payload)
    if length < 65_536:
        return b"".join((b"\x81\x7e", length.to_bytes(2, "big"), payload))
    return b"".join((b"\x81\x7f", length.to_bytes(8, "big"), payload))

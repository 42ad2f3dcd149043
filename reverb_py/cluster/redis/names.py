"""The keys and channels in Redis, all below one prefix, and the form of the messages between nodes."""

from dataclasses import dataclass

import orjson

from reverb_py.protocol.names import is_socket_id

EVENT, COMMAND, CAME, WENT = b"e", b"x", b"+", b"-"  # a message's first byte


class Names:
    """Of one shard. A tag in braces keeps its keys together where Redis itself is a cluster."""

    def __init__(self, prefix: str, tag: int) -> None:
        """`prefix` is REVERB_SCALING_CHANNEL; `py` keeps us apart from a Laravel Reverb on the same Redis."""
        self.prefix = f"{prefix}:py:{{{tag}}}:".encode()
        self.rights = f"~{prefix}:py:* &{prefix}:py:* +@all -@admin"  # as ACL SETUSER takes them
        self.leases = self.prefix + b"leases"
        self.control = self.prefix + b"control"
        self.connections = self.prefix + b"connections"
        self.kept = self.prefix + b"kept"

    def ledger(self, node: bytes) -> bytes:
        return self.prefix + b"ledger:" + node

    def inbox(self, node: bytes) -> bytes:
        return self.prefix + b"node:" + node

    def counts(self, app_id: str) -> bytes:
        return self.prefix + b"counts:" + app_id.encode()

    def users(self, app_id: str) -> bytes:
        return self.prefix + b"users:" + app_id.encode()

    def infos(self, app_id: str, channel: str) -> bytes:
        return self.prefix + f"infos:{app_id}:{channel}".encode()

    def last(self, app_id: str, channel: str) -> bytes:
        return self.prefix + f"last:{app_id}:{channel}".encode()

    def channel(self, app_id: str, channel: str) -> bytes:
        return self.prefix + f"channel:{app_id}:{channel}".encode()


@dataclass(slots=True)  # not frozen: that would double what making one costs, on the way of every event
class Message:
    """An event, or a command. `sequence` grows with every message of its origin."""

    origin: bytes
    sequence: int
    exclude: str | None
    payload: bytes


def encode(kind: bytes, message: Message) -> bytes:
    """`e <origin> <sequence> <excluded socket id or ->`, a line end, the payload."""
    exclude = message.exclude
    left_out = exclude.encode() if exclude is not None and is_socket_id(exclude) else b"-"  # others fit nobody
    return b"%b %b %d %b\n%b" % (kind, message.origin, message.sequence, left_out, message.payload)


def decode(data: bytes) -> Message:
    """Read it back. Raise ValueError when it is none."""
    head, _, payload = data.partition(b"\n")
    _, origin, sequence, exclude = head.split(b" ")
    if not payload:
        raise ValueError("it says nothing")
    if not payload.isascii():
        payload.decode()  # clients close a connection over which anything but UTF-8 comes
    return Message(origin, int(sequence), None if exclude == b"-" else exclude.decode("ascii"), payload)


def decode_change(data: bytes) -> tuple[str, str, bytes]:
    """Read who came or went: the socket id that is not told, user id, user_info. Raise ValueError when it is none."""
    head, _, text = data.partition(b"\n")
    if head[:1] not in (CAME, WENT):
        raise ValueError("nobody came or went")
    user_id, info = decode_pair(text)
    orjson.loads(info)
    return head[1:].decode("ascii"), user_id, info.encode()


def decode_pair(text: bytes) -> tuple[str, str]:
    """Read the JSON of two strings. Raise ValueError when it is none."""
    pair = orjson.loads(text)
    if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(each, str) for each in pair)):
        raise ValueError("no pair of strings")
    return pair[0], pair[1]

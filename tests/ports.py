"""Ports that stay ours while nobody listens on them."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

# Below what the kernel gives to clients (32768 and up on Linux, 49152 on macOS), so that no client takes the port of a
# server that is away for a moment. A Redis of a cluster listens on its port + 10000 too.
LOWEST, HIGHEST, BUS = 12_000, 22_000, 10_000
_RANDOM = random.SystemRandom()  # tests may seed the other one, in each of their processes alike
_TAKEN = (Path(tempfile.gettempdir()) / f"reverb-py-ports-{os.getuid()}.lock").open("ab")  # a byte for each port
_ours: set[int] = set()


def lasting_port() -> int:
    """A loopback port that nobody listens on, nor on the one 10000 above, and that no other test is given.

    It is ours until this process ends.
    """
    while True:
        port = _RANDOM.randrange(LOWEST, HIGHEST)
        if port not in _ours and _is_free(port) and _is_free(port + BUS) and _take(port):
            return port


def _take(port: int) -> bool:
    try:
        fcntl.lockf(_TAKEN, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _ours.add(port)
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True

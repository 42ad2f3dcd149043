"""Ports that stay ours while nobody listens on them."""

import random
import socket

# Below what the kernel gives to clients (32768 and up on Linux, 49152 on macOS), so that no client takes the port of a
# server that is away for a moment. A Redis of a cluster listens on its port + 10000 too.
LOWEST, HIGHEST, BUS = 12_000, 22_000, 10_000


def lasting_port() -> int:
    """A loopback port that nobody listens on, nor on the one 10000 above, and that no client is given."""
    chosen = random.SystemRandom()  # the seeds of tests are equal in all their processes
    while True:
        port = chosen.randrange(LOWEST, HIGHEST)
        if _is_free(port) and _is_free(port + BUS):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True

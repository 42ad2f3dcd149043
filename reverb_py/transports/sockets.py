"""Sockets: the listening ones on every address, the one below a transport, and the limit of file descriptors."""

import asyncio
import errno
import resource
import socket
from collections.abc import Iterator

EVERYWHERE = ("", "*", "::", "[::]")
OPEN_MAX = 10_240  # macOS calls its limit infinite, and refuses more than this (its limits.h)
RESERVE = 64  # descriptors that are kept for requests while WebSockets are refused, and as many for files, Redis, …
LEAST = 96  # descriptors below which nobody is served: a quarter is kept for our own files, some 16, and a reload's


def bind(host: str, port: int, *, shared: bool = False) -> list[socket.socket]:
    """Return bound sockets, one for each family that works; raise OSError when none does or the port is taken.

    Each family is bound alone: `::` under asyncio is IPv6 only, and dual-stack sockets show IPv4 peers in an IPv6
    dress. Port 0 takes a free one, the same for both. A `shared` port is taken only by who does not share it.
    """
    wanted = ["0.0.0.0", "::"] if host in EVERYWHERE else [host.strip("[]")]
    sockets: list[socket.socket] = []
    problem: OSError | None = None
    for address in wanted:
        for family, _, _, _, place in socket.getaddrinfo(address, port, type=socket.SOCK_STREAM):
            try:
                sockets.append(_bind(family, (place[0], port), shared))
            except OSError as error:
                problem = error
                if error.errno == errno.EADDRINUSE:
                    break
            else:
                port = sockets[-1].getsockname()[1]
    if problem is not None and (not sockets or problem.errno == errno.EADDRINUSE):
        for each in sockets:
            each.close()
        raise problem
    return sockets


def reserve(host: str, port: int) -> list[socket.socket]:
    """Return sockets that hold the address for processes that share it; raise OSError as `bind` does.

    They never listen, so that no client waits at them. Bound alone first: a server that is there already may share
    its port too, and would go unnoticed.
    """
    alone = bind(host, port)
    port = alone[0].getsockname()[1]
    for each in alone:
        each.close()
    return bind(host, port, shared=True)


def _bind(family: int, address: tuple[object, int], shared: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:  # the kernel spreads connections over all that listen
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def accept_all(listener: socket.socket) -> Iterator[socket.socket]:
    """Yield the connections that wait to be accepted at this moment."""
    while True:
        try:
            yield listener.accept()[0]
        except OSError:  # nobody waits any more, or no descriptor is left
            return


def plain_socket(transport: asyncio.Transport) -> socket.SocketType | None:
    """Return a socket on the transport's own descriptor, for sending beside it; None over TLS.

    `detach` it in connection_lost: uvloop and asyncio call that before they close the descriptor.
    """
    below = transport.get_extra_info("socket")
    if below is None or transport.get_extra_info("sslcontext") is not None:
        return None
    return socket.SocketType(below.family, below.type, below.proto, below.fileno())


def reserve_of(descriptors: int) -> int:
    """Return how many of them are kept each time: fewer where there are few, so that half is left for clients."""
    return min(RESERVE, descriptors // 4)


def raise_descriptor_limit() -> int:
    """Raise the limit of open files as far as the system lets; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_MAX if hard == resource.RLIM_INFINITY else hard
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return soft
    return wanted

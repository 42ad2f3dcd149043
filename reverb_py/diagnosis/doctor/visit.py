"""What the phases of one visit to a server share: where it is, what was learned, and why later phases cannot run."""

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reverb_py.client.reach import tls_context
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.target import Inquiry, Target

Resolver = Callable[[str, socket.AddressFamily], Awaitable[list[str]]]
USUAL_PORTS = (8080, 443, 80, 6001)  # a container's, an edge's, and the one of laravel-websockets and soketi


class Server(StrEnum):
    """Who answers, as it says itself or as its error texts give away."""

    REVERB_PY = "reverb-py"
    REVERB = "Laravel Reverb"
    SOKETI = "soketi"
    PUSHER = "Pusher"
    UNKNOWN = "a server that does not say who it is"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What depends on where the doctor runs. `resolve` gives a name's addresses of one family, [] for none."""

    resolve: Resolver
    ports: tuple[int, ...] = USUAL_PORTS
    is_on_railway: bool = False


@dataclass(slots=True, eq=False)
class Visit:
    """The state of one visit. Each phase reads what the ones before it learned, and writes what it learned itself."""

    target: Target
    inquiry: Inquiry
    around: Surroundings
    verify: bool = True  # the server's certificate
    tls: ssl.SSLContext = field(init=False)
    blocked: str = ""  # why nothing more can be asked of this server
    server: Server = Server.UNKNOWN
    accepts: bool = False  # signed requests
    connects: bool = False  # WebSockets
    apps_answer: str = ""  # what is strange about the answer to /apps, when it is

    def __post_init__(self) -> None:
        self.tls = tls_context(self.verify)

    def trust_anybody(self) -> None:
        """Verify no certificate from now on: it was asked for, and the finding has been made."""
        self.verify, self.tls = False, tls_context(verify=False)

    def skipped(self, check: str, what: str, why: str = "") -> Finding:
        return Finding(Status.SKIP, f"{what}: not checked, {why or self.blocked}", check)


def surroundings(environ: Mapping[str, str] = os.environ) -> Surroundings:
    """Read the process's own environment: PORT, and whether it is a service on Railway."""
    port = environ.get("PORT", "")
    first = (int(port),) if port.isdecimal() and 0 < int(port) < 65536 else ()
    return Surroundings(resolve, tuple(dict.fromkeys(first + USUAL_PORTS)), "RAILWAY_PROJECT_ID" in environ)


async def resolve(host: str, family: socket.AddressFamily) -> list[str]:
    """Ask the system's resolver. A name that it does not know has no addresses, whatever its reason."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, family=family, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):  # UnicodeError: a label of more than 63 characters
        return []
    return list(dict.fromkeys(str(address[0]) for *_, address in found))

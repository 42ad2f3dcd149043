"""The way to the server: its name and its addresses, each family for itself, and a TCP connection to each.

It opens connections and closes them; to other ports of the same host it speaks only when nobody listens on this one.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address
from time import perf_counter

from reverb_py import codes
from reverb_py.codes import Code
from reverb_py.diagnosis.doctor.exchange import NoAnswer, Request, ask
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.recognize import is_health, who
from reverb_py.diagnosis.doctor.target import Target
from reverb_py.diagnosis.doctor.visit import Visit

NAMES, TCP = "network.names", "network.tcp"
TRIED = 3  # addresses of one family
NOBODY = "Start the server, or set REVERB_HOST and REVERB_PORT to where it listens; no answer at all is a firewall's."
RESOLVER = "See whether this machine's name servers answer (/etc/resolv.conf); --timeout gives them more time."
PORT_TIMEOUT = 1.0  # seconds for a look at another port
_FIXES: dict[Code | None, tuple[str, ...]] = {
    None: (NOBODY,),
    codes.LOCAL_HOST: (
        "REVERB_PORT=<the port the server listens on>   # when it runs on this machine",
        f"or, when it runs elsewhere: {codes.LOCAL_HOST.fix}",
    ),
}
_OTHER_LOOPBACK = {"IPv4": "::1", "IPv6": "127.0.0.1"}


@dataclass(frozen=True, slots=True)
class Way:
    """The host's addresses of one family, and how connecting to the first of them ended."""

    family: str  # "IPv4" or "IPv6"
    addresses: tuple[str, ...]
    error: str = ""  # "refused", "no answer within 2 s"; "" when a connection was made
    milliseconds: float = 0

    @property
    def is_open(self) -> bool:
        return bool(self.addresses) and not self.error

    def __str__(self) -> str:
        if not self.addresses:
            return f"{self.family} has no address"
        how = self.error or f"connected in {self.milliseconds:.0f} ms"
        return f"{self.family} {', '.join(self.addresses[:TRIED])}: {how}"


async def network(visit: Visit) -> AsyncIterator[Finding]:
    """Yield what the resolver and the connections gave; `visit.blocked` says so when there is no way."""
    target = visit.target
    try:
        ipv4, ipv6 = await _addresses(visit)
    except TimeoutError:
        visit.blocked = f"{target.host} was not resolved"
        title = f"The name {target.host} was not resolved within {visit.inquiry.timeout:g} s"
        yield Finding(Status.FAIL, title, NAMES, codes.NAME_UNKNOWN, "the resolver here does not answer", (RESOLVER,))
        return
    if not ipv4.addresses and not ipv6.addresses:
        visit.blocked = f"{target.host} cannot be resolved"
        yield _name_unknown(visit)
        return
    known = [way for way in (ipv4, ipv6) if way.addresses]
    names = "; ".join(f"{way.family} {', '.join(way.addresses[:TRIED])}" for way in known)
    yield Finding(Status.PASS, f"{target.host} resolves", NAMES, evidence=names)
    ipv4, ipv6 = await asyncio.gather(*(_connected(way, target, visit.inquiry.timeout) for way in (ipv4, ipv6)))
    if ipv4.is_open or ipv6.is_open:
        for finding in _reachable(target, ipv4, ipv6):
            yield finding
        return
    visit.blocked = f"nothing answers on {target.host}:{target.port}"
    yield await _nobody(visit, ipv4, ipv6)


async def _addresses(visit: Visit) -> tuple[Way, Way]:
    """Raise TimeoutError when the resolver does not answer for both families."""
    host, resolve = visit.target.host, visit.around.resolve
    async with asyncio.timeout(visit.inquiry.timeout):
        ipv4, ipv6 = await asyncio.gather(resolve(host, socket.AF_INET), resolve(host, socket.AF_INET6))
    return Way("IPv4", tuple(ipv4)), Way("IPv6", tuple(ipv6))


def _name_unknown(visit: Visit) -> Finding:
    host = visit.target.host
    if not host.endswith(".railway.internal"):
        return Finding(Status.FAIL, f"{host} cannot be resolved here", NAMES, codes.NAME_UNKNOWN)
    if visit.around.is_on_railway:
        why = "No service of this project and environment has that private name"
    else:
        why = "A private name of Railway is known inside its project only, and this is not inside Railway"
    return Finding(Status.FAIL, f"{host} cannot be resolved here", NAMES, codes.NAME_UNKNOWN, why)


async def _connected(way: Way, target: Target, timeout: float) -> Way:
    """Return the way with the outcome of the first address that is open, or else of the first."""
    tried = await asyncio.gather(*(_try(way, address, target.port, timeout) for address in way.addresses[:TRIED]))
    return next((each for each in tried if each.is_open), tried[0] if tried else way)


async def _try(way: Way, address: str, port: int, timeout: float) -> Way:
    started = perf_counter()
    try:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(address, port)
    except TimeoutError:
        return replace(way, error=f"no answer within {timeout:g} s")
    except ConnectionRefusedError:
        return replace(way, error="refused")
    except OSError as error:
        return replace(way, error=error.strerror or "no connection")
    milliseconds = (perf_counter() - started) * 1000
    writer.close()
    return replace(way, error="", milliseconds=milliseconds)


def _reachable(target: Target, ipv4: Way, ipv6: Way) -> Iterator[Finding]:
    """At least one family is open. The other one matters when it has addresses; on loopback nobody needs both."""
    opened = ipv4 if ipv4.is_open else ipv6
    shut = ipv6 if ipv4.is_open else ipv4
    where = f"{target.host}:{target.port}"
    evidence = f"{ipv4}; {ipv6}"
    yield Finding(Status.PASS, f"{where} accepts connections", TCP, None, evidence, (), opened.milliseconds)
    if shut.error and not is_loopback(target.host):
        code = codes.IPV4_ONLY if shut is ipv6 else codes.IPV6_ONLY
        title = f"{target.host} has {shut.family} addresses, and nothing answers there on port {target.port}"
        yield Finding(Status.WARN, title, TCP, code, evidence)


async def _nobody(visit: Visit, ipv4: Way, ipv6: Way) -> Finding:
    """No connection was made: say why, as exactly as can be found out."""
    target = visit.target
    elsewhere = await _other_port(visit)
    if elsewhere:
        title = f"Nobody listens on port {target.port} of {target.host}, but a server answers on port {elsewhere}"
        fix = f"REVERB_PORT={elsewhere}"
        return Finding(Status.FAIL, title, TCP, codes.PORTS_DIFFER, f"{ipv4}; {ipv6}", (fix, codes.PORTS_DIFFER.fix))
    only = None if ipv4.addresses and ipv6.addresses else ipv4 if ipv4.addresses else ipv6
    other = await _loopback_of_other_family(visit, only) if only and is_loopback(target.host) else None
    title, code = _refusal(target, only, other)
    evidence = "; ".join(map(str, filter(None, (ipv4, ipv6, other))))
    return Finding(Status.FAIL, title, TCP, code, evidence, _FIXES.get(code, ()))


def _refusal(target: Target, only: Way | None, other: Way | None) -> tuple[str, Code | None]:
    """Return title and code. `only` is the one family with addresses, `other` the other family's loopback when open."""
    where = f"port {target.port} of {target.host}"
    if only and other:
        code = codes.IPV4_ONLY if only.family == "IPv6" else codes.IPV6_ONLY
        return f"Nobody listens on {where}, {only.family}; a server listens there on {other.family} only", code
    if is_loopback(target.host):
        return f"Nobody listens on {where}, which is this machine itself", codes.LOCAL_HOST
    if only and only.family == "IPv6":
        title = f"{target.host} has IPv6 addresses only, and nobody listens there on port {target.port}"
        return title, codes.IPV4_ONLY
    return f"Nobody answers on {where}", None


async def _loopback_of_other_family(visit: Visit, only: Way) -> Way | None:
    family = "IPv6" if only.family == "IPv4" else "IPv4"
    way = await _try(Way(family, (_OTHER_LOOPBACK[only.family],)), _OTHER_LOOPBACK[only.family], visit.target.port, 1)
    return way if way.is_open else None


async def _other_port(visit: Visit) -> int:
    """Return the first usual port of this host on which a Pusher server answers, 0 for none."""
    ports = [port for port in visit.around.ports if port != visit.target.port]
    answers = await asyncio.gather(*(_speaks_pusher(visit, port) for port in ports))
    return next((port for port, does in zip(ports, answers, strict=True) if does), 0)


async def _speaks_pusher(visit: Visit, port: int) -> bool:
    elsewhere = replace(visit.target, port=port, scheme="https" if port == 443 else "http")
    try:
        answer = await ask(Request("GET", f"{elsewhere.http_url}/up"), visit.tls, PORT_TIMEOUT)
    except NoAnswer:
        return False
    return is_health(answer) or who(answer) is not None


def is_loopback(host: str) -> bool:
    """Return True for a name or address of this machine itself, 0.0.0.0 and :: included."""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified

"""TLS: is the certificate one that publishers trust, and do port and scheme speak the same language?"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

from reverb_py import codes
from reverb_py.client.reach import tls_context
from reverb_py.diagnosis.doctor.exchange import Answer, NoAnswer, Request, ask
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.target import Target
from reverb_py.diagnosis.doctor.visit import Visit

CHECK = "network.tls"
HANDSHAKE_TIMEOUT = 1.5  # seconds; a plain Reverb waits for the end of a head that never comes
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which Python has no name for


class NoHandshake(Exception):
    """TLS was not spoken there; the text says what came instead."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says of itself."""

    subject: str
    issuer: str
    expires: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        issuer = "itself" if self.issuer == self.subject else self.issuer
        return f"issued by {issuer}, expires {self.expires}, for {', '.join(self.names) or self.subject}"


async def tls(visit: Visit) -> AsyncIterator[Finding]:
    """Yield how TLS is spoken there; the visit is made lenient, or blocked, when the certificate is not trusted."""
    if visit.target.scheme == "https":
        yield await _https(visit)


async def tls_wanted(visit: Visit) -> Finding | None:
    """Return what is wrong when plain HTTP got no answer, or a complaint, and the port speaks TLS."""
    if visit.target.scheme == "https" or not await _speaks_tls(visit.target):
        return None
    visit.blocked = "plain HTTP is spoken to a port that wants TLS"
    title = f"Port {visit.target.port} of {visit.target.host} speaks TLS, and REVERB_SCHEME is http"
    evidence = "plain HTTP is not answered, a TLS handshake is"
    return Finding(Status.FAIL, title, CHECK, None, evidence, ("REVERB_SCHEME=https",))


def is_complaint(answer: Answer) -> bool:
    """Return True when a port with TLS answers in plain HTTP that it wants TLS, as nginx's do."""
    return answer.status == 400 and "plain HTTP request was sent to HTTPS port" in answer.text


async def _https(visit: Visit) -> Finding:
    target, started = visit.target, perf_counter()
    try:
        certificate = await _handshake(target, visit.tls)
    except ssl.SSLCertVerificationError as error:
        return await _untrusted(visit, error)
    except NoHandshake as error:
        return await _no_tls(visit, str(error))
    milliseconds = (perf_counter() - started) * 1000
    return Finding(Status.PASS, "The certificate is trusted", CHECK, None, str(certificate), (), milliseconds)


async def _untrusted(visit: Visit, error: ssl.SSLCertVerificationError) -> Finding:
    title = f"The certificate is not trusted: {error.verify_message}"
    evidence = str(await _unverified(visit.target) or "")
    if visit.inquiry.insecure:
        visit.trust_anybody()
        return Finding(Status.WARN, title, CHECK, codes.UNTRUSTED_CERTIFICATE, evidence)
    visit.blocked = "the certificate is not trusted (--insecure goes on)"
    return Finding(Status.FAIL, title, CHECK, codes.UNTRUSTED_CERTIFICATE, evidence)


async def _no_tls(visit: Visit, what: str) -> Finding:
    where = f"port {visit.target.port} of {visit.target.host}"
    visit.blocked = f"no TLS on {where}"
    if not await _answers_plain(visit.target, visit.inquiry.timeout):
        return Finding(Status.FAIL, f"The TLS handshake with {where} fails", CHECK, None, what)
    title = f"REVERB_SCHEME is https, and {where} speaks plain HTTP"
    fix = ("REVERB_SCHEME=http",)  # of a publisher: what a client is built with is no matter here
    return Finding(Status.FAIL, title, CHECK, codes.TLS_TO_PLAIN, f"TLS: {what}; plain HTTP: answered", fix)


async def _answers_plain(target: Target, timeout: float) -> bool:
    """Return True when plain HTTP gets an answer that is no complaint about missing TLS."""
    url = replace(target, scheme="http").http_url
    try:
        answer = await ask(Request("GET", f"{url}/up"), tls_context(verify=False), timeout)
    except NoAnswer:
        return False
    return not is_complaint(answer)


async def _speaks_tls(target: Target) -> bool:
    try:
        await _handshake(target, tls_context(verify=False))
    except NoHandshake:
        return False
    return True


async def _handshake(target: Target, context: ssl.SSLContext) -> Certificate | None:
    """Return the certificate as far as `context` verified it; raise SSLCertVerificationError, NoHandshake."""
    handshake = asyncio.open_connection(target.host, target.port, ssl=context, server_hostname=target.host)
    try:
        async with asyncio.timeout(HANDSHAKE_TIMEOUT):
            _, writer = await handshake
    except ssl.SSLCertVerificationError:
        raise
    except TimeoutError:
        raise NoHandshake(f"no answer within {HANDSHAKE_TIMEOUT:g} s") from None
    except ssl.SSLError as error:
        raise NoHandshake((error.reason or "failed").replace("_", " ").lower()) from None
    except OSError as error:
        raise NoHandshake(error.strerror or "the connection was closed") from None
    found = writer.get_extra_info("peercert")
    writer.transport.abort()
    return _certificate(found) if found else None


async def _unverified(target: Target) -> Certificate | None:
    """Return the certificate of a server that is not trusted.

    Python reads only a certificate that was verified: so it is fetched, then verified by itself, at any time.
    """
    context = tls_context(verify=False)
    try:
        async with asyncio.timeout(HANDSHAKE_TIMEOUT):
            _, writer = await asyncio.open_connection(target.host, target.port, ssl=context)
        raw = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.transport.abort()
        itself = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        itself.check_hostname = False
        itself.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(_NO_CHECK_TIME)
        itself.load_verify_locations(cadata=raw)
        return await _handshake(target, itself)
    except (NoHandshake, OSError, TimeoutError):  # it is only evidence
        return None


def _certificate(found: dict[str, Any]) -> Certificate:
    """Read what `getpeercert()` gives."""
    names = tuple(name for kind, name in found.get("subjectAltName", ()) if kind in ("DNS", "IP Address"))
    return Certificate(_name(found["subject"]), _name(found["issuer"]), str(found["notAfter"]), names)


def _name(parts: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    fields = {name: value for part in parts for name, value in part}
    return fields.get("commonName") or fields.get("organizationName") or "nobody"

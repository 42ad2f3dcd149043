"""Why a server could not be reached: what httpx, websockets and the operating system raise, in one word of ours."""

import os
import re
import socket
import ssl
from collections.abc import Iterator

import httpx

from reverb_py import codes
from reverb_py.codes import Code


class Unreachable(Exception):
    """Nobody answered, or not in a way that can be understood. `code` is None where no code fits."""

    def __init__(self, reason: str, code: Code | None = None) -> None:
        super().__init__(f"{reason} ({code.id})" if code else reason)
        self.reason = reason
        self.code = code


def unreachable(error: BaseException, host: str) -> Unreachable:
    """Say what is behind a library's exception; the first cause that is known counts."""
    for each in _chain(error):
        known = _known(each, host)
        if known is not None:
            return known
    return Unreachable(f"no answer that can be understood: {str(error) or type(error).__name__}")


def tls_context(verify: bool) -> ssl.SSLContext:
    """The authorities that are trusted: this machine's, and those that httpx brings."""
    context = httpx.create_ssl_context(verify=verify)
    if verify:
        context.load_default_certs()
    return context


def _known(error: BaseException, host: str) -> Unreachable | None:
    if isinstance(error, socket.gaierror | UnicodeError):
        return Unreachable(f"the name {host} cannot be resolved here", codes.NAME_UNKNOWN)
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message or "it does not fit"
        return Unreachable(f"the certificate of {host} is not trusted: {why}", codes.UNTRUSTED_CERTIFICATE)
    if isinstance(error, ssl.SSLError) and "WRONG_VERSION" in str(error):
        return Unreachable("the port speaks no TLS, but plain HTTP", codes.TLS_TO_PLAIN)
    if isinstance(error, ssl.SSLError):
        return Unreachable(f"no TLS connection: {error.reason or error}")
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return Unreachable("no answer in time")
    if isinstance(error, OSError):
        return _of_the_system(error)
    return None


def _of_the_system(error: OSError) -> Unreachable | None:
    """In the system's words: asyncio and anyio have their own, and hide the number in the text of a summary."""
    hidden = re.search(r"\[Errno (\d+)\]", str(error))
    number = error.errno or (int(hidden[1]) if hidden else 0)
    return Unreachable(os.strerror(number).lower()) if number else None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The exception, what it was made from, and so on, the innermost first."""
    if error is not None:
        yield from _chain(error.__cause__ or error.__context__)
        yield error

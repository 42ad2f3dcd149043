"""What a server's silence or refusal means for whoever typed the command: one line and an exit code."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from reverb_py import codes
from reverb_py.cli.exits import ExitCode
from reverb_py.cli.remote import stop
from reverb_py.client.api import Answer, Unreachable
from reverb_py.client.socket import Refused
from reverb_py.codes import Code

LONGEST = 500  # characters of a server's own words
ELSEWHERE = "If it listens elsewhere, as serve --dev on another port does: set REVERB_PORT, or give --url"
# Servers print the whole text that should have been signed, which hides the cause.
_TO_SIGN = re.compile(r"[.,:]? ?you should have sent HmacSHA256Hex\(.*?, your_secret_key\)", re.IGNORECASE | re.DOTALL)
_OURS = re.compile(r"(?P<words>.*?)\.? \[(?P<code>RVB\d{3})\] (?P<cause>.*)", re.DOTALL)
_BY_STATUS = {
    301: codes.REDIRECTED_PUBLISH,
    302: codes.REDIRECTED_PUBLISH,
    307: codes.REDIRECTED_PUBLISH,
    308: codes.REDIRECTED_PUBLISH,
    401: codes.WRONG_SECRET,
    403: codes.OVER_QUOTA,
    404: codes.UNKNOWN_APP,
    405: codes.REDIRECTED_PUBLISH,
    413: codes.TOO_LARGE,
    422: codes.INVALID_REQUEST,
}
_BY_CLOSE = {
    4001: codes.UNKNOWN_KEY,
    4003: codes.OVER_QUOTA,
    4004: codes.OVER_CAPACITY,
    4009: codes.ORIGIN_REFUSED,
    4100: codes.OVER_CAPACITY,
}
_EXITS = {401: ExitCode.REFUSED, 403: ExitCode.REFUSED, 404: ExitCode.REFUSED}


@contextmanager
def failures(url: str) -> Iterator[None]:
    """Turn Unreachable into exit code 3, and a handshake that was Refused into 4."""
    try:
        yield
    except Unreachable as error:
        raise stop(
            ExitCode.UNREACHABLE, f"{url} is not reachable: {error.reason}. {mend(error.code)} {ELSEWHERE}"
        ) from None
    except Refused as error:
        raise refused_handshake(url, error) from None


def refused_handshake(url: str, error: Refused) -> typer.Exit:
    """The exit for a handshake that the server ended: 4, or 1 when it only has no room."""
    code = _BY_CLOSE.get(error.code or 0)
    has_no_room = code is codes.OVER_CAPACITY
    return stop(
        ExitCode.NEGATIVE if has_no_room else ExitCode.REFUSED,
        f"{url} refused the connection: {str(error).rstrip('.')}. {mend(code)}",
    )


def accepted(answer: Answer, what: str, *, verbose: bool = False) -> Answer:
    """The answer, when it is a success; otherwise the exit, with the server's own words.

    The text that should have been signed is among them only when it is to be `verbose`.
    """
    if answer.status < 300:
        return answer
    code = code_of(answer)
    said = answer.text.strip()
    words = (said if verbose else without_text_to_sign(said)[:LONGEST]).rstrip(".")
    words = words or answer.headers.get("location", "no text")
    if "<html" in words.lower():
        words = "a page of HTML"
    is_ours = f"{code}" in words  # our server's words tell all that there is
    exit_code = _EXITS.get(answer.status, ExitCode.NEGATIVE)
    if answer.status < 400 or answer.status >= 500 or words == "a page of HTML":
        exit_code = ExitCode.UNREACHABLE
    if code and is_ours:
        raise stop(exit_code, f"{what}: {code_first(words)} [{answer.status}]. More: reverb-py explain {code}")
    raise stop(exit_code, f"{what}: the answer is {answer.status}: {words}. {mend(code)}")


def without_text_to_sign(words: str) -> str:
    return _TO_SIGN.sub("", words)


def code_first(words: str) -> str:
    """Our server's words, with code and cause before the protocol's own text, that says little."""
    found = _OURS.fullmatch(words)
    return f"{found['code']} {found['cause'].rstrip('.')} ({found['words']})" if found else words


def code_of(answer: Answer) -> Code | None:
    """The code that our server names, else the one that fits the status."""
    named = next((code for code in codes.CODES.values() if code.id in answer.text), None)
    if named is not None:
        return named
    text = answer.text.lower()
    if "just a moment" in text or "cf-chl" in text:
        return codes.BOT_CHALLENGE
    if "<html" in text and answer.status == 404:
        return codes.APPS_NOT_PROXIED
    return _BY_STATUS.get(answer.status)


def mend(code: Code | None) -> str:
    """What to change, with the code."""
    if code is None:
        return "Is the server running, and is the address right?"
    return f"{code.fix} ({code}, see: reverb-py explain {code})"

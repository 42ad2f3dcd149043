"""Why a request's signature does not fit, found by trying what usually goes wrong. Pure: the time is an argument."""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from reverb_py import codes
from reverb_py.cli.masking import MASK, SWAPPED
from reverb_py.client.signing import Credentials, body_md5
from reverb_py.guesses import PREFIXES
from reverb_py.protocol import signatures

NEEDED = ("auth_key", "auth_timestamp", "auth_version", "auth_signature")
TOLERANCE = 600  # seconds; what servers accept unless told otherwise


@dataclass(frozen=True, slots=True)
class Request:
    """`body` is None when it is not known."""

    method: str
    path: str
    parameters: dict[str, str]
    body: bytes | None

    @classmethod
    def of(cls, method: str, address: str, body: bytes | None) -> Self:
        """From a URL, or from path?query."""
        parts = urlsplit(address)
        return cls(method.upper(), parts.path, signatures.parse_query(parts.query), body)

    @property
    def text(self) -> str:
        return signatures.request_text(self.method, self.path, self.parameters)


@dataclass(frozen=True, slots=True)
class Judgement:
    """`is_refused`: a server refuses it, though the signature fits. The notes are sentences.

    `is_body_other`: the body that was given is not the one whose MD5 was signed.
    """

    fits: bool
    is_refused: bool
    text: str
    notes: tuple[str, ...]
    is_body_other: bool = False


def verify(request: Request, mine: Credentials, now: float, prefix: str = "") -> Judgement:
    """Judge it, on a server with this path prefix; no note shows the secret."""
    signature = request.parameters.get("auth_signature", "")
    has_body = request.method not in ("GET", "HEAD", "DELETE")
    texts = signatures.request_texts(request.method, request.path, request.parameters, prefix=prefix, has_body=has_body)
    fits = bool(signature) and any(_is(signature, mine.secret, text) for text in texts)
    other_body = list(_body(request))
    complaints = [*_missing(request), *other_body, *_time(request, now)]
    notes = [*complaints, *_key(request, mine)]
    if request.body is None and has_body:
        notes.append("the body was not checked: give it by --body @file")
    shown = _without(mine.secret, request)
    if not fits and signature:
        reason = next(_reasons(request, mine, signature), None)
        notes.append(reason or f"no usual mistake explains it: {codes.WRONG_SECRET.title} ({codes.WRONG_SECRET})")
        notes.append("this is what should have been signed: " + shown.replace("\n", "\\n"))
    return Judgement(fits, bool(complaints), shown, tuple(notes), bool(other_body))


def _key(request: Request, mine: Credentials) -> Iterator[str]:
    key = request.parameters.get("auth_key", mine.key)
    if key == mine.secret != mine.key:
        yield f"auth_key is {MASK}, and this app's key is {mine.key}: {SWAPPED} ({codes.WRONG_KEY})"
    elif key != mine.key:
        yield f"auth_key is {key}, and this app's is {mine.key} ({codes.WRONG_KEY})"


def _without(secret: str, request: Request) -> str:
    """The text that should have been signed, with the secret masked where it stands as a parameter."""
    masked = {name: MASK if value == secret else value for name, value in request.parameters.items()}
    return signatures.request_text(request.method, request.path, masked)


def _is(signature: str, secret: str, text: str) -> bool:
    return hmac.compare_digest(signatures.sign(secret, text).encode(), signature.encode())


def _missing(request: Request) -> Iterator[str]:
    missing = [name for name in NEEDED if not request.parameters.get(name)]
    if len(missing) == len(NEEDED):
        yield f"nothing of a signature is there. {codes.QUERY_DROPPED.fix} ({codes.QUERY_DROPPED})"
    elif missing:
        yield f"missing: {', '.join(missing)} ({codes.QUERY_DROPPED})"


def _body(request: Request) -> Iterator[str]:
    claimed = request.parameters.get("body_md5")
    if request.body is None:
        return
    if claimed is None and request.body:
        yield f"missing: body_md5; a body was given, and its MD5 must be signed ({codes.INVALID_REQUEST})"
    elif claimed is not None and claimed != body_md5(request.body):
        end = " (without its last line end it fits)" if claimed == body_md5(request.body.rstrip(b"\r\n")) else ""
        yield f"body_md5 is another body's: this one's is {body_md5(request.body)}{end} ({codes.WRONG_SECRET})"


def _time(request: Request, now: float) -> Iterator[str]:
    text = request.parameters.get("auth_timestamp", "")
    if not text:
        return
    if not text.isdecimal():
        yield f"auth_timestamp must be Unix seconds, and {text[:30]!r} is not"
    elif abs(now - int(text)) > TOLERANCE:
        off = now - int(text)
        yield f"auth_timestamp is {abs(off):.0f} s in the {'past' if off > 0 else 'future'} ({codes.CLOCK_SKEW})"


def _reasons(request: Request, mine: Credentials, signature: str) -> Iterator[str]:
    """What was signed instead, the first that fits being the answer."""
    for text, what in _other_texts(request):
        if _is(signature, mine.secret, text):
            yield what
    for secret, what in _other_secrets(mine):
        if secret and _is(signature, secret, request.text):
            yield f"it was signed with {what} ({codes.WRONG_SECRET})"


def _other_texts(request: Request) -> Iterator[tuple[str, str]]:
    method, path, parameters = request.method, request.path, request.parameters
    at = path.find("/apps/")
    if at > 0:
        prefix = path[:at]
        why = f"it was signed without the path prefix {prefix} (fine, when REVERB_SERVER_PATH is {prefix})"
        yield signatures.request_text(method, path[at:], parameters), why
    for prefix in PREFIXES:
        why = f"it was signed with the path prefix {prefix}, which was lost on the way ({codes.QUERY_DROPPED})"
        yield signatures.request_text(method, prefix + path, parameters), why
    for other in ("POST", "GET", "DELETE", "PUT"):
        if other != method:
            why = f"it was signed for {other}, and this is a {method} ({codes.REDIRECTED_PUBLISH})"
            yield signatures.request_text(other, path, parameters), why
    if path.endswith("/"):
        yield signatures.request_text(method, path.rstrip("/"), parameters), "a slash was added to the path"
    else:
        yield signatures.request_text(method, path + "/", parameters), "the slash at the path's end was lost"
    for name in parameters:
        fewer = {each: value for each, value in parameters.items() if each != name}
        yield signatures.request_text(method, path, fewer), f"{name} was added after it was signed"
    if request.body is not None:
        right = {**parameters, "body_md5": body_md5(request.body)}
        yield signatures.request_text(method, path, right), "body_md5 was lost or changed after it was signed"


def _other_secrets(mine: Credentials) -> Iterator[tuple[str, str]]:
    secret = mine.secret
    yield secret.strip(), "the secret without the blanks around it"
    yield secret.strip("'\""), "the secret without its quotes"
    for quote in "\"'":
        yield f"{quote}{secret}{quote}", "the secret with quotes around it"
    for end in ("\n", "\r\n", "\r", " "):
        yield secret + end, "the secret with a blank or a line end behind it"
        yield " " + secret, "the secret with a blank before it"
    yield secret.lower(), "the secret in lower case"
    yield mine.key, "the key instead of the secret"
    yield mine.app_id, "the app id instead of the secret"

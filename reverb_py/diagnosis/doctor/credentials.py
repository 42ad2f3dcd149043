"""Would a publish be accepted? A signed question in both forms, and what fits instead when it is refused.

Every other secret that is tried here is a form of the one that was given: nothing is guessed about others.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from secrets import token_hex

from reverb_py import codes
from reverb_py.client.reach import Unreachable
from reverb_py.client.signing import app_path
from reverb_py.client.socket import Closed, Refused
from reverb_py.diagnosis.doctor.exchange import Answer, NoAnswer
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.opening import OWN, opened, refusal
from reverb_py.diagnosis.doctor.recognize import is_api
from reverb_py.diagnosis.doctor.signed import Signing, answer_to, signed
from reverb_py.diagnosis.doctor.target import Target
from reverb_py.diagnosis.doctor.visit import Server, Visit
from reverb_py.diagnosis.fingerprint import fingerprint

CHECK, FORMS, CONTROL = "credentials", "credentials.forms", "credentials.control"
WITH_MD5 = Signing(with_md5=True)
_NO_SIGNATURE = re.compile(r"(?i)missing parameter|auth_(?:timestamp|version|signature) (?:is )?(?:missing|required)")
_TIMESTAMP = re.compile(r"(?i)timestamp expired|timestamp must|\[RVB305\]")
_SHOULD_HAVE_SIGNED = re.compile(r'HmacSHA256Hex\("GET(?:\\n|\n)(/[^\s\\]*)')
_SHOULD_HAVE = re.compile(r"(?is)[\s:,]*you should have sent HmacSHA256Hex.*")
_KEY = re.compile(r"(?i)unknown auth_key|valid app key")


async def credentials(visit: Visit) -> AsyncIterator[Finding]:
    """Yield whether id, key and secret are accepted; `visit.accepts` keeps it."""
    try:
        plain, with_md5 = await asyncio.gather(
            answer_to(visit, signed(visit.target, "/channels")),
            answer_to(visit, signed(visit.target, "/channels", signing=WITH_MD5)),
        )
        visit.accepts = 200 in (plain.status, with_md5.status)
        if visit.accepts:
            for finding in (*_accepted(visit, plain, with_md5), *await _negative_control(visit)):
                yield finding
        else:
            yield await _refused(visit, plain)
    except NoAnswer as error:
        yield Finding(Status.FAIL, f"A signed request gets no answer: {error}", CHECK)


def _accepted(visit: Visit, plain: Answer, with_md5: Answer) -> Iterator[Finding]:
    title = "App id and secret are accepted"
    yield Finding(Status.PASS, title, CHECK, None, f"app {visit.target.app_id}", (), plain.milliseconds)
    if plain.status != with_md5.status:
        form = "with" if with_md5.status == 200 else "without"
        title = f"Questions are accepted only when they are signed {form} body_md5"
        yield Finding(
            Status.WARN, title, FORMS, codes.SIGNATURE_FORM, f"without: {plain.status}, with: {with_md5.status}"
        )


async def _negative_control(visit: Visit) -> list[Finding]:
    wrong = replace(visit.target, secret=token_hex(16))
    answer = await answer_to(visit, signed(wrong, "/channels"))
    if answer.status != 200:
        return [Finding(Status.PASS, "A wrong secret is refused", CONTROL, None, f"{answer.status}")]
    title = "A wrong secret is accepted too: whatever answers there does not check signatures"
    fix = ("Look for what answers in the server's place: a cache, a mock, a proxy with an answer of its own.",)
    visit.accepts = False
    return [Finding(Status.FAIL, title, CONTROL, None, answer.excerpt, fix)]


async def _refused(visit: Visit, answer: Answer) -> Finding:
    """Name the reason of a refusal, by its text where the server gives one, else by what would be accepted."""
    fits = await _fitting(visit)
    if fits:
        return fits
    if visit.server is Server.PUSHER and _KEY.search(answer.text):
        title = "Hosted Pusher answers, and does not know the key"
        return Finding(Status.FAIL, title, CHECK, codes.HOSTED_PUSHER, answer.excerpt)
    for pattern, code, title in (
        (_TIMESTAMP, codes.CLOCK_SKEW, "The server refuses the time of the request"),
        (_NO_SIGNATURE, codes.QUERY_DROPPED, "The signature did not arrive: something drops the query string"),
        (_KEY, codes.WRONG_KEY, "The server does not know the key"),
    ):
        if pattern.search(answer.text):
            return Finding(Status.FAIL, title, CHECK, code, answer.excerpt)
    if answer.status == 401 and await _secret_fits(visit):
        title = "The secret is right, a private channel accepts it: something changes requests on their way"
        return Finding(Status.FAIL, title, CHECK, codes.QUERY_DROPPED, _seen_path(visit, answer) or answer.excerpt)
    return _by_status(visit, answer)


def _seen_path(visit: Visit, answer: Answer) -> str:
    """Return which path the server saw, where its refusal repeats what should have been signed; "" when it was ours."""
    seen, ours = _SHOULD_HAVE_SIGNED.search(answer.text), f"{app_path(visit.target.app_id)}/channels"
    return f"the server got {seen[1]} instead of {ours}" if seen and seen[1] != ours else ""


async def _secret_fits(visit: Visit) -> bool:
    """Return True when the server accepts a subscription that is signed with the secret.

    Laravel Reverb has one sentence for a wrong secret and for a signature that never came; a WebSocket has no query
    or path that a proxy could change after it was signed.
    """
    try:
        async with opened(visit, visit.target) as socket:
            return not await refusal(socket, visit.target, OWN + token_hex(6), visit.inquiry.timeout)
    except (Refused, Unreachable, Closed, TimeoutError):
        return False


def _by_status(visit: Visit, answer: Answer) -> Finding:
    app_id = visit.target.app_id
    if answer.status == 404 and answer.text.strip() == "Not found.":  # Reverb's sentence for a path, not for an app
        title = "The server knows no such path: a prefix is missing (REVERB_SERVER_PATH), or a proxy rewrites the path"
        return Finding(Status.FAIL, title, CHECK, codes.QUERY_DROPPED, answer.excerpt)
    if answer.status == 404 and is_api(answer):
        return Finding(Status.FAIL, f"The server has no app {app_id}", CHECK, codes.UNKNOWN_APP, answer.excerpt)
    if answer.status == 401:
        title = f"The signature for app {app_id} is refused"
        return Finding(Status.FAIL, title, CHECK, codes.WRONG_SECRET, _said(answer), _other_secret(visit))
    if answer.status in (403, 429):
        title = f"App {app_id} is disabled, or over a limit"
        return Finding(Status.FAIL, title, CHECK, codes.OVER_QUOTA, answer.excerpt)
    if answer.status == 413:
        return Finding(Status.FAIL, "The request is too large", CHECK, codes.TOO_LARGE, answer.excerpt)
    return Finding(Status.FAIL, f"A signed request is answered with {answer.status}", CHECK, None, answer.excerpt)


def _said(answer: Answer) -> str:
    """The answer without what should have been signed, which says nothing about a secret."""
    return replace(answer, text=_SHOULD_HAVE.sub("", answer.text)).excerpt


def _other_secret(visit: Visit) -> tuple[str, str]:
    """Where the other fingerprint is, the server's: both are needed to see which side is wrong."""
    line = f"REVERB_APP_SECRET=<the server's; this one is {fingerprint(visit.target.secret)}>"
    where = "give the doctor --server-env <the server's variables> to compare the two"
    if visit.server is Server.REVERB_PY:
        where = f"reverb-py serve prints the server's fingerprint at its start; or {where}"
    return line, where


async def _fitting(visit: Visit) -> Finding | None:
    """Return what is wrong with the values when a tidied form of them is accepted."""
    variants = list(_variants(visit.target))
    requests = [signed(target, "/channels", signing=signing) for target, signing, *_ in variants]
    answers = await asyncio.gather(*(answer_to(visit, request) for request in requests))
    for (_, _, title, code, fix), answer in zip(variants, answers, strict=True):
        if answer.status == 200:
            return Finding(Status.FAIL, title, CHECK, code, "accepted with it, refused without", (fix,))
    return None


def _variants(target: Target) -> Iterator[tuple[Target, Signing, str, codes.Code, str]]:
    """Yield what a human may have meant: target, signing, title, code, fix."""
    texts = {"secret": target.secret, "app_id": target.app_id, "key": target.key}
    for what, code, name in (
        ("secret", codes.WRONG_SECRET, "REVERB_APP_SECRET"),
        ("app_id", codes.UNKNOWN_APP, "REVERB_APP_ID"),
        ("key", codes.WRONG_KEY, "REVERB_APP_KEY"),
    ):
        for form, how in _forms(texts[what]):
            tidied = {**texts, what: form}
            meant = replace(target, secret=tidied["secret"], app_id=tidied["app_id"], key=tidied["key"])
            yield meant, Signing(), f"{name} fits {how}", code, f"Write {name} {how}."
    if target.path:
        title = f"The signature fits only when the prefix {target.path} is signed too: a proxy or --path adds it"
        yield target, Signing(with_prefix=True), title, codes.QUERY_DROPPED, codes.QUERY_DROPPED.fix


def _forms(given: str) -> Iterator[tuple[str, str]]:
    """Yield the forms of a value that differ from it, with how they do."""
    stripped = given.strip()
    unquoted = stripped.strip("\"'").strip()
    if stripped != given:
        yield stripped, "without the blanks around it"
    if unquoted != stripped:
        yield unquoted, "without the quotes around it"
    if "\\" in given:
        yield given.replace("\\", ""), "without the backslashes in it"
    elif given == unquoted and given:
        yield f'"{given}"', "with quotes around it: the server has them in its value"

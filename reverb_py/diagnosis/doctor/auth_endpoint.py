"""The application's auth endpoint, asked as the client would: form-encoded and as JSON, with a Bearer token.

It signs a real socket's id; what it signs is compared, and sent to nobody.
"""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from reverb_py import codes
from reverb_py.client.reach import Unreachable
from reverb_py.client.signing import channel_auth
from reverb_py.client.socket import Refused
from reverb_py.codes import Code
from reverb_py.diagnosis.doctor.exchange import Answer, NoAnswer, Request, ask
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.opening import opened
from reverb_py.diagnosis.doctor.recognize import json_object
from reverb_py.diagnosis.doctor.signed import credentials_of
from reverb_py.diagnosis.doctor.target import Target
from reverb_py.diagnosis.doctor.visit import Visit

CHECK, AS_JSON = "auth", "auth.json"
NO_SOCKET = "123456789.987654321"  # signed just as well as a real one's id
HURRY = 0.5  # of the timeout, when the server's silence has taken most of the time
SANCTUM = "Broadcast::routes(['prefix' => 'api', 'middleware' => ['auth:sanctum']]);"
LIKE_CLIENTS = "pusher-js and dart_pusher_channels send a form; of other clients some send JSON"

REFUSALS: dict[int, tuple[str, tuple[str, ...]]] = {
    400: ("does not understand the request", ("It must read socket_id and channel_name from the body.",)),
    401: (
        "refuses the token: nobody is signed in",
        (SANCTUM, "Send the token: Authorization: Bearer …; the default guard of broadcasting/auth is the session."),
    ),
    403: (
        "refuses the channel for this user",
        (
            "The callback in routes/channels.php must return true, and its pattern match the name without private-:"
            " Broadcast::channel('customer.{customerId}.driver-location', …).",
            "Without any Broadcast::channel() that matches, the answer is 403 too.",
        ),
    ),
    404: (
        "does not exist",
        (
            "Laravel 11 and later have the route once routes/channels.php is there: php artisan install:broadcasting.",
            "It is /broadcasting/auth by default, and /api/broadcasting/auth only with a prefix: " + SANCTUM,
        ),
    ),
    405: ("does not take POST", ("Ask the route that Broadcast::routes() makes, by POST.",)),
    419: (
        "wants a CSRF token: it is in the web middleware",
        (SANCTUM, "In a browser send X-CSRF-TOKEN, or except broadcasting/auth from VerifyCsrfToken."),
    ),
    422: ("finds socket_id or channel_name missing", ("It must read socket_id and channel_name from the body.",)),
    429: ("throttles", ("Take broadcasting/auth out of the rate limiter: a reconnecting app asks for every channel.",)),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the endpoint was asked to sign, and with whose values it should."""

    target: Target
    socket_id: str
    channel: str


async def auth_endpoint(visit: Visit) -> AsyncIterator[Finding]:
    """Yield what the endpoint answers to a form and to JSON."""
    name = visit.inquiry.channel
    if not name.startswith(("private-", "presence-")):
        yield visit.skipped(CHECK, "The auth endpoint", "name a private or presence channel (--channel)")
        return
    if not visit.connects:
        async for finding in _ask_both(visit, Asked(visit.target, NO_SOCKET, name)):
            yield finding
        return
    try:
        async with opened(visit, visit.target) as socket:
            async for finding in _ask_both(visit, Asked(visit.target, socket.socket_id, name)):
                yield finding
    except (Refused, Unreachable):
        async for finding in _ask_both(visit, Asked(visit.target, NO_SOCKET, name)):
            yield finding


async def _ask_both(visit: Visit, asked: Asked) -> AsyncIterator[Finding]:
    try:
        form = judged(asked, await _post(visit, asked, as_json=False))
        yield form
        as_json = judged(asked, await _post(visit, asked, as_json=True))
    except NoAnswer as error:
        title = f"The auth endpoint gives no answer: {error}"
        yield Finding(Status.FAIL, title, CHECK, codes.SUBSCRIPTION_REFUSED, visit.inquiry.auth_endpoint)
        return
    if as_json.status is not form.status:
        works, fails = ("a form", "JSON") if form.status is Status.PASS else ("JSON", "a form")
        title = f"The auth endpoint answers {works} rightly, and {fails} not"
        evidence = as_json.title if fails == "JSON" else LIKE_CLIENTS
        yield Finding(Status.WARN, title, AS_JSON, codes.SUBSCRIPTION_REFUSED, evidence)


async def _post(visit: Visit, asked: Asked, *, as_json: bool) -> Answer:
    fields = {"socket_id": asked.socket_id, "channel_name": asked.channel}
    kind = "application/json" if as_json else "application/x-www-form-urlencoded"
    body = json.dumps(fields) if as_json else urlencode(fields)
    # No Accept: application/json, as no client library sends it: Laravel redirects a guest then.
    headers = {"Content-Type": kind, "Accept": "*/*"}
    if visit.inquiry.bearer:
        headers["Authorization"] = f"Bearer {visit.inquiry.bearer}"
    request = Request("POST", visit.inquiry.auth_endpoint, body.encode(), headers)
    patience = visit.inquiry.timeout * (HURRY if visit.blocked else 1)
    return await ask(request, visit.tls, patience)


def judged(asked: Asked, answer: Answer) -> Finding:
    """Return what an answer of the endpoint means."""
    if answer.location:
        path = urlsplit(answer.location).path or answer.location
        title = f"The auth endpoint redirects to {path}: it takes the client for a guest"
        accept = "Send Accept: application/json, so that Laravel answers 401 instead of a redirect."
        return _failed(title, answer, fix=(SANCTUM, accept))
    if answer.status != 200:
        what, fix = REFUSALS.get(answer.status, ("fails", ("Look into storage/logs/laravel.log of the application.",)))
        return _failed(f"The auth endpoint {what} ({answer.status})", answer, fix=fix)
    if not answer.text.strip():
        title = "The auth endpoint answers 200 with nothing: the web service's broadcaster is log or null"
        return _failed(title, answer, codes.BROADCASTS_DISCARDED)
    if answer.is_html:
        ask_route = "Ask the API's route, not a page: /broadcasting/auth, or /api/broadcasting/auth."
        return _failed("The auth endpoint answers with a page instead of JSON", answer, fix=(ask_route,))
    return _signature(asked, json_object(answer.text), answer)


def _signature(asked: Asked, found: Mapping[str, object], answer: Answer) -> Finding:
    auth, data = found.get("auth"), found.get("channel_data")
    if not isinstance(auth, str) or ":" not in auth:
        fix = ('It must answer {"auth": "<key>:<signature>"}, as Broadcast::routes() does.',)
        return _failed("The auth endpoint's answer has no auth", Answer(200, {}, "JSON without auth", 0), fix=fix)
    if asked.channel.startswith("presence-") and not isinstance(data, str):
        fix = ("For a presence channel the callback must return the user's data, an array with an id.",)
        return _failed(
            "The auth endpoint's answer has no channel_data", Answer(200, {}, "a presence channel", 0), fix=fix
        )
    signed_data = data if isinstance(data, str) else None
    right = channel_auth(credentials_of(asked.target), asked.socket_id, asked.channel, signed_data)
    key, _, signature = auth.partition(":")
    if signature != right.rpartition(":")[2]:
        title = "The auth endpoint signs with another secret than the publisher's"
        return Finding(Status.FAIL, title, CHECK, codes.WRONG_SECRET, "the signature does not fit REVERB_APP_SECRET")
    if key != asked.target.key:
        title = "The auth endpoint signs with the right secret, and names another key"
        return Finding(Status.FAIL, title, CHECK, codes.WRONG_KEY, f"{key[:40]} instead of {asked.target.key}")
    title = f"The auth endpoint signs {asked.channel} rightly"
    return Finding(Status.PASS, title, CHECK, None, "", (), answer.milliseconds)


def _failed(title: str, answer: Answer, code: Code = codes.SUBSCRIPTION_REFUSED, fix: tuple[str, ...] = ()) -> Finding:
    return Finding(Status.FAIL, title, CHECK, code, answer.excerpt, fix)

"""Who answers there, asked without a signature: `/up`, then the API's own path, as a publisher's library would."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from email.utils import parsedate_to_datetime
from time import time

from reverb_py import codes
from reverb_py.diagnosis.doctor.exchange import Answer, NoAnswer, Request
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.recognize import is_api, is_challenge, is_health, json_object, who
from reverb_py.diagnosis.doctor.signed import WHO, answer_to
from reverb_py.diagnosis.doctor.tls import is_complaint, tls_wanted
from reverb_py.diagnosis.doctor.visit import Server, Visit

UP, API, CLOCK, SPEED = "identify.up", "identify.api", "identify.clock", "identify.speed"
REDIS = "identify.redis"
UP_PATH = "/up?detail"  # other servers take it for /up
GATEWAY = (502, 503, 504)  # a proxy, and nobody behind it
AGAIN_AFTER = 0.4  # seconds; a service that wakes up takes that long
SLOW = 1000  # milliseconds for an answer of fifteen bytes
SKEW_WARN, SKEW_FAIL = 60, 600  # seconds; servers refuse what is signed 600 s off


async def identify(visit: Visit) -> AsyncIterator[Finding]:
    """Yield who answers; `visit.server` and `visit.apps_answer` keep it."""
    if visit.target.host.endswith(".pusher.com"):
        visit.server = Server.PUSHER
        yield Finding(Status.WARN, f"{visit.target.host} is hosted Pusher", API, codes.HOSTED_PUSHER)
    try:
        up, attempts = await _up(visit)
        api = await _get(visit, f"/apps/{visit.target.app_id}/channels")
    except NoAnswer as error:
        yield await tls_wanted(visit) or _silent(visit, str(error))
        return
    finding = await tls_wanted(visit) if is_complaint(api) else None
    if finding:
        yield finding
        return
    visit.server = next(filter(None, (who(api), who(up))), visit.server)
    for finding in (*_about_up(visit, up, attempts), *_about_clock(api), *_about_api(visit, api)):
        yield finding


def _silent(visit: Visit, why: str) -> Finding:
    visit.blocked = "HTTP is not answered"
    return Finding(Status.FAIL, "The server accepts connections and does not answer", UP, codes.SATURATED, why)


async def _get(visit: Visit, path: str) -> Answer:
    return await answer_to(visit, Request("GET", visit.target.http_url + path, headers=WHO))


async def _up(visit: Visit) -> tuple[Answer, int]:
    """Return the answer to `/up` and how many attempts it took."""
    for attempt in (1, 2):
        answer = await _get(visit, UP_PATH)
        if answer.status not in GATEWAY or is_challenge(answer):
            return answer, attempt
        await asyncio.sleep(AGAIN_AFTER)
    return await _get(visit, UP_PATH), 3


def _about_up(visit: Visit, up: Answer, attempts: int) -> Iterator[Finding]:
    if up.status in GATEWAY and not is_challenge(up):
        visit.blocked = f"a proxy answers {up.status}: nobody behind it"
        yield _bad_gateway(up)
        return
    if attempts > 1:
        title = "The first request failed and a later one succeeded: the server was asleep or starting"
        yield Finding(Status.WARN, title, UP, codes.ASLEEP, f"/up answered at attempt {attempts}")
    elif is_health(up):
        yield Finding(Status.PASS, f"{visit.server} is up", UP, None, up.excerpt, (), up.milliseconds)
    away = _without_redis(up)
    if away:
        title = f"{visit.server} is cut off from Redis for {away:.0f} s: its clients miss what other servers publish"
        yield Finding(Status.FAIL, title, REDIS, codes.REDIS_AWAY, up.excerpt)
    if up.milliseconds > SLOW:
        title = f"The server is slow: {up.milliseconds:.0f} ms for /up"
        yield Finding(Status.WARN, title, SPEED, codes.SATURATED, "", (), up.milliseconds)


def _without_redis(up: Answer) -> float:
    """For how many seconds a server that needs Redis has none, 0 when it has, or needs none."""
    health = json_object(up.text)
    away = health.get("redis_away")
    return away if health.get("redis") == "away" and isinstance(away, float) else 0.0


def _bad_gateway(up: Answer) -> Finding:
    # Railway's edge marks its own page: the domain's target port is not the one that the service listens on.
    if "x-railway-fallback" in up.headers or "Application failed to respond" in up.text:
        title = f"Railway's edge answers {up.status}: nobody listens on the domain's target port"
        return Finding(Status.FAIL, title, UP, codes.PORTS_DIFFER, up.excerpt)
    title = f"A proxy answers {up.status}, three times: the server behind it is down or asleep"
    return Finding(Status.FAIL, title, UP, codes.ASLEEP, up.excerpt)


def _about_api(visit: Visit, api: Answer) -> Iterator[Finding]:
    """What the API's path gives. What is strange is kept: only the WebSocket shows whether a proxy is to blame."""
    if visit.blocked:
        return
    if api.location:
        visit.blocked = "every request is redirected"
        yield _redirected(visit, api)
    elif is_challenge(api):
        visit.blocked = "a firewall answers instead of the server"
        title = "A firewall answers publishes with a challenge for browsers"
        yield Finding(Status.FAIL, title, API, codes.BOT_CHALLENGE, api.excerpt)
    elif not is_api(api):
        visit.apps_answer = api.excerpt
    else:
        title = f"{visit.server} answers for /apps"
        yield Finding(Status.PASS, title, API, None, f"{api.status} without a signature", (), api.milliseconds)


def _redirected(visit: Visit, api: Answer) -> Finding:
    if visit.target.scheme == "http" and api.location.startswith("https:"):
        title = f"Plain http is redirected to https ({api.status}): a publish becomes a GET on the way"
        fix = ("REVERB_SCHEME=https", "REVERB_PORT=443")
        return Finding(Status.FAIL, title, API, codes.REDIRECTED_PUBLISH, f"to {api.location}", fix)
    return Finding(Status.FAIL, f"Requests to /apps are redirected to {api.location}", API, None, api.excerpt)


def _about_clock(answer: Answer) -> Iterator[Finding]:
    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except ValueError:  # Reverb's refusals have no date
        return
    off = theirs - time()
    if abs(off) <= SKEW_WARN:
        yield Finding(Status.PASS, "The clocks agree", CLOCK, None, f"{off:+.0f} s")
        return
    status = Status.FAIL if abs(off) > SKEW_FAIL else Status.WARN
    title = f"The server's clock is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} this machine's"
    yield Finding(status, title, CLOCK, codes.CLOCK_SKEW, f"Date: {answer.headers['date']}")

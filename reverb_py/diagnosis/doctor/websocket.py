"""The clients' way: the WebSocket handshake with the key, without and with the page's origin."""

from collections.abc import AsyncIterator, Iterator

from reverb_py import codes
from reverb_py.client.reach import Unreachable
from reverb_py.client.socket import NotUpgraded, Refused, Socket
from reverb_py.codes import Code
from reverb_py.diagnosis.doctor.exchange import Answer
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.opening import opened
from reverb_py.diagnosis.doctor.recognize import is_challenge
from reverb_py.diagnosis.doctor.visit import Visit

CHECK, ORIGIN, ACTIVITY = "websocket", "websocket.origin", "websocket.activity"
PROXIED = "identify.api"
KEY_FIX = "REVERB_APP_KEY=<the server's; reverb-py serve prints its line at its start>"
CLIENT_FIX = "then build the clients with it: with another key each is refused (4001), though publishes are accepted"

REFUSALS: dict[int | None, tuple[str, Code]] = {
    4001: ("The server has no app with this key", codes.UNKNOWN_KEY),
    4003: ("The app is disabled", codes.OVER_QUOTA),
    4004: ("The app's limit of connections is reached", codes.OVER_CAPACITY),
    4100: ("The server takes no more connections now", codes.OVER_CAPACITY),
    4009: ("A client without an origin, such as a phone's app, is refused", codes.ORIGIN_REFUSED),
}


async def websocket(visit: Visit) -> AsyncIterator[Finding]:
    """Yield how the handshake ends; `visit.connects` keeps it."""
    try:
        async with opened(visit, visit.target) as socket:
            visit.connects = True
            yield Finding(Status.PASS, "A WebSocket opens with this key", CHECK, None, f"socket {socket.socket_id}")
            for finding in _activity(socket):
                yield finding
    except Refused as refused:
        yield _refused(visit, refused)
    except NotUpgraded as answer:
        yield _not_upgraded(answer)
    except Unreachable as error:
        yield Finding(Status.FAIL, f"No WebSocket opens: {error.reason}", CHECK, error.code)
    if visit.inquiry.origin:
        yield await _with_origin(visit)


def apps_not_proxied(visit: Visit) -> Finding:
    """What a strange answer to `/apps` means, once the WebSocket was tried."""
    if visit.connects:
        title = "Clients connect, and requests to /apps end elsewhere: the proxy does not pass them on"
        return Finding(Status.FAIL, title, PROXIED, codes.APPS_NOT_PROXIED, f"/apps: {visit.apps_answer}")
    where = f"{visit.target.host}:{visit.target.port}"
    fix = ("Point REVERB_HOST, REVERB_PORT and REVERB_SCHEME to the WebSocket server, not to the web application.",)
    evidence = f"/apps: {visit.apps_answer}"
    return Finding(Status.FAIL, f"What answers on {where} is no Pusher server", PROXIED, None, evidence, fix)


def _activity(socket: Socket) -> Iterator[Finding]:
    if not socket.activity_timeout:
        said = "no activity_timeout" if socket.activity_timeout is None else "an activity_timeout of 0"
        title = f"The handshake says {said}: pusher-js does not connect"
        yield Finding(Status.FAIL, title, ACTIVITY, codes.ACTIVITY_TIMEOUT)


def _refused(visit: Visit, refused: Refused) -> Finding:
    title, code = REFUSALS.get(refused.code, ("The server refuses the WebSocket", None))
    if refused.code == 4001 and visit.accepts:
        title = "The server knows app id and secret, but not this key: publishing works, and clients are refused"
        return Finding(Status.FAIL, title, CHECK, codes.WRONG_KEY, str(refused), (KEY_FIX, CLIENT_FIX))
    return Finding(Status.FAIL, title, CHECK, code, str(refused))


def _not_upgraded(answer: NotUpgraded) -> Finding:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    seen = Answer(answer.status, headers, answer.body, 0)
    if is_challenge(seen):
        title = "A firewall answers the WebSocket with a challenge for browsers"
        return Finding(Status.FAIL, title, CHECK, codes.BOT_CHALLENGE, seen.excerpt)
    if seen.location:
        title = f"The WebSocket is redirected to {seen.location}: no client follows that"
        return Finding(Status.FAIL, title, CHECK, codes.NOT_AN_UPGRADE, seen.excerpt)
    title = f"The WebSocket gets {answer.status} instead of an upgrade"
    return Finding(Status.FAIL, title, CHECK, codes.NOT_AN_UPGRADE, seen.excerpt)


async def _with_origin(visit: Visit) -> Finding:
    origin = visit.inquiry.origin
    if not visit.connects:
        return visit.skipped(ORIGIN, f"The origin {origin}", "no WebSocket opens")
    try:
        async with opened(visit, visit.target, origin):
            return Finding(Status.PASS, f"A page from {origin} may connect", ORIGIN)
    except Refused as refused:
        code = codes.ORIGIN_REFUSED if refused.code == 4009 else REFUSALS.get(refused.code, ("", None))[1]
        title = f"A page from {origin} is refused; without an origin the same key connects"
        return Finding(Status.FAIL, title, ORIGIN, code, str(refused))
    except Unreachable as error:
        return Finding(Status.FAIL, f"No WebSocket opens from {origin}: {error.reason}", ORIGIN, error.code)

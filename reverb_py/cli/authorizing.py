"""How `listen` gets the authorization of a channel: signed here with the app's secret, or from an auth endpoint."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from reverb_py import codes
from reverb_py.cli.exits import ExitCode
from reverb_py.cli.remote import stop
from reverb_py.client.api import TIMEOUT, encoded
from reverb_py.client.reach import tls_context, unreachable
from reverb_py.client.signing import Credentials, channel_auth
from reverb_py.protocol.names import is_presence, needs_authorization

LONGEST = 300  # characters of an endpoint's answer


@dataclass(frozen=True, slots=True)
class Authorization:
    """What goes into a subscription; of a public channel nothing."""

    auth: str | None = field(default=None, repr=False)
    channel_data: str | None = None


Authorize = Callable[[str, str], Awaitable[Authorization]]  # for a socket id and a channel


@dataclass(frozen=True, slots=True)
class Signing:
    """Says yes to everything, as this user."""

    credentials: Credentials
    user_id: str
    user_info: object

    async def __call__(self, socket_id: str, channel: str) -> Authorization:
        if not needs_authorization(channel):
            return Authorization()
        data = None
        if is_presence(channel):
            data = encoded({"user_id": self.user_id, "user_info": self.user_info}).decode()
        return Authorization(channel_auth(self.credentials, socket_id, channel, data), data)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Asks the application, as pusher-js does: a form with socket_id and channel_name."""

    url: str
    headers: dict[str, str] = field(repr=False)  # they hold a token
    verify: bool

    async def __call__(self, socket_id: str, channel: str) -> Authorization:
        """End with exit code 4 when it refuses, 3 when it does not answer."""
        if not needs_authorization(channel):
            return Authorization()
        form = {"socket_id": socket_id, "channel_name": channel}
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT, verify=tls_context(self.verify), trust_env=False) as http:
                answer = await http.post(self.url, data=form, headers={"Accept": "application/json", **self.headers})
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            why = unreachable(error, urlsplit(self.url).hostname or self.url)
            raise stop(ExitCode.UNREACHABLE, f"the auth endpoint {self.url} is not reachable: {why}") from None
        return _read(self.url, channel, answer)


def _read(url: str, channel: str, answer: httpx.Response) -> Authorization:
    try:
        found = answer.json()
    except ValueError:
        found = None
    auth = found.get("auth") if isinstance(found, dict) else None
    if answer.status_code != 200 or not isinstance(auth, str):
        words = answer.headers.get("location") or answer.text.strip()[:LONGEST] or "an empty body"
        what = f"the auth endpoint {url} did not authorize {channel}: {answer.status_code}, {words}"
        raise stop(ExitCode.REFUSED, f"{what}. {_mend(answer.status_code)} ({codes.SUBSCRIPTION_REFUSED})")
    data = found.get("channel_data")
    return Authorization(auth, data if isinstance(data, str) else None)


def _mend(status: int) -> str:
    return {
        200: "It must answer JSON with auth; null or nothing means that no broadcast driver signs there",
        302: "It redirects, most likely to a login page: send -H 'Accept: application/json' and a token",
        401: "It does not know the user: send -H 'Authorization: Bearer …'",
        403: "Its rule in routes/channels.php says no for this user, or there is none",
        404: "There is no such route: Broadcast::routes() registers /broadcasting/auth",
        419: "It wants a CSRF token: use a route of the api middleware, or a session",
    }.get(status, "Check the application's auth endpoint")

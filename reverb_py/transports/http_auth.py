"""Request signature to App, or a refusal that says why. Decided at the end of the head, before the body is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reverb_py import codes
from reverb_py.codes import Code
from reverb_py.guesses import why_refused
from reverb_py.hub import facts
from reverb_py.hub.app import App
from reverb_py.node import Node
from reverb_py.protocol.signatures import matches, parse_query, request_texts

INVALID = "Authentication signature invalid."  # Reverb's sentence; Laravel prints it
REQUIRED = ("auth_key", "auth_timestamp", "auth_version", "auth_signature")
SHOWN = 500  # characters of the string to sign that an error repeats


class Refusal(Exception):
    """A request is answered with an error: plain text that begins with Reverb's sentence, then our code and reason."""

    def __init__(
        self,
        status: int,
        sentence: str,
        code: Code | None = None,
        reason: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = headers
        self.code = code
        self.text = sentence if code is None else f"{sentence} [{code}] {reason or code.title + '.'} {code.fix}"


@dataclass(frozen=True, slots=True)
class Head:
    """What of a request is signed. `path` and `query` as they were sent, percent-encoded."""

    method: str
    path: str
    query: str
    has_body: bool


class Authenticator:
    """Finds the app that a request speaks for. `clock` gives Unix seconds; a tolerance of 0 accepts any time."""

    def __init__(self, node: Node, *, prefix: str, tolerance: float, clock: Callable[[], float]) -> None:
        self._node = node
        self._prefix = prefix
        self._tolerance = tolerance
        self._clock = clock

    def authenticate(self, app_id: str, head: Head) -> tuple[App, dict[str, str]]:
        """Return the app and the query's parameters (auth names in lower case); raise Refusal (404, 401, 403)."""
        app = self._node.apps.by_id(app_id)
        if app is None:
            shown = "the secret of an app" if self._node.apps.has_secret(app_id) else app_id[:100]
            raise Refusal(404, f"No matching application for ID [{shown}].", codes.UNKNOWN_APP)
        parameters = parse_query(head.query)
        auth = parameters
        if not all(map(str.islower, parameters)):
            auth = {name.lower(): value for name, value in parameters.items()}
        self._check_signature(app, head, parameters, auth)
        if not app.enabled:
            raise Refusal(403, "Application is disabled.", codes.OVER_QUOTA)
        if auth["auth_key"] not in app.keys:
            key = auth["auth_key"]
            shown = "a secret" if self._node.apps.has_secret(key) else repr(key[:40])
            what = f"a request of app {app.id} was signed with its secret, but names the key {shown}"
            self._node.tell(facts.Noticed(app.id, what, codes.WRONG_KEY))
        if auth is parameters:
            return app, parameters
        return app, {**parameters, **{name: auth[name] for name in auth if name.startswith(("auth_", "body_"))}}

    def app_of_key(self, query: str) -> App | None:
        """Return the app that `auth_key` names: Python's client leaves the app out of one path (pp 5.3)."""
        return self._node.apps.by_key(parse_query(query).get("auth_key", ""))

    def _check_signature(self, app: App, head: Head, parameters: dict[str, str], auth: dict[str, str]) -> None:
        missing = [name for name in REQUIRED if name not in auth]
        if len(missing) == len(REQUIRED):
            raise Refusal(401, INVALID, codes.QUERY_DROPPED, f"Missing parameter: {', '.join(missing)}.")
        if missing:
            raise Refusal(401, INVALID, codes.INVALID_REQUEST, f"Missing parameter: {', '.join(missing)}.")
        if auth["auth_version"] != "1.0":
            raise Refusal(401, INVALID, codes.INVALID_REQUEST, "Version not supported: auth_version must be 1.0.")
        texts = request_texts(head.method, head.path, parameters, prefix=self._prefix, has_body=head.has_body)
        if not any(matches(app.secrets, text, auth["auth_signature"]) for text in texts):
            usual = next(request_texts(head.method, head.path, parameters, prefix=self._prefix))
            signed = self._node.redacted(usual.replace("\n", "\\n"))[:SHOWN]
            if self._node.apps.has_secret(auth["auth_key"]):
                reason = "auth_key is the secret of an app: REVERB_APP_KEY and REVERB_APP_SECRET are swapped."
                raise Refusal(401, INVALID, codes.WRONG_SECRET, reason)
            reason = f'You should have sent HmacSHA256Hex("{signed}", your_secret_key).'
            guess = why_refused(self._node, app, head.method, head.path, parameters, auth["auth_signature"])
            code, fits = guess or (codes.WRONG_SECRET, f"{codes.WRONG_SECRET.title}.")
            raise Refusal(401, INVALID, code, f"{fits} {reason}")
        self._check_time(auth["auth_timestamp"])
        if head.has_body and "body_md5" not in auth:
            raise Refusal(401, INVALID, codes.INVALID_REQUEST, "Missing parameter: body_md5 (the request has a body).")

    def is_timely(self, timestamp: int) -> bool:
        """Return True when these Unix seconds are near enough to ours; raise OverflowError from 309 digits on."""
        off = abs(self._clock() - timestamp)
        return not self._tolerance or off <= self._tolerance

    def _check_time(self, timestamp: str) -> None:
        try:
            timely = self.is_timely(int(timestamp))
        except (ValueError, OverflowError):
            raise Refusal(401, INVALID, codes.CLOCK_SKEW, "auth_timestamp must be Unix seconds.") from None
        if not timely:
            now = f"this server's time, {self._clock():.0f}"
            reason = f"Timestamp expired: {timestamp} is not within {self._tolerance:g} s of {now}."
            raise Refusal(401, INVALID, codes.CLOCK_SKEW, reason)

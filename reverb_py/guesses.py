"""Why a signature does not fit: guesses that are tried, so that a refusal can say more than that it is one.

Bounded: some tens of HMACs for each refusal, and no more than some such refusals a second (`Node.guesses`). Whoever
sends a signature that a guess fits knows the secret of it already.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from reverb_py.codes import QUERY_DROPPED, WRONG_SECRET, Code
from reverb_py.hub.app import App
from reverb_py.hub.connection import Connection
from reverb_py.node import Node
from reverb_py.protocol.commands import Subscribe
from reverb_py.protocol.signatures import channel_text, matches, request_text

TRIED = 20  # other apps, or connections that went away
PREFIXES = ("/reverb", "/ws", "/wss", "/api", "/pusher", "/app", "/broadcasting")  # usual ones of proxies
AUTH = ("auth_key", "auth_timestamp", "auth_version", "body_md5")  # what every publish has in its query


def why_unauthorized(node: Node, connection: Connection, command: Subscribe, signature: str) -> str:
    """Return what a channel's signature fits instead, as a clause; "" when no guess does."""
    if not node.guesses.take(node.clock()):
        return ""
    app, socket_id, channel, data = connection.app, connection.socket_id, command.channel, command.channel_data
    text = channel_text(socket_id, channel, data)
    if data is not None and matches(app.secrets, channel_text(socket_id, channel), signature):
        return "it was signed without its channel_data"
    for why, secrets in _other_secrets(node, app):
        if matches(secrets, text, signature):
            return f"it was signed with {why}"
    for app_id, departed in node.departed:
        if app_id == app.id and matches(app.secrets, channel_text(departed, channel, data), signature):
            return f"it was signed for socket id {departed}, which closed a moment ago: the client kept an old one"
    bare = channel.partition("-")[2]
    if matches(app.secrets, channel_text(socket_id, bare, data), signature):
        return f"it was signed for {bare}, without the prefix"
    return ""


def why_refused(
    node: Node, app: App, method: str, path: str, parameters: Mapping[str, str], signature: str
) -> tuple[Code, str] | None:
    """Return what a request's signature fits instead, with the code; None when no guess does."""
    if not node.guesses.take(node.clock()):
        return None
    text = request_text(method, path, parameters)
    for why, secrets in _other_secrets(node, app):
        if matches(secrets, text, signature):
            return WRONG_SECRET, f"It was signed with {why}."
    for other in _other_paths(path):
        if matches(app.secrets, request_text(method, other, parameters), signature):
            mend = "Let the proxy pass the path on unchanged, or set REVERB_SERVER_PATH to that prefix."
            return QUERY_DROPPED, f"The signature fits the path {other[:200]}: a proxy changed it. {mend}"
    known = {name: parameters[name] for name in AUTH if name in parameters}
    if len(known) < len(parameters) - 1 and matches(app.secrets, request_text(method, path, known), signature):
        added = ", ".join(sorted(parameters.keys() - known.keys() - {"auth_signature"}))[:200]
        return QUERY_DROPPED, f"The signature fits without {added}: a proxy added that to the query."
    return None


def _other_secrets(node: Node, app: App) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield secrets that are not this app's, with what they are."""
    yield "blanks or quotes around the secret", [variant for secret in app.secrets for variant in _variants(secret)]
    for other in islice((each for each in node.apps if each is not app), TRIED):
        yield f"the secret of app {other.id}", other.secrets


def _variants(secret: str) -> Iterator[str]:
    bare = secret.strip().strip("\"'")
    for variant in (bare, f"{bare} ", f" {bare}", f"{bare}\n", f"{bare}\r", f'"{bare}"', f"'{bare}'"):
        if variant != secret:
            yield variant


def _other_paths(path: str) -> Iterator[str]:
    """Yield the path with a usual prefix, and without its first segment."""
    yield from (prefix + path for prefix in PREFIXES)
    behind = path.find("/apps/")
    if behind > 0:
        yield path[behind:]

"""The HMACs of the protocol: channels, sign-in, HTTP requests. Strings in, answers out; no clock, no settings.

Every comparison takes constant time, and every live secret of an app is tried, so that secrets can be rotated.
"""

import hmac
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote, unquote_plus


def sign(secret: str, text: str) -> str:
    """Return the lower-case hex HMAC-SHA256 of `text` (both UTF-8)."""
    return hmac.digest(secret.encode(), text.encode(), "sha256").hex()


def matches(secrets: Iterable[str], text: str, signature: str) -> bool:
    """Return True when one of the secrets signs `text` with `signature`."""
    given = signature.encode()
    fits = [hmac.compare_digest(sign(secret, text).encode(), given) for secret in secrets]
    return any(fits)


def channel_text(socket_id: str, channel: str, channel_data: str | None = None) -> str:
    """What a channel authorization signs (pp 3.4); `channel_data` byte for byte as it was sent."""
    return f"{socket_id}:{channel}" if channel_data is None else f"{socket_id}:{channel}:{channel_data}"


def user_text(socket_id: str, user_data: str) -> str:
    """What a sign-in signs (pp 5.1)."""
    return f"{socket_id}::user::{user_data}"


def parse_query(query: str) -> dict[str, str]:
    """Read a raw query string: names and values unescaped, `+` a space, the last of equal names wins.

    Of a name like `channels[]` every value is kept, `a&channels[]=b`: so Ruby's client signs them. See `values_of`.
    """
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    if not any(sign in query for sign in "%+["):  # a publish: unescaping would cost as much as the signature
        return {name: value for name, _, value in pairs}
    parameters: dict[str, str] = {}
    for name, value in ((unquote_plus(name), unquote_plus(value)) for name, _, value in pairs):
        more = name.endswith("[]") and name in parameters
        parameters[name] = f"{parameters[name]}&{name}={value}" if more else value
    return parameters


def values_of(parameters: Mapping[str, str], array: str) -> list[str]:
    """Return the values of `array[]`, as often as it was sent, or of `array[0]`, `array[1]` and so on."""
    found = [(name, value) for name, value in parameters.items() if name.startswith(f"{array}[")]
    return [each for name, value in found for each in value.split(f"&{name}=")]


def request_text(method: str, path: str, parameters: Mapping[str, str]) -> str:
    """What an HTTP request signs (pp 7.9): all parameters but the signature, sorted, unescaped."""
    pairs = [f"{name}={parameters[name]}" for name in sorted(parameters) if name != "auth_signature"]
    return f"{method}\n{path}\n{'&'.join(pairs)}"


def request_texts(
    method: str, path: str, parameters: Mapping[str, str], *, prefix: str = "", has_body: bool = True
) -> Iterator[str]:
    """Yield every text that a correct publisher may have signed, the usual one first (pp 7.9, rb 5.3).

    They differ in the path (with or without the server's prefix, escaped or not), in array parameters (PHP sends
    `info[0]=a&info[1]=b` and signs `info=a,b`), in the case of names, and, without a body only, in `body_md5`
    (Reverb leaves it out, Python's client signs it).
    """
    paths = [path, unquote(path)]
    if prefix and path.startswith(prefix + "/"):
        paths[:0] = [path[len(prefix) :], unquote(path[len(prefix) :])]
    yield request_text(method, paths[0], parameters)
    queries = [parameters, _joined_arrays(parameters), {name.lower(): value for name, value in parameters.items()}]
    if len(queries[-1]) < len(parameters):  # of NAME=a&name=b one value would go unsigned
        queries.pop()
    if not has_body:
        queries += [{name: value for name, value in query.items() if name != "body_md5"} for query in queries]
    texts = dict.fromkeys(request_text(method, each, query) for each in paths for query in queries)
    yield from list(texts)[1:]


def _joined_arrays(parameters: Mapping[str, str]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in parameters.items():
        base = name.partition("[")[0]
        text = value.replace(f"&{name}=", ",") if name.endswith("[]") else value
        joined[base] = f"{joined[base]},{text}" if base in joined else text
    return joined

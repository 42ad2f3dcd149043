"""Who gave an answer: a Pusher server, a proxy, a firewall, a web site. Pure."""

import json
import re
from collections.abc import Mapping

from reverb_py.diagnosis.doctor.exchange import Answer
from reverb_py.diagnosis.doctor.visit import Server

_POWERED_BY = {"reverb-py": Server.REVERB_PY, "laravel reverb": Server.REVERB}
# The texts that the servers answer to a request that they do not accept; reverb-py's begin as Reverb's do.
_TEXTS = (
    (re.compile(r"\[RVB\d{3}\]"), Server.REVERB_PY),
    (re.compile(r"No matching application for ID \[|Authentication signature invalid\."), Server.REVERB),
    (
        re.compile(r"(?i)valid app key|unknown auth_key|missing parameter: auth_|you should have sent HmacSHA256Hex"),
        Server.PUSHER,
    ),
)
_SOKETI = {"error", "code"}  # the keys of its refusals, the code being the status
_REFUSALS = (400, 401, 403, 429)
# Cloudflare's header, then the marks of its pages and of their like.
_CHALLENGE = re.compile(r"__cf_chl|challenge-platform|Just a moment\.\.\.|Attention Required! \||Checking your browser")


def who(answer: Answer) -> Server | None:
    """Return whose answer it is, None when it is no Pusher server's."""
    powered = answer.headers.get("x-powered-by", "").lower()
    named = next((server for name, server in _POWERED_BY.items() if name in powered), None)
    if named or answer.is_html:
        return named
    found = json_object(answer.text)
    if set(found) == _SOKETI and found["code"] == answer.status:
        return Server.SOKETI
    return next((server for pattern, server in _TEXTS if pattern.search(answer.text)), None)


def is_api(answer: Answer) -> bool:
    """Return True when it may well be a Pusher server's answer to `/apps/<id>/channels`, known or not."""
    if answer.is_html:
        return False
    return who(answer) is not None or answer.status in _REFUSALS or "error" in json_object(answer.text)


def is_health(answer: Answer) -> bool:
    """Return True for Reverb's answer to `/up`."""
    return answer.status == 200 and json_object(answer.text).get("health") == "OK"


def is_challenge(answer: Answer) -> bool:
    """Return True when a firewall asks for a browser."""
    return "cf-mitigated" in answer.headers or (answer.is_html and bool(_CHALLENGE.search(answer.text)))


def json_object(text: str) -> Mapping[str, object]:
    """Return the object that `text` is, {} when it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

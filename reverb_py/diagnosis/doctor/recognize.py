"""Who gave an answer: a Pusher server, a proxy, a firewall, a web site. Pure."""

import json
import re
from collections.abc import Mapping

from reverb_py.diagnosis.doctor.exchange import Answer
from reverb_py.diagnosis.doctor.visit import Server

_POWERED_BY = {"reverb-py": Server.REVERB_PY, "laravel reverb": Server.REVERB}
# The texts that the servers answer to a request without a signature.
_TEXTS = (
    (re.compile(r"No matching application for ID \[|Authentication signature invalid\."), Server.REVERB),
    (re.compile(r"(?s)\{.*\"error\":.*(?:The app|authentication failed|secret).*\"code\":"), Server.SOKETI),
    (
        re.compile(r"(?i)auth_key should be a valid app key|unknown auth_key|missing parameter: auth|appid"),
        Server.PUSHER,
    ),
)
# Cloudflare's header, then the marks of its pages and of their like.
_CHALLENGE = re.compile(r"__cf_chl|challenge-platform|Just a moment\.\.\.|Attention Required! \||Checking your browser")


def who(answer: Answer) -> Server | None:
    """Return whose answer it is, None when it is no Pusher server's."""
    powered = answer.headers.get("x-powered-by", "").lower()
    named = next((server for name, server in _POWERED_BY.items() if name in powered), None)
    if named or answer.is_html:
        return named
    return next((server for pattern, server in _TEXTS if pattern.search(answer.text)), None)


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

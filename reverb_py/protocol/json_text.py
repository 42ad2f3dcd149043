"""JSON with the sender's own bytes: the text of one member of an object, as it was written.

Decoding and encoding again would change `1.0`, large integers, escapes and key order (Reverb turns `{}` into `[]`).
"""

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]  # public in CPython, missing in typeshed

_SPACE = re.compile(r"[ \t\n\r]*")
_scan = json.JSONDecoder().raw_decode


def member_text(text: str, name: str) -> str | None:
    """Return the JSON text of the member `name` of the object `text`; None when there is none; the last of several.

    `text` must be a valid JSON object: it was parsed before. Raise RecursionError when a value is nested too deeply.
    """
    found = None
    at = _after_space(text, _after_space(text, 0) + 1)
    while text[at] != "}":
        if text[at] == ",":
            at = _after_space(text, at + 1)
        key, at = scanstring(text, at + 1, True)
        start = _after_space(text, _after_space(text, at) + 1)
        _, end = _scan(text, start)
        if key == name:
            found = text[start:end]
        at = _after_space(text, end)
    return found


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at

"""JSON with the sender's own bytes: the text of one member of an object, as it was written.

Decoding and encoding again would change `1.0`, large integers, escapes and key order (Reverb turns `{}` into `[]`).
"""

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]  # public in CPython, missing in typeshed
from json.scanner import make_scanner

_BEFORE = re.compile(r"[ \t\n\r]*[{,]?[ \t\n\r]*")  # the opening brace, or the comma between two members
_COLON = re.compile(r"[ \t\n\r]*:[ \t\n\r]*")
_scan = make_scanner(json.JSONDecoder())  # type: ignore[arg-type]  # typeshed errs: the decoder is its context


def member_text(text: str, name: str) -> str | None:
    """Return the JSON text of the member `name` of the object `text`; None when there is none; the last of several.

    `text` must be a valid JSON object: it was parsed before. Raise RecursionError when a value is nested too deeply.
    """
    found = None
    at = _end(_BEFORE, text, 0)
    while text[at] != "}":
        key, at = scanstring(text, at + 1, True)
        start = _end(_COLON, text, at)
        _, end = _scan(text, start)
        if key == name:
            found = text[start:end]
        at = _end(_BEFORE, text, end)
    return found


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at

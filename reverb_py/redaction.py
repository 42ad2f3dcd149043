"""Secrets, taken out of what somebody else may read: text in, text out.

It stands where text leaves (the log, answers, receipts), so that no sentence on the way needs to know what it repeats.
"""

import json
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

HIDDEN = "<a secret>"
SHORTEST = 8  # characters; a shorter secret may be any word of a sentence, and is hidden where a key is looked up only


class Redaction:
    """Call it with a text: whatever secret stands in it, as it is or as URLs and JSON write it, is replaced.

    It looks for how secrets begin, in whichever way is shorter: 5,000 secrets cost no more than the text is long.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: dict[str, set[str]] = {}  # how forms begin -> the whole forms
        for form in {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}:
            self._forms.setdefault(form[:SHORTEST], set()).add(form)

    def __call__(self, text: str) -> str:
        begins = self._forms
        if len(begins) > len(text):
            found = begins.keys() & {text[at : at + SHORTEST] for at in range(len(text) - SHORTEST + 1)}
        else:
            found = {each for each in begins if each in text}
        # The longest first: a secret that holds another one must go as a whole.
        for form in sorted((form for each in found for form in begins[each]), key=len, reverse=True):
            text = text.replace(form, HIDDEN)
        return text


def _forms(secret: str) -> set[str]:
    """How it may be written; the same for letters, digits and dashes, of which most secrets are made."""
    texts = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    texts |= {json.dumps(text)[1:-1] for text in texts}  # JSON in JSON, as the data of a message
    urls = {quote(secret), quote(secret, safe=""), quote(secret, safe="!*'()"), quote_plus(secret)}
    return texts | urls | {text.replace("/", "\\/") for text in texts}  # PHP's JSON

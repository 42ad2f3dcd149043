"""A secret is taken out of a text in every form in which it usually stands there, and nothing else is."""

import json
from urllib.parse import quote, quote_plus

import pytest

from reverb_py.redaction import HIDDEN, SHORTEST, Redaction

SECRET = "a+b/c d=é\"\\'~!"


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="!*'()"),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(SECRET)[1:-1])[1:-1],
        json.dumps(SECRET)[1:-1].replace("/", "\\/"),
    ],
    ids=["bare", "path", "query", "JavaScript", "form", "JSON", "JSON in UTF-8", "JSON in JSON", "PHP"],
)
@pytest.mark.parametrize("others", [0, 500], ids=["one secret", "many secrets"])
def test_a_secret_is_found_as_it_is_written(written: str, others: int) -> None:
    redacted = Redaction([SECRET, *(f"another-{number}" for number in range(others))])
    assert redacted(f"before {written}, {written}after") == f"before {HIDDEN}, {HIDDEN}after"


@pytest.mark.parametrize(
    ("secrets", "text", "shown"),
    [
        ((), "nothing is known", "nothing is known"),
        (("x" * SHORTEST,), "", ""),
        (("x" * SHORTEST,), "x" * (SHORTEST - 1), "x" * (SHORTEST - 1)),
        (("x" * SHORTEST,), "x" * SHORTEST, HIDDEN),
        (("secret",), "signed with its secret", "signed with its secret"),
        (("my-app-secret",), "my-app-key", "my-app-key"),
        (("inner-secret", "an-inner-secret-outside"), "an-inner-secret-outside", HIDDEN),
        (("begins-so", "begins-so-and-goes-on"), "begins-so-and-goes-on begins-so", f"{HIDDEN} {HIDDEN}"),
    ],
)
def test_what_is_no_secret_stays(secrets: tuple[str, ...], text: str, shown: str) -> None:
    assert Redaction(secrets)(text) == shown

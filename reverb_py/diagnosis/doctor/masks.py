"""Keeps secrets out of what is shown: the last thing every text passes, and the first that a literal does."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from reverb_py.diagnosis.doctor.finding import Finding
from reverb_py.diagnosis.fingerprint import fingerprint
from reverb_py.laravel_env import value
from reverb_py.log import escaped

_SECRET_NAME = re.compile(r"(^|_)(SECRET|PASSWORD|PASS|TOKEN|BEARER|CREDENTIALS)(_|$)|(^|_)KEY(_|$)|_KEY$|DSN$")
_USERINFO = re.compile(r"://[^\s/@]*:([^\s/@]+)@")
SHORTEST = 6  # characters; shorter ones, and plain words such as `secret`, are hidden as literals only
LONGEST_LITERAL = 60
_WORD = re.compile(r"[a-z]{1,11}")


class Masks:
    """The secrets of all environments, and how to hide them. App keys count: the two are often exchanged."""

    def __init__(self, environments: Iterable[Mapping[str, str]] = (), others: Iterable[str] = ()) -> None:
        found = {text for values in environments for text in _secrets(values)} | set(others)
        self._secrets = {each for each in found if each.strip()}
        # The longest first, so that no part of one is left of another.
        hidden = sorted((each for each in self._secrets if _is_searched(each)), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, hidden))) if hidden else None

    def hide(self, text: str) -> str:
        """The text with every secret in it replaced by its fingerprint."""
        return self._pattern.sub(lambda found: fingerprint(found[0]), text) if self._pattern else text

    def literal(self, text: str) -> str:
        """A variable's value, to be shown in quotes; a fingerprint when it is a secret of any variable."""
        if {text, text.strip(), text.strip("'\" ")} & self._secrets:
            return fingerprint(text)
        return repr(text if len(text) <= LONGEST_LITERAL else text[:LONGEST_LITERAL] + "…")

    def line(self, text: str) -> str:
        """The text without secrets, in one line that gives no orders to a terminal."""
        return escaped(self.hide(text))

    def finding(self, finding: Finding) -> Finding:
        """The same finding, fit to be shown."""
        fix = tuple(map(self.line, finding.fix))
        return replace(finding, title=self.line(finding.title), evidence=self.line(finding.evidence), fix=fix)


def _secrets(values: Mapping[str, str]) -> Iterable[str]:
    for name, text in values.items():
        if _SECRET_NAME.search(name.upper()) and not re.search(r"\$\{", text):
            yield text
            unquoted = value(text)
            yield unquoted if isinstance(unquoted, str) else ""
            yield text.strip("'\" ")
        yield from _USERINFO.findall(text)


def _is_searched(secret: str) -> bool:
    return len(secret) >= SHORTEST and not _WORD.fullmatch(secret)

"""Keeps secrets out of what is shown: the last thing every text passes, and the first that a literal does."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from reverb_py.diagnosis.doctor.finding import Finding
from reverb_py.diagnosis.fingerprint import fingerprint
from reverb_py.laravel_env import value
from reverb_py.log import escaped

_SECRET_NAME = re.compile(r"(^|_)(SECRET|PASSWORD|PASS|TOKEN|BEARER|CREDENTIALS)(_|$)|(^|_)KEY(_|$)|_KEY$|DSN$")
# `http://user:password@host`, and the same without a scheme.
_USERINFO = re.compile(r"(://[^\s/@:'\"]*:|(?<![^\s'\"=])[^\s/@:'\"]+:(?!//))([^\s'\"]+)@(?=[\w\[.$-])")
SHORTEST = 6  # characters; shorter ones, and plain words such as `secret`, are hidden as literals only
SHOWN = ("_HOST", "_APP_ID")  # whose values are shown everywhere: a short secret there is hidden too
LONGEST_LITERAL = 60
_WORD = re.compile(r"[a-z]{1,11}")


class Masks:
    """The secrets of all environments, and how to hide them. App keys count: the two are often exchanged."""

    def __init__(self, environments: Sequence[Mapping[str, str]] = (), others: Iterable[str] = ()) -> None:
        found = {text for values in environments for text in _secrets(values)} | set(others)
        misplaced = {text for values in environments for name, text in values.items() if name.endswith(SHOWN)}
        self._secrets = {each for each in found if each.strip()}
        searched = (each for each in self._secrets if _is_searched(each) or (each in misplaced and len(each) > 3))
        # The longest first, so that no part of one is left of another.
        hidden = sorted(searched, key=len, reverse=True)
        # Hosts are shown in small letters.
        self._pattern = re.compile("|".join(map(re.escape, hidden)), re.IGNORECASE) if hidden else None
        self._by_letters = {each.lower(): each for each in hidden}

    def hide(self, text: str) -> str:
        """The text with every secret in it, in whatever case, replaced by its fingerprint."""
        text = _USERINFO.sub(lambda found: f"{found[1]}{fingerprint(found[2])}@", text)
        return self._pattern.sub(self._fingerprint, text) if self._pattern else text

    def _fingerprint(self, found: re.Match[str]) -> str:
        return fingerprint(self._by_letters.get(found[0].lower(), found[0]))

    def literal(self, text: str) -> str:
        """A variable's value, to be shown in quotes; a fingerprint when it is a secret of any variable."""
        if {text, text.strip(), text.strip("'\" ")} & self._secrets:
            return fingerprint(text)
        hidden = self.hide(text)  # before it is cut, which may leave a part of a secret
        return repr(hidden if len(hidden) <= LONGEST_LITERAL else hidden[:LONGEST_LITERAL] + "…")

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
        yield from (password for _, password in _USERINFO.findall(text))


def _is_searched(secret: str) -> bool:
    return len(secret) >= SHORTEST and not _WORD.fullmatch(secret)

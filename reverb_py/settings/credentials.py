"""The id, key and secret of one app in variables: Reverb's own, or those that another server left behind."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from reverb_py.settings.errors import ConfigError, Notice
from reverb_py.settings.sources import Found, Variables

PARTS = ("id", "key", "secret")
OWN = "REVERB_APP"
OTHERS = {"PUSHER_APP": "Pusher", "SOKETI_DEFAULT_APP": "soketi", "SOCKUDO_DEFAULT_APP": "sockudo"}


@dataclass(frozen=True, slots=True)
class Trio:
    """The three values by the names of an app's settings."""

    values: dict[str, Found]

    @property
    def id(self) -> str:
        return str(self.values["id"].value)


def from_variables(sources: Sequence[Variables]) -> Trio | None:
    """REVERB_APP_ID, _KEY and _SECRET; None when none is set. Raise ConfigError when one is missing."""
    found = _family(sources, OWN)
    if not found:
        return None
    missing = [f"{OWN}_{part.upper()}" for part in PARTS if part not in found]
    if missing:
        given = f"{' and '.join(each.origin for each in found.values())} {_is_or_are(list(found))} set"
        raise ConfigError(f"{' and '.join(missing)} {_is_or_are(missing)} missing, but {given}: set all three")
    return Trio(found)


def from_other_servers(sources: Sequence[Variables], notices: list[Notice]) -> Trio | None:
    """What Pusher's, soketi's or sockudo's variables say, when there is nothing of our own."""
    for prefix, server in OTHERS.items():
        found = _family(sources, prefix)
        if len(found) == len(PARTS):
            text = f"Found {server} variables: {prefix}_ID, _KEY, _SECRET are used as no REVERB_APP_* is set"
            notices.append(Notice(logging.INFO, text))
            return Trio(found)
        if found:
            names = ", ".join(each.origin for each in found.values())
            notices.append(
                Notice(logging.WARNING, f"{names} is ignored: {prefix}_ID, _KEY and _SECRET belong together")
            )
    return _from_url(sources, notices)


def _family(sources: Sequence[Variables], prefix: str) -> dict[str, Found]:
    found: dict[str, Found] = {}
    for part in PARTS:
        name = f"{prefix}_{part.upper()}"
        answers = (source.secret(name) if part == "secret" else source.variable(name) for source in sources)
        answer = next((each for each in answers if each is not None), None)
        if answer is not None and answer.value is not None:
            found[part] = answer
    return found


def _from_url(sources: Sequence[Variables], notices: list[Notice]) -> Trio | None:
    """PUSHER_URL: `http://<key>:<secret>@<host>/apps/<id>`."""
    found = next((each for each in (source.variable("PUSHER_URL") for source in sources) if each), None)
    if found is None:
        return None
    url = _split(str(found.value))
    app_id = url.path.rpartition("/apps/")[2]
    if not (url.username and url.password and app_id):
        notices.append(
            Notice(logging.WARNING, "PUSHER_URL is ignored: it is not http://<key>:<secret>@<host>/apps/<id>")
        )
        return None
    notices.append(Notice(logging.INFO, "Found Pusher's PUSHER_URL: its app is used, as no REVERB_APP_* is set"))
    parts = zip(PARTS, (app_id, unquote(url.username), unquote(url.password)), strict=True)
    return Trio({part: Found(text, found.origin) for part, text in parts})


def _split(text: str) -> SplitResult:
    """The URL's parts, all empty when it is none."""
    try:
        return urlsplit(text)
    except ValueError:
        return urlsplit("")


def _is_or_are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"

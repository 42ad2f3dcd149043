"""Where values are looked for: command line, environment, env file, TOML.

Sources come before names: what a higher source says under an alias beats a lower source's own name.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from reverb_py import laravel_env
from reverb_py.codes import MALFORMED_VALUE
from reverb_py.settings.errors import ConfigError, Notice
from reverb_py.settings.platform import SERVICE_LINK_VALUE
from reverb_py.settings.reading import read_text
from reverb_py.settings.table import BY_NAME, Setting

_UNEXPANDED = re.compile(r"\$\{\{.*?\}\}|\$\{\w+\}|^\$[A-Z_][A-Z0-9_]*$")

DEEPEST = 8  # more_credentials, a list of tables, is 2; what is deeper is a mistake, and would exhaust the stack


@dataclass(frozen=True, slots=True)
class Found:
    """A value, and the place to name when it is wrong. None is the default, asked for by `null`."""

    value: object
    origin: str


class Source(Protocol):
    def find(self, setting: Setting) -> Found | None:
        """Return what this source says about a setting, None when it says nothing; raise ConfigError."""


@dataclass(frozen=True, slots=True)
class Options:
    """The command line, by the names of `table.BY_NAME`; an empty option says nothing, as for artisan."""

    values: Mapping[str, str]

    def find(self, setting: Setting) -> Found | None:
        text = self.values.get(setting.name, "") if BY_NAME[setting.name] is setting else ""
        option = "--" + setting.name.replace("_", "-")
        return Found(_expanded(text, option, setting.about.secret), option) if text else None


class Variables:
    """The environment, or an env file: read as Laravel reads it. What is set to nothing says nothing."""

    def __init__(self, values: Mapping[str, str], notices: list[Notice], file: str = "") -> None:
        """`file` is the env file's name; `notices` takes what is worth a warning."""
        self.values = values
        self._notices = notices
        self._place = f" in {file}" if file else ""

    def find(self, setting: Setting) -> Found | None:
        for name in setting.about.variables:
            found = self.secret(name) if setting.about.secret else self.variable(name)
            if found is not None and not self._is_foreign(name, found, setting):
                return found
        return None

    def variable(self, name: str, *, is_secret: bool = False) -> Found | None:
        raw = self.values.get(name, "")
        if not raw:
            return None
        origin = name + self._place
        if SERVICE_LINK_VALUE.fullmatch(raw) and name.endswith("PORT"):
            self._warn(f"{origin} is a service link of Docker or Kubernetes, and not used as a setting")
            return None
        value = laravel_env.value(_expanded(raw, origin, is_secret))
        return Found(None if value == "" else value, origin)

    def text(self, name: str) -> str:
        """A variable's text, "" when it has none."""
        found = self.variable(name)
        return found.value if found is not None and isinstance(found.value, str) else ""

    def secret(self, name: str) -> Found | None:
        """The variable, or the contents of the file that `<name>_FILE` names, without the line end."""
        direct, file = self.variable(name, is_secret=True), self.variable(f"{name}_FILE")
        if file is None or file.value is None:
            return direct
        if direct is not None:
            raise ConfigError(f"{direct.origin} and {file.origin} are both set: remove one of them")
        try:
            return Found(read_text(Path(str(file.value))).rstrip("\r\n"), file.origin)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise ConfigError(f"{file.origin}: cannot read {file.value!r}: {reason}. Correct the path") from None

    def _is_foreign(self, name: str, found: Found, setting: Setting) -> bool:
        """LOG_LEVEL and LOG_FORMAT belong to other programs too: words that we do not know are theirs.

        So do REDIS_*, but they are asked for only when they are meant.
        """
        choices = setting.about.choices
        is_ours = name.startswith(("REVERB_", "REDIS_")) or not choices
        if is_ours or found.value is None or str(found.value).lower() in choices:
            return False
        self._warn(f"{found.origin} is {found.value!r}, which is not one of {', '.join(choices)}: it is ignored")
        return True

    def _warn(self, text: str) -> None:
        self._notices.append(Notice(logging.WARNING, text))


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the TOML file, or an object of REVERB_APPS; `place` follows a key's name in messages."""

    values: Mapping[str, object]
    place: str

    def find(self, setting: Setting) -> Found | None:
        if setting.name not in self.values:
            return None
        origin = f"{setting.name} {self.place}"
        return Found(expanded(self.values[setting.name], origin, setting.about.secret), origin)


def first(sources: Sequence[Source], settings: Sequence[Setting]) -> dict[str, Found]:
    """What the highest source says, for each setting that any source knows; `null` leaves a setting out."""
    found = {}
    for setting in settings:
        answers = (source.find(setting) for source in sources)
        answer = next((each for each in answers if each is not None), None)
        if answer is not None and answer.value is not None:
            found[setting.name] = answer
    return found


def expanded(value: object, origin: str, is_secret: bool = False, depth: int = 0) -> object:
    """Return it, or raise ConfigError when there is a reference in it, in its lists and tables too."""
    if depth > DEEPEST:
        raise ConfigError(f"{origin} is nested too deeply: correct it")
    if isinstance(value, list):
        return [expanded(each, origin, is_secret, depth + 1) for each in value]
    if isinstance(value, dict):
        return {key: expanded(each, origin, is_secret or key == "secret", depth + 1) for key, each in value.items()}
    return _expanded(value, origin, is_secret) if isinstance(value, str) else value


def _expanded(text: str, origin: str, is_secret: bool = False) -> str:
    """Return it, or raise ConfigError when there is a reference in it that nobody has replaced.

    A secret may hold such signs by chance: it must be a reference as a whole, and is not shown.
    """
    reference = _UNEXPANDED.fullmatch(text) if is_secret else _UNEXPANDED.search(text)
    if reference:
        shown = "a reference" if is_secret else reference[0]
        raise ConfigError(
            f"{origin} holds {shown}, which nothing has replaced by its value. "
            "A start command in exec form or a misspelt reference does that: write the value itself"
            + (", or leave it out, since PORT is read anyway" if "PORT" in shown else "")
            + f" [{MALFORMED_VALUE}]"
        )
    return text

"""Finding and reading the two files: the env file and the TOML file."""

import logging
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reverb_py import laravel_env
from reverb_py.settings.errors import ConfigError, Notice
from reverb_py.settings.explain import did_you_mean
from reverb_py.settings.reading import read_text
from reverb_py.settings.table import APP_CREDENTIALS, APP_LIMITS, REDIS_SETTINGS, SERVER_SETTINGS

TOML_PLACES = ("reverb.toml", "config/reverb.toml")

_NAME = re.compile(r"[A-Za-z]{1,16}([-_][A-Za-z]{1,16})*")

_APP_KEYS = [row.name for row in APP_LIMITS]
_APP_VARIABLES = {name for row in (*APP_CREDENTIALS, *APP_LIMITS) for name in row.about.variables}
_SERVER_VARIABLES = {name for row in SERVER_SETTINGS for name in row.about.variables}
_REDIS_VARIABLES = {name for row in REDIS_SETTINGS for name in row.about.variables}
_KNOWN = {
    "": [*(row.name for row in (*SERVER_SETTINGS, *REDIS_SETTINGS)), "apps", "app_defaults"],
    "app_defaults": _APP_KEYS,
    "apps": ["id", "key", "secret", "more_credentials", *_APP_KEYS],
}


@dataclass(frozen=True, slots=True)
class EnvFile:
    """An env file's name, "" when there is none, and its variables.

    `refused` says which of an app's has no value, `refused_redis` which of Redis's: neither matters to everybody.
    """

    name: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""
    refused_redis: str = ""


def read_env_file(name: str, directory: Path, environ: Mapping[str, str], notices: list[Notice]) -> EnvFile:
    """Read it; raise ConfigError when the server's own settings in it cannot be. An empty name is `.env`, if any."""
    path = directory / (name or ".env")
    if not name and not path.is_file():
        return EnvFile()
    try:
        text = read_text(path, errors="surrogateescape")
    except OSError as error:
        raise ConfigError(
            f"cannot read the env file {path}: {error.strerror}. Correct --env-file or REVERB_ENV_FILE"
        ) from None
    read = laravel_env.parse(text, environ)
    shown, refused, refused_redis = name or ".env", "", ""
    for problem in read.problems:
        named = f" ({problem.name})" if problem.name else ""
        what = f"line {problem.line} of {shown}{named} cannot be read as Laravel reads it: {problem.what}"
        if problem.name in _APP_VARIABLES or problem.name.startswith("REVERB_APP"):
            refused = refused or f"{what}. Correct that line"
        elif problem.name in _SERVER_VARIABLES or problem.name.startswith("REVERB_"):
            raise ConfigError(f"{what}. Correct that line")
        else:
            notices.append(Notice(logging.WARNING, f"{what}; it is left out"))
            if problem.name in _REDIS_VARIABLES:
                refused_redis = refused_redis or f"{what}. Correct that line"
    return EnvFile(shown, read.values, refused, refused_redis)


def read_toml(name: str, directory: Path) -> tuple[str, dict[str, object]]:
    """Return the file's name and contents, the server's keys checked. An empty name is the first usual place."""
    if not name:
        name = next((place for place in TOML_PLACES if (directory / place).is_file()), "")
        if not name:
            return "", {}
    try:
        contents = tomllib.loads(read_text(directory / name))
    except OSError as error:
        raise ConfigError(f"cannot read {name}: {error.strerror}. Correct --config or REVERB_CONFIG") from None
    except RecursionError:
        raise ConfigError(f"{name} is nested too deeply: no setting needs more than lists of tables") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{name} is not valid TOML: it is not UTF-8. Correct that line") from None
    except ValueError as error:  # TOMLDecodeError is one; a number of thousands of digits is another
        raise ConfigError(f"{name} is not valid TOML: {error}. Correct that line") from None
    check_keys(contents, "", f"in {name}")
    return name, contents


def check_app_defaults(contents: Mapping[str, object], name: str) -> None:
    """Raise ConfigError for what cannot be in the TOML file's table for all apps."""
    defaults = contents.get("app_defaults", {})
    if not isinstance(defaults, dict):
        raise ConfigError(f"app_defaults in {name} must be a table: write [app_defaults] above its lines")
    check_keys(defaults, "app_defaults", f"of [app_defaults] in {name}")


def check_keys(table: Mapping[str, object], section: str, place: str) -> None:
    """Raise ConfigError for a key that nobody knows, with the nearest one that somebody does."""
    for key in table:
        if key not in _KNOWN[section]:
            hint = _elsewhere(key) or did_you_mean(key, [*_KNOWN[section], *_APP_KEYS])
            raise ConfigError(f"unknown key {_shown(key)} {place}{hint or '; remove it'}")


def _shown(key: str) -> str:
    """The key if it is made of words, as names of settings are; what else stands there may be a secret."""
    return repr(key) if _NAME.fullmatch(key) else "(not shown: it looks like no name of a setting)"


def _elsewhere(key: str) -> str:
    if key in _APP_KEYS:
        return "; it belongs to an app: move it below [app_defaults] or [[apps]]"
    return "; it belongs to the server: move it to the top of the file" if key in _KNOWN[""] else ""

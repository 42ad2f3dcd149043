"""Which secrets a configuration holds, also one that cannot be used: what is said of it must not show them."""

import json
from collections.abc import Iterator, Mapping, Sequence

from reverb_py.redaction import Redaction
from reverb_py.settings.errors import ConfigError
from reverb_py.settings.sources import Variables

_NAME_ENDS = "_SECRET"


def redaction(variables: Sequence[Variables], toml: Mapping[str, object]) -> Redaction:
    """What hides every secret in the variables, the files that they name, and the TOML file."""
    found = [*_in_tables(toml)]
    for source in variables:
        for name in {each.removesuffix("_FILE") for each in source.values}:
            if name.endswith(_NAME_ENDS):
                found.append(_text(source, name))
            elif name == "REVERB_APPS":
                found.extend(_in_json(_text(source, name)))
    return Redaction(found)


def _text(source: Variables, name: str) -> str:
    try:
        secret = source.secret(name)
    except ConfigError:  # told when it is read for its own sake
        return source.values.get(name, "")
    return str(secret.value) if secret is not None else ""


def _in_json(text: str) -> Iterator[str]:
    try:
        yield from _in_tables(json.loads(text))
    except (ValueError, RecursionError):  # told likewise
        return


def _in_tables(contents: object) -> Iterator[str]:
    """The texts called `secret`, however deep they stand."""
    waiting = [contents]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting.extend(value for key, value in each.items() if key != "secret" or not isinstance(value, str))
            if isinstance(secret := each.get("secret"), str):
                yield secret
        elif isinstance(each, list):
            waiting.extend(each)

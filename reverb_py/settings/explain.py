"""pydantic's findings as one line: what, why, how to mend. No secret ever stands in it."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from reverb_py.codes import ACTIVITY_TIMEOUT
from reverb_py.redaction import SHORTEST
from reverb_py.settings.errors import ConfigError
from reverb_py.settings.sources import Found
from reverb_py.settings.table import Setting

_WHAT = {
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "tuple_type": "must be a list",
    "model_type": "must be a table of key and secret",
}


def explain(error: ValidationError, found: Mapping[str, Found], rows: Iterable[Setting]) -> ConfigError:
    """The first finding, with the place of its value; `rows` are those of the model that found it."""
    details = error.errors(include_url=False)[0]
    if not details["loc"]:
        return ConfigError(_reason(details))
    name = str(details["loc"][0])
    setting = next((row for row in rows if row.name == name), None)
    origin = found[name].origin if name in found else name
    within = ", ".join(str(part) for part in details["loc"][1:])
    place = f"{origin} ({within})" if within else origin
    shown = "" if setting is None or not _may_show(found[name].value, setting) else f" is {_short(found[name].value)}"
    unit = f" ({setting.about.unit})" if setting is not None and setting.about.unit else ""
    code = f" [{ACTIVITY_TIMEOUT}]" if name == "activity_timeout" else ""
    return ConfigError(f"{place}{shown}: {_what(details, setting)}{unit}.{_mend(setting)}{code}")


def _may_show(value: object, setting: Setting) -> bool:
    """An id or a key that cannot be one may be a secret in the wrong place."""
    is_credential = setting.default is None
    return not setting.about.secret and not (is_credential and len(str(value)) >= SHORTEST)


def _what(details: ErrorDetails, setting: Setting | None) -> str:
    if details["type"] in ("literal_error", "enum") and setting is not None:
        return f"must be one of {', '.join(setting.about.choices)}"
    return _WHAT.get(details["type"]) or _reason(details)


def _reason(details: ErrorDetails) -> str:
    return details["msg"].removeprefix("Value error, ").replace("Input should be", "must be")


def _mend(setting: Setting | None) -> str:
    if setting is None:
        return " Correct it"
    default = "" if setting.default is None else f", or remove it for the default ({setting.shown_default})"
    return f" {setting.about.text} Correct it{default}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def did_you_mean(name: str, known: list[str]) -> str:
    """A question with the nearest known name, or nothing. That both begin with REVERB_ brings nothing nearer."""
    by_end = {each.removeprefix("REVERB_"): each for each in known}
    near = get_close_matches(name.removeprefix("REVERB_"), by_end, n=1)
    return f"; did you mean {by_end[near[0]]}?" if near else ""

"""How many processes serve together: asked for by us or by WEB_CONCURRENCY, and refused where they would be apart."""

import logging
import re
from collections.abc import Mapping, Sequence

from reverb_py.codes import NODES_APART
from reverb_py.settings.errors import ConfigError, Notice
from reverb_py.settings.redis_address import PLACES
from reverb_py.settings.server import Settings
from reverb_py.settings.sources import Found, Variables
from reverb_py.settings.values import MOST_WORKERS


def web_concurrency(variables: Sequence[Variables], notices: list[Notice], *, scales: bool) -> dict[str, Found]:
    """What WEB_CONCURRENCY says about `workers`, a word for every kind of server; {} and a notice when it is no use."""
    asked = next(filter(None, (source.variable("WEB_CONCURRENCY") for source in variables)), None)
    if asked is None or asked.value is None:
        return {}
    text = str(asked.value)
    is_number = re.fullmatch("[0-9]{1,4}", text) and 1 <= int(text) <= MOST_WORKERS
    if scales and is_number:
        return {"workers": Found(int(text), asked.origin)}
    if text != "1":
        why = f"it is no number from 1 to {MOST_WORKERS}"
        if not scales:
            why = "one process serves everybody. More need REVERB_SCALING_ENABLED=true and REDIS_URL"
        notices.append(Notice(logging.WARNING, f"{asked.origin} is {text!r}, and ignored: {why}"))
    return {}


def check_workers(settings: Settings, found: Mapping[str, Found]) -> None:
    """Raise ConfigError when several workers would not know of each other."""
    if settings.workers == 1:
        return
    place = f"{found['workers'].origin} is {settings.workers}"
    mend = f"or start one worker [{NODES_APART}]"
    if not settings.scaling_enabled:
        raise ConfigError(
            f"{place}, but scaling is off, so that each would know its own clients only. "
            f"Set REVERB_SCALING_ENABLED=true and REDIS_URL, {mend}"
        )
    if not any(name in found for name in PLACES):
        raise ConfigError(f"{place}, but no Redis is named, which they need to share events. Set REDIS_URL, {mend}")

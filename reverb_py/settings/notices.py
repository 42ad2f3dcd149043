"""What is worth a word at start, though it works: misspelt names, what this version does not do."""

import logging
from collections.abc import Iterable, Sequence

from pydantic import TypeAdapter, ValidationError

from reverb_py import codes
from reverb_py.settings.errors import Notice
from reverb_py.settings.explain import did_you_mean
from reverb_py.settings.platform import SERVICE_LINK_NAME, Platform
from reverb_py.settings.server import Settings
from reverb_py.settings.sources import Variables
from reverb_py.settings.table import SETTINGS
from reverb_py.settings.values import Switch

_SWITCH: TypeAdapter[bool] = TypeAdapter(Switch)
OTHER_VARIABLES = frozenset({"REVERB_APPS", "REVERB_CONFIG", "REVERB_ENV_FILE"})
# Reverb's own that mean nothing here, or not yet; they stand in every Laravel project.
REVERBS = frozenset(
    {
        "REVERB_SERVER",
        "REVERB_SCALING_ENABLED",
        "REVERB_SCALING_CHANNEL",
        "REVERB_PULSE_INGEST_INTERVAL",
        "REVERB_TELESCOPE_INGEST_INTERVAL",
    }
)


def all_of(sources: Sequence[Variables], settings: Settings, platform: Platform) -> list[Notice]:
    """Everything below, of the environment and the env file."""
    names = {name for source in sources for name in source.values}
    return [
        *unknown_variables(names),
        *not_in_this_version(sources),
        *about_the_platform(settings, platform),
    ]


def known_variables() -> frozenset[str]:
    """Every REVERB_ variable that means something."""
    named = {name for row in SETTINGS for name in row.about.variables}
    files = {f"{name}_FILE" for row in SETTINGS if row.about.secret for name in row.about.variables}
    return frozenset({*named, *files, "REVERB_APPS_FILE", *OTHER_VARIABLES, *REVERBS})


def unknown_variables(names: Iterable[str]) -> list[Notice]:
    """A warning for each REVERB_ variable that nobody reads, with the nearest one that somebody does."""
    known = known_variables()
    strange = [
        name
        for name in sorted(set(names))
        if name.startswith("REVERB_") and name not in known and not SERVICE_LINK_NAME.fullmatch(name)
    ]
    return [_warning(f"{name} is no setting, and ignored{did_you_mean(name, sorted(known))}") for name in strange]


def not_in_this_version(sources: Sequence[Variables]) -> list[Notice]:
    notices = []
    if _is_on(_value(sources, "REVERB_SCALING_ENABLED")):
        notices.append(
            _warning(
                "REVERB_SCALING_ENABLED is on, but this version does not scale over Redis yet: one node "
                "runs, and REDIS_* and REVERB_SCALING_CHANNEL are not used. Run one server only, or clients "
                f"miss events [{codes.NODES_APART}]"
            )
        )
    workers = _value(sources, "WEB_CONCURRENCY")
    if workers not in (None, "1"):
        notices.append(_warning(f"WEB_CONCURRENCY is {workers!r}, and ignored: one process serves everybody"))
    return notices


def about_the_platform(settings: Settings, platform: Platform) -> list[Notice]:
    """What of the platform's variables contradicts how the server was told to run."""
    notices = []
    if platform.port and settings.port and platform.port != str(settings.port):
        text = (
            f"PORT is {platform.port!r}, but the server listens on {settings.port}: the platform sends its "
            "traffic and health checks to PORT. Remove REVERB_SERVER_PORT and --port, or set the domain's target "
            f"port [{codes.PORTS_DIFFER}]"
        )
        notices.append(_warning(text))
    if platform.railway:
        notices += _about_railway(platform)
    return notices


def _about_railway(platform: Platform) -> list[Notice]:
    notices = []
    if platform.draining_seconds is None:
        text = (
            "RAILWAY_DEPLOYMENT_DRAINING_SECONDS is not set: at a deployment Railway kills this server at once, and "
            f"clients see 1006 instead of a goodbye. Set it to 20 [{codes.DEPLOY_CUTS}]"
        )
        notices.append(_warning(text))
    if platform.replica_id:
        text = (
            "This server shares events with no other: run one replica of this service, or clients miss what the "
            f"others are sent [{codes.NODES_APART}]"
        )
        notices.append(Notice(logging.INFO, text))
    return notices


def _value(sources: Sequence[Variables], name: str) -> object:
    found = next((each for each in (source.variable(name) for source in sources) if each), None)
    return None if found is None else found.value


def _is_on(value: object) -> bool:
    """As a switch is read; a word that is none counts, since it is true for PHP."""
    try:
        return value is not None and _SWITCH.validate_python(value)
    except ValidationError:
        return True


def _warning(text: str) -> Notice:
    return Notice(logging.WARNING, text)

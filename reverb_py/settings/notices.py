"""What is worth a word at start, though it works: misspelt names, what contradicts the platform."""

import logging
from collections.abc import Iterable, Sequence

from reverb_py import codes
from reverb_py.settings.errors import Notice
from reverb_py.settings.explain import did_you_mean
from reverb_py.settings.platform import SERVICE_LINK_NAME, Platform
from reverb_py.settings.server import Settings
from reverb_py.settings.sources import Variables
from reverb_py.settings.table import SETTINGS

OTHER_VARIABLES = frozenset({"REVERB_APPS", "REVERB_CONFIG", "REVERB_ENV_FILE"})
# Reverb's own that mean nothing here; they stand in every Laravel project.
REVERBS = frozenset({"REVERB_SERVER", "REVERB_PULSE_INGEST_INTERVAL", "REVERB_TELESCOPE_INGEST_INTERVAL"})


def all_of(sources: Sequence[Variables], settings: Settings, platform: Platform, *, has_redis: bool) -> list[Notice]:
    """Everything below, of the environment and the env file; `has_redis` when somebody has said where Redis is."""
    names = {name for source in sources for name in source.values}
    return [
        *unknown_variables(names),
        *about_scaling(settings, platform, has_redis=has_redis),
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


def about_scaling(settings: Settings, platform: Platform, *, has_redis: bool) -> list[Notice]:
    """A word when scaling is on and nobody has said where Redis is; a container has none of its own."""
    if not settings.scaling_enabled or has_redis:
        return []
    text = f"No Redis is named: {settings.redis_address.shown} is used. Set REDIS_URL [{codes.REDIS_AWAY}]"
    return [Notice(logging.WARNING if platform.managed else logging.INFO, text)]


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
        notices += _about_railway(settings, platform)
    return notices


def _about_railway(settings: Settings, platform: Platform) -> list[Notice]:
    notices = []
    if platform.draining_seconds is None:
        text = (
            "RAILWAY_DEPLOYMENT_DRAINING_SECONDS is not set: at a deployment Railway kills this server at once, and "
            f"clients see 1006 instead of a goodbye. Set it to 20 [{codes.DEPLOY_CUTS}]"
        )
        notices.append(_warning(text))
    if platform.replica_id and not settings.scaling_enabled:
        text = (
            "This server shares events with no other: run one replica of this service, or set "
            "REVERB_SCALING_ENABLED=true and REDIS_URL; else clients miss what the other replicas are sent "
            f"[{codes.NODES_APART}]"
        )
        notices.append(Notice(logging.INFO, text))
    return notices


def _warning(text: str) -> Notice:
    return Notice(logging.WARNING, text)

"""Rules about the WebSocket server's own variables, and about those that a client is built with. No network."""

import re
from collections.abc import Callable, Iterator, Mapping

from reverb_py import codes
from reverb_py.diagnosis.doctor.environment import is_on_railway, text_of
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.lint_values import known_scheme, malformed
from reverb_py.diagnosis.doctor.masks import Masks
from reverb_py.diagnosis.doctor.target import Environment

FAIL, WARN = Status.FAIL, Status.WARN
TIMEOUTS = ("REVERB_APP_ACTIVITY_TIMEOUT", "REVERB_APP_PING_INTERVAL")
REDIS_PLACES = ("REDIS_URL", "REDIS_HOST", "REDISHOST")
DRAINING = "RAILWAY_DEPLOYMENT_DRAINING_SECONDS"

Rule = Callable[[Mapping[str, str]], Iterator[Finding]]


def lint_server(environment: Environment, masks: Masks) -> list[Finding]:
    """What the rules say of the server's own environment."""
    rules = (*SHARED_RULES, *SERVER_RULES)
    return [
        *(finding for rule in rules for finding in rule(environment.values)),
        *malformed(environment, masks),
    ]


def lint_shared(environment: Environment) -> list[Finding]:
    """The rules that hold for a file of publisher and server together, as every Laravel project has one."""
    return [finding for rule in SHARED_RULES for finding in rule(environment.values)]


def lint_client(environment: Environment, app_url: str) -> list[Finding]:
    """What the rules say of the variables that a web client is built with; `app_url` is where its pages are."""
    values = environment.values
    return [
        *(finding for name in values if name.startswith("VITE_") for finding in unresolved(name, values[name])),
        *mixed_content(values, app_url),
    ]


def zero_timeout(values: Mapping[str, str]) -> Iterator[Finding]:
    for name in TIMEOUTS:
        if name in values and text_of(values, name).strip() in ("", "0", "0.0"):
            title = f"{name} is {text_of(values, name) or 'empty'}: pusher-js does not connect without a time above 0"
            yield Finding(FAIL, title, "lint.activity", codes.ACTIVITY_TIMEOUT, fix=(f"{name}=30",))


def redis_host(values: Mapping[str, str]) -> Iterator[Finding]:
    for name in ("REDIS_HOST", "REDISHOST"):
        scheme, separator, _ = text_of(values, name).partition("://")
        if separator and _scales(values):
            what = "which Laravel Reverb takes for a part of the name (reverb-py takes it for TLS)"
            title = f"{name} begins with {known_scheme(scheme)}, {what}"
            fix = (f"{name}=<the bare host>", "REDIS_URL=rediss://<user>:<password>@<host>:<port>   # for TLS")
            yield Finding(WARN, title, "lint.redis", codes.REDIS_AWAY, fix=fix)


def port(values: Mapping[str, str]) -> Iterator[Finding]:
    given, bound = text_of(values, "PORT").strip(), text_of(values, "REVERB_SERVER_PORT").strip()
    if given.isdigit() and bound.isdigit() and given != bound:
        title = f"the server listens on REVERB_SERVER_PORT {bound}, and the platform sends traffic to PORT {given}"
        yield Finding(WARN, title, "lint.port", codes.PORTS_DIFFER, fix=("railway variable delete REVERB_SERVER_PORT",))


def no_redis(values: Mapping[str, str]) -> Iterator[Finding]:
    if _scales(values) and not any(text_of(values, name) for name in (*REDIS_PLACES, "REDIS_URL_FILE")):
        title = "scaling is on, and no Redis is named: every server takes the one of its own machine, if any"
        yield Finding(WARN, title, "lint.redis", codes.REDIS_AWAY, fix=("REDIS_URL='${{Redis.REDIS_URL}}'",))


def apart(values: Mapping[str, str]) -> Iterator[Finding]:
    if _scales(values):
        return
    status = WARN
    if _is_several(workers := text_of(values, "REVERB_WORKERS").strip()):
        title = f"REVERB_WORKERS is {workers} and scaling is off: reverb-py does not start, since they would be apart"
        status = FAIL
    elif _is_several(workers := text_of(values, "WEB_CONCURRENCY").strip()):
        title = (
            f"WEB_CONCURRENCY is {workers} and scaling is off: it is ignored, "
            "since each process would know its own clients only"
        )
    elif values.get("RAILWAY_REPLICA_ID"):
        title = "the server runs on Railway without scaling: with more than one replica each knows its own clients only"
    else:
        return
    fix = ("REVERB_SCALING_ENABLED=true REDIS_URL='${{Redis.REDIS_URL}}'   # or keep to one replica",)
    yield Finding(status, title, "lint.replicas", codes.NODES_APART, fix=fix)


def _is_several(text: str) -> bool:
    return bool(re.fullmatch("[0-9]{1,9}", text)) and int(text) > 1


def draining(values: Mapping[str, str]) -> Iterator[Finding]:
    seconds = text_of(values, DRAINING).strip()
    if is_on_railway(values) and seconds in ("", "0"):
        title = f"{DRAINING} is {seconds or 'not set'}: Railway kills the server the moment it asks it to stop"
        service = values.get("RAILWAY_SERVICE_NAME", "reverb")
        fix = (f"railway variable set -s {service} {DRAINING}=20 RAILWAY_DEPLOYMENT_OVERLAP_SECONDS=10",)
        yield Finding(WARN, title, "lint.draining", codes.DEPLOY_CUTS, fix=fix)


def unresolved(name: str, text: str) -> Iterator[Finding]:
    if name.startswith(("VITE_REVERB_", "VITE_PUSHER_")) and "${" in text:
        title = f"{name} still holds ${{…}}: what it refers to is not set where the client is built"
        fix = (f"{name}=<the value itself>   # then npm run build",)
        yield Finding(FAIL, title, "lint.client", codes.MIXED_CONTENT, fix=fix)


def mixed_content(values: Mapping[str, str], app_url: str) -> Iterator[Finding]:
    for name in ("VITE_REVERB_SCHEME", "VITE_PUSHER_SCHEME"):
        if text_of(values, name) in ("http", "ws") and app_url.startswith("https://"):
            title = f"{name} is {text_of(values, name)} and APP_URL begins with https: browsers block ws:// there"
            fix = (f"{name}=https {name.replace('SCHEME', 'PORT')}=443   # then npm run build",)
            yield Finding(FAIL, title, "lint.client", codes.MIXED_CONTENT, fix=fix)


def _scales(values: Mapping[str, str]) -> bool:
    return text_of(values, "REVERB_SCALING_ENABLED").strip().lower() in ("true", "1", "on", "yes", "t", "y")


SHARED_RULES: tuple[Rule, ...] = (zero_timeout, redis_host, port)
SERVER_RULES: tuple[Rule, ...] = (no_redis, apart, draining)

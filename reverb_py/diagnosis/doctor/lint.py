"""Rules about one publishing process's variables: each reads them and says what is wrong, without any network.

A rule is a function in RULES. What a rule shows of a value passes `masks.literal`, so that it is never a secret.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from reverb_py import codes
from reverb_py.diagnosis.doctor.environment import (
    Publisher,
    clean_host,
    is_loopback,
    is_on_railway,
    is_private_name,
    text_of,
)
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.lines import missing
from reverb_py.diagnosis.doctor.lint_values import PARTS, malformed
from reverb_py.diagnosis.doctor.masks import Masks

FAIL, WARN, PASS = Status.FAIL, Status.WARN, Status.PASS
# Railway, Kubernetes, Heroku, Fly, AWS ECS: a container in which localhost is nobody else.
PLATFORMS = ("KUBERNETES_SERVICE_HOST", "DYNO", "FLY_APP_NAME", "ECS_CONTAINER_METADATA_URI_V4")
ELSEWHERE = {"ably": "goes to ably.com", "redis": "goes to Redis, where Echo Server would read it"}
_APP = ("APP_ID", "APP_KEY", "APP_SECRET")
_PORT = re.compile(r"[0-9]{1,5}")
_PRIVATE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.railway\.internal")
DEPLOYED = ("RAILWAY_DEPLOYMENT_ID", "RAILWAY_REPLICA_ID", "RAILWAY_SNAPSHOT_ID")
# Laravel runs these jobs itself, after the response at the latest.
WITHOUT_WORKER = ("sync", "deferred", "background")


@dataclass(frozen=True, slots=True)
class Case:
    """A publisher, and what a rule needs beside it."""

    publisher: Publisher
    masks: Masks
    here: Mapping[str, str] = field(repr=False)  # the variables of the doctor's own process

    @property
    def values(self) -> Mapping[str, str]:
        return self.publisher.environment.values

    @property
    def host(self) -> str:
        return clean_host(self.publisher.host)

    def is_refused(self, *names: str) -> bool:
        """Return True when one of these stands in a line that Laravel refuses: told by itself, and not as unset."""
        return any(problem.name in names for problem in self.publisher.environment.file.problems)

    def strangers(self) -> list[str]:
        """The names that look like ours and are read by nobody."""
        ours = {f"{prefix}_{part}" for prefix in ("REVERB", "PUSHER") for part in PARTS}
        return [name for name in self.values if name.startswith(("REV", "PUSH")) and name not in ours]

    def name(self, part: str) -> str:
        return f"{self.publisher.prefix}_{part}"


Rule = Callable[[Case], Iterator[Finding]]


def discarded(case: Case) -> Iterator[Finding]:
    found = case.publisher
    name, shown = found.variable or "BROADCAST_CONNECTION", case.masks.literal(found.connection)
    if case.is_refused("BROADCAST_CONNECTION"):
        return
    if not found.variable:
        title = f"{name} is not set in {found.source}: Laravel throws broadcasts away (null) or logs them (log)"
    elif found.connection in ("log", "null"):
        verb = "writes broadcasts to its log" if found.connection == "log" else "throws broadcasts away"
        title = f"{name} is {found.connection} in {found.source}: Laravel {verb}"
    elif found.connection in ELSEWHERE:
        title = f"{name} is {found.connection} in {found.source}: it {ELSEWHERE[found.connection]}"
    elif not found.broadcasts:
        title = f"{name} is {shown} in {found.source}, which is no broadcaster of Laravel (reverb, pusher)"
        yield Finding(WARN, title, "lint.broadcaster", codes.BROADCASTS_DISCARDED, fix=_set(case))
        return
    else:
        return
    yield Finding(FAIL, title, "lint.broadcaster", codes.BROADCASTS_DISCARDED, fix=_set(case))


def _set(case: Case) -> tuple[str, ...]:
    if case.publisher.missing:  # one after the other would take as many runs
        return missing(case.publisher)
    service = case.values.get("RAILWAY_SERVICE_NAME", "")
    if service or is_on_railway(case.values):
        return (f"railway variable set -s {service or '<service>'} BROADCAST_CONNECTION=reverb",)
    return (f"BROADCAST_CONNECTION=reverb   # in {case.publisher.source}, then php artisan config:clear",)


def two_variables(case: Case) -> Iterator[Finding]:
    old, new = (text_of(case.values, f"BROADCAST_{name}") for name in ("DRIVER", "CONNECTION"))
    if old and new and old != new:
        shown = f"BROADCAST_DRIVER={case.masks.literal(old)}, BROADCAST_CONNECTION={case.masks.literal(new)}"
        title = (
            f"BROADCAST_DRIVER and BROADCAST_CONNECTION differ in {case.publisher.source}: Laravel reads one of them"
        )
        yield Finding(FAIL, title, "lint.variable", codes.WRONG_VARIABLE, shown)
    elif old and not new:
        title = "only BROADCAST_DRIVER is set, and Laravel 11 and later read BROADCAST_CONNECTION"
        yield Finding(WARN, title, "lint.variable", codes.WRONG_VARIABLE, f"read in {case.publisher.source}")


def queued(case: Case) -> Iterator[Finding]:
    given = text_of(case.values, "QUEUE_CONNECTION", "database") or "null"
    if given in WITHOUT_WORKER:
        yield Finding(PASS, f"QUEUE_CONNECTION is {given}: no worker is needed", "lint.queue")
        return
    is_set = "QUEUE_CONNECTION" in case.values
    shown = f"is {case.masks.literal(given)}" if is_set else "is not set (Laravel: database)"
    title = f"QUEUE_CONNECTION {shown}: every broadcast waits until a worker takes it"
    if given == "null":
        title = "QUEUE_CONNECTION is null: jobs, and with them broadcasts, are thrown away"
    fix = (
        "php artisan queue:monitor default   # how many jobs wait",
        "php artisan queue:work              # as a service of its own, with the same variables as the web service",
    )
    yield Finding(FAIL if given == "null" else WARN, title, "lint.queue", codes.NO_WORKER, fix=fix)


def credentials(case: Case) -> Iterator[Finding]:
    unset = [name for name in case.publisher.missing if not case.is_refused(name)]
    if unset and case.publisher.broadcasts:
        told = [*unset, case.name("HOST")] if _lacks_everything(case) else unset
        title = f"{', '.join(told)} {'is' if len(told) == 1 else 'are'} not set in {case.publisher.source}"
        code = codes.UNKNOWN_APP if unset[0].endswith("_ID") else codes.WRONG_SECRET
        slips = [slip for name in unset for slip in get_close_matches(name, case.strangers(), 1, 0.9)]
        evidence = "Laravel cannot create its broadcaster: must be of type string, null given"
        if slips:
            evidence = f"is {slips[0]} a slip of the pen?"
        yield Finding(FAIL, title, "lint.credentials", code, evidence, missing(case.publisher))


def _lacks_everything(case: Case) -> bool:
    return len(case.publisher.missing) == len(_APP) and not case.publisher.host


def bind_for_target(case: Case) -> Iterator[Finding]:
    bind = [name for name in ("REVERB_SERVER_HOST", "REVERB_SERVER_PORT") if case.values.get(name)]
    target = [name for name in ("REVERB_HOST", "REVERB_PORT") if case.values.get(name)]
    if case.publisher.prefix != "REVERB" or case.is_refused("REVERB_HOST"):
        return
    if bind and len(target) < 2 and not case.values.get("REVERB_HOST"):
        title = f"{' and '.join(bind)} say where the server listens; REVERB_HOST, where to publish, is not set"
        yield Finding(FAIL, title, "lint.target", codes.BIND_FOR_TARGET, f"read in {case.publisher.source}")
    elif not case.values.get("REVERB_HOST") and case.publisher.broadcasts and not _lacks_everything(case):
        title = "REVERB_HOST is not set, so that Laravel publishes to localhost, port 443"
        yield Finding(FAIL, title, "lint.host", codes.LOCAL_HOST, f"read in {case.publisher.source}")
    elif "REVERB_SERVER_PORT" in bind and "REVERB_PORT" not in target:
        title = "REVERB_SERVER_PORT is set and REVERB_PORT is not: publishes go to port 443"
        yield Finding(WARN, title, "lint.target", codes.BIND_FOR_TARGET, f"read in {case.publisher.source}")


def local_host(case: Case) -> Iterator[Finding]:
    if not is_loopback(case.host):
        return
    name, shown = case.name("HOST"), case.masks.literal(case.publisher.host)
    where = "Railway" if is_on_railway(case.values) else next((each for each in PLATFORMS if each in case.values), "")
    if where:
        title = f"{name} is {shown}: on {where} that is the publishing container itself"
        fix = ("REVERB_HOST='${{reverb.RAILWAY_PRIVATE_DOMAIN}}' REVERB_PORT=8080 REVERB_SCHEME=http",)
        yield Finding(FAIL, title, "lint.host", codes.LOCAL_HOST, f"read in {case.publisher.source}", fix)
    elif case.host in ("0.0.0.0", "::"):
        title = f"{name} is {shown}: an address to listen on, not one to publish to"
        yield Finding(WARN, title, "lint.host", codes.LOCAL_HOST, f"read in {case.publisher.source}")


def tls_to_plain(case: Case) -> Iterator[Finding]:
    found = case.publisher
    if found.scheme != "https" or not case.host:
        return
    internal = is_private_name(case.host) and not is_loopback(case.host)
    if internal or found.port in ("8080", "80"):
        where = f"{case.host}, a private name" if internal else f"port {found.port}"
        title = f"{case.name('SCHEME')} is https for {where}, where a server seldom has a certificate"
        default = "" if case.name("SCHEME") in case.values else "https is Laravel's default"
        fix = (f"{case.name('SCHEME')}=http {case.name('PORT')}={'8080' if found.port == '443' else found.port}",)
        yield Finding(WARN, title, "lint.scheme", codes.TLS_TO_PLAIN, default, fix)


def plain_to_edge(case: Case) -> Iterator[Finding]:
    found = case.publisher
    if found.scheme != "http":
        return
    is_edge = case.host.endswith((".up.railway.app", ".railway.app"))
    if is_edge or found.port == "443":
        where = f"{case.host}, Railway's public edge" if is_edge else "port 443"
        title = f"{case.name('SCHEME')} is http for {where}: a POST is redirected to https, and becomes a GET"
        fix = (f"{case.name('SCHEME')}=https {case.name('PORT')}=443",)
        yield Finding(FAIL, title, "lint.scheme", codes.REDIRECTED_PUBLISH, f"read in {found.source}", fix)


def private_name(case: Case) -> Iterator[Finding]:
    if not is_out_of_reach(case.publisher, case.here):
        return
    title = f"{case.host} is right inside Railway, and cannot be tried from here"
    evidence = "a private name of Railway; wrong only where the process that publishes runs elsewhere"
    yield Finding(WARN, title, "lint.private", codes.NAME_UNKNOWN, evidence, (_inside(case), _from_outside(case)))


def _inside(case: Case) -> str:
    """What to paste to try the private name where it is known. Its values are such as a shell takes as they stand."""
    # `railway run` would not do: it runs here, with the variables of there.
    server, scheme = case.host.partition(".")[0], "https" if case.publisher.scheme == "https" else "http"
    port = case.publisher.port if _PORT.fullmatch(case.publisher.port) else "8080"
    values = f"{case.name('HOST')}={case.host} {case.name('PORT')}={port} {case.name('SCHEME')}={scheme}"
    return f"railway ssh -s {server} -- env {values} reverb-py doctor   # inside, as {server}'s own app"


def _from_outside(case: Case) -> str:
    service = case.values.get("RAILWAY_SERVICE_NAME", "<service>")
    public = {"HOST": "<the server's public domain>", "PORT": "443", "SCHEME": "https"}
    replaced = "; ".join(f"s/^{case.name(part)}=.*/{case.name(part)}={text}/" for part, text in public.items())
    return f'railway variable list --kv -s {service} | sed "{replaced}" | reverb-py doctor --env-file -   # from here'


def is_out_of_reach(found: Publisher, here: Mapping[str, str]) -> bool:
    """Return True when the host has a private name of Railway, and the doctor does not run inside Railway.

    `railway run` sets the service's variables on a laptop, and none of those that only a deployment has.
    """
    return bool(_PRIVATE.fullmatch(clean_host(found.host))) and not any(name in here for name in DEPLOYED)


def hosted(case: Case) -> Iterator[Finding]:
    if case.publisher.broadcasts and (case.host == "pusher.com" or case.host.endswith(".pusher.com")):
        title = f"events are published to {case.host}, hosted Pusher"
        why = "" if case.values.get(case.name("HOST")) else f"{case.name('HOST')} is not set"
        yield Finding(FAIL if why else WARN, title, "lint.hosted", codes.HOSTED_PUSHER, why)


def values(case: Case) -> Iterator[Finding]:
    yield from malformed(case.publisher.environment, case.masks)


TARGET_RULES: tuple[Rule, ...] = (
    *(values, two_variables, credentials, bind_for_target, local_host, tls_to_plain, plain_to_edge),
    *(private_name, hosted),
)
RULES: tuple[Rule, ...] = (discarded, queued, *TARGET_RULES)

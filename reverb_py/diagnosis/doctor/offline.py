"""The checks that need no network, in the order in which their evidence counts."""

from collections.abc import Iterator
from dataclasses import replace

from reverb_py import codes
from reverb_py.diagnosis.doctor.compare import compare_client, compare_server, compare_worker, lacks
from reverb_py.diagnosis.doctor.environment import publisher, text_of
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.lint import (
    RULES,
    TARGET_RULES,
    Case,
    Rule,
    bind_for_target,
    credentials,
    discarded,
    is_out_of_reach,
    queued,
)
from reverb_py.diagnosis.doctor.lint_server import lint_client, lint_server, lint_shared
from reverb_py.diagnosis.doctor.subject import Subject
from reverb_py.protocol.names import MAX_CHANNEL_NAME, is_channel


def offline(subject: Subject) -> Iterator[Finding]:
    """Yield what the variables alone show; nothing in it has passed the masks yet."""
    yield from _channel(subject.channel)
    yield from _web(subject)
    yield from _worker(subject)
    yield from _server(subject)
    yield from _client(subject)


def private_from_here(subject: Subject) -> bool:
    """Return True when the target has a private name of Railway: the resolver here says nothing about it then."""
    return subject.publisher is not None and is_out_of_reach(subject.publisher, subject.here)


def _channel(name: str) -> Iterator[Finding]:
    if not name:
        return
    if is_channel(name):
        yield Finding(Status.PASS, f"{name} is a valid channel name", "lint.channel")
        return
    wrong = sorted({letter for letter in name if not is_channel(letter)})
    shown = " ".join(repr(each) for each in wrong[:5])
    why = f"it may not hold {shown}" if wrong else f"it is longer than {MAX_CHANNEL_NAME} characters"
    yield Finding(Status.FAIL, f"{name[:60]!r} is no channel name: {why}", "lint.channel", codes.INVALID_REQUEST)


def _web(subject: Subject) -> Iterator[Finding]:
    found = subject.publisher
    if found is None:
        return
    # What a worker needs is told of the worker's own variables where those are there.
    rules = tuple(rule for rule in RULES if rule is not queued) if subject.worker else RULES
    yield from _by_rules(rules, Case(found, subject.masks, subject.here))
    yield from lint_shared(found.environment)
    yield from lint_client(found.environment, text_of(found.environment.values, "APP_URL"))


def _by_rules(rules: tuple[Rule, ...], case: Case) -> list[Finding]:
    findings = [finding for rule in rules for finding in rule(case)]
    if any(each.status in (Status.FAIL, Status.WARN) for each in findings):
        return findings
    return [*findings, Finding(Status.PASS, f"the variables of {case.publisher.source} contradict nothing", "lint")]


def _worker(subject: Subject) -> Iterator[Finding]:
    if not subject.worker:
        return
    worker = publisher(subject.worker)
    case = Case(worker, subject.masks, subject.here)
    if subject.publisher is None:
        yield from _by_rules(RULES, case)
        return
    compared = compare_worker(subject.publisher, worker)
    yield from compared
    differs = any(each.code is codes.WORKER_DIFFERS and each.status is Status.FAIL for each in compared)
    # A difference names the worker's broadcaster and app already.
    rules = TARGET_RULES if differs else (discarded, *TARGET_RULES)
    if differs and lacks(subject.publisher, worker):
        rules = tuple(rule for rule in rules if rule not in (credentials, bind_for_target))
    same = {(each.code, each.title) for each in _web(subject)}
    told = (each for rule in rules for each in rule(case) if (each.code, each.title) not in same)
    # By another name: what the network shows of the web service's values proves nothing of these.
    yield from (replace(each, check=f"worker.{each.check}") for each in told)


def _server(subject: Subject) -> Iterator[Finding]:
    if subject.server:
        yield from lint_server(subject.server, subject.masks)
        if subject.publisher:
            yield from compare_server(subject.publisher, publisher(subject.server))


def _client(subject: Subject) -> Iterator[Finding]:
    if subject.client:
        pages = (text_of(each.values, "APP_URL") for each in (subject.client, subject.web) if each)
        yield from lint_client(subject.client, next(filter(None, pages), ""))
    if subject.publisher and subject.built:
        yield from compare_client(subject.publisher, subject.built)

"""`reverb-py doctor`: why did my event not arrive? It reads what it is given, asks the server, and tells what to do."""

import asyncio
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer

from reverb_py import __version__
from reverb_py.cli import doctor_options as option
from reverb_py.cli.doctor_sources import Sources, directory, event_data, log_tail
from reverb_py.cli.durations import seconds
from reverb_py.cli.exits import ExitCode
from reverb_py.cli.remote import stop
from reverb_py.diagnosis.doctor import report
from reverb_py.diagnosis.doctor.client_variables import client_target
from reverb_py.diagnosis.doctor.daemons import DaemonThreads
from reverb_py.diagnosis.doctor.environment import publisher
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.laravel_code import check_code
from reverb_py.diagnosis.doctor.laravel_log import check_log
from reverb_py.diagnosis.doctor.laravel_project import read_project
from reverb_py.diagnosis.doctor.offline import offline, private_from_here
from reverb_py.diagnosis.doctor.subject import Subject
from reverb_py.diagnosis.doctor.target import Inquiry, Target
from reverb_py.diagnosis.doctor.verdict import Outcome, verdict
from reverb_py.diagnosis.fingerprint import fingerprint
from reverb_py.protocol.names import is_channel

logger = logging.getLogger("reverb_py")

NETWORK = "network"
# Of the seconds for one answer: several phases ask one after the other, and all of them together end within five.
ANSWERS = 2.2
EXITS = {
    Outcome.FINE: ExitCode.FINE,
    Outcome.PROBLEMS: ExitCode.NEGATIVE,
    Outcome.UNREACHABLE: ExitCode.UNREACHABLE,
    Outcome.REFUSED: ExitCode.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Examination:
    """All that was asked for, read and checked."""

    subject: Subject
    inquiry: Inquiry
    laravel_path: Path | None
    log: str
    offline: bool

    @property
    def target(self) -> Target | None:
        return self.subject.publisher.target() if self.subject.publisher else None

    @property
    def budget(self) -> float:
        """Seconds for everything that uses the network."""
        inquiry = self.inquiry
        answers = ANSWERS + 0.3 * bool(inquiry.auth_endpoint)  # which needs no server that answers
        return answers * inquiry.timeout + inquiry.watch + inquiry.soak


def doctor(
    env_file: option.EnvFile = "",
    worker_env: option.WorkerEnv = "",
    client_env: option.ClientEnv = "",
    server_env: option.ServerEnv = "",
    channel: option.Channel = "",
    event: option.Event = "",
    data: option.Data = "{}",
    watch: option.Watch = "",
    auth_endpoint: option.AuthEndpoint = "",
    bearer_env: option.BearerEnv = option.BEARER_ENV,
    laravel_path: option.LaravelPath = "",
    log: option.Log = "",
    soak: option.Soak = "",
    origin: option.Origin = "",
    offline: option.Offline = False,
    insecure: option.Insecure = False,
    timeout: option.Timeout = "2s",
    json: option.Json = False,
) -> None:
    """Find out why an event did not arrive: which of six hops lost it, and what to change.

    \b
    Examples:
      reverb-py doctor
      railway variable list --kv -s web | reverb-py doctor --env-file -
      reverb-py doctor --env-file web.env --worker-env worker.env --offline
      reverb-py doctor --channel private-customer.100.driver-location --watch 30s
      reverb-py doctor --laravel-path . --log storage/logs/laravel.log

    It reads the variables as Laravel does, and asks the server that they name with them: Laravel Reverb, soketi and
    hosted Pusher too; and the one that the worker's variables name, when it is another. It publishes to a channel of
    its own and to no other, unless --event is given. It shows no secret: fingerprints stand for them.

    Exit code: 0 nothing is wrong (there may be warnings), 1 problems were found, 2 usage, 3 the server is not
    reachable, 4 it refuses the credentials. A mistake in the usage is told on stderr alone, in plain text with --json
    too.
    """
    sources = Sources()
    bearer = sources.secret(bearer_env, option.BEARER_ENV)
    silence, waiting = (seconds(name, text) if text else 0.0 for name, text in (("--soak", soak), ("--watch", watch)))
    patience = seconds("--timeout", timeout)
    published = (event, event_data(data))
    inquiry = Inquiry(channel, auth_endpoint, bearer, origin, *published, waiting, silence, insecure, patience)
    _check_usage(inquiry)
    project = directory(laravel_path, "--laravel-path") if laravel_path else None
    given = sources.environment(env_file, "--env-file")
    subject = Subject(
        given or sources.own(project or Path()),
        sources.environment(worker_env, "--worker-env"),
        sources.environment(client_env, "--client-env"),
        sources.environment(server_env, "--server-env"),
        *(channel, dict(os.environ), (bearer,)),
    )
    if not subject.environments and not (project or log):
        raise stop(
            ExitCode.USAGE, "there is no .env here and no REVERB_* variable: name a file by --env-file, or use -"
        )
    _examine(Examination(subject, inquiry, project, log, offline), json)


def _check_usage(inquiry: Inquiry) -> None:
    if inquiry.event and not inquiry.channel:
        raise stop(ExitCode.USAGE, "--event needs --channel: where should it be published?")
    if inquiry.watch and not inquiry.channel:
        raise stop(ExitCode.USAGE, "--watch needs --channel: what should be looked for?")


def _examine(examination: Examination, json: bool) -> None:
    started = time.monotonic()
    masks = examination.subject.masks
    findings = [*_without_network(examination), *_with_network(examination)]
    found = verdict(masks.finding(each) for each in findings)
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal that knows no check mark
    if json:
        sys.stdout.write(report.as_json(found, _meta(examination, started)) + "\n")
    else:
        text = report.text(found, masks.line(_heading(examination)), _not_asked(examination))
        is_plain = not sys.stdout.isatty() or os.environ.get("NO_COLOR")
        sys.stdout.write(text if is_plain else report.coloured(text))
    raise typer.Exit(EXITS[found.outcome])


def _without_network(examination: Examination) -> Iterator[Finding]:
    yield from offline(examination.subject)
    if examination.laravel_path:
        yield from check_code(read_project(examination.laravel_path), examination.subject.publisher)
    if examination.log:
        text, is_part = log_tail(examination.log)
        name = Path(examination.log).name
        yield from check_log(text, f"the end of {name}" if is_part else name)


def _with_network(examination: Examination) -> list[Finding]:
    why = _why_not(examination)
    if why:
        return [Finding(Status.SKIP, f"network, server and WebSocket were not checked: {why}", NETWORK)]
    asked = examination.inquiry.watch + examination.inquiry.soak
    if asked and sys.stderr.isatty():
        typer.echo(f"this takes {asked:g} s", err=True)
    return asyncio.run(_probed(examination))


def _why_not(examination: Examination) -> str:
    found = examination.subject.publisher
    if examination.offline:
        return "--offline"
    if found is None:
        return "no variables say where to publish"
    if found.missing:
        return f"{', '.join(found.missing)} not set"
    if examination.target is None:
        return "the variables name no host, port and scheme"
    return "that private name is known inside Railway only" if private_from_here(examination.subject) else ""


async def _probed(examination: Examination) -> list[Finding]:
    """What the probes found within the budget; what they did not come to is said."""
    asyncio.get_running_loop().set_default_executor(DaemonThreads())  # in which names are resolved
    findings: list[Finding] = []
    of_worker: list[Finding] = []
    try:
        async with asyncio.timeout(examination.budget):
            await asyncio.gather(
                _collect(_probe(examination), findings), _collect(_probe_worker(examination), of_worker)
            )
    except TimeoutError:
        findings.append(_too_slow(findings, examination.budget))
    except Exception as error:  # a fault of ours must not take away what was found
        title = f"the doctor itself failed, and the rest was not checked: {type(error).__name__}"
        findings.append(Finding(Status.SKIP, title, NETWORK, evidence="please report it, with the line on stderr"))
        logger.exception("The doctor failed")
    return findings + of_worker


async def _collect(found: AsyncIterator[Finding], findings: list[Finding]) -> None:
    async for finding in found:
        findings.append(finding)  # noqa: PERF401, what came before a timeout must be kept


def _too_slow(findings: list[Finding], budget: float) -> Finding:
    """What it means that the time is over: little, once the server has answered a signed request."""
    if any(each.check == "credentials" for each in findings):
        title = f"the rest was not checked: {budget:g} s are over (--timeout gives more)"
        return Finding(Status.SKIP, title, NETWORK)
    title = f"the server has not answered within {budget:g} s"
    return Finding(Status.FAIL, title, f"{NETWORK}.time", evidence="--timeout gives more time to each answer")


def _probe(examination: Examination) -> AsyncIterator[Finding]:
    from reverb_py.diagnosis.doctor.probes import probe

    assert examination.target
    inquiry = examination.inquiry
    if not is_channel(inquiry.channel):  # which is told already, and nothing can be asked about it
        inquiry = replace(inquiry, channel="", event="", watch=0)
    built = examination.subject.built
    client = client_target(built) if built else None
    return probe(examination.target, inquiry, client if client and client.host and client.key else None)


async def _probe_worker(examination: Examination) -> AsyncIterator[Finding]:
    """What the worker's own variables lead to, where that is something else: it is the worker that publishes."""
    from reverb_py.diagnosis.doctor.probes import probe_other

    subject = examination.subject
    worker = publisher(subject.worker) if subject.worker else None
    target = worker.target() if worker else None
    if worker is None or target is None or not worker.broadcasts or target == examination.target:
        return
    if private_from_here(replace(subject, web=subject.worker)):
        title = f"{worker.source}: its server was not checked: that private name is known inside Railway only"
        yield Finding(Status.SKIP, title, f"worker.{NETWORK}")
        return
    async for finding in probe_other(target, worker.source, examination.inquiry):
        yield finding


def _heading(examination: Examination) -> str:
    """Who publishes where, as whom."""
    found, target = examination.subject.publisher, examination.target
    if found is None:
        return "no variables of a publisher were given"
    if target is None:
        return f"{found.source} names no server to publish to"
    return f"{found.source} publishes to {target.http_url} as app {target.app_id} (secret {fingerprint(target.secret)})"


def _not_asked(examination: Examination) -> list[str]:
    subject = examination.subject
    options = {
        "the worker (--worker-env)": subject.worker,
        "the client (--client-env)": subject.client,
        "your channel (--channel)": subject.channel,
        "its authorization (--auth-endpoint)": examination.inquiry.auth_endpoint,
        "Laravel's code (--laravel-path)": examination.laravel_path,
        "its log (--log)": examination.log,
    }
    return [what for what, given in options.items() if not given]


def _meta(examination: Examination, started: float) -> dict[str, Any]:
    masks, target = examination.subject.masks, examination.target
    return {
        "version": __version__,
        "sources": [masks.line(each.source) for each in examination.subject.environments],
        "target": masks.line(target.http_url) if target else None,
        "not_checked": _not_asked(examination),
        "duration_ms": round((time.monotonic() - started) * 1000),
    }

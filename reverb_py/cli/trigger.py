"""`reverb-py trigger`: publish an event as a backend would, and see who received it."""

import json as json_text
import shlex
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated

import typer

from reverb_py.cli import route as gpx
from reverb_py.cli import show
from reverb_py.cli.durations import seconds
from reverb_py.cli.exits import ExitCode
from reverb_py.cli.failures import failures
from reverb_py.cli.publishing import Event, Outcome, publish
from reverb_py.cli.remote import SECRET_ENV, stop
from reverb_py.cli.target import AppId, EnvFile, Insecure, Json, Key, SecretEnv, Target, Url, Verbose, find
from reverb_py.cli.texts import text_of
from reverb_py.client.api import TIMEOUT, Api
from reverb_py.client.signing import app_path, sign_request
from reverb_py.protocol.names import is_encrypted

EXAMPLE = """For example: reverb-py trigger my-channel ticket.assigned '{"ticket_id":1}'"""


def trigger(
    channel: Annotated[str, typer.Argument(help="The channel's whole name: private-customer.100.driver-location")] = "",
    event: Annotated[str, typer.Argument(help="The event's name: ticket.assigned")] = "",
    data: Annotated[str, typer.Argument(help="JSON, @file, or - for standard input.")] = "{}",
    url: Url = "",
    app_id: AppId = "",
    key: Key = "",
    secret_env: SecretEnv = SECRET_ENV,
    env_file: EnvFile = "",
    insecure: Insecure = False,
    socket_id: Annotated[str, typer.Option(help="The connection to leave out, as toOthers() does.")] = "",
    expect_delivery: Annotated[
        int, typer.Option(metavar="N", min=0, help="Exit code 1 when fewer connections received it.")
    ] = 0,
    repeat: Annotated[int, typer.Option(metavar="N", min=1, help="Publish it so often.")] = 1,
    every: Annotated[str, typer.Option(metavar="TIME", help="Between two publishes: 500ms, 1s, 2m.")] = "1s",
    route: Annotated[str, typer.Option(metavar="FILE.gpx", help=f"One {gpx.EVENT} for each point.")] = "",
    ticket_id: Annotated[int, typer.Option(help="Of a --route.")] = 1,
    driver_id: Annotated[int, typer.Option(help="Of a --route.")] = 1,
    driver_name: Annotated[str, typer.Option(help="Of a --route.")] = "Test driver",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be signed and sent.")] = False,
    verbose: Verbose = False,
    json: Json = False,
) -> None:
    """Publish an event as a backend would, and say who received it.

    \b
    Examples:
      reverb-py trigger my-channel ticket.assigned '{"ticket_id":1}'
      reverb-py trigger private-customer.100.driver-location ticket.assigned @event.json --expect-delivery 1
      reverb-py trigger private-customer.100.driver-location --route way.gpx --every 2s
      reverb-py trigger my-channel test --env-file worker.env --dry-run

    It asks the server of the environment, of .env, or of `reverb-py serve --dev`. How many received it is known from
    reverb-py; other servers are asked how many are subscribed, where they tell.

    Exit code: 0 accepted (and delivered to as many as expected); 1 not accepted, or received by fewer; 2 usage;
    3 not reachable; 4 refused credentials; 130 interrupted.
    """
    pause = seconds("--every", every)
    if not channel:
        raise stop(ExitCode.USAGE, f"which channel, and which event? {EXAMPLE}")
    if not event and not route:
        raise stop(ExitCode.USAGE, f"which event? reverb-py trigger {channel} EVENT [DATA]. {EXAMPLE}")
    target = find(url, app_id, key, secret_env, env_file)
    if route:
        driver = gpx.Driver(ticket_id, driver_id, driver_name)
        events = _route(Event(channel, event or gpx.EVENT, "", socket_id), gpx.points_in(route) * repeat, driver)
    else:
        events = _repeated(Event(channel, event, _checked(text_of("DATA", data), channel), socket_id), repeat)
    if dry_run:
        _show_request(target, next(events))
        return
    with failures(target.url), Api(target.url, target.credentials, timeout=TIMEOUT, verify=not insecure) as api:
        send = partial(publish, api, ask=expect_delivery > 0, verbose=verbose)
        fewest = _tell_all(_published(events, send, pause), expect_delivery, json)
    raise typer.Exit(ExitCode.FINE if fewest >= expect_delivery else ExitCode.NEGATIVE)


def _repeated(event: Event, times: int) -> Iterator[Event]:
    return (event for _ in range(times))


def _route(event: Event, points: list[gpx.Point], driver: gpx.Driver) -> Iterator[Event]:
    for point in points:
        yield Event(event.channel, event.name, gpx.data_at(point, driver, time.time()), event.socket_id)


def _checked(data: str, channel: str) -> str:
    """The data as it is, with a word where a client will not understand it."""
    try:
        json_text.loads(data)
    except ValueError:
        show.talk(("the data is no JSON: clients that decode it fail", "yellow"))
    if is_encrypted(channel):
        show.talk(("it is published as it is: clients of an encrypted channel expect ciphertext", "yellow"))
    return data


def _published(events: Iterator[Event], send: Callable[[Event], Outcome], pause: float) -> Iterator[Outcome]:
    """What became of each, one after the other."""
    for number, event in enumerate(events):
        if number:
            time.sleep(pause)
        yield send(event)


def _tell_all(outcomes: Iterator[Outcome], expected: int, json: bool) -> int:
    """Print them as they come; return the fewest that received one, 0 where that is not known."""
    fewest = None
    for outcome in outcomes:
        if json:
            show.record(outcome.record)
        else:
            _tell(outcome)
        received = outcome.delivered or 0
        fewest = received if fewest is None else min(fewest, received)
        if expected and received < expected:
            missed = "it is not known how many" if outcome.delivered is None else f"only {received}"
            show.talk((f"expected {expected}: {missed} received it", "red"))
    return fewest or 0


def _tell(outcome: Outcome) -> None:
    details = [f"event {outcome.id}"] if outcome.id else []
    rest = " · ".join(["", *details, f"{outcome.ms:.0f} ms"])
    if outcome.delivered is None:
        show.line(("✔ ", "green"), "accepted; this server does not say who received it", rest)
    elif outcome.delivered:
        many = "connection" if outcome.delivered == 1 else "connections"
        verb = "delivered to" if outcome.is_counted else "accepted; subscribed:"
        show.line(("✔ ", "green"), f"{verb} {outcome.delivered} {many}", rest)
    else:
        show.line(("⚠ accepted, nobody received it", "yellow"), rest)
    if outcome.hint:
        show.line(("  " + outcome.hint, "yellow"))


def _show_request(target: Target, event: Event) -> None:
    path, body = app_path(target.credentials.app_id) + "/events", event.body
    signed = sign_request(target.credentials, "POST", path, body=body, now=time.time())
    show.talk("the text that is signed:")
    show.line(signed.text.split("\n")[0])
    for each in signed.text.split("\n")[1:]:
        show.line(each)
    show.talk("the request, valid for ten minutes:")
    address = shlex.quote(f"{target.url}{path}?{signed.query}")
    show.line(f"curl -i -H 'Content-Type: application/json' --data-raw {shlex.quote(body.decode())} {address}")

"""`reverb-py listen`: subscribe as a client would, and print what comes."""

import asyncio
import json as json_text
import time
from contextlib import aclosing
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated

import typer

from reverb_py import codes
from reverb_py.cli import show
from reverb_py.cli.authorizing import Authorize, Endpoint, Signing
from reverb_py.cli.describing import describe, how_to_bind
from reverb_py.cli.durations import seconds
from reverb_py.cli.exits import ExitCode
from reverb_py.cli.failures import failures
from reverb_py.cli.listening import Listener
from reverb_py.cli.remote import SECRET_ENV, stop
from reverb_py.cli.target import AppId, EnvFile, Insecure, Json, Key, SecretEnv, Url, find
from reverb_py.client.socket import Message
from reverb_py.protocol.names import needs_authorization


def listen(
    channels: Annotated[list[str], typer.Argument(help="Whole names: private-customer.100.driver-location")],
    url: Url = "",
    app_id: AppId = "",
    key: Key = "",
    secret_env: SecretEnv = SECRET_ENV,
    env_file: EnvFile = "",
    insecure: Insecure = False,
    event: Annotated[str, typer.Option(metavar="GLOB", help="Only these events: 'ticket.*'")] = "*",
    auth_endpoint: Annotated[
        str, typer.Option(metavar="URL", help="Ask it for authorization, as the app does, instead of signing.")
    ] = "",
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", help="For the auth endpoint: 'Authorization: Bearer …'")
    ] = None,
    user_id: Annotated[str, typer.Option(help="Who joins a presence channel, when signing.")] = "reverb-py",
    user_info: Annotated[str, typer.Option(metavar="JSON", help="What others see of it.")] = "{}",
    count: Annotated[int, typer.Option(metavar="N", min=0, help="End after so many events. 0: never.")] = 0,
    expect: Annotated[str, typer.Option(metavar="EVENT", help="End when it came; exit code 1 if it does not.")] = "",
    timeout: Annotated[str, typer.Option(metavar="TIME", help="How long to wait: 30s, 2m. Default: for ever.")] = "",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say how to bind each event.")] = False,
    json: Json = False,
) -> None:
    """Subscribe to channels as a client would, and print each event: time, name, channel, data decoded once.

    \b
    Examples:
      reverb-py listen my-channel
      reverb-py listen private-customer.100.driver-location --event 'ticket.*' -v
      reverb-py listen private-customer.100.driver-location --expect ticket.assigned --timeout 30s
      reverb-py listen private-a --auth-endpoint https://api.example.com/broadcasting/auth -H "Authorization: Bearer $T"

    Private and presence channels are signed here when the secret is known. Connections that are lost are opened
    again; what goes on stands on stderr.

    Exit code: 0 all that was waited for came; 1 it did not come in time; 2 usage; 3 not reachable; 4 refused;
    130 interrupted.
    """
    needs_secret = not auth_endpoint and any(map(needs_authorization, channels))
    target = find(url, app_id, key, secret_env, env_file, secret_needed=needs_secret)
    headers = _headers(header or [])
    authorize: Authorize = Signing(target.credentials, user_id, _info(user_info))
    if auth_endpoint:
        authorize = Endpoint(auth_endpoint, headers, not insecure)
    code = codes.SUBSCRIPTION_REFUSED if auth_endpoint else codes.WRONG_SECRET
    listener = Listener(target, channels, authorize, show.talk, code, verify=not insecure)
    wanted = Wanted(event, expect, count, seconds("--timeout", timeout) if timeout else None)
    with failures(target.websocket):
        came = asyncio.run(_listen(listener, wanted, Printer(verbose, json)))
    raise typer.Exit(ExitCode.FINE if came else ExitCode.NEGATIVE)


def _info(text: str) -> object:
    try:
        return json_text.loads(text)
    except ValueError:
        raise stop(ExitCode.USAGE, "--user-info must be JSON") from None


def _headers(given: list[str]) -> dict[str, str]:
    parted = [each.partition(":") for each in given]
    if any(not separator or not name.strip() for name, separator, _ in parted):
        raise stop(ExitCode.USAGE, "-H must be a name, a colon and a value: -H 'Authorization: Bearer …'")
    return {name.strip(): value.strip() for name, _, value in parted}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are shown, and when it is enough."""

    event: str
    expect: str
    count: int
    timeout: float | None

    def shows(self, message: Message) -> bool:
        return fnmatchcase(message.event, self.event) or (bool(self.expect) and message.event == self.expect)

    def is_enough(self, message: Message, shown: int) -> bool:
        return message.event == self.expect if self.expect else shown == self.count


@dataclass(frozen=True, slots=True)
class Printer:
    verbose: bool
    json: bool

    def print(self, message: Message) -> None:
        found, now = describe(message), time.time()
        if self.json:
            row = {"time": round(now, 3), "event": found.event, "channel": found.channel, "data": found.data}
            show.record({**row, "encoded": found.encoded})
        else:
            at = time.strftime("%H:%M:%S", time.localtime(now))
            show.line((at, "dim"), "  ", (found.event, "bold"), f"  {found.channel}  {found.shown}")
        if found.warning:
            show.talk((found.warning, "yellow"))
        for each in how_to_bind(found.event) if self.verbose else []:
            show.talk((f"          {each}", "dim"))


async def _listen(listener: Listener, wanted: Wanted, printer: Printer) -> bool:
    """Return True when what was waited for came; False when the time was over first."""
    shown = 0
    try:
        async with asyncio.timeout(wanted.timeout), aclosing(listener.messages()) as messages:
            async for message in messages:
                if not wanted.shows(message):
                    continue
                printer.print(message)
                shown += 1
                if wanted.is_enough(message, shown):
                    return True
    except TimeoutError:
        is_enough = not (wanted.expect or wanted.count)
        show.talk((f"{_came(wanted, shown)} within {wanted.timeout:g} s", "" if is_enough else "red"))
        return is_enough
    return False


def _came(wanted: Wanted, shown: int) -> str:
    if wanted.expect:
        return f"no {wanted.expect}"
    if not shown:
        return "nothing came"
    many = f"{shown} of {wanted.count}" if wanted.count else str(shown)
    return f"{many} event{'' if many == '1' else 's'} came"

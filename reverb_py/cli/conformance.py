"""`reverb-py conformance`: the numbered black-box cases against any server of the Pusher protocol."""

import asyncio
import os
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from reverb_py.conformance import all_cases, report
from reverb_py.conformance.case import Case
from reverb_py.conformance.runner import Result, Verdict, run
from reverb_py.conformance.selection import select
from reverb_py.conformance.target import Target, TargetApp
from reverb_py.conformance.verify import Deviation

DEVIATES, USAGE, UNREACHABLE, REFUSED = 1, 2, 3, 4
SETTLE = 0.1  # seconds; other servers may answer a publish before they deliver it


def conformance(
    url: Annotated[str, typer.Option(help="Where it listens: ws://host:port[/prefix] or wss://…")],
    app_id: Annotated[str, typer.Option("--app-id", envvar="REVERB_APP_ID", help="The app's id.")],
    key: Annotated[str, typer.Option(envvar="REVERB_APP_KEY", help="The app's key.")],
    http_url: Annotated[str, typer.Option(help="Where the HTTP API is, if not at --url with http for ws.")] = "",
    secret_env: Annotated[
        str, typer.Option(help="Name of the environment variable that holds the secret.")
    ] = "REVERB_APP_SECRET",  # noqa: S107, a name
    only: Annotated[str, typer.Option(help="Only these cases: pp-56,rb-7 or pp-1..28 or rb. Default: all.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Judge a server by the numbered cases of the Pusher protocol, and print a table.

    With one app it runs what one app can show, and marks the rest. It uses channels with names of its own and
    closes what it opens; still, do not point it at an app that serves people.

    Exit code: 0 all that was shown passed, 1 something deviates, 2 usage, 3 not reachable, 4 refused.
    """
    app = TargetApp(app_id, key, _secret(secret_env))
    target = Target(_websocket_url(url), {"MAIN": app}, http_url=http_url or None, settle=SETTLE)
    try:
        cases = select(all_cases(), only)
    except ValueError as error:
        raise _stop(USAGE, str(error)) from None
    results = asyncio.run(_judge(target, cases))
    _print(results, json)
    raise typer.Exit(DEVIATES if any(result.verdict is Verdict.DEVIATES for result in results) else 0)


def _websocket_url(url: str) -> str:
    address = url.replace("http", "ws", 1) if url.startswith("http") else url
    if not address.startswith(("ws://", "wss://")):
        raise _stop(USAGE, f"--url must begin with ws:// or wss://, and {url!r} does not")
    return address


def _secret(name: str) -> str:
    secret = os.environ.get(name, "")
    if not secret:
        raise _stop(USAGE, f"the app's secret is missing: set {name}, or name another by --secret-env")
    return secret


async def _judge(target: Target, cases: list[Case]) -> list[Result]:
    """Look first whether somebody is there and accepts the credentials; then run the cases."""
    try:
        await _probe(target)
        with Console(stderr=True).status(f"{len(cases)} cases") as status:
            progress = iter(range(1, len(cases) + 1))

            def tell(result: Result) -> None:
                done = f"{next(progress)} of {len(cases)}"
                status.update(Text(f"{done}: {result.case.id} {result.verdict}"))

            return await run(cases, target, tell)
    finally:
        await target.aclose()


async def _probe(target: Target) -> None:
    try:
        response = await target.get("/channels")
    except Deviation as silence:
        raise _stop(UNREACHABLE, f"{silence}. Is it running, and is {target.url} right?") from None
    if response.status_code in (401, 403, 404):
        reason = response.text.strip()[:300]
        raise _stop(
            REFUSED,
            f"the server refused a signed GET {response.url.path} with {response.status_code}: {reason}. "
            "Check the app id, the key and the secret",
        )


def _print(results: list[Result], json: bool) -> None:
    if json:
        sys.stdout.write(report.as_json(results) + "\n")
    else:
        report.show(results, Console())


def _stop(code: int, text: str) -> typer.Exit:
    """Say it on stderr; the exit to be raised."""
    typer.echo(text, err=True)
    return typer.Exit(code)

"""`reverb-py conformance`: the numbered black-box cases against any server of the Pusher protocol."""

import asyncio
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from reverb_py.cli.exits import ExitCode
from reverb_py.cli.remote import SECRET_ENV, AppId, HttpUrl, Key, SecretEnv, Url, secret_in, stop, websocket_url
from reverb_py.conformance import all_cases, report
from reverb_py.conformance.case import Case
from reverb_py.conformance.runner import Result, Verdict, run
from reverb_py.conformance.selection import select
from reverb_py.conformance.target import Target, TargetApp
from reverb_py.conformance.verify import Deviation

SETTLE = 0.1  # seconds; other servers may answer a publish before they deliver it


def conformance(
    url: Url,
    app_id: AppId,
    key: Key,
    http_url: HttpUrl = "",
    secret_env: SecretEnv = SECRET_ENV,
    only: Annotated[str, typer.Option(help="Only these cases: pp-56,rb-7 or pp-1..28 or rb. Default: all.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Judge a server by the numbered cases of the Pusher protocol, and print a table.

    With one app it runs what one app can show, and marks the rest. It uses channels with names of its own and
    closes what it opens; still, do not point it at an app that serves people.

    Exit code: 0 all that was shown passed, 1 something deviates, 2 usage, 3 not reachable, 4 refused.
    """
    app = TargetApp(app_id, key, secret_in(secret_env))
    target = Target(websocket_url(url), {"MAIN": app}, http_url=http_url or None, settle=SETTLE)
    try:
        cases = select(all_cases(), only)
    except ValueError as error:
        raise stop(ExitCode.USAGE, str(error)) from None
    results = asyncio.run(_judge(target, cases))
    _print(results, json)
    deviates = any(result.verdict is Verdict.DEVIATES for result in results)
    raise typer.Exit(ExitCode.NEGATIVE if deviates else ExitCode.FINE)


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
        raise stop(ExitCode.UNREACHABLE, f"{silence}. Is it running, and is {target.url} right?") from None
    if response.status_code in (401, 403, 404):
        reason = response.text.strip()[:1_000].rstrip(".")
        raise stop(
            ExitCode.REFUSED,
            f"the server refused a signed GET {response.url.path} with {response.status_code}: {reason}. "
            "Check the app id, the key and the secret",
        )


def _print(results: list[Result], json: bool) -> None:
    if json:
        sys.stdout.write(report.as_json(results) + "\n")
    else:
        report.show(results, Console())

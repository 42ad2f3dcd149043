"""`reverb-py bench`: a load test of any server of the Pusher protocol."""

import asyncio
import math
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from reverb_py.bench import descriptors, report
from reverb_py.bench.plan import SMALLEST_PAYLOAD, Plan
from reverb_py.bench.runner import RefusedCredentials, Unreachable, clock, new_tally, run
from reverb_py.bench.tally import Tally
from reverb_py.cli.durations import seconds
from reverb_py.cli.exits import ExitCode
from reverb_py.cli.remote import (
    SECRET_ENV,
    HttpUrl,
    Key,
    SecretEnv,
    Url,
    api_url,
    secret_in,
    stop,
    websocket_url,
)
from reverb_py.conformance.target import TargetApp

AppId = Annotated[str, typer.Option("--app-id", "--app", envvar="REVERB_APP_ID", help="The app's id.")]
CHANNELS = 10
LOOK = 0.25  # seconds between two looks at the progress


def bench(
    url: Url,
    app_id: AppId,
    key: Key,
    http_url: HttpUrl = "",
    secret_env: SecretEnv = SECRET_ENV,
    connections: Annotated[int, typer.Option(min=1, help="WebSocket connections, each with one subscription.")] = 100,
    channels: Annotated[
        int | None, typer.Option(min=1, help="Channels that they are spread over.  [default: 10, or --connections]")
    ] = None,
    rate: Annotated[float, typer.Option(metavar="EVENTS", help="Events a second, of all channels.")] = 10,
    payload: Annotated[int, typer.Option(min=SMALLEST_PAYLOAD, help="Bytes of each event's data.")] = 200,
    duration: Annotated[str, typer.Option(metavar="TIME", help="How long to publish: 500ms, 10s, 2m.")] = "10s",
    connect_rate: Annotated[float, typer.Option(metavar="CONNECTIONS", help="New ones a second.")] = 200,
    private: Annotated[bool, typer.Option("--private", help="Private channels, with signatures.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Load a server with listeners and publishes, and count what arrives, how fast, and what does not.

    \b
    Examples:
      reverb-py bench --url ws://127.0.0.1:8080 --app-id 1 --key my-key
      reverb-py bench --url wss://ws.example.com --connections 5000 --rate 100 --duration 1m --json

    Its channels are called bench-<random>-<number>, so that it disturbs no client's subscriptions. But load is load:
    do not aim it at servers that are not yours. Elsewhere it is an attack, and hosted services count every message.

    Latency counts from the publish to the copy's arrival in this process. A copy is lost when it has not come though
    its publish was accepted. Ctrl-C or SIGTERM ends it early and prints the figures until then; the second one does not
    wait for the copies on their way.

    Exit code: 0 everything arrived, once and in order; 1 something was lost, twice, out of order, in the wrong
    channel, refused or closed; 2 usage; 3 not reachable; 4 refused credentials; 130 interrupted.
    """
    channels = channels or min(connections, CHANNELS)
    if channels > connections:
        raise stop(ExitCode.USAGE, f"{channels} channels need as many connections: --connections is {connections}")
    websocket = websocket_url(url)
    plan = Plan(
        url=websocket,
        http_url=api_url(http_url, websocket),
        app=TargetApp(app_id, key, secret_in(secret_env)),
        run=secrets.token_hex(4),
        connections=connections,
        channels=channels,
        rate=_positive("--rate", rate),
        payload=payload,
        duration=seconds("--duration", duration),
        connect_rate=_positive("--connect-rate", connect_rate),
        private=private,
    )
    if plan.excess:
        raise stop(ExitCode.USAGE, plan.excess)
    tally = _measure(plan)
    if json:
        sys.stdout.write(report.as_json(plan, tally) + "\n")
    else:
        report.show(plan, tally, Console())
    raise typer.Exit(_exit_code(tally))


def _positive(option: str, number: float) -> float:
    if not (math.isfinite(number) and number > 0):
        raise stop(ExitCode.USAGE, f"{option} must be a number above 0, and {number} is not")
    return number


def _measure(plan: Plan) -> Tally:
    """The run, with its progress on stderr where that is a terminal."""
    tally = new_tally(plan)
    try:
        descriptors.make_room(plan)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_watched(plan, tally, Console(stderr=True)))
    except descriptors.TooFew as error:
        raise stop(ExitCode.USAGE, str(error)) from None
    except Unreachable as silence:
        raise stop(ExitCode.UNREACHABLE, f"{silence}. Is it running, and is the address right?") from None
    except RefusedCredentials as refusal:
        text = f"the server refused: {str(refusal).rstrip('.')}. Check the app id, the key and the secret"
        raise stop(ExitCode.REFUSED, text) from None
    return tally


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # Windows and PyPy: asyncio's own loop costs more, and measures the same
        return None
    return uvloop.new_event_loop


async def _watched(plan: Plan, tally: Tally, console: Console) -> None:
    """The run; an interruption ends it, and the next one what it still waits for."""
    task = asyncio.create_task(_drawn(plan, tally, console))
    with _interrupted_by_signals(task, tally):
        try:
            await task
        except asyncio.CancelledError:
            tally.interrupted = True


@contextmanager
def _interrupted_by_signals(task: asyncio.Task[None], tally: Tally) -> Iterator[None]:
    """Each SIGINT and SIGTERM cancels the task; when one has, no more of them keep us from printing the figures."""
    loop = asyncio.get_running_loop()
    is_told = hasattr(signal, "SIGKILL") and threading.current_thread() is threading.main_thread()
    signals = [signal.SIGINT, signal.SIGTERM] if is_told else []  # else, as on Windows, asyncio.Runner cancels us once
    for each in signals:
        loop.add_signal_handler(each, task.cancel)
    try:
        yield
    finally:
        for each in signals:
            loop.remove_signal_handler(each)
            if tally.interrupted:
                signal.signal(each, signal.SIG_IGN)


async def _drawn(plan: Plan, tally: Tally, console: Console) -> None:
    if not console.is_terminal:
        await run(plan, tally)
        return
    # Drawn by our own loop: a thread that draws would take its time from the reader's.
    with Live(console=console, auto_refresh=False, transient=True) as live:
        looking = asyncio.create_task(_look(live, plan, tally))
        try:
            await run(plan, tally)
        finally:
            looking.cancel()


async def _look(live: Live, plan: Plan, tally: Tally) -> None:
    while True:
        live.update(Text(report.line(plan, tally, clock())), refresh=True)
        await asyncio.sleep(LOOK)


def _exit_code(tally: Tally) -> ExitCode:
    if tally.interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.FINE if tally.is_perfect else ExitCode.NEGATIVE

"""The options of `reverb-py doctor`, as types."""

from typing import Annotated, Any

import typer

BEARER_ENV = "REVERB_BEARER"


def _text(metavar: str, help: str) -> Any:
    return typer.Option(metavar=metavar, show_default=False, help=help)


def _flag(name: str, help: str) -> Any:
    return typer.Option(name, show_default=False, help=help)


EnvFile = Annotated[
    str,
    _text(
        "FILE", "Variables of the process that publishes; - reads standard input. [default: .env and the environment]"
    ),
]
WorkerEnv = Annotated[str, _text("FILE", "Variables of the queue worker, to be compared and tried.")]
ClientEnv = Annotated[str, _text("FILE", "Variables that the client is built with (VITE_REVERB_*, --dart-define).")]
ServerEnv = Annotated[str, _text("FILE", "Variables of the WebSocket server.")]
Channel = Annotated[str, _text("NAME", "Your channel: its subscribers, and occupied ones that look like it.")]
Event = Annotated[str, _text("NAME", "Publish this event to --channel. Nothing is sent to it otherwise.")]
Data = Annotated[str, _text("JSON", "The event's data, or @file.  [default: {}]")]
Watch = Annotated[str, _text("TIME", "Look for publishes to --channel: 30s, 2m.")]
AuthEndpoint = Annotated[str, _text("URL", "Your application's channel authorization, to be asked for --channel.")]
BearerEnv = Annotated[
    str, typer.Option(metavar="NAME", help="Name of the environment variable that holds the user's Bearer token.")
]
LaravelPath = Annotated[str, _text("DIR", "A Laravel project, whose code is read and not run.")]
Log = Annotated[str, _text("FILE", "A Laravel log; its last 5 MB are searched for known errors.")]
Soak = Annotated[str, _text("TIME", "Stay silent on a socket, to find proxies that cut it: 130s.")]
Origin = Annotated[str, _text("ORIGIN", "The page's origin, such as https://app.example.com.")]
Offline = Annotated[bool, _flag("--offline", "Use no network.")]
Insecure = Annotated[bool, _flag("--insecure", "Go on when the certificate cannot be verified.")]
Timeout = Annotated[str, typer.Option(metavar="TIME", help="For one connection or answer.")]
Json = Annotated[bool, _flag("--json", "Print JSON instead of text.")]

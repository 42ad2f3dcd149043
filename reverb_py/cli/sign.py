"""`reverb-py sign`: the text that is signed and its signature; and why a signature does not fit."""

import shlex
import time
from typing import Annotated

import typer

from reverb_py.cli import show
from reverb_py.cli.exits import ExitCode
from reverb_py.cli.remote import SECRET_ENV, stop
from reverb_py.cli.target import AppId, EnvFile, Json, Key, SecretEnv, find
from reverb_py.cli.texts import bytes_of, text_of
from reverb_py.cli.verifying import Judgement, Request, verify
from reverb_py.client.signing import Credentials, channel_auth, sign_request, user_auth
from reverb_py.protocol import signatures

sign = typer.Typer(
    help="Sign requests, channels and sign-ins with the app's secret; see why a signature fails.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Body = Annotated[str, typer.Option(help="The request's body: text, @file, or - for standard input.")]


@sign.command()
def http(
    method: Annotated[str, typer.Argument(help="GET or POST")],
    path: Annotated[str, typer.Argument(help="/apps/1/events or /apps/1/channels?info=user_count")],
    body: Body = "",
    app_id: AppId = "",
    key: Key = "",
    secret_env: SecretEnv = SECRET_ENV,
    env_file: EnvFile = "",
    json: Json = False,
) -> None:
    """Sign a request of the HTTP API, and print its whole address.

    \b
    Examples:
      reverb-py sign http GET /apps/1/channels
      reverb-py sign http POST /apps/1/events --body @event.json
    """
    target = find("", app_id, key, secret_env, env_file)
    bare, _, query = path.partition("?")
    if not bare.startswith("/"):
        raise stop(ExitCode.USAGE, f"PATH must begin with a slash, as in /apps/1/events, and {path!r} does not")
    content = bytes_of("--body", body)
    parameters = signatures.parse_query(query)
    signed = sign_request(target.credentials, method, bare, parameters=parameters, body=content, now=time.time())
    address = f"{target.url}{bare}?{signed.query}"
    if json:
        found = {"query": signed.query, "auth_signature": signed.parameters["auth_signature"], "url": address}
        show.record({"signed": signed.text, **found})
    else:
        _print(
            signed.text,
            {"url": shlex.quote(address)},
            json,
            "the address, for curl and for sign verify, valid for ten minutes:",
        )


@sign.command()
def channel(
    socket_id: Annotated[str, typer.Argument(help="Of the connection: 1234.5678")],
    channel: Annotated[str, typer.Argument(help="private-… or presence-…")],
    data: Annotated[str | None, typer.Option(help="The channel_data of a presence channel, as it is sent.")] = None,
    app_id: AppId = "",
    key: Key = "",
    secret_env: SecretEnv = SECRET_ENV,
    env_file: EnvFile = "",
    json: Json = False,
) -> None:
    """Sign a subscription, as an application's auth endpoint does.

    \b
    Examples:
      reverb-py sign channel 1234.5678 private-customer.100.driver-location
      reverb-py sign channel 1234.5678 presence-room --data '{"user_id":"7"}'
    """
    mine = _credentials(app_id, key, secret_env, env_file)
    given = None if data is None else text_of("--data", data)
    answer = {"auth": channel_auth(mine, socket_id, channel, given)}
    _print(signatures.channel_text(socket_id, channel, given), answer, json)


@sign.command()
def user(
    socket_id: Annotated[str, typer.Argument(help="Of the connection: 1234.5678")],
    data: Annotated[str, typer.Argument(help='The user_data, as it is sent: \'{"id":"7"}\'')],
    app_id: AppId = "",
    key: Key = "",
    secret_env: SecretEnv = SECRET_ENV,
    env_file: EnvFile = "",
    json: Json = False,
) -> None:
    """Sign a sign-in, as an application's user-auth endpoint does.

    \b
    Example:
      reverb-py sign user 1234.5678 '{"id":"7"}'
    """
    mine = _credentials(app_id, key, secret_env, env_file)
    given = text_of("DATA", data)
    _print(signatures.user_text(socket_id, given), {"auth": user_auth(mine, socket_id, given)}, json)


@sign.command("verify")
def verify_request(
    address: Annotated[str, typer.Argument(metavar="URL", help="The whole URL, or path?query, with auth_signature.")],
    method: Annotated[str, typer.Option(help="The request's method.")] = "POST",
    body: Body = "",
    app_id: AppId = "",
    key: Key = "",
    secret_env: SecretEnv = SECRET_ENV,
    env_file: EnvFile = "",
    json: Json = False,
) -> None:
    """Say whether a request's signature fits, and if not, why.

    \b
    Examples:
      reverb-py sign verify '/apps/1/events?auth_key=…&auth_signature=…' --body @body.json
      reverb-py sign verify 'https://ws.example.com/apps/1/channels?auth_key=…' --method GET

    Exit code: 0 it fits; 1 it does not; 2 usage.
    """
    target = find("", app_id, key, secret_env, env_file)
    content = bytes_of("--body", body) if body else None
    request = Request.of(method, address, content)
    if not request.path.startswith("/"):
        raise stop(ExitCode.USAGE, f"URL must be http(s)://host/path?query or /path?query, and {address!r} is neither")
    judgement = verify(request, target.credentials, time.time(), target.endpoint.path)
    if json:
        found = {"fits": judgement.fits, "accepted": judgement.fits and not judgement.is_refused}
        show.record({**found, "signed": judgement.text, "notes": list(judgement.notes)})
    else:
        show.line(_headline(judgement))
        for note in judgement.notes:
            show.line(f"  {note}")
    raise typer.Exit(ExitCode.FINE if judgement.fits and not judgement.is_refused else ExitCode.NEGATIVE)


def _headline(judgement: Judgement) -> show.Part:
    if not judgement.fits:
        return "✖ the signature does not fit", "red"
    if judgement.is_body_other:
        return "✖ the body is another one than was signed", "red"
    if judgement.is_refused:
        return "✖ the signature fits, but servers refuse the request", "red"
    return "✔ the signature fits", "green"


def _credentials(app_id: str, key: str, secret_env: str, env_file: str) -> Credentials:
    return find("", app_id, key, secret_env, env_file).credentials


def _print(text: str, answer: dict[str, str], json: bool, what: str = "the answer:") -> None:
    if json:
        show.record({"signed": text, **answer})
        return
    show.talk("the text that is signed:")
    for each in text.split("\n"):
        show.line(each)
    show.talk(what)
    for value in answer.values():
        show.line(value)

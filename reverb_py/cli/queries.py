"""`reverb-py channels` and `reverb-py connections`: what the server counts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from reverb_py.cli import show
from reverb_py.cli.exits import ExitCode
from reverb_py.cli.failures import accepted, failures
from reverb_py.cli.remote import SECRET_ENV, stop
from reverb_py.cli.target import AppId, EnvFile, Insecure, Json, Key, SecretEnv, Target, Url, find
from reverb_py.client.api import TIMEOUT, Answer, Api

# Hosted Pusher refuses user_count without a presence prefix, and subscription_count where it is not switched on.
INFOS = ("user_count,subscription_count", "subscription_count", "user_count", "")
REFUSALS = (400, 422)


def channels(
    prefix: Annotated[str, typer.Argument(help="Only channels that begin so: private-customer.")] = "",
    url: Url = "",
    app_id: AppId = "",
    key: Key = "",
    secret_env: SecretEnv = SECRET_ENV,
    env_file: EnvFile = "",
    insecure: Insecure = False,
    json: Json = False,
) -> None:
    """List the channels that somebody is subscribed to, with how many.

    \b
    Examples:
      reverb-py channels
      reverb-py channels private-customer. --json

    Exit code: 0; 2 usage; 3 not reachable; 4 refused credentials.
    """
    target = find(url, app_id, key, secret_env, env_file)
    with asking(target, insecure) as api:
        answer = accepted(_channels(api, prefix), f"no list from {target.url}")
    found = answer.json.get("channels") if isinstance(answer.json, dict) else None
    rows = found.items() if isinstance(found, dict) else []  # PHP writes an empty one as []
    if json:
        for name, info in rows:
            show.record({"channel": name, **info})
        return
    if rows:
        show.table([["channel", "subscriptions", "users"], *(_row(name, info) for name, info in rows)])
    else:
        show.talk(f"no channel that begins with {prefix} is occupied" if prefix else "no channel is occupied")


def _row(name: str, info: dict[str, Any]) -> list[str]:
    return [name, *(str(info.get(each, "")) for each in ("subscription_count", "user_count"))]


def _channels(api: Api, prefix: str) -> Answer:
    """The list with as much as this server tells."""
    for info in INFOS:
        asked = {"filter_by_prefix": prefix, "info": info}
        answer = api.get("/channels", {name: value for name, value in asked.items() if value})
        if answer.status not in REFUSALS:
            break
    return answer


def connections(
    url: Url = "",
    app_id: AppId = "",
    key: Key = "",
    secret_env: SecretEnv = SECRET_ENV,
    env_file: EnvFile = "",
    insecure: Insecure = False,
    json: Json = False,
) -> None:
    """Print how many connections the app has.

    \b
    Examples:
      reverb-py connections
      reverb-py connections --json

    Exit code: 0; 2 usage; 3 not reachable; 4 refused credentials.
    """
    target = find(url, app_id, key, secret_env, env_file)
    with asking(target, insecure) as api:
        answer = accepted(api.get("/connections"), f"no number from {target.url}")
    number = answer.json.get("connections") if isinstance(answer.json, dict) else None
    if not isinstance(number, int):
        raise stop(ExitCode.NEGATIVE, f"{target.url} answers without a number of connections")
    if json:
        show.record({"connections": number})
    else:
        show.line(str(number))


@contextmanager
def asking(target: Target, insecure: bool) -> Iterator[Api]:
    """The server's HTTP API, whose silence becomes an exit code."""
    with failures(target.url), Api(target.url, target.credentials, timeout=TIMEOUT, verify=not insecure) as api:
        yield api

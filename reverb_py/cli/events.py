"""`reverb-py events`: what became of the last publishes, in sentences."""

import time
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from reverb_py.cli import show
from reverb_py.cli.exits import ExitCode
from reverb_py.cli.failures import accepted, code_first, without_text_to_sign
from reverb_py.cli.queries import asking
from reverb_py.cli.remote import SECRET_ENV, stop
from reverb_py.cli.target import AppId, EnvFile, Insecure, Json, Key, SecretEnv, Url, Verbose, find
from reverb_py.client.api import Api
from reverb_py.diagnosis.doctor.opening import OWN
from reverb_py.diagnosis.doctor.signed import LIBRARY

LOOK = 1.0  # seconds between two questions of --tail
MOST = 1_000  # receipts of one answer
STYLES = {"delivered": "green", "nobody": "yellow", "refused": "red"}
Row = dict[str, Any]


def events(
    channel: Annotated[str, typer.Option(help="Only of this channel, and what was near it.")] = "",
    rejected: Annotated[bool, typer.Option("--rejected", help="Only what was refused.")] = False,
    nobody: Annotated[bool, typer.Option("--nobody", help="Only what nobody received.")] = False,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="So many at most.")] = 20,
    all: Annotated[bool, typer.Option("--all", help="What the doctor tried, too.")] = False,
    tail: Annotated[bool, typer.Option("--tail", help="Go on with what comes, until Ctrl-C.")] = False,
    url: Url = "",
    app_id: AppId = "",
    key: Key = "",
    secret_env: SecretEnv = SECRET_ENV,
    env_file: EnvFile = "",
    insecure: Insecure = False,
    verbose: Verbose = False,
    json: Json = False,
) -> None:
    """Say what became of the last publishes: who received them, or why nobody did. The newest stands last.

    \b
    Examples:
      reverb-py events
      reverb-py events --nobody --tail
      reverb-py events --channel private-customer.100.driver-location --json

    Only reverb-py keeps such a list.

    Exit code: 0; 1 when this server keeps no list; 2 usage; 3 not reachable; 4 refused credentials; 130 interrupted.
    """
    target = find(url, app_id, key, secret_env, env_file)
    asked = {"channel": channel, "rejected": "1" * rejected, "nobody": "1" * nobody}
    asked = {name: value for name, value in asked.items() if value}
    with asking(target, insecure) as api:
        view = View(api, asked, Form(all, verbose, json))
        if not view.show(limit) and not tail:
            show.talk("no publish that fits is known" + (", but what the doctor tried: --all" if view.hidden else ""))
        while tail:
            time.sleep(LOOK)
            view.show(MOST)


@dataclass(frozen=True, slots=True)
class Form:
    """What is shown of the rows: those of the doctor too; the texts that should have been signed; as JSON."""

    all: bool
    verbose: bool
    json: bool

    def print(self, row: Row) -> None:
        if self.json:
            show.record(row)
            return
        at = time.strftime("%H:%M:%S", time.localtime(row["time"]))
        text = str(row["text"]) if self.verbose else _brief(row)
        show.line((at, "dim"), " ", (text, STYLES.get(row.get("outcome", "refused"), "")))


class View:
    """Asks for what came since it asked last, and prints it in the order in which it happened."""

    def __init__(self, api: Api, asked: dict[str, str], form: Form) -> None:
        self._api = api
        self._asked = asked
        self._form = form
        self.hidden = 0  # rows of the doctor that were left out
        self._last = ""  # the id of the newest receipt that was printed
        self._refused_at = 0.0  # the time of the newest refused subscription that was printed

    def show(self, limit: int) -> int:
        """Print the newest `limit` of what is new; return how many rows that was."""
        after = {"after": self._last} if self._last else {}
        found = self._ask({**self._asked, **after, "limit": str(limit if self._form.all else MOST)})
        publishes = _rows(found, "publishes")
        subscriptions = [row for row in _rows(found, "subscriptions_refused") if row["time"] > self._refused_at]
        if "nobody" in self._asked:
            subscriptions = []
        self._last = publishes[0]["id"] if publishes else self._last
        self._refused_at = subscriptions[0]["time"] if subscriptions else self._refused_at
        known = sorted(publishes + subscriptions, key=lambda row: float(row["time"]))
        rows = [row for row in known if self._form.all or not _is_doctors(row)]
        self.hidden += len(known) - len(rows)
        for row in rows[-limit:]:
            self._form.print(row)
        return len(rows[-limit:])

    def _ask(self, parameters: dict[str, str]) -> Row:
        answer = self._api.get("/publishes", parameters)
        if answer.status == 404 and "No matching application" not in answer.text:
            raise stop(ExitCode.NEGATIVE, f"{self._api.url} keeps no list of publishes: only reverb-py does")
        body = accepted(answer, f"no list from {self._api.url}").json
        return body if isinstance(body, dict) else {}


def _is_doctors(row: Row) -> bool:
    """True for what `reverb-py doctor` published or subscribed to, to find out how the server answers."""
    channels = [*(row.get("channels") or ()), *([row["channel"]] if row.get("channel") else [])]
    is_own = bool(channels) and all(str(each).startswith(OWN) for each in channels)
    return is_own or row.get("publisher") == LIBRARY


def _brief(row: Row) -> str:
    """The row's sentence; of a refusal code and cause first."""
    text, reason = str(row["text"]), str(row.get("reason") or "")
    if row.get("outcome") != "refused" or not reason:
        return text
    return text.replace(reason, code_first(without_text_to_sign(reason)))


def _rows(found: Row, name: str) -> list[Row]:
    """The receipts of one kind, the newest first."""
    rows = found.get(name)
    return [row for row in rows if isinstance(row, dict) and "time" in row] if isinstance(rows, list) else []

"""Publishes one event with PyPI's `pusher`, as a backend in Python would:

    .venv/bin/python examples/publish.py my-channel ticket.assigned '{"ticket_id":1}'

Server and app are in REVERB_HOST, REVERB_PORT, REVERB_SCHEME, REVERB_APP_ID, REVERB_APP_KEY and REVERB_APP_SECRET;
without a key they are those of `make serve`.
"""

import json
import os
import sys
from pathlib import Path

import pusher  # type: ignore[import-untyped]
import requests  # what pusher speaks HTTP with

KEPT = Path(".reverb/credentials.json")
# How many connections received it, and why nobody did: reverb-py says so, other servers do not.
TOLD = ("X-Reverb-Delivered", "X-Reverb-Hint")


def credentials() -> tuple[str, str, str]:
    if key := os.environ.get("REVERB_APP_KEY"):
        return os.environ["REVERB_APP_ID"], key, os.environ["REVERB_APP_SECRET"]
    if not KEPT.exists():
        how = "run `make serve` first, or set REVERB_APP_ID, REVERB_APP_KEY and REVERB_APP_SECRET"
        sys.exit(f"no {KEPT} here: {how}")
    kept = json.loads(KEPT.read_text())
    return kept["id"], kept["key"], kept["secret"]


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit("usage: python examples/publish.py CHANNEL EVENT JSON")
    channel, event, data = sys.argv[1:]
    client = pusher.Pusher(
        *credentials(),
        host=os.environ.get("REVERB_HOST", "127.0.0.1"),
        port=int(os.environ.get("REVERB_PORT", "8080")),
        ssl=os.environ.get("REVERB_SCHEME") == "https",
    )
    answers: list[requests.Response] = []  # pusher itself hands on their bodies only
    client._pusher_client.http.session.hooks["response"].append(lambda answer, **_: answers.append(answer))
    try:
        print(client.trigger(channel, event, data))  # a string goes as it is; anything else becomes JSON
    except (pusher.errors.PusherError, requests.RequestException) as error:
        sys.exit(f"not published: {error}")
    for name in TOLD:
        if name in answers[-1].headers:
            print(f"{name}: {answers[-1].headers[name]}")


if __name__ == "__main__":
    main()

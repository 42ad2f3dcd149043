"""docs/codes.md: every code with cause, sight and mend, and which test produces it. `python -m tests.modes.table`.

The tests say themselves what they produce and who names it: `@pytest.mark.mode("RVB302", "log")`.
"""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from reverb_py.codes import CODES, Code

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "codes.md"

SEEN_BY = {
    "log": "the server's log",
    "start": "the server's start",
    "publishes": "`reverb-py events`",
    "doctor": "`reverb-py doctor`",
    "trigger": "`reverb-py trigger`",
    "listen": "`reverb-py listen`",
    "server": "nobody: with this server it cannot happen",
}

# Why no test produces it, or why nobody can name it.
NOT_SHOWN = {
    "RVB113": "a worker's age shows nowhere outside it; the doctor's advice about workers names the command",
    "RVB123": "this server runs no application code, so that nobody can publish from inside it",
    "RVB408": "it takes two servers that replace each other; each of them sees only its own clients",
    "RVB505": "the payload is ciphertext to the server and to every tool without the key",
}

HEAD = """\
# The codes

Every reason for which an event gets lost has a stable code. The server's log, `reverb-py events`, `reverb-py doctor`
and the header `X-Reverb-Hint` name it, and `reverb-py explain RVB302` prints what stands here. Begin with
[Why don't my events arrive?](why-no-events.md) if you have a symptom and no code.

An event passes six hops: **fire** (the application dispatches it), **queue** (a worker takes the job), **publish** (the
signed request arrives and is accepted), **match** (the server finds subscribers), **deliver** (the frame reaches a
client that is connected and subscribed), **handle** (the client's code shows it).

This page is made by `python -m tests.modes.table` from the registry and from the tests, and a test compares it.
"""
GROUPS = {
    "1": "The event never leaves the application",
    "2": "The publish does not reach the server",
    "3": "The publish is refused, or accepted with a warning",
    "4": "Accepted, and nobody received it",
    "5": "Delivered, and the client does not show it",
    "6": "The client does not connect, subscribe or stay",
}


class _Collector:
    """Of every collected test that produces a mode: its code, its place, and who names it."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, list[str]]] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            place = f"{item.location[0]}::{item.location[2].partition('[')[0]}"
            for mark in item.iter_markers("mode"):
                self.rows.append((mark.args[0], place, list(mark.args[1:])))


def collected() -> dict[str, list[tuple[str, list[str]]]]:
    """Code -> (test, who names it), from a collection in a process of its own."""
    command = [sys.executable, "-m", "tests.modes.table", "--collect"]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=50).stdout
    found: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
    for code, place, seen_by in json.loads(output.splitlines()[-1]):
        if (place, seen_by) not in found[code]:
            found[code].append((place, seen_by))
    return found


def page(found: dict[str, list[tuple[str, list[str]]]]) -> str:
    """The whole file."""
    parts = [HEAD]
    for group, title in GROUPS.items():
        parts.append(f"\n## {title}\n")
        parts += [_section(code) for code in CODES.values() if code.id[3] == group]
    named = [code for code in CODES if set(_names(found, code)) - {SEEN_BY["server"]}]
    title = f"{len(named)} of {len(CODES)} are produced for real by a test, and named"
    parts.append(f"\n## Where they are shown\n\n{title}. For each of the rest it is said why not.\n")
    parts.append("\n| code | named by | produced by |\n|---|---|---|\n")
    parts += [_row(code, found) for code in CODES]
    return "".join(parts)


def _section(code: Code) -> str:
    reference = f"\nOthers met it: {code.reference}.\n" if code.reference else ""
    return (
        f"\n### {code.id}\n\n**{code.title}.** ({code.hop})\n\n{code.cause}\n\n"
        f"*Seen:* {code.seen}\n\n*Mend:* {code.fix}\n{reference}"
    )


def _names(found: dict[str, list[tuple[str, list[str]]]], code: str) -> list[str]:
    """Who names it, each once, in the order of SEEN_BY."""
    names = {name for _, seen_by in found.get(code, []) for name in seen_by}
    return [SEEN_BY[name] for name in SEEN_BY if name in names]


def _row(code: str, found: dict[str, list[tuple[str, list[str]]]]) -> str:
    if not found.get(code):
        return f"| [{code}](#{code.lower()}) | nobody | {NOT_SHOWN.get(code, 'no test yet')} |\n"
    places = dict.fromkeys(place.removeprefix("tests/") for place, _ in found[code])
    shown = ", ".join(f"`{place}`" for place in places)
    return f"| [{code}](#{code.lower()}) | {', '.join(_names(found, code))} | {shown} |\n"


def main() -> None:
    if "--collect" in sys.argv:
        collector = _Collector()
        pytest.main(["--collect-only", "-q", "--no-header", "tests"], plugins=[collector])
        print(json.dumps(collector.rows))
    else:
        PAGE.write_text(page(collected()))


if __name__ == "__main__":
    main()

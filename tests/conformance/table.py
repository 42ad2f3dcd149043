"""The table of all numbers: where each is tested, or why not. `python -m tests.conformance.table` writes README.md."""

import ast
import re
from collections import defaultdict
from pathlib import Path

from reverb_py.conformance import all_cases

HERE = Path(__file__).parent
README = HERE / "README.md"
LAST = {"pp": 323, "rb": 180}
NUMBER = re.compile(r"\b(pp|rb)-([0-9]+)\b")

# What no test shows yet, and why: ranges of numbers, both ends included.
NOT_YET = {
    "pp": [
        ((134, 141), "subscription_count frames: later, off by default"),
        ((178, 186), "watchlists: later"),
        ((187, 190), "authorized connections: later"),
        ((263, 286), "webhooks: later"),
        ((291, 291), "outside: the suite of pusher-js runs against hosted Pusher's own test servers"),
        ((293, 293), "needs PHP; its requests are sent byte by byte in other cases (pp-192, pp-256, pp-260, rb-131)"),
        ((323, 323), "HTTP fallbacks are not offered: clients set enabledTransports to ws and wss"),
    ],
    "rb": [],
}

HEAD = """\
# Where the numbered cases are tested

`pp-56` is number 56 of the checklist for hosted Pusher's protocol, `rb-7` number 7 of the one for Laravel Reverb. A
number that reads differently here than there follows the project's decisions; the sentence says what is expected.

The cases are in `reverb_py/conformance/cases_*.py`, because users run them too (`reverb-py conformance`);
`test_cases.py` runs all of them against a real process with the apps of `reverb.toml`. This file is made by
`python -m tests.conformance.table`, and a test compares it.
"""


def places() -> dict[str, list[tuple[str, str]]]:
    """Number -> (sentence, place) of everything that shows it."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for case in all_cases():
        module = case.body.__module__.rpartition(".")[2]
        for number in case.numbers:
            found[number].append((case.title, f"`{module}.{case.body.__name__}`"))
    for path in sorted(HERE.parent.rglob("test_*.py")):
        if path.parent != HERE:
            for number, sentence, name in _in_tests(path):
                found[number].append((sentence, f"`{path.relative_to(HERE.parents[1])}` {name}"))
    return found


def _in_tests(path: Path) -> list[tuple[str, str, str]]:
    """(number, sentence, name) of what a file's docstrings, parameters and tables `("pp-55", "aStory")` name."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                sentence = name.removeprefix("test_").replace("_", " ")
                texts = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
                numbers = [match[0] for text in texts if isinstance(text, str) for match in NUMBER.finditer(text)]
                found += [(number, sentence, f"`{name}`") for number in dict.fromkeys(numbers)]
            case ast.Tuple(elts=[ast.Constant(value=str(number)), ast.Constant(value=str(story))]):
                if NUMBER.fullmatch(number):
                    found.append((number, _words(story), f"`{story}`"))
    return found


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])[A-Z]", lambda match: " " + match[0].lower(), name)


def reason(family: str, number: int) -> str:
    """Why a number is not tested yet; empty when it should be."""
    ranges = NOT_YET[family]
    return next((why for (first, last), why in ranges if first <= number <= last), "")


def untested() -> list[str]:
    """The numbers that neither a test nor a reason stands for."""
    known = places()
    numbers = [(family, number) for family, last in LAST.items() for number in range(1, last + 1)]
    return [f"{family}-{n}" for family, n in numbers if f"{family}-{n}" not in known and not reason(family, n)]


def text() -> str:
    """The whole file."""
    known = places()
    parts = [HEAD]
    for family, title in (("pp", "Hosted Pusher's checklist"), ("rb", "Laravel Reverb's checklist")):
        parts.append(f"\n## {title}\n\n| number | what must be so | where |\n|---|---|---|\n")
        for number in range(1, LAST[family] + 1):
            rows = known.get(f"{family}-{number}") or [(reason(family, number), "not yet")]
            cells = (" · ".join(dict.fromkeys(_cell(row[column]) for row in rows)) for column in (0, 1))
            parts.append(f"| {number} | {' | '.join(cells)} |\n")
    return "".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    README.write_text(text())

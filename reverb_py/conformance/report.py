"""What a run says to people (a table) and to programs (JSON)."""

import json
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from reverb_py.conformance.runner import Result, Verdict

STYLES = {Verdict.PASSED: "green", Verdict.DEVIATES: "bold red", Verdict.NOT_SHOWN: "dim"}


def table(results: Sequence[Result]) -> Table:
    """One row a case; under the sentence of one that did not pass, why."""
    grid = Table(header_style="bold", show_lines=False, expand=True)
    grid.add_column("number", no_wrap=True)
    grid.add_column("case", ratio=1)
    grid.add_column("result", no_wrap=True)
    grid.add_column("s", justify="right", no_wrap=True)
    for result in results:
        style = STYLES[result.verdict]
        why = f"\n[{style}]{escape(result.text)}[/]" if result.text else ""
        grid.add_row(
            "\n".join(result.case.numbers),
            escape(result.case.title) + why,
            f"[{style}]{result.verdict}[/]",
            f"{result.seconds:.2f}",
        )
    return grid


def counts(results: Sequence[Result]) -> dict[str, int]:
    """How many cases passed, deviate, were not shown."""
    found = Counter(result.verdict for result in results)
    return {verdict.value: found[verdict] for verdict in Verdict}


def summary(results: Sequence[Result]) -> str:
    total = counts(results)
    parts = ", ".join(f"{number} {verdict}" for verdict, number in total.items())
    return f"{parts}, of {len(results)} cases"


def show(results: Sequence[Result], console: Console) -> None:
    console.print(table(results))
    console.print(summary(results))


def as_json(results: Sequence[Result]) -> str:
    document = {"counts": counts(results), "cases": [dict(result.as_json()) for result in results]}
    return json.dumps(document, indent=2, ensure_ascii=False)

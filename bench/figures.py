"""What is made of the figures of runs: medians, ratios, targets, and cells of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.measure import Figures, Row
from bench.workloads import FLOOR, OURS

Rows = Mapping[str, Row]  # by name


def middle(samples: Sequence[Figures], name: str) -> float | None:
    """The median of a figure over all runs, None when it was not measured."""
    values = [figures[name] for figures in samples if name in figures]
    return median(values) if values else None


def ratio(row: Row, name: str, above: str = OURS, below: str = FLOOR) -> float | None:
    """The median of the ratios of runs that followed each other: what drifts, drifts for both."""
    pairs = zip(row.samples.get(above, []), row.samples.get(below, []), strict=False)
    ratios = [one[name] / other[name] for one, other in pairs if name in one and other.get(name)]
    return median(ratios) if ratios else None


def figure(rows: Rows, row: str, server: str, name: str) -> float | None:
    return middle(rows[row].samples.get(server, []), name) if row in rows else None


@dataclass(frozen=True, slots=True)
class Target:
    """What was to be reached, at most, and what was measured; None: not in this run."""

    text: str
    limit: float
    reached: float | None
    unit: str = "x"

    @property
    def verdict(self) -> str:
        if self.reached is None:
            return "not measured"
        return "met" if self.reached <= self.limit else "missed"


def number(value: float | None) -> str:
    """Three digits that count, and no more."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(head: list[str], lines: list[list[str]]) -> str:
    """Columns as wide as their widest cell; the first to the left, the others to the right."""
    if not lines:
        return ""
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(width) if not i else cell.rjust(width) for i, (cell, width) in enumerate(cells))
        + " |"
        for cells in (zip(line, widths, strict=True) for line in (head, rule, *lines))
    )

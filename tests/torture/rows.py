"""The table of faults: each test leaves one row, or adds to it when it is one of many cases."""

from dataclasses import dataclass

HEAD = ("fault", "survived", "bound", "measured", "events lost", "test")


@dataclass(slots=True)
class Row:
    """One fault. `sent` and `lost` count copies of events to bystanders; none are sent where nobody listens."""

    fault: str
    test: str
    tried: int = 0
    survived: int = 0
    bound: str = ""
    measured: str = ""
    sent: int = 0
    lost: int = 0

    def tells(self, bound: str, measured: str) -> None:
        """Say what was promised, and what it was."""
        self.bound, self.measured = bound, measured

    @property
    def cells(self) -> tuple[str, ...]:
        survived = f"{self.survived} of {self.tried}"
        lost = f"{self.lost} of {self.sent}" if self.sent else "not counted"
        return self.fault, survived, self.bound, self.measured, lost, f"`{self.test}`"


ROWS: dict[str, Row] = {}  # of this run, by the test's name


def row_of(test: str, sentence: str, *, tls: bool = False) -> Row:
    """The row of this test, which is new or has cases already; those over TLS have one of their own."""
    fault = sentence.strip().splitlines()[0].rstrip(".")
    if tls:
        test, fault = f"{test} and TLS", f"TLS: {fault}"
    return ROWS.setdefault(test, Row(fault, test))


def table() -> list[str]:
    """The rows in Markdown."""
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells for row in ROWS.values())]
    return ["| " + " | ".join(cells) + " |" for cells in lines]

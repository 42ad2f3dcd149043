"""Times on the command line: 500ms, 10s, 2m, 1h, or bare seconds."""

import re

from reverb_py.cli.exits import ExitCode
from reverb_py.cli.remote import stop

UNITS = {"ms": 0.001, "": 1, "s": 1, "m": 60, "h": 3600}


def seconds(option: str, text: str) -> float:
    """The time in seconds; end with exit code 2 when it is none, or not above 0."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|)", text.strip())
    amount = float(found[1]) * UNITS[found[2]] if found else 0.0
    if not amount:
        raise stop(ExitCode.USAGE, f"{option} must be a time above 0 such as 500ms, 10s or 2m, and {text!r} is not")
    return amount

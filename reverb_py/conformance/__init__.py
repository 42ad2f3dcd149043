"""The numbered black-box cases of the Pusher protocol, against any server that claims to speak it.

Nothing here may import the server: a suite that shares code with what it judges would repeat its mistakes.
A number names a case: `pp-56` is number 56 of the checklist for hosted Pusher, `rb-7` number 7 of the one
for Reverb.
"""

import importlib
import pkgutil

from reverb_py.conformance.case import CASES, Case


def all_cases() -> tuple[Case, ...]:
    """Every case of every module that is called `cases_*`, in the order of their first numbers."""
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("cases_"):
            importlib.import_module(f"{__name__}.{module.name}")
    return tuple(sorted(CASES, key=lambda case: case.rank))

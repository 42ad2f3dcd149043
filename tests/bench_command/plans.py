"""Plans for tests: small, and quick to connect."""

from typing import Any

from reverb_py.bench.plan import Plan
from reverb_py.conformance.target import TargetApp

APP = TargetApp("3", "key-of-bench", "secret-of-bench")


def plan(**changes: Any) -> Plan:
    """A plan for nobody's address, with these changes."""
    usual = {
        "url": "ws://127.0.0.1:1",
        "http_url": "http://127.0.0.1:1",
        "app": APP,
        "run": "5eed",
        "connections": 4,
        "channels": 2,
        "rate": 10.0,
        "payload": 200,
        "duration": 1.0,
    }
    return Plan(**{**usual, **changes})

"""The apps of the server that the client libraries are tested against, and the official publisher for Python."""

import json

import pusher  # type: ignore[import-untyped]

from reverb_py.conformance.target import TargetApp

MAIN = TargetApp("100001", "key-of-one-charge", "secret-of-one-charge", 30)
# Clients of SHORT are pinged after a second of silence, and closed after two.
SHORT = TargetApp("100002", "key-of-short", "secret-of-short", 1)
SHORT_LIMIT = 2.0  # seconds of silence that SHORT allows

_LISTED = [
    {"id": MAIN.id, "key": MAIN.key, "secret": MAIN.secret},
    {
        **{"id": SHORT.id, "key": SHORT.key, "secret": SHORT.secret},
        **{"activity_timeout": 1, "ping_interval": 1, "pong_timeout": 1},
    },
]
ENVIRONMENT = {
    "REVERB_APPS": json.dumps(_LISTED),
    "REVERB_LOG_FORMAT": "text",
    "REVERB_LOG_RATE": "10000",  # every line that a test looks for is there, however fast the others publish
    "REVERB_DRAIN": "1",
}


def publisher(port: int, secret: str = MAIN.secret) -> pusher.Pusher:
    """PyPI's `pusher`, set up for the app MAIN of the server on this port."""
    return pusher.Pusher(MAIN.id, MAIN.key, secret, host="127.0.0.1", port=port, ssl=False)

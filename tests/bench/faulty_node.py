"""Our server with a fault between nodes: `python -m tests.bench.faulty_node FAULT serve …`.

Of the events for the other nodes every 50th is lost, sent twice (duplicates), or sent behind the next one (disordered);
or it listens to everything on Redis; or its lease never ends (undead); or what it tells of a member who left comes
twice.
"""

import os
import sys
from itertools import count

from reverb_py.cli import main
from reverb_py.cluster.backplane import Envelope
from reverb_py.cluster.redis.bus import Bus
from reverb_py.cluster.redis.link import Link, pack
from reverb_py.cluster.redis.seats import Seats
from reverb_py.hub.hub import Hub

send, subscribe, broadcast = Bus.publish, Seats.subscribe, Hub.broadcast
events = count(1)
held: list[Envelope] = []


def faulty(self: Bus, envelope: Envelope) -> None:
    if next(events) % 50 == 0:
        if FAULT == "lost":
            return
        if FAULT == "disordered":
            held.append(envelope)
            return
        send(self, envelope)
    send(self, envelope)
    while held:
        send(self, held.pop())


def listening_to_everything(self: Seats, link: Link) -> None:
    subscribe(self, link)
    link.send(pack(b"PSUBSCRIBE", b"*"))


def telling_twice(self: Hub, app_id: str, name: str, payload: bytes, sequence: int, exclude: str | None = None) -> int:
    if b"member_removed" in payload:
        broadcast(self, app_id, name, payload, sequence, exclude)
    return broadcast(self, app_id, name, payload, sequence, exclude)


if __name__ == "__main__":
    FAULT = sys.argv.pop(1)
    if FAULT in ("lost", "duplicates", "disordered"):
        Bus.publish = faulty  # type: ignore[method-assign]
    elif FAULT == "everything":
        Seats.subscribe = listening_to_everything  # type: ignore[method-assign]
    elif FAULT == "undead":
        os.environ["REVERB_SCALING_LEASE"] = "600"
    elif FAULT == "twice":
        Hub.broadcast = telling_twice  # type: ignore[method-assign]
    main()

"""Who is silent: whom to ping, whom to close. Time is an argument; the transport does the pinging and closing."""

from collections.abc import Iterable

from reverb_py.hub.connection import Connection


def overdue(connections: Iterable[Connection], now: float) -> tuple[list[Connection], list[Connection]]:
    """Sort the silent connections into those to ping and those that left a ping unanswered.

    Silence counts from the last inbound frame: `ping_interval` until the ping. From the ping on `pong_timeout` may pass
    until the end (4201). Subscribed or not makes no difference: Reverb forgets those that are not (rb 8, #375).
    """
    to_ping, to_close = [], []
    for connection in connections:
        silent = now - connection.last_seen
        if silent < connection.app.ping_interval:
            continue
        if not connection.pinged_at:
            to_ping.append(connection)
        elif now - connection.pinged_at >= connection.app.pong_timeout:
            to_close.append(connection)
    return to_ping, to_close

"""The ledger in sentences and JSON: what `GET /apps/<id>/publishes` answers."""

from collections.abc import Iterable, Mapping
from itertools import islice, takewhile

from reverb_py.diagnosis.ledger import Ledger, Receipt, RefusedSubscription
from reverb_py.hub import facts

SHOWN = 3  # channels of a refused publish that its sentence names
USUAL, MOST = 50, 1_000  # receipts of one answer

Json = dict[str, object]


def publishes(ledger: Ledger, app_ids: Iterable[str], asked: Mapping[str, str], now: float) -> Json:
    """Return the receipts that were asked for, the newest first, and why subscriptions of that channel failed.

    `asked` are query parameters: `channel`, `rejected=1`, `nobody=1`, `limit`, `after=<id>` (newer ones than that).
    The first of `app_ids` is the app that asks.
    """
    ids, channel = list(app_ids), asked.get("channel", "")
    wanted = asked.get("limit", "")
    limit = min(int(wanted), MOST) if wanted.isdecimal() and len(wanted) < 9 else USUAL
    newer = takewhile(lambda receipt: receipt.id != asked.get("after"), ledger.attempts(ids))
    chosen = [receipt for receipt in newer if _is_asked_for(receipt, asked, channel)][:limit]
    refused = (each for each in ledger.refused_subscriptions(ids[0]) if channel in ("", each.fact.channel))
    return {
        "publishes": [_receipt(receipt, now) for receipt in chosen],
        "subscriptions_refused": [_subscription(each, now) for each in islice(refused, limit)],
    }


def _is_asked_for(receipt: Receipt, asked: Mapping[str, str], channel: str) -> bool:
    fact = receipt.fact
    if isinstance(fact, facts.RequestRefused):  # mostly it is not known for which channel: it may be this one
        return asked.get("nobody") != "1" and (not channel or not fact.channels or channel in fact.channels)
    if asked.get("rejected") == "1" or (asked.get("nobody") == "1" and any(fact.received.values())):
        return False
    near = fact.hint.near if fact.hint is not None else {}
    return not channel or channel in fact.received or channel in near


def _receipt(receipt: Receipt, now: float) -> Json:
    if isinstance(receipt.fact, facts.RequestRefused):
        return _refused(receipt, receipt.fact, now)
    return _published(receipt, receipt.fact, now)


def _published(receipt: Receipt, fact: facts.Published, now: float) -> Json:
    dropped = receipt.dropped or {}
    channels = {
        name: {"matched": written + (name in fact.left_out), "written": written, "dropped": dropped.get(name, 0)}
        for name, written in fact.received.items()
    }
    return {
        "id": receipt.id,
        "time": round(receipt.at, 3),
        "app": fact.app_id,
        "event": fact.event,
        "channels": channels,
        "size": fact.size,
        "publisher": fact.publisher,
        "excluded": fact.excluded,
        "outcome": "delivered" if any(fact.received.values()) else "nobody",
        "status": 200,
        "code": fact.hint.code.id if fact.hint else None,
        "reason": fact.hint.text if fact.hint else None,
        "ms": round(fact.seconds * 1e3, 3),
        "text": _sentence(receipt, fact, now),
        **({"data": fact.data} if fact.data else {}),
        **({"elsewhere": True} if fact.is_elsewhere else {}),
    }


def _sentence(receipt: Receipt, fact: facts.Published, now: float) -> str:
    parts = [f"published {ago(now - receipt.at)} as `{fact.event}`"]
    for name, count in fact.received.items():
        parts.append(f"{count} {'subscriber' if count == 1 else 'subscribers'} on `{name}`")
    if receipt.more:
        parts.append(f"{receipt.more} more channels")
    if fact.hint is not None:
        parts += [f"{count} on `{name}`" for name, count in fact.hint.near.items() if name not in fact.received]
        parts.append(f"{fact.hint.code}: {fact.hint.text}")
    if receipt.dropped:
        parts.append(f"{sum(receipt.dropped.values())} of them closed as too slow")
    if receipt.heard_after is not None:
        parts.append(f"somebody subscribed {receipt.heard_after:.1f} s too late")
    return "; ".join(parts)


def _refused(receipt: Receipt, fact: facts.RequestRefused, now: float) -> Json:
    return {
        "id": receipt.id,
        "time": round(receipt.at, 3),
        "app": fact.app_id,
        "event": fact.event or None,
        "channels": {name: {"matched": 0, "written": 0, "dropped": 0} for name in fact.channels},
        "size": fact.size or None,
        "publisher": fact.publisher,
        "excluded": None,
        "outcome": "refused",
        "status": fact.status,
        "code": fact.code.id if fact.code else None,
        "reason": fact.reason,
        "ms": None,
        "text": f"{_what(fact)}refused {ago(now - receipt.at)} with {fact.status}: {fact.reason}",
    }


def _what(fact: facts.RequestRefused) -> str:
    """`ticket.assigned` for `a`, as far as it is known."""
    channels = ", ".join(f"`{name}`" for name in fact.channels[:SHOWN])
    return f"`{fact.event}` for {channels or 'no channel'} " if fact.event else ""


def _subscription(each: RefusedSubscription, now: float) -> Json:
    fact = each.fact
    code = f" [{fact.code}]" if fact.code else ""
    return {
        "time": round(each.at, 3),
        "app": fact.app_id,
        "socket_id": fact.socket_id,
        "channel": fact.channel,
        "code": fact.code.id if fact.code else None,
        "reason": fact.reason,
        "text": f"subscription to `{fact.channel}` refused {ago(now - each.at)}: {fact.reason}{code}",
    }


def ago(seconds: float) -> str:
    """`12 s ago`, `5 min ago`, `3 h ago`."""
    for unit, length in (("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{max(seconds, 0):.0f} s ago"

"""What a run says to people (a table) and to programs (JSON), and one line while it goes on."""

import json
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reverb_py.bench.plan import Plan
from reverb_py.bench.tally import Tally, Texts
from reverb_py.log import escaped

PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
FULL = 0.9  # share of a core from which this process is part of what it measures


def figures(plan: Plan, tally: Tally) -> dict[str, Any]:
    """Everything that was measured, as JSON's types. Latencies are None when nothing was delivered."""
    lost = tally.lost
    return {
        "plan": _plan(plan),
        "passed": tally.is_perfect,
        "interrupted": tally.interrupted,
        "connected": len(tally.listeners),
        "not_connected": _texts(tally.not_connected),
        "published": tally.published,
        "refused": _texts(tally.refused),
        "not_sent": 0 if tally.interrupted else plan.events - sum(channel.sent for channel in tally.channels),
        "expected": tally.delivered + lost,
        "delivered": tally.delivered,
        "lost": lost,
        "duplicates": tally.duplicates,
        "out_of_order": tally.disordered,
        "wrong_channel": tally.strays,
        "closed": _texts(tally.closed),
        "latency_ms": latencies(tally),
        "seconds": round(tally.seconds, 3),
        "published_per_second": _rate(tally.published, plan, tally),
        "delivered_per_second": _rate(tally.delivered, plan, tally),
        "own_core": round(tally.cpu / tally.seconds, 3) if tally.seconds else 0.0,
    }


def _plan(plan: Plan) -> dict[str, Any]:
    names = ("url", "http_url", "run", "connections", "channels", "rate", "payload", "duration", "private")
    return {"app_id": plan.app.id, **{name: getattr(plan, name) for name in names}, "events": plan.events}


def _texts(texts: Texts) -> dict[str, Any]:
    return {"count": texts.count, "texts": dict(texts.by_text)}


def latencies(tally: Tally) -> dict[str, float | None]:
    """Milliseconds from publish to receipt."""
    found = {name: tally.latencies.percentile(share) for name, share in PERCENTILES.items()}
    found["max"] = tally.latencies.max if tally.delivered else None
    return {name: None if value is None else round(value * 1e3, 3) for name, value in found.items()}


def _rate(count: int, plan: Plan, tally: Tally) -> float:
    """How many a second: the pause behind the last event counts, unless somebody interrupted it."""
    seconds = tally.seconds if tally.interrupted else max(tally.seconds, plan.duration)
    return round(count / seconds, 1) if seconds else 0.0


def as_json(plan: Plan, tally: Tally) -> str:
    return json.dumps(figures(plan, tally), indent=2)


def line(plan: Plan, tally: Tally, now: float) -> str:
    """How far it has come."""
    if tally.started is None:
        return f"connecting: {len(tally.listeners):,} of {plan.connections:,}"
    elapsed = min(now - tally.started, plan.duration)
    p99 = tally.latencies.percentile(0.99)
    latency = "" if p99 is None else f", p99 {p99 * 1e3:.1f} ms"
    return (
        f"{elapsed:.0f} of {plan.duration:g} s: {tally.published:,} published, {tally.delivered:,} delivered{latency}"
    )


def show(plan: Plan, tally: Tally, console: Console) -> None:
    """The table, what the server said, and as the last line what came of it."""
    found = figures(plan, tally)
    console.print(Text(_title(plan)), soft_wrap=True)
    console.print(_table(found))
    for text in _remarks(found):
        console.print(Text(text), soft_wrap=True)
    console.print(Text(verdict(found), style="green" if tally.is_perfect else "bold red"), soft_wrap=True)


def _title(plan: Plan) -> str:
    listeners = f"{plan.connections:,} connections on {plan.channels:,} {'private ' if plan.private else ''}channels"
    return f"{plan.url}: {listeners}, {plan.rate:g} events a second of {plan.payload:,} bytes for {plan.duration:g} s"


def _table(found: dict[str, Any]) -> Table:
    grid = Table(show_header=False)
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    plan = found["plan"]
    grid.add_row("connected", f"{found['connected']:,} of {plan['connections']:,}")
    grid.add_row("events published", f"{found['published']:,} of {plan['events']:,}")
    grid.add_row("… a second", f"{found['published_per_second']:,}")
    grid.add_row("copies delivered", f"{found['delivered']:,} of {found['expected']:,}")
    grid.add_row("… a second", f"{found['delivered_per_second']:,}", end_section=True)
    for name in ("lost", "duplicates", "out_of_order", "wrong_channel"):
        grid.add_row(name.replace("_", " "), _wrong(found[name]))
    grid.add_row("refused publishes", _wrong(found["refused"]["count"]))
    grid.add_row("closed connections", _wrong(found["closed"]["count"]), end_section=True)
    for name, value in found["latency_ms"].items():
        grid.add_row(f"latency, {name}", "-" if value is None else f"{value:,.2f} ms")
    return grid


def _wrong(count: int) -> Text:
    return Text(f"{count:,}", style="bold red" if count else "")


def _remarks(found: dict[str, Any]) -> Iterator[str]:
    titles = {"not_connected": "not connected", "refused": "refused", "closed": "closed"}
    for name, title in titles.items():
        for text, count in found[name]["texts"].items():
            yield f"{title}, {count:,} times: {escaped(text)}"
    if found["not_sent"]:
        yield (
            f"{found['not_sent']:,} events were not sent in time: a channel waits for the answer to its last publish. "
            "Use more channels, or a lower rate."
        )
    if found["own_core"] > FULL:
        yield (
            f"This process needed {found['own_core']:.0%} of a core: part of the latency is its own. "
            "Run several of it, from other machines."
        )


def verdict(found: dict[str, Any]) -> str:
    """One sentence."""
    if found["interrupted"]:
        return "Interrupted: these are the figures until then."
    if found["passed"]:
        return f"All {found['delivered']:,} copies arrived, once and in order{_not_sent(found)}."
    wrong = {
        "copies lost": found["lost"],
        "duplicates": found["duplicates"],
        "out of order": found["out_of_order"],
        "in the wrong channel": found["wrong_channel"],
        "publishes refused": found["refused"]["count"],
        "connections closed": found["closed"]["count"],
        "not connected": found["not_connected"]["count"],
    }
    return f"Not good: {', '.join(f'{count:,} {what}' for what, count in wrong.items() if count)}{_not_sent(found)}."


def _not_sent(found: dict[str, Any]) -> str:
    return f"; {found['not_sent']:,} events were not sent in time" if found["not_sent"] else ""

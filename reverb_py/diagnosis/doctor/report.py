"""The verdict as text for people, or as JSON. Pure."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from reverb_py.codes import Code
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.verdict import HopState, Verdict, hop_of

MARKS = {Status.PASS: "✔", Status.FAIL: "✖", Status.WARN: "⚠", Status.SKIP: "?"}
COLOURS = {"✔": "\x1b[32m", "✖": "\x1b[31m", "⚠": "\x1b[33m"}
RESET = "\x1b[0m"
SAME = 5  # findings of one code that are shown in full
_INDENT = " " * 11
_LIST = " · "
_NOT_CHECKED = ": not checked, "


def text(verdict: Verdict, subject: str, not_asked: Iterable[str] = ()) -> str:
    """The whole for a terminal, without colour: who publishes where, the hops, what is wrong, what was not checked."""
    shown = _shown(verdict)
    passed = [] if shown else [f" ✔ {each.title}" for each in verdict.of(Status.PASS)]
    missing = [f" not checked: {', '.join(not_asked)}"] if not_asked else []
    lines = [f" {subject}", _hops(verdict.hops), *_findings(shown), *passed, *_skipped(verdict), *missing]
    return "\n".join([*lines, _last_line(verdict)]) + "\n"


def coloured(report: str) -> str:
    """The same with the marks in colour."""
    return "".join(f"{COLOURS[letter]}{letter}{RESET}" if letter in COLOURS else letter for letter in report)


def as_json(verdict: Verdict, meta: dict[str, Any]) -> str:
    """`{"ok": …, "hops": {…}, "checks": […], "meta": {…}}`, in one line."""
    whole = {
        "ok": not verdict.of(Status.FAIL),
        "hops": {each.hop.value: _hop_json(each) for each in verdict.hops},
        "checks": [_check_json(each) for each in verdict.findings],
        "meta": {"outcome": verdict.outcome.value, **meta},
    }
    return json.dumps(whole, ensure_ascii=False)


def _hop_json(state: HopState) -> dict[str, Any]:
    status = "unknown" if state.status is Status.SKIP else state.status.value
    return {
        "status": status,
        "code": state.code.id if state.code else None,
        "duration_ms": round(state.milliseconds, 1),
    }


def _check_json(finding: Finding) -> dict[str, Any]:
    hop = hop_of(finding) if finding.code else None
    return {
        "check": finding.check,
        "code": finding.code.id if finding.code else None,
        "hop": hop.value if hop else None,
        "status": finding.status.value,
        "title": finding.title,
        "evidence": finding.evidence,
        "fix": list(_fix(finding)),
        "docs": f"reverb-py explain {finding.code.id}" if finding.code else "",
        "duration_ms": round(finding.milliseconds, 1),
    }


def _hops(states: Iterable[HopState]) -> str:
    """` H1 FIRE ?  H2 QUEUE ✖ RVB111  H3 PUBLISH ✔ 12 ms  …`"""
    return " " + "  ".join(
        f"H{number} {state.hop.value.upper()} {MARKS[state.status]}{_detail(state)}"
        for number, state in enumerate(states, start=1)
    )


def _detail(state: HopState) -> str:
    if state.code:
        return f" {state.code.id}"
    return f" {state.milliseconds:.0f} ms" if state.milliseconds >= 1 else ""


def _shown(verdict: Verdict) -> list[Finding]:
    """Failures and warnings. A warning whose code has failed as well says nothing new."""
    failed = {each.code for each in verdict.of(Status.FAIL) if each.code}
    return [*verdict.of(Status.FAIL), *(each for each in verdict.of(Status.WARN) if each.code not in failed)]


def _findings(findings: list[Finding]) -> Iterator[str]:
    counts: Counter[Code | None] = Counter()
    totals = Counter(each.code for each in findings)
    for finding in findings:
        counts[finding.code] += 1
        if finding.code is None or counts[finding.code] <= SAME:
            yield from _lines(finding, with_fix=finding.code is None or counts[finding.code] == 1)
        elif counts[finding.code] == totals[finding.code]:
            yield f"   {finding.code.id}  and {counts[finding.code] - SAME} more (--json shows all)"


def _lines(finding: Finding, with_fix: bool) -> Iterator[str]:
    code = finding.code.id if finding.code else "      "
    yield f" {MARKS[finding.status]} {code}  {finding.title}"
    if finding.evidence:
        yield f"{_INDENT}{finding.evidence}"
    if finding.fix or with_fix:  # the code's own fix stands once
        for number, line in enumerate(_fix(finding)):
            yield f"   {'fix   ' if number == 0 else '      '}  {line}"


def _fix(finding: Finding) -> tuple[str, ...]:
    if finding.fix or finding.code is None or finding.status not in (Status.FAIL, Status.WARN):
        return finding.fix
    return (finding.code.fix,)


def _skipped(verdict: Verdict) -> Iterator[str]:
    """What was not checked, by its reason: after the first thing that fails, the rest has the same one."""
    by_reason: dict[str, list[str]] = {}
    for finding in verdict.of(Status.SKIP):
        what, separator, reason = finding.title.partition(_NOT_CHECKED)
        by_reason.setdefault(reason if separator else finding.title, []).extend([what] if separator else [])
    for reason, whats in by_reason.items():
        yield f" ? {'; '.join(whats)}{_NOT_CHECKED}{reason}" if whats else f" ? {reason}"


def _last_line(verdict: Verdict) -> str:
    shown = _shown(verdict)
    problems = sum(each.status is Status.FAIL for each in shown)
    warnings = len(shown) - problems
    counted = f" {_number(problems, 'problem')}, {_number(warnings, 'warning')}"
    code = next((each.code for each in shown if each.code), None)
    return counted + (f"{_LIST}more: reverb-py explain {code.id}" if code else "")


def _number(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"

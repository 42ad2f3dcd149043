"""Findings become six hops, an order, an outcome and a report."""

import json

import pytest

from reverb_py import codes
from reverb_py.codes import Code
from reverb_py.diagnosis.doctor import report
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.verdict import Outcome, verdict

PASS, FAIL, WARN, SKIP = Status.PASS, Status.FAIL, Status.WARN, Status.SKIP
ANSWERED = Finding(PASS, "reverb-py is up", "identify.up")


def states(*findings: Finding) -> str:
    """One letter for each hop: what it is known to be."""
    marks = {PASS: "+", FAIL: "-", SKIP: "?"}
    return "".join(marks[each.status] for each in verdict(findings).hops)


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([], "??????"),
        ([Finding(PASS, "", "credentials")], "??+???"),
        ([Finding(PASS, "", "loopback")], "??+++?"),
        ([Finding(PASS, "", "loopback"), Finding(PASS, "", "lint.queue")], "?++++?"),
        ([Finding(PASS, "", "channel.watch")], "+++???"),
        ([Finding(FAIL, "", "lint", codes.BROADCASTS_DISCARDED)], "-?????"),
        ([Finding(FAIL, "", "compare.worker", codes.WORKER_DIFFERS)], "?-????"),
        ([Finding(FAIL, "", "network.tcp")], "??-???"),
        ([Finding(FAIL, "", "loopback", codes.NODES_APART)], "???-??"),
        ([Finding(FAIL, "", "websocket", codes.UNKNOWN_KEY)], "????-?"),
        ([Finding(PASS, "", "credentials"), Finding(FAIL, "", "websocket", codes.WRONG_KEY)], "??+?-?"),
        ([Finding(FAIL, "", "laravel.echo", codes.ECHO_NAMESPACE)], "?????-"),
        ([Finding(WARN, "", "lint.queue", codes.NO_WORKER)], "??????"),
        ([Finding(PASS, "", "credentials"), Finding(FAIL, "", "log", codes.WRONG_SECRET)], "??-???"),
    ],
)
def test_what_is_known_of_each_hop(findings: list[Finding], expected: str) -> None:
    assert states(*findings) == expected


def test_a_doubt_is_over_once_the_opposite_was_seen() -> None:
    doubt = Finding(WARN, "", "lint.scheme", codes.TLS_TO_PLAIN)
    assert doubt not in verdict([doubt, Finding(PASS, "", "network.tls")]).findings
    failure = Finding(FAIL, "", "lint.scheme", codes.REDIRECTED_PUBLISH)
    assert failure in verdict([failure, Finding(PASS, "", "network.tls")]).findings
    of_the_worker = Finding(WARN, "", "worker.lint.scheme", codes.TLS_TO_PLAIN)
    assert of_the_worker in verdict([of_the_worker, Finding(PASS, "", "network.tls")]).findings


def test_events_that_come_back_disprove_what_two_files_say_of_the_port() -> None:
    differ = Finding(FAIL, "", "compare.port", codes.PORTS_DIFFER)
    assert differ in verdict([differ]).findings
    assert differ not in verdict([differ, Finding(PASS, "", "loopback")]).findings


def test_a_clients_other_key_is_one_finding_and_none_when_it_receives_what_is_published() -> None:
    built = Finding(FAIL, "", "compare.key", codes.UNKNOWN_KEY)
    refused = Finding(FAIL, "", "websocket.client", codes.UNKNOWN_KEY)
    assert verdict([built, refused]).findings == (built,)
    elsewhere = Finding(FAIL, "", "websocket.client", codes.OTHER_SERVER)
    assert verdict([built, elsewhere]).findings == (built, elsewhere)
    assert built not in verdict([built, Finding(PASS, "", "websocket.client")]).findings


def test_a_doubt_is_named_at_its_hop_until_it_is_dispelled() -> None:
    doubt = Finding(WARN, "", "lint.queue", codes.NO_WORKER)
    assert verdict([doubt]).hops[1].code is codes.NO_WORKER
    assert verdict([doubt, Finding(PASS, "", "channel.watch")]).hops[1].code is None


@pytest.mark.parametrize(
    ("findings", "outcome"),
    [
        ([], Outcome.FINE),
        ([Finding(WARN, "", "lint", codes.NO_WORKER)], Outcome.FINE),
        ([Finding(FAIL, "", "lint", codes.BROADCASTS_DISCARDED)], Outcome.PROBLEMS),
        ([Finding(FAIL, "", "network.names", codes.NAME_UNKNOWN)], Outcome.UNREACHABLE),
        ([Finding(FAIL, "", "network.tls", codes.UNTRUSTED_CERTIFICATE), ANSWERED], Outcome.PROBLEMS),
        ([Finding(FAIL, "", "identify.up", codes.SATURATED)], Outcome.UNREACHABLE),
        ([Finding(FAIL, "", "identify.up", codes.REDIRECTED_PUBLISH)], Outcome.PROBLEMS),
        ([Finding(FAIL, "", "credentials", codes.WRONG_SECRET), ANSWERED], Outcome.REFUSED),
        ([Finding(FAIL, "", "websocket", codes.UNKNOWN_KEY), ANSWERED], Outcome.REFUSED),
        ([Finding(FAIL, "", "websocket", codes.WRONG_KEY), ANSWERED], Outcome.PROBLEMS),  # publishing works
        ([Finding(FAIL, "", "credentials", codes.WRONG_KEY), ANSWERED], Outcome.REFUSED),
        ([Finding(FAIL, "", "compare.server", codes.WRONG_SECRET)], Outcome.PROBLEMS),
    ],
)
def test_how_it_ends(findings: list[Finding], outcome: Outcome) -> None:
    assert verdict(findings).outcome is outcome


def test_the_order_is_failures_along_the_way_then_the_log_then_doubts() -> None:
    def found(status: Status, code: Code, check: str = "") -> Finding:
        return Finding(status, "", check, code)

    findings = [
        found(WARN, codes.NO_WORKER),
        found(FAIL, codes.BROADCASTS_DISCARDED, "log"),
        found(FAIL, codes.ECHO_NAMESPACE),
        found(FAIL, codes.LOCAL_HOST),
    ]
    assert [each.code and each.code.id for each in verdict(findings).findings] == [
        "RVB201",
        "RVB501",
        "RVB101",
        "RVB110",
    ]


def test_the_report_shows_the_cause_its_evidence_and_a_fix() -> None:
    lines = (
        Finding(FAIL, "The worker cannot publish", "compare.worker", codes.WORKER_DIFFERS, "web is fine", ("a", "b")),
        Finding(WARN, "a doubt", "lint", codes.WORKER_DIFFERS),
        Finding(PASS, "App id and secret are accepted", "credentials", milliseconds=12),
        Finding(SKIP, "TLS: not checked, nothing answers"),
        Finding(SKIP, "The WebSocket: not checked, nothing answers"),
    )
    assert report.text(verdict(lines), "web.env", ["its log (--log)"]).splitlines() == [
        " web.env",
        " H1 FIRE ?  H2 QUEUE ✖ RVB111  H3 PUBLISH ✔ 12 ms  H4 MATCH ?  H5 DELIVER ?  H6 HANDLE ?",
        " ✖ RVB111  The worker cannot publish",
        "           web is fine",
        "   fix     a",
        "           b",
        " ? TLS; The WebSocket: not checked, nothing answers",
        " not checked: its log (--log)",
        " 1 problem, no warnings · more: reverb-py explain RVB111",
    ]


def test_many_findings_of_one_code_are_shortened_and_its_fix_stands_once() -> None:
    text = report.text(verdict(Finding(FAIL, f"event {n}", "", codes.NOT_BROADCAST) for n in range(8)), "web.env")
    assert text.count("RVB120  event") == 5
    assert "RVB120  and 3 more (--json shows all)" in text
    assert text.count(codes.NOT_BROADCAST.fix) == 1
    assert text.splitlines()[-1].startswith(" 8 problems")


def test_colour_changes_marks_only() -> None:
    assert report.coloured(" ✖ RVB101  x\n") == " \x1b[31m✖\x1b[0m RVB101  x\n"


def test_json_holds_the_codes_own_fix_where_there_is_no_other() -> None:
    found = json.loads(
        report.as_json(verdict([Finding(FAIL, "x", "lint", codes.NO_WORKER), Finding(PASS, "y")]), {"a": 1})
    )
    assert [check["fix"] for check in found["checks"]] == [[codes.NO_WORKER.fix], []]
    assert found["meta"] == {"outcome": "problems", "a": 1}

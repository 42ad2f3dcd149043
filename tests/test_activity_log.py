"""What happens becomes lines, within a rate, and no line holds a secret."""

import json
import logging
from dataclasses import fields
from typing import get_args

import pytest

from reverb_py import codes
from reverb_py.activity_log import KINDS, ActivityLog
from reverb_py.hub import facts
from reverb_py.log import JsonFormatter

ONE_OF_EACH: list[tuple[facts.Fact, int, str, str]] = [
    (facts.Connected("3", "1.2"), logging.INFO, "connected", "New connection: socket_id=1.2"),
    (
        *(facts.Disconnected("3", "1.2", 1000, ""), logging.DEBUG, "disconnected"),
        "Connection closed: socket_id=1.2, 1000",
    ),
    (
        *(facts.HandshakeRefused("/app/x", "192.0.2.1", 4001, "No such app", codes.UNKNOWN_KEY), logging.WARNING),
        "handshake_refused",
        f"Handshake refused: 4001 No such app (/app/x from 192.0.2.1) [RVB601] {codes.UNKNOWN_KEY.fix}",
    ),
    (
        *(facts.HandshakeRefused("/x", "", 4005, "Path not found"), logging.WARNING, "handshake_refused"),
        "Handshake refused: 4005 Path not found (/x from unknown)",
    ),
    (facts.Subscribed("3", "1.2", "private-x"), logging.INFO, "subscribed", "Channel subscribed: private-x"),
    (
        *(facts.SubscriptionRefused("3", "1.2", "private-x", "no", codes.SUBSCRIPTION_REFUSED), logging.WARNING),
        "subscription_refused",
        f"Subscription refused: private-x for socket_id=1.2: no [RVB603] {codes.SUBSCRIPTION_REFUSED.fix}",
    ),
    (facts.Unsubscribed("3", "1.2", "private-x"), logging.DEBUG, "unsubscribed", "Channel unsubscribed: private-x"),
    (facts.ChannelOccupied("3", "a"), logging.DEBUG, "channel_occupied", "Channel occupied: a"),
    (facts.ChannelVacated("3", "a"), logging.DEBUG, "channel_vacated", "Channel vacated: a"),
    (facts.MemberAdded("3", "presence-x", "7"), logging.DEBUG, "member_added", "Member added: 7 to presence-x"),
    (facts.MemberRemoved("3", "presence-x", "7"), logging.DEBUG, "member_removed", "Member removed: 7 from presence-x"),
    (facts.CacheMissed("3", "cache-x"), logging.DEBUG, "cache_missed", "Cache missed: cache-x"),
    (facts.SignedIn("3", "1.2", "7"), logging.DEBUG, "signed_in", "Signed in: socket_id=1.2 as 7"),
    (
        *(facts.SignInRefused("3", "1.2", "Invalid signature"), logging.WARNING, "sign_in_refused"),
        "Sign-in refused: Invalid signature (socket_id=1.2)",
    ),
    (
        *(facts.ClientEventSent("3", "1.2", "private-x", "client-a", 2), logging.DEBUG, "client_event"),
        "Client event: client-a on private-x from socket_id=1.2, 2 received",
    ),
    (
        *(facts.MessageRefused("3", "1.2", None, "not JSON"), logging.INFO, "message_refused"),
        "Message refused: not JSON (socket_id=1.2)",
    ),
    (
        *(facts.Published("3", "e", {"a": 2, "b": 1}, 17, 0.00123, "pusher-http-php 7.2"), logging.INFO, "published"),
        "Published e to a, b: 3 received, 17 bytes, 1.2 ms, pusher-http-php 7.2",
    ),
    (
        *(facts.Published("3", "e", {"a": 1, "b": 0, "c": 0}, 2, 0.01, ""), logging.INFO, "published"),
        "Published e to a, b, c: 1 received, 2 bytes, 10.0 ms",
    ),
    (
        *(facts.Published("3", "e", {"a": 1, "b": 0, "c": 0, "d": 1, "e": 1}, 2, 0.01, ""), logging.INFO, "published"),
        "Published e to a, b, c and 2 more: 3 received, 2 bytes, 10.0 ms",
    ),
    (
        *(facts.RequestRefused("3", "POST", "/apps/3/events", 401, codes.WRONG_SECRET, "Wrong."), logging.WARNING),
        *("request_refused", "Request refused: 401 POST /apps/3/events: Wrong."),
    ),
    (
        *(facts.RequestRefused("", "", "", 431, None, "Too  large."), logging.WARNING),
        *("request_refused", "Request refused: 431: Too  large."),
    ),
    (
        *(facts.Noticed("3", "signed with another key", codes.WRONG_KEY), logging.WARNING, "noticed"),
        f"signed with another key [RVB303] {codes.WRONG_KEY.fix}",
    ),
]


@pytest.fixture(autouse=True)
def _all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "reverb_py")


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged since the last time."""
    told = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return told


def json_line(caplog: pytest.LogCaptureFixture) -> dict[str, object]:
    (record,) = caplog.records
    line: dict[str, object] = json.loads(JsonFormatter().format(record))
    return line


def test_every_fact_is_told() -> None:
    assert {type(fact) for fact, *_ in ONE_OF_EACH} == set(KINDS) == set(get_args(facts.Fact))


@pytest.mark.parametrize(("fact", "level", "name", "text"), ONE_OF_EACH)
def test_a_fact_is_a_line_for_people_and_fields_for_machines(
    caplog: pytest.LogCaptureFixture, fact: facts.Fact, level: int, name: str, text: str
) -> None:
    ActivityLog(rate=50)(fact)
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(level, text)]
    line = json_line(caplog)
    assert line["event"] == name
    shortened = {"data", "channels", "left_out", "event", "received", "code"}
    for each in fields(fact):
        if each.name not in shortened:
            assert line[each.name] == getattr(fact, each.name)


@pytest.mark.parametrize(
    ("fact", "shown"),
    [
        (
            facts.Published("3", "e", {"a": 1, "b": 2, "c": 0, "d": 0}, 2, 0.01, ""),
            {"event_name": "e", "channels": ["a", "b", "c"], "received": 3},
        ),
        (facts.ClientEventSent("3", "1.2", "private-x", "client-a", 2), {"event_name": "client-a", "received": 2}),
        (facts.Noticed("3", "x", codes.WRONG_KEY), {"code": "RVB303"}),
        (facts.Noticed("3", "x"), {"code": None}),
    ],
)
def test_fields_are_short_and_flat(
    caplog: pytest.LogCaptureFixture, fact: facts.Fact, shown: dict[str, object]
) -> None:
    ActivityLog(rate=50)(fact)
    line = json_line(caplog)
    assert {name: line[name] for name in shown} == shown


@pytest.mark.parametrize("code", [4100, 4201])
def test_a_connection_that_we_closed_for_a_reason_is_a_warning(caplog: pytest.LogCaptureFixture, code: int) -> None:
    ActivityLog(rate=50)(facts.Disconnected("3", "1.2", code, "Too slow", is_ours=True))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == f"Connection closed: socket_id=1.2, {code} Too slow"


def test_what_is_above_the_rate_is_summed_up_at_the_end_of_the_second(caplog: pytest.LogCaptureFixture) -> None:
    log = ActivityLog(rate=2)
    for n in range(5):
        log(facts.Subscribed("3", "1.2", f"a{n}"))
    log(facts.Connected("3", "1.2"))
    assert lines(caplog) == ["Channel subscribed: a0", "Channel subscribed: a1", "New connection: socket_id=1.2"]
    log.tick()
    assert json_line(caplog) | {"ts": ""} == {
        "ts": "",
        "level": "info",
        "message": "3 more subscriptions in the last second",
        "event": "subscribed_sum",
        "count": 3,
    }


def test_the_next_second_has_lines_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    log = ActivityLog(rate=1)
    for _ in range(3):
        log(facts.Connected("3", "1.2"))
    log.tick()
    lines(caplog)
    log(facts.Connected("3", "1.3"))
    log.tick()
    assert lines(caplog) == ["New connection: socket_id=1.3"]


def test_the_sum_of_publishes_says_how_many_received_them(caplog: pytest.LogCaptureFixture) -> None:
    log = ActivityLog(rate=1)
    for received in (100, 3, 4):
        log(facts.Published("3", "e", {"a": received, "b": 1}, 2, 0.01, ""))
    lines(caplog)
    log.tick()
    assert lines(caplog) == ["2 more publishes in the last second, 9 received"]
    log.tick()
    assert lines(caplog) == []
    for received in (7, 8):
        log(facts.Published("3", "e", {"a": received}, 2, 0.01, ""))
    lines(caplog)
    log.tick()
    assert lines(caplog) == ["1 more publishes in the last second, 8 received"]


def test_a_rate_of_none_is_sums_alone(caplog: pytest.LogCaptureFixture) -> None:
    log = ActivityLog(rate=0)
    log(facts.Connected("3", "1.2"))
    assert lines(caplog) == []
    log.tick()
    assert lines(caplog) == ["1 more connections in the last second"]


def test_warnings_are_summed_up_as_warnings_and_not_crowded_out(caplog: pytest.LogCaptureFixture) -> None:
    """A thousand clients that stop answering at once must be seen by those who log from WARNING on, too."""
    log = ActivityLog(rate=2)
    for _ in range(10):
        log(facts.Disconnected("3", "1.2", 1000, ""))
    lines(caplog)
    for n in range(5):
        log(facts.Disconnected("3", f"{n}.1", 4201, "Pong reply not received", is_ours=True))
    assert len(lines(caplog)) == 2
    log.tick()
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.DEBUG, "8 more connections closed in the last second"),
        (logging.WARNING, "3 more connections closed in the last second"),
    ]


def test_what_nobody_wants_to_read_is_not_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "reverb_py")
    log = ActivityLog(rate=1)
    for _ in range(3):
        log(facts.ChannelOccupied("3", "a"))
    log.tick()
    assert lines(caplog) == []


def test_the_same_notice_is_said_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    log = ActivityLog(rate=50)
    notice = facts.Noticed("3", "privatefoo is a public channel")
    said = []
    for _ in range(180):
        log(notice)
        log(notice)
        log.tick()
        said.append(len(lines(caplog)))
    assert [second for second, count in enumerate(said) if count] == [0, 60, 120]
    assert set(said) == {0, 1}


def test_another_notice_and_the_same_one_of_another_app_are_said(caplog: pytest.LogCaptureFixture) -> None:
    log = ActivityLog(rate=50)
    log(facts.Noticed("3", "one"))
    log(facts.Noticed("3", "two"))
    log(facts.Noticed("4", "one"))
    assert [json.loads(JsonFormatter().format(record))["app_id"] for record in caplog.records] == ["3", "3", "4"]


def test_what_is_remembered_of_notices_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """The newest are remembered, each cut."""
    log = ActivityLog(rate=5_000)
    for n in range(1_100):
        log(facts.Noticed("3", f"number {n}" + "x" * 100_000))
    assert len(log._said) == 1_000
    assert max(len(key) for _, key in log._said) == 1_000
    lines(caplog)
    for n in range(1_000, 1_100):
        log(facts.Noticed("3", f"number {n}" + "x" * 100_000))
    assert lines(caplog) == []


def test_a_warning_with_a_key_is_said_once_a_minute_whatever_its_numbers(caplog: pytest.LogCaptureFixture) -> None:
    log = ActivityLog(rate=50)
    for second in range(61):
        log(facts.Noticed("3", f"left {second} s ago", key="left"))
        log.tick()
    assert lines(caplog) == ["left 0 s ago", "left 60 s ago"]


def test_a_warning_that_the_rate_swallowed_is_said_later(caplog: pytest.LogCaptureFixture) -> None:
    log = ActivityLog(rate=1)
    log(facts.Noticed("3", "one"))
    log(facts.Noticed("3", "two"))
    log.tick()
    log(facts.Noticed("3", "two"))
    assert "two" in lines(caplog)


def test_who_closes_with_our_own_codes_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    ActivityLog(rate=50)(facts.Disconnected("3", "1.2", 4100, "Too slow"))
    assert [record.levelno for record in caplog.records] == [logging.DEBUG]


def test_a_strangers_long_text_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    long = "x" * 1_000_000
    log = ActivityLog(rate=50)
    log(facts.Published("3", long, {"a": 1}, 2, 0.01, long))
    log(facts.HandshakeRefused(f"/{long}", "192.0.2.1", 4005, "Path not found"))
    log(facts.RequestRefused("3", "GET", f"/{long}", 404, None, "Not found."))
    for record in caplog.records:
        assert len(JsonFormatter().format(record)) < 6_000
    assert [record.getMessage()[-10:] for record in caplog.records][2] == "Not found."

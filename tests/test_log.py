"""A line is one event, whatever a message holds; people read text, machines JSON."""

import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverb_py.log import LEVELS, LIBRARIES, JsonFormatter, LogFormat, TextFormatter, escaped, hide, is_text, set_up

NASTY = "a\nb\r\x1b[31m\x00\x85\u2028\u2029\u202e\u2066\ud800"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Give logging back as pytest had it."""
    loggers = [logging.getLogger(name) for name in ("", *LIBRARIES)]
    kept = [(logger, logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, handlers, level, propagate in kept:
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)
    logging.captureWarnings(False)


def record(text: str = "hello", level: int = logging.INFO, /, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("reverb_py", level, __file__, 1, "%s", (text,), None)
    made.created = 1_769_860_800.5  # 2026-01-31 12:00:00.5 UTC
    if fields:
        made.fields = fields
    return made


def logged(text: str, stream: io.StringIO, log_format: str = "text") -> list[str]:
    """What one warning of that text becomes, in lines."""
    set_up("json" if log_format == "json" else "text", "info", stream=stream)
    logging.getLogger("reverb_py").warning("%s", text)
    return stream.getvalue().splitlines()


def test_people_read_the_time_and_the_message() -> None:
    line = TextFormatter().format(record())
    assert line.endswith(":00 hello")
    assert len(line) == len("2026-01-31 12:00:00 hello")


@pytest.mark.parametrize(
    ("level", "colour", "shown"),
    [
        (logging.INFO, False, ":00 hello"),
        (25, True, ":00 hello"),
        (logging.WARNING, False, ":00 WARNING hello"),
        (logging.WARNING, True, ":00 \x1b[33mWARNING\x1b[0m hello"),
        (logging.ERROR, False, ":00 ERROR hello"),
        (logging.ERROR, True, ":00 \x1b[31mERROR\x1b[0m hello"),
    ],
)
def test_the_level_is_shown_from_warning_on(level: int, colour: bool, shown: str) -> None:
    assert TextFormatter(colour=colour).format(record("hello", level)).endswith(shown)


def test_machines_read_one_object() -> None:
    made = record("é\n", logging.WARNING, event="noticed", count=3, message="other", ts=1)
    assert json.loads(JsonFormatter().format(made)) == {
        "ts": "2026-01-31T12:00:00.500Z",
        "level": "warning",
        "message": "é\n",
        "event": "noticed",
        "count": 3,
    }


def test_fields_of_every_line_stand_before_an_events_own_and_are_not_replaced() -> None:
    line = json.loads(JsonFormatter({"replica_id": "r"}).format(record(replica_id="x", event="noticed")))
    assert (list(line), line["replica_id"]) == (["ts", "level", "message", "replica_id", "event"], "r")


@pytest.mark.parametrize(
    ("log_format", "worker", "part"),
    [
        ("text", 2, " [2] WARNING x"),
        ("text", None, " WARNING x"),
        ("json", 2, '"message":"x","replica_id":"r","worker":2'),
        ("json", None, '"message":"x","replica_id":"r"}'),
    ],
)
def test_a_worker_writes_its_number_into_every_line(log_format: LogFormat, worker: int | None, part: str) -> None:
    stream = io.StringIO()
    set_up(log_format, "info", fields={"replica_id": "r"}, worker=worker, stream=stream)
    logging.getLogger("reverb_py").warning("x")
    assert part in stream.getvalue()
    assert ("[" in stream.getvalue()) is (log_format == "text" and worker is not None)


def test_a_field_that_is_no_json_is_shown_as_text() -> None:
    assert json.loads(JsonFormatter().format(record(what={1}))) | {"ts": ""} == {
        "ts": "",
        "level": "info",
        "message": "hello",
        "what": "{1}",
    }


@pytest.mark.parametrize("make", [TextFormatter, JsonFormatter])
def test_a_message_cannot_look_like_two_events_or_command_a_terminal(make: type[logging.Formatter]) -> None:
    line = make().format(record(NASTY, event=NASTY))
    assert len(line.splitlines()) == 1
    assert line.isprintable()


@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_becomes_one_line_that_can_be_written(text: str) -> None:
    line = escaped(text)
    assert len(f"x{line}y".splitlines()) == 1
    assert line.encode().decode() == line
    assert escaped(line) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain é 😀 \\ 'x'", "plain é 😀 \\ 'x'"),
        ("a\nb", "a\\nb"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\u2028\u202e\ud800", "\\u2028\\u202e\\ud800"),
    ],
)
def test_what_is_unsafe_is_shown_by_its_name_and_the_rest_is_left_alone(text: str, line: str) -> None:
    assert escaped(text) == line


@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_becomes_one_line_of_ascii_json(text: str) -> None:
    line = JsonFormatter().format(record(text, what=text))
    assert line.isascii()
    assert line.isprintable()
    read = json.loads(line)
    # Two halves of a surrogate pair are the character that they make.
    assert read["message"] == read["what"] == text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def failed() -> logging.LogRecord:
    made = record("It failed", logging.ERROR)
    try:
        raise ValueError("first\nsecond \x1b[31m")
    except ValueError:
        made.exc_info = sys.exc_info()
    return made


def test_a_traceback_stands_below_its_line_and_no_line_of_it_looks_like_an_event() -> None:
    first, *below = TextFormatter().format(failed()).split("\n")
    assert first.endswith("ERROR It failed")
    assert below[-2:] == ["    ValueError: first", "    second \\x1b[31m"]
    assert all(line.startswith("    ") for line in below)


def test_a_traceback_is_a_field_for_machines() -> None:
    line = JsonFormatter().format(failed())
    assert "\n" not in line
    assert json.loads(line)["exception"].endswith("ValueError: first\nsecond \x1b[31m")


@pytest.mark.parametrize(
    ("log_format", "stream", "text"),
    [
        ("auto", Terminal(), True),
        ("auto", io.StringIO(), False),
        ("text", io.StringIO(), True),
        ("json", Terminal(), False),
    ],
)
def test_people_are_written_to_on_a_terminal_or_when_asked(
    log_format: LogFormat, stream: io.StringIO, text: bool
) -> None:
    assert is_text(log_format, stream) is text


def test_colour_is_for_terminals_alone() -> None:
    assert "\x1b" in logged("x", Terminal())[0]
    assert "\x1b" not in logged("x", io.StringIO())[0]


def test_colour_that_is_asked_for_needs_no_terminal() -> None:
    stream = io.StringIO()
    set_up("text", "info", colour=True, stream=stream)
    logging.getLogger("reverb_py").error("x")
    assert "\x1b" in stream.getvalue()


def test_no_colour_is_no_colour_on_a_terminal_too() -> None:
    terminal = Terminal()
    set_up("text", "info", colour=False, stream=terminal)
    logging.getLogger("reverb_py").error("x")
    assert "\x1b" not in terminal.getvalue()


def test_to_set_up_again_replaces_what_was_there() -> None:
    old, new = io.StringIO(), io.StringIO()
    set_up("json", "info", stream=old)
    assert len(logged("x", new, "json")) == 1
    assert old.getvalue() == ""


@pytest.mark.parametrize(("word", "number"), LEVELS.items())
def test_laravels_words_are_the_least_that_is_logged(word: str, number: int) -> None:
    stream = io.StringIO()
    set_up("json", word, stream=stream)
    logger = logging.getLogger("reverb_py")
    logger.log(number, "told")
    logger.log(number - 1, "not told")
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["level"] == word


def test_laravels_words_rise_in_the_order_of_rfc_5424() -> None:
    assert list(LEVELS) == ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
    assert sorted(LEVELS.values()) == list(LEVELS.values())


@pytest.mark.parametrize("name", LIBRARIES)
def test_libraries_speak_from_warning_on_through_the_one_handler(name: str) -> None:
    stream, its_own = io.StringIO(), io.StringIO()
    logging.getLogger(name).addHandler(logging.StreamHandler(its_own))
    set_up("json", "debug", stream=stream)
    logging.getLogger(name).info("not told")
    logging.getLogger(name).warning("told")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["told"]
    assert its_own.getvalue() == ""


def test_pythons_own_warnings_go_the_same_way() -> None:
    """On stderr a platform shows them as errors."""
    stream = io.StringIO()
    set_up("json", "info", stream=stream)
    warnings.warn("deprecated", DeprecationWarning, stacklevel=1)
    (line,) = stream.getvalue().splitlines()
    assert "DeprecationWarning: deprecated" in json.loads(line)["message"]


class Closed(io.StringIO):
    """A pipe whose reader went away."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_log_that_nobody_reads_any_more_stays_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("text", "info", stream=Closed())
    logging.getLogger("reverb_py").warning("x")
    assert capsys.readouterr().err == ""


def test_a_message_that_cannot_be_formatted_is_still_a_fault_to_see(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("text", "info", stream=io.StringIO())
    logging.getLogger("reverb_py").warning("%d", "x")
    assert "TypeError" in capsys.readouterr().err


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_what_is_to_be_hidden_is_in_no_part_of_a_line(log_format: LogFormat) -> None:
    stream = io.StringIO()
    set_up(log_format, "info", stream=stream)
    hide(lambda text: text.replace("hunter2", "…"))
    try:
        raise ValueError("hunter2")
    except ValueError:
        logging.getLogger("reverb_py").exception("a hunter2", extra={"fields": {"what": "hunter2"}})
    assert "hunter2" not in stream.getvalue()
    assert stream.getvalue().count("…") == {"text": 3, "json": 4}[log_format]  # a traceback shows the line, too

"""Logging: one handler on stdout for everything, as text for people or one-line JSON for machines.

A pipe's reader may stall. Then a thread waits for it, and the server does not; what is too much is dropped and counted.

A line is one event: whatever a message holds, it cannot look like two. The lines of a traceback are indented. Fields
for machines travel as `logger.info("…", extra={"fields": {…}})`.
"""

import json
import logging
import os
import re
import stat
import sys
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from select import PIPE_BUF
from threading import Condition, Thread
from typing import Literal, TextIO

LogFormat = Literal["auto", "text", "json"]

# Laravel's eight words (RFC 5424) on Python's scale.
LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "notice": 25,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "alert": 60,
    "emergency": 70,
}
LIBRARIES = ("uvicorn", "uvicorn.error", "uvicorn.access", "websockets", "httpx", "httpcore", "asyncio")

WAITING = 4 << 20  # characters of lines that may wait for a reader
LAST_LINES = 2.0  # seconds that the end of the process waits for them to be read

_YELLOW, _RED, _RESET = "\x1b[33m", "\x1b[31m", "\x1b[0m"

# What a terminal or a log viewer could take for a line end or an order: controls, line and paragraph
# separators, marks that turn the writing direction, halves of surrogate pairs.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def set_up(
    log_format: LogFormat,
    level: str,
    *,
    colour: bool | None = None,
    fields: Mapping[str, object] | None = None,
    worker: int | None = None,
    stream: TextIO | None = None,
    in_thread: bool = False,
) -> None:
    """Send all logging to `stream` (stdout) from `level` (one of LEVELS) on. It may be called again.

    Unless it is asked for or forbidden, `colour` is used on a terminal only. `fields` stand in every line of JSON,
    the number of the `worker` that writes, if one does, in every line. Libraries speak from WARNING on.
    With `in_thread` a pipe or socket is written to by a thread: not for a process that forks.
    """
    target = sys.stdout if stream is None else stream
    handler = _Patient(target) if in_thread and _may_stall(target) else _Handler(target)
    coloured = target.isatty() if colour is None else colour
    if is_text(log_format, target):
        handler.setFormatter(TextFormatter(colour=coloured, worker=worker))
    else:
        handler.setFormatter(JsonFormatter({**(fields or {}), **({} if worker is None else {"worker": worker})}))
    for name, number in LEVELS.items():
        logging.addLevelName(number, name.upper())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(LEVELS[level])
    for name in LIBRARIES:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(max(logging.WARNING, LEVELS[level]))
    logging.captureWarnings(True)  # else they go to stderr, which Railway shows as errors


def hide(redacted: Callable[[str], str]) -> None:
    """From now on write each line as `redacted` returns it: it takes secrets out."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Handler):
            handler.redacted = redacted


def say(text: str) -> None:
    """Write a text to stdout as it is, in its turn among the lines."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Patient):
            handler.put(text)
            return
    sys.stdout.write(text)
    sys.stdout.flush()


def is_text(log_format: LogFormat, stream: TextIO) -> bool:
    """Return True when people read it: asked for, or `auto` on a terminal."""
    return log_format == "text" or (log_format == "auto" and stream.isatty())


def escaped(text: str) -> str:
    """The text in one line: what ends it or commands a terminal is written as `\\n`, `\\x1b`, `\\u2028`."""
    return _UNSAFE.sub(lambda match: ascii(match[0])[1:-1], text)


class TextFormatter(logging.Formatter):
    """`2026-01-31 12:00:00 [1] WARNING message`; the worker when it is one, the level from WARNING on only."""

    def __init__(self, *, colour: bool = False, worker: int | None = None) -> None:
        super().__init__()
        self._colour = colour
        self._worker = "" if worker is None else f"[{worker}] "

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).strftime("%Y-%m-%d %H:%M:%S")
        line = f"{time} {self._worker}{self._level(record)}{escaped(record.getMessage())}"
        if record.exc_info:
            line += "".join(f"\n    {escaped(each)}" for each in self.formatException(record.exc_info).splitlines())
        return line

    def _level(self, record: logging.LogRecord) -> str:
        if record.levelno < logging.WARNING:
            return ""
        if not self._colour:
            return f"{record.levelname} "
        return f"{_RED if record.levelno >= logging.ERROR else _YELLOW}{record.levelname}{_RESET} "


class JsonFormatter(logging.Formatter):
    """`{"ts":"2026-01-31T12:00:00.000Z","level":"info","message":"…", …fields}`, in ASCII."""

    def __init__(self, always: Mapping[str, object] | None = None) -> None:
        """`always` are fields of every line."""
        super().__init__()
        self._always = dict(always or {})

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, object] = {
            "ts": time,
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **self._always,
        }
        fields = getattr(record, "fields", {})
        line |= {name: value for name, value in fields.items() if name not in line}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, separators=(",", ":"), default=str)


class _Handler(logging.StreamHandler[TextIO]):
    """Writes to stdout; when nobody reads that any more, it stays quiet instead of filling stderr."""

    redacted: Callable[[str], str] = staticmethod(str)

    def format(self, record: logging.LogRecord) -> str:
        return self.redacted(super().format(record))

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


class _Patient(_Handler):
    """Has a thread write. Nothing is lost while less than WAITING is unread; the gap after it is told."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        stream.flush()
        # Written to without the stream: its lock, held by a thread that waits, would abort the end of the process.
        self._descriptor = stream.fileno()
        self._changed = Condition()
        self._lines: deque[str] = deque()
        self._waiting = 0  # characters, those that are being written too
        self._dropped = 0
        Thread(target=self._work, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.put(self.format(record) + self.terminator)
        except Exception:
            self.handleError(record)

    def put(self, text: str) -> None:
        """Have it written in its turn, or count it as dropped."""
        with self._changed:
            room = WAITING // 2 if self._dropped else WAITING  # one long gap, not one behind each line that was read
            if self._waiting and self._waiting + len(text) > room:
                self._dropped += 1
                return
            self._tell_gap()
            self._append(text)

    def flush(self) -> None:
        """Wait until all is written, but not for ever: called at the end of the process."""
        with self._changed:
            self._tell_gap()
            self._changed.wait_for(lambda: not self._waiting, LAST_LINES)

    def _append(self, text: str) -> None:
        self._lines.append(text)
        self._waiting += len(text)
        self._changed.notify_all()

    def _tell_gap(self) -> None:
        if self._dropped:
            text = f"{self._dropped} lines of the log were dropped here: its reader did not read"
            self._dropped = 0
            record = logging.LogRecord("reverb_py", logging.WARNING, "", 0, text, None, None)
            self._append(self.format(record) + self.terminator)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines)
                text = self._next()
            self._write(text.encode(errors="backslashreplace"))
            with self._changed:
                self._waiting -= len(text)
                self._changed.notify_all()

    def _next(self) -> str:
        """As many lines as a pipe takes in one piece, so that those of two workers do not mix; one at least."""
        text = self._lines.popleft()
        while self._lines and len(text) + len(self._lines[0]) <= PIPE_BUF:
            text += self._lines.popleft()
        return text

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            return  # nobody reads it any more


def _may_stall(stream: TextIO) -> bool:
    """Return True for a pipe or a socket, which takes no more than its reader reads."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):  # it has no descriptor
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)

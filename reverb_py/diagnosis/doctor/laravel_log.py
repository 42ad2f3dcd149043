"""What a Laravel log says of failed broadcasts: known texts, counted. No line of it is shown: it may hold anything."""

import re
from dataclasses import dataclass, field

from reverb_py import codes
from reverb_py.codes import Code
from reverb_py.diagnosis.doctor.finding import Finding, Status

TAIL = 5_000_000  # bytes that are read of a log, from its end


@dataclass(frozen=True, slots=True)
class Signature:
    """A text of a log, and what it means. The first that fits a line counts."""

    name: str
    code: Code
    pattern: str


# §1.1 of the map of failure modes: what Laravel, pusher-php-server and curl write. The specific ones first.
SIGNATURES = tuple(
    Signature(name, code, pattern)
    for name, code, pattern in (
        ("No matching application for ID", codes.UNKNOWN_APP, r"No matching application for ID \["),
        ("Authentication signature invalid", codes.WRONG_SECRET, r"Authentication signature invalid"),
        ("auth_key should be a valid app key", codes.HOSTED_PUSHER, r"auth_key should be a valid app key"),
        ("Payload too large", codes.TOO_LARGE, r"Payload too large|Pusher error: .*\b413\b"),
        ("Invalid socket ID", codes.INVALID_SOCKET_ID, r"Invalid socket ID"),
        ("Invalid channel name", codes.INVALID_REQUEST, r"Invalid channel name"),
        ("HTML: Just a moment", codes.BOT_CHALLENGE, r"Just a moment|cf-mitigated|__cf_chl"),
        ("Method not allowed", codes.REDIRECTED_PUBLISH, r"(Pusher error|BroadcastException).*Method not allowed"),
        ("HTML: Not Found", codes.APPS_NOT_PROXIED, r"Pusher error:.*(<!DOCTYPE html|<html)|<title>(404 )?Not Found"),
        ("cURL error 60", codes.UNTRUSTED_CERTIFICATE, r"cURL error 60\b"),
        ("cURL error 28: SSL", codes.TLS_TO_PLAIN, r"cURL error 28\b.*SSL"),
        ("cURL error 35", codes.TLS_TO_PLAIN, r"cURL error (35|56)\b"),
        ("cURL error 28", codes.SATURATED, r"cURL error 28\b"),
        ("cURL error 6", codes.NAME_UNKNOWN, r"cURL error 6\b"),
        ("cURL error 7, this machine", codes.LOCAL_HOST, r"cURL error 7\b.*(localhost|127\.0\.0\.1|0\.0\.0\.0|::1)"),
        ("cURL error 7", codes.PORTS_DIFFER, r"cURL error 7\b"),
        ("must be of type string, null given", codes.WORKER_DIFFERS, r"Pusher\\+Pusher::__construct.*null given"),
        ("Failed to create broadcaster", codes.WORKER_DIFFERS, r"Failed to create broadcaster"),
        ("Pusher error without a text", codes.ASLEEP, r"Pusher error: \.(\s|$|\")"),
        ("Pusher error", codes.EXCEPTION_SWALLOWED, r"Pusher error: "),
        ("Broadcasting [", codes.BROADCASTS_DISCARDED, r"\.(INFO|info): Broadcasting \["),
    )
)
_EACH = [(each, re.compile(each.pattern)) for each in SIGNATURES]
# Most lines of a log are of a stack trace: one search decides.
_ANY = re.compile("|".join(f"(?:{each.pattern})" for each in SIGNATURES))


@dataclass(slots=True)
class Seen:
    """Where a signature was found: how often, in which lines first and last."""

    count: int = 0
    first: int = 0
    last: int = 0
    days: set[str] = field(default_factory=set)


def check_log(text: str, name: str, first_line: int = 1) -> list[Finding]:
    """Return a finding for each known text, the latest first; `first_line` is the number of the text's first line."""
    found: dict[str, Seen] = {}
    day = ""
    for number, line in enumerate(text.splitlines(), start=first_line):
        stamp = re.match(r"\[(\d{4}-\d\d-\d\d)", line)
        day = stamp[1] if stamp else day
        if _ANY.search(line):
            _count(found, line, number, day)
    by_name = {each.name: each for each in SIGNATURES}
    latest = sorted(found.items(), key=lambda item: item[1].last, reverse=True)
    findings = [_finding(by_name[signature], seen, name) for signature, seen in latest]
    return findings or [Finding(Status.PASS, f"{name} has no text of a failed broadcast", "log")]


def _count(found: dict[str, Seen], line: str, number: int, day: str) -> None:
    signature = next(each for each, pattern in _EACH if pattern.search(line))
    seen = found.setdefault(signature.name, Seen(first=number))
    seen.count, seen.last = seen.count + 1, number
    seen.days.add(day)


def _finding(signature: Signature, seen: Seen, name: str) -> Finding:
    times = "once" if seen.count == 1 else f"{seen.count} times"
    day = max(seen.days)
    title = f"{name} says {signature.name!r} {times}: {signature.code.title}"
    lines = f"line {seen.last}" if seen.count == 1 else f"lines {seen.first} to {seen.last}"
    return Finding(Status.FAIL, title, "log", signature.code, f"{lines}{f', last on {day}' if day else ''}")

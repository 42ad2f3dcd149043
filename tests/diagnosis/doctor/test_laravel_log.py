"""A Laravel log's known texts become codes; its lines are not shown."""

import time

import pytest

from reverb_py.diagnosis.doctor.finding import Status
from reverb_py.diagnosis.doctor.laravel_log import check_log

ERROR = "[2026-01-31 12:00:00] production.ERROR: "


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("Pusher error: cURL error 6: Could not resolve host: reverb.railway.internal (see …)", "RVB208"),
        ("Pusher error: cURL error 7: Failed to connect to localhost port 443 after 0 ms", "RVB201"),
        ("Pusher error: cURL error 7: Failed to connect to reverb.railway.internal port 443", "RVB209"),
        ("Pusher error: cURL error 28: Operation timed out after 30001 milliseconds with 0 bytes received", "RVB215"),
        ("Pusher error: cURL error 28: SSL connection timeout", "RVB203"),
        ("Pusher error: cURL error 35: OpenSSL/3.0.2: error:0A00010B:SSL routines::wrong version number", "RVB203"),
        ("Pusher error: cURL error 56: OpenSSL SSL_read: unexpected eof", "RVB203"),
        ("Pusher error: cURL error 60: SSL certificate problem: self-signed certificate", "RVB205"),
        ("Pusher error: Method not allowed..", "RVB204"),
        ("Pusher error: <!DOCTYPE html><html><title>Just a moment...</title>", "RVB212"),
        ('Pusher error: <!DOCTYPE html>\\n<html lang="en"> Not Found', "RVB210"),
        ("Pusher error: No matching application for ID [1]..", "RVB301"),
        ("Pusher error: Authentication signature invalid..", "RVB302"),
        ("Pusher error: auth_key should be a valid app key.", "RVB304"),
        ("Pusher error: Payload too large..", "RVB306"),
        ('Invalid socket ID undefined {"exception":"[object] (Pusher\\\\PusherException', "RVB308"),
        ("Invalid channel name private-a:b", "RVB307"),
        ("Pusher error: .", "RVB214"),
        ("Pusher error: something new", "RVB122"),
        (
            'Failed to create broadcaster for connection "reverb" with error: Pusher\\Pusher::__construct(): '
            "Argument #1 ($auth_key) must be of type string, null given",
            "RVB111",
        ),
    ],
)
def test_a_known_text_has_its_code(line: str, code: str) -> None:
    (finding,) = check_log(f"{ERROR}{line}\n[stacktrace]\n#0 /app/vendor/x.php(7): y()\n", "laravel.log")
    assert finding.code is not None
    assert (finding.code.id, finding.evidence) == (code, "line 1, last on 2026-01-31")


def test_broadcasts_that_were_logged_instead_of_sent_are_found() -> None:
    line = (
        "[2026-01-31 12:00:00] local.INFO: Broadcasting [ticket.assigned] on channels [private-a] with payload:\n{}\n"
    )
    (finding,) = check_log(line, "laravel.log")
    assert finding.code is not None
    assert finding.code.id == "RVB101"


def test_texts_are_counted_and_the_latest_comes_first() -> None:
    old, new = "Pusher error: cURL error 6: x\n", "Pusher error: cURL error 60: x\n"
    first, second = check_log(f"{ERROR}{old}{ERROR}{old}[2026-02-01 01:00:00] production.ERROR: {new}", "laravel.log")
    assert (first.evidence, second.evidence) == ("line 3, last on 2026-02-01", "lines 1 to 2, last on 2026-01-31")
    assert "2 times" in second.title


def test_other_errors_of_an_application_are_none_of_ours() -> None:
    lines = "SQLSTATE[HY000] Method not allowed\nNot Found\nSymfony\\…\\MethodNotAllowedHttpException\n"
    (finding,) = check_log(ERROR + lines, "laravel.log")
    assert (finding.status, finding.code) == (Status.PASS, None)


def test_five_megabytes_take_under_two_seconds() -> None:
    text = (
        f"{ERROR}Pusher error: cURL error 7: x\n" + "#12 /app/vendor/laravel/framework/src/x.php(12): y(z)\n" * 20
    ) * 4_500
    started = time.perf_counter()
    check_log(text[:5_000_000], "laravel.log")
    assert time.perf_counter() - started < 2

"""`reverb-py bench` as its user sees it, against a real server: figures, exit codes, and what it says."""

from dataclasses import replace

import pytest

from reverb_py.conformance.target import Target, TargetApp
from tests.bench_command.asking import FINE, REFUSED, UNREACHABLE, USAGE, ask, ask_beside, figures
from tests.bench_command.plans import APP
from tests.conformance.fixture import CERTIFICATE
from tests.server_process import ServerProcess, free_port

FIELDS = {
    *("plan", "passed", "interrupted", "connected", "not_connected", "published", "refused", "not_sent"),
    *(
        "expected",
        "delivered",
        "lost",
        "duplicates",
        "out_of_order",
        "wrong_channel",
        "closed",
        "latency_ms",
        "seconds",
    ),
    *("published_per_second", "delivered_per_second", "own_core"),
}
NOBODY = {"count": 0, "texts": {}}


def test_all_that_is_published_arrives_and_every_figure_is_in_the_json(url: str) -> None:
    options = ("--connections", "20", "--channels", "4", "--payload", "300", "--json")
    result = ask(url, *options)
    found = figures(result)
    assert result.exit_code == FINE
    assert set(found) == FIELDS
    assert (found["connected"], found["published"]) == (20, 20)
    assert (found["expected"], found["delivered"]) == (100, 100)  # 20 events to 5 of 20 listeners
    assert [found[name] for name in ("lost", "duplicates", "out_of_order", "not_sent")] == [0, 0, 0, 0]
    assert [found[name] for name in ("refused", "closed", "not_connected")] == [NOBODY, NOBODY, NOBODY]
    assert (found["passed"], found["interrupted"]) == (True, False)
    assert found["published_per_second"] == pytest.approx(200, rel=0.5)
    latency = found["latency_ms"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] <= latency["max"] < 5000


def test_the_json_says_what_was_asked_for(url: str) -> None:
    found = figures(ask(url, "--connections", "3", "--payload", "64", "--json"))["plan"]
    assert len(found.pop("run")) == 8
    assert found == {
        **{"app_id": APP.id, "url": url, "http_url": url.replace("ws", "http"), "connections": 3, "channels": 3},
        **{"rate": 200.0, "payload": 64, "duration": 0.1, "private": False, "events": 20},
    }


def test_without_json_there_is_a_table_whose_last_line_is_the_verdict(url: str) -> None:
    result = ask(url, "--connections", "10", "--private")
    assert result.exit_code == FINE
    assert "10 private channels" in result.stdout
    assert "latency, p99" in result.stdout
    assert result.stdout.splitlines()[-1] == "All 20 copies arrived, once and in order."
    assert result.stderr == ""  # no progress where there is no terminal


async def test_when_it_has_gone_nothing_of_it_is_left(url: str) -> None:
    assert (await ask_beside(url)).exit_code == FINE
    target = Target(url, {"MAIN": APP})
    assert (await target.get("/channels")).json() == {"channels": {}}
    await target.aclose()


@pytest.mark.parametrize(
    ("trusted", "exit_code", "text"),
    [(True, FINE, "All 20 copies arrived"), (False, UNREACHABLE, "CERTIFICATE_VERIFY_FAILED")],
)
def test_over_tls_the_certificate_must_be_trusted(
    tls_server: ServerProcess, trusted: bool, exit_code: int, text: str
) -> None:
    env = {"SSL_CERT_FILE": CERTIFICATE["REVERB_TLS_CERT"]} if trusted else {}
    result = ask(f"wss://127.0.0.1:{tls_server.port}", "--connections", "10", env=env)
    assert result.exit_code == exit_code
    assert text in result.output


@pytest.mark.parametrize(
    ("app", "text"),
    [
        (replace(APP, secret="not-the-secret"), "HTTP 401"),
        (replace(APP, key="not-the-key"), "4001"),
        (replace(APP, id="404"), "HTTP 404"),
    ],
)
def test_refused_credentials_are_exit_code_4_and_the_servers_words(url: str, app: TargetApp, text: str) -> None:
    result = ask(url, app=app)
    assert result.exit_code == REFUSED
    assert text in result.stderr
    assert result.stderr.endswith("Check the app id, the key and the secret\n")
    assert result.stdout == ""


def test_the_app_may_be_given_by_its_shorter_name(url: str) -> None:
    result = ask(url, "--app", "404")  # the last one counts
    assert (result.exit_code, "HTTP 404" in result.stderr) == (REFUSED, True)


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_silence_is_exit_code_3_and_names_the_address(scheme: str) -> None:
    place = f"127.0.0.1:{free_port()}"
    result = ask(f"{scheme}://{place}")
    assert result.exit_code == UNREACHABLE
    assert place in result.stderr


def test_an_http_api_that_is_somewhere_else_is_asked_there(url: str) -> None:
    elsewhere = f"http://127.0.0.1:{free_port()}"
    result = ask(url, "--http-url", elsewhere)
    assert result.exit_code == UNREACHABLE
    assert elsewhere in result.stderr


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--url", "localhost:8080"), "--url must be ws:// or wss://"),
        (("--url", "ws:///app"), "--url must be ws:// or wss://"),
        (("--url", "ws://localhost:99999"), "--url must be ws:// or wss://"),
        (("--http-url", "ws://localhost"), "--http-url must be http:// or https://"),
        (("--secret-env", "NOT_SET_ANYWHERE"), "set NOT_SET_ANYWHERE"),
        (("--connections", "3", "--channels", "4"), "4 channels need as many connections"),
        (("--connections", "0"), "--connections"),
        (("--payload", "63"), "--payload"),
        (("--rate", "0"), "--rate must be a number above 0"),
        (("--rate", "nan"), "--rate must be a number above 0"),
        (("--connect-rate", "inf"), "--connect-rate must be a number above 0"),
        (("--rate", "1e308", "--duration", "10h"), "--rate and --duration make more than 1,000,000,000 events"),
        (("--duration", "9" * 400), "--duration must be at most 30 days"),
        (("--duration", "9" * 300, "--rate", "1e-300"), "--duration must be at most 30 days"),
        (("--connect-rate", "1e-320"), "100 connections would take more than 30 days at this --connect-rate"),
        (("--duration", "0s"), "--duration must be a time above 0"),
        (("--duration", "soon"), "--duration must be a time above 0"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_says_what_is_wrong(url: str, options: tuple[str, ...], text: str) -> None:
    result = ask(url, *options)
    assert result.exit_code == USAGE
    assert text in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(("text", "seconds"), [("250ms", 0.25), ("0.2", 0.2)])
def test_a_duration_has_a_unit_or_is_in_seconds(url: str, text: str, seconds: float) -> None:
    found = figures(ask(url, "--connections", "1", "--duration", text, "--json"))
    assert found["plan"]["duration"] == seconds
    assert found["published"] == 200 * seconds

"""The signed HTTP client: what a server answers comes back whole, and silence has one exception with a reason."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from reverb_py import codes
from reverb_py.client.api import Api, Unreachable
from tests.client.serving import APP, ENV
from tests.conformance.fixture import CERTIFICATE
from tests.server_process import ServerProcess, free_port


def test_a_signed_publish_is_accepted_and_its_headers_come_back(url: str) -> None:
    with Api(url, APP) as api:
        answer = api.post("/events", {"name": "a", "data": "{}", "channels": ["nobody"]})
    assert (answer.status, answer.json) == (200, {})
    assert answer.headers["CONTENT-TYPE"] == "application/json"
    assert answer.ms > 0


def test_parameters_are_signed_as_they_are_sent(url: str) -> None:
    with Api(url, APP) as api:
        answer = api.get("/channels", {"filter_by_prefix": "a b/ü&=+"})
    assert (answer.status, answer.json) == (200, {"channels": {}})


def test_another_secret_is_refused_and_the_answer_says_so(url: str) -> None:
    with Api(url, replace(APP, secret="other")) as api:
        answer = api.get("/channels")
    assert answer.status == 401
    assert answer.json is None
    assert "RVB302" in answer.text


def test_a_server_below_a_prefix_is_asked_without_the_prefix_in_the_signature() -> None:
    with ServerProcess("--path", "/ws", env=ENV) as server:
        server.wait_until_ready()
        with Api(f"http://127.0.0.1:{server.port}/ws", APP) as api:
            assert api.get("/channels").status == 200


def test_a_redirect_is_an_answer() -> None:
    moved = b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with answering(moved) as port, Api(f"http://127.0.0.1:{port}", APP) as api:
        answer = api.get("/channels")
    assert (answer.status, answer.headers["location"]) == (301, "http://127.0.0.1:1/")


def test_proxies_of_the_environment_are_not_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with Api(url, APP) as api:
        assert api.get("/channels").status == 200


# Silence.


def reason(url: str, **options: float | bool) -> Unreachable:
    with Api(url, APP, **options) as api, pytest.raises(Unreachable) as caught:  # type: ignore[arg-type]
        api.get("/channels")
    return caught.value


def test_nobody_listens() -> None:
    assert reason(f"http://127.0.0.1:{free_port()}").reason == "connection refused"


def test_a_name_that_nobody_knows_is_rvb208() -> None:
    found = reason("http://nobody.invalid:8080")
    assert found.code is codes.NAME_UNKNOWN
    assert "nobody.invalid" in str(found)


def test_tls_to_a_plain_port_is_rvb203(url: str) -> None:
    assert reason(url.replace("http", "https")).code is codes.TLS_TO_PLAIN


def test_a_certificate_that_signed_itself_is_rvb205_until_it_is_let_pass() -> None:
    with encrypted() as port:
        assert reason(f"https://127.0.0.1:{port}").code is codes.UNTRUSTED_CERTIFICATE
        with Api(f"https://127.0.0.1:{port}", APP, verify=False) as api:
            assert api.get("/channels").status == 204


def test_who_accepts_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        assert reason(f"http://127.0.0.1:{mute.getsockname()[1]}", timeout=0.2).reason == "no answer in time"


def test_who_speaks_no_http_is_unreachable() -> None:
    with answering(b"SSH-2.0-OpenSSH\r\n") as port:
        assert "no answer that can be understood" in str(reason(f"http://127.0.0.1:{port}"))


@contextmanager
def answering(raw: bytes) -> Iterator[int]:
    """A port that answers every connection with these bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_answer, args=(listener, raw), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@contextmanager
def encrypted() -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE["REVERB_TLS_CERT"], CERTIFICATE["REVERB_TLS_KEY"])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        raw = b"HTTP/1.1 204 No Content\r\n\r\n"
        threading.Thread(target=_answer, args=(listener, raw, context), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _answer(listener: socket.socket, raw: bytes, context: ssl.SSLContext | None = None) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            try:
                speaking = context.wrap_socket(connection, server_side=True) if context else connection
                speaking.recv(65_536)
                speaking.sendall(raw)
                speaking.close()
            except OSError:
                continue

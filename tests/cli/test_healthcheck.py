"""`reverb-py healthcheck`: it asks where the server of the same settings listens, and its exit code is the answer."""

import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.conformance.fixture import CERTIFICATE
from tests.server_process import REPOSITORY, ServerProcess, free_port

UP, STOPPING, CONFIGURATION, NOBODY, INTERRUPTED = 0, 1, 2, 3, 130


class Answer(BaseHTTPRequestHandler):
    """Answers with the server's status, on `/up` and `/ws/up`."""

    def do_GET(self) -> None:
        assert isinstance(self.server, Up)
        self.send_response(self.server.status if self.path in ("/up", "/ws/up") else 404)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


class Up(HTTPServer):
    status = 200


class Up6(Up):
    address_family = socket.AF_INET6


@contextmanager
def answering(status: int = 200, *, tls: bool = False, six: bool = False) -> Iterator[int]:
    """The port of somebody who answers `/up` with this status."""
    with Up6(("::1", 0), Answer) if six else Up(("127.0.0.1", 0), Answer) as server:
        server.status = status
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE["REVERB_TLS_CERT"], CERTIFICATE["REVERB_TLS_KEY"])
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "code", "text"), [(200, UP, "up\n"), (503, STOPPING, "503"), (404, STOPPING, "404")]
)
def test_the_exit_code_is_the_answer(command: Command, status: int, code: int, text: str) -> None:
    with answering(status) as port:
        result = command("healthcheck", "--port", str(port))
    assert (result.exit_code, text in result.output) == (code, True)
    assert result.output.count("\n") == 1


@pytest.mark.parametrize("host", ["", "0.0.0.0", "127.0.0.1", "*", "::"])
def test_it_asks_this_machine_wherever_the_server_listens(command: Command, host: str) -> None:
    with answering() as port:
        assert command("healthcheck", env={"REVERB_SERVER_HOST": host, "PORT": str(port)}).exit_code == UP


@pytest.mark.parametrize("host", ["", "::1", "[::1]"])
def test_it_finds_a_server_that_has_ipv6_alone(command: Command, host: str) -> None:
    with answering(six=True) as port:
        assert command("healthcheck", "--host", host, "--port", str(port)).exit_code == UP


def test_it_reads_the_servers_settings(command: Command, place: Path) -> None:
    with answering() as port:
        place.joinpath("reverb.toml").write_text(f'port = {port}\npath = "/ws"\n')
        assert command("healthcheck").exit_code == UP
        assert command("healthcheck", "--path", "nowhere").exit_code == STOPPING
        place.joinpath(".env").write_text(f"REVERB_SERVER_PORT={free_port()}\n")
        assert command("healthcheck").exit_code == NOBODY
        assert command("healthcheck", "--no-env-file").exit_code == UP


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".env", "REVERB_APP_ID=1\n"),
        (".env", "REVERB_APP_KEY=a b\n"),
        ("reverb.toml", "[app_defaults]\nmax_conections = 1\n"),
        ("reverb.toml", '[[apps]]\nid = "1"\n'),
    ],
)
def test_what_is_wrong_with_an_app_is_not_its_business(command: Command, place: Path, file: str, text: str) -> None:
    """A running server refuses such an edit, and goes on."""
    place.joinpath(file).write_text(text)
    with answering() as port:
        assert command("healthcheck", "--port", str(port)).exit_code == UP
        assert command("healthcheck", "--port", "x").exit_code == CONFIGURATION


def test_a_certificate_that_only_the_server_may_read_is_fine(command: Command) -> None:
    with answering(tls=True) as port:
        env = {"REVERB_TLS_CERT": "/nowhere.pem", "REVERB_TLS_KEY": "/nowhere.key"}
        assert command("healthcheck", "--port", str(port), env=env).exit_code == UP


def test_a_certificate_of_a_public_name_is_fine(command: Command) -> None:
    with answering(tls=True) as port:
        assert command("healthcheck", "--port", str(port), env=CERTIFICATE).exit_code == UP
        assert command("healthcheck", "--port", str(port)).exit_code == NOBODY


def test_silence_is_another_code_than_a_wrong_answer(command: Command) -> None:
    port = free_port()
    result = command("healthcheck", "--port", str(port))
    assert (result.exit_code, result.stderr) == (NOBODY, f"nobody answers on port {port}\n")


def test_somebody_who_does_not_speak_http_is_nobody(command: Command) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def talk() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1_000)
                connection.sendall(b"220 mail.example.com ESMTP\r\n")

        thread = threading.Thread(target=talk)
        thread.start()
        result = command("healthcheck", "--host", "127.0.0.1", "--port", str(listener.getsockname()[1]))
        thread.join()
    assert result.exit_code == NOBODY


@pytest.mark.parametrize("port", ["0", "x", "65536"])
def test_a_port_that_cannot_be_asked_is_a_matter_of_configuration(command: Command, port: str) -> None:
    result = command("healthcheck", "--port", port)
    assert (result.exit_code, result.stderr.count("\n")) == (CONFIGURATION, 1)
    assert result.stderr.startswith("reverb-py: ")


def test_it_needs_no_credentials_and_no_server_of_a_test() -> None:
    env = {"REVERB_APP_ID": "1", "REVERB_APP_KEY": "key", "REVERB_APP_SECRET": "secret", "REVERB_DRAIN": "0"}
    with ServerProcess(env=env) as process:
        process.wait_until_ready()
        arguments = [sys.executable, "-m", "reverb_py", "healthcheck", "--port", str(process.port)]
        asked = subprocess.run(
            arguments, cwd=process.directory, env={"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True
        )
    assert (asked.returncode, asked.stdout, asked.stderr) == (UP, "up\n", "")


def test_an_interrupt_has_a_code_of_its_own(place: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "reverb_py", "healthcheck", "--host", "127.0.0.1", "--port", str(port)],
            cwd=place,
            env={"PYTHONPATH": str(REPOSITORY)},
            stderr=subprocess.PIPE,
        )
        connection, _ = listener.accept()  # it waits for an answer now
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
        connection.close()
    assert process.returncode == INTERRUPTED
    assert b"Traceback" not in said

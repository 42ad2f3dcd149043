"""Real servers for all tests that need one."""

from collections.abc import Iterator

import pytest

from tests.bench_command.plans import APP
from tests.conformance.fixture import CERTIFICATE
from tests.server_process import ServerProcess

CREDENTIALS = {"REVERB_APP_ID": APP.id, "REVERB_APP_KEY": APP.key, "REVERB_APP_SECRET": APP.secret}


@pytest.fixture(scope="session")
def server() -> Iterator[ServerProcess]:
    with ServerProcess(env=CREDENTIALS) as process:
        yield process.wait_until_ready()


@pytest.fixture(scope="session")
def tls_server() -> Iterator[ServerProcess]:
    with ServerProcess(env={**CREDENTIALS, **CERTIFICATE}, tls=True) as process:
        yield process.wait_until_ready()


@pytest.fixture
def url(server: ServerProcess) -> str:
    return f"ws://127.0.0.1:{server.port}"

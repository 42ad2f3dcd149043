"""A real server with one app, for tests of the clients and of the commands."""

from collections.abc import Iterator

import pytest

from reverb_py.client.signing import Credentials
from tests.server_process import ServerProcess

APP = Credentials("417", "key-of-417", "secret-of-417-hidden")
ENV = {"REVERB_APP_ID": APP.app_id, "REVERB_APP_KEY": APP.key, "REVERB_APP_SECRET": APP.secret}


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess(env=ENV) as process:
        yield process.wait_until_ready()


@pytest.fixture
def url(server: ServerProcess) -> str:
    return f"http://127.0.0.1:{server.port}"

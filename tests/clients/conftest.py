"""One real server and one real application for all stories of the run."""

import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import pytest

from reverb_py.conformance.target import Target
from tests.clients import story
from tests.clients.apps import ENVIRONMENT, MAIN, SHORT
from tests.clients.laravel import MASTER_KEY, Laravel
from tests.clients.story import Story
from tests.server_process import ServerProcess


class Play(Protocol):
    """Plays a story against the server, or against another one; `more` of the world may be given."""

    def __call__(
        self, file: str, name: str, server: ServerProcess | None = None, **more: object
    ) -> AbstractAsyncContextManager[Story]: ...


@pytest.fixture(scope="session")
def server() -> Iterator[ServerProcess]:
    with ServerProcess(env=ENVIRONMENT) as process:
        yield process.wait_until_ready()


@pytest.fixture(scope="session")
def laravel(server: ServerProcess) -> Iterator[Laravel]:
    with Laravel(server.port) as application:
        yield application


@pytest.fixture
async def target(server: ServerProcess) -> AsyncIterator[Target]:
    """The server for raw clients."""
    found = Target(f"ws://127.0.0.1:{server.port}", {"MAIN": MAIN, "SHORT": SHORT})
    yield found
    await found.aclose()


@pytest.fixture
def play(server: ServerProcess, laravel: Laravel) -> Play:
    common = server

    def play(
        file: str, name: str, server: ServerProcess | None = None, **more: object
    ) -> AbstractAsyncContextManager[Story]:
        chosen = server or common
        world = {
            **{"port": chosen.port, "id": MAIN.id, "key": MAIN.key, "secret": MAIN.secret},
            **{"laravel": laravel.url, "masterKey": base64.b64encode(MASTER_KEY).decode()},
            **more,
        }
        return story.play(file, name, world, lambda: chosen.output)

    return play

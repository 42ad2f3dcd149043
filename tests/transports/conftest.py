"""Every asynchronous test here runs twice: on uvloop, as the server does, and on asyncio, its fallback."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import pytest_asyncio

from tests.transports.in_process import Running, running

try:
    import uvloop
except ImportError:  # Windows, PyPy
    LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
else:
    LOOPS = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.hookimpl(optionalhook=True)  # pytest-asyncio before 1.4 has no such hook
def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return LOOPS


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Running]:
    """A server with the defaults, and APP alone."""
    async with running() as found:
        yield found

"""A real browser: `examples/index.html` with pusher-js, as a newcomer opens it."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.clients.apps import MAIN, publisher
from tests.clients.browser import browser
from tests.clients.story import node
from tests.server_process import REPOSITORY, ServerProcess


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def static_files() -> Iterator[str]:
    """The address of a plain file server for the repository."""
    handler = functools.partial(Silent, directory=str(REPOSITORY))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize("opened", ["as a file", "from a file server"])
async def test_the_page_shows_a_published_event(
    server: ServerProcess, static_files: str, tmp_path: Path, opened: str
) -> None:
    """pp-287, in Chromium: it connects, subscribes, and shows the event that was published."""
    node()  # where pusher-js is missing, the page would ask Pusher's CDN
    root = REPOSITORY.as_uri() if opened == "as a file" else static_files
    query = urlencode({"key": MAIN.key, "port": server.port, "channel": "page"})
    async with browser(tmp_path) as page:
        await page.open(f"{root}/examples/index.html?{query}")
        await page.until_shown("subscribed to page")
        publisher(server.port).trigger("page", "ticket.assigned", {"ticket_id": 41, "driver_name": "Ajay 🚗"})
        await page.until_shown('ticket.assigned {"ticket_id":41,"driver_name":"Ajay 🚗"}')


async def test_the_page_says_why_it_was_refused(server: ServerProcess, static_files: str, tmp_path: Path) -> None:
    """pp-288, in Chromium: the code and the reason of the close frame reach the page."""
    node()
    async with browser(tmp_path) as page:
        await page.open(f"{static_files}/examples/index.html?{urlencode({'key': 'no-key', 'port': server.port})}")
        await page.until_shown("4001 Application does not exist")
        await page.until_shown("disconnected")

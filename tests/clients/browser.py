"""A headless Chromium, driven over the DevTools protocol: one page, and what can be asked of it."""

import asyncio
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-port=0"),
)
PATIENCE = 20.0  # seconds for the browser to start; less than 1 where nothing else runs
LOOK = 0.05  # seconds between two looks for its port
SECONDS = 10  # for one thing that must become true in the page

# Resolves when the expression holds, whatever changed in the document; rejects with the page's text.
UNTIL = """new Promise((resolve, reject) => {
  const look = () => { if (%s) resolve() }
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true })
  setTimeout(() => reject(document.body.innerText), %d)
  look()
})"""


class Page:
    """The one page of a browser. It raises AssertionError with the page's text when a wait was in vain."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)

    async def open(self, url: str) -> None:
        """Open this address, and wait until it is loaded with its scripts."""
        await self._ask("Page.enable")
        await self._ask("Page.navigate", url=url)
        while (await self._next()).get("method") != "Page.loadEventFired":
            continue

    async def until(self, expression: str) -> None:
        """Wait until this JavaScript expression is true."""
        script = UNTIL % (expression, SECONDS * 1_000)
        answer = await self._ask("Runtime.evaluate", expression=script, awaitPromise=True)
        if "exceptionDetails" in answer:
            pytest.fail(f"it never became true in the page: {expression}\n{answer['exceptionDetails']}", pytrace=False)

    async def until_shown(self, text: str) -> None:
        """Wait until this text stands in the page."""
        await self.until(f"document.body.innerText.includes({json.dumps(text)})")

    async def _ask(self, method: str, **parameters: object) -> dict[str, Any]:
        number = next(self._ids)
        await self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (message := await self._next()).get("id") != number:
            continue
        assert "result" in message, message
        result: dict[str, Any] = message["result"]
        return result

    async def _next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await asyncio.wait_for(self._socket.recv(), PATIENCE))
        return message


@asynccontextmanager
async def browser(profile: Path) -> AsyncIterator[Page]:
    """A fresh browser with its profile in this directory; the test is skipped where there is none."""
    path = next(filter(None, map(shutil.which, NAMES)), None) or pytest.skip("chromium was not found")
    process = await asyncio.create_subprocess_exec(
        *(path, *OPTIONS, f"--user-data-dir={profile}", "about:blank"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with connect(await page_address(profile), proxy=None, max_size=None) as socket:
            yield Page(socket)
    finally:
        process.terminate()
        await process.wait()


async def page_address(profile: Path) -> str:
    """Where the first page can be driven, once the browser has written the port of its DevTools."""
    written = profile / "DevToolsActivePort"
    async with asyncio.timeout(PATIENCE):
        while not (written.exists() and written.read_text().count("\n")):  # noqa: ASYNC110, a file of another process
            await asyncio.sleep(LOOK)
    port = written.read_text().splitlines()[0]
    async with httpx.AsyncClient(trust_env=False) as http:
        pages = (await http.get(f"http://127.0.0.1:{port}/json/list")).json()
    return next(str(page["webSocketDebuggerUrl"]) for page in pages if page["type"] == "page")

"""A publisher: one keep-alive connection to the HTTP API, one signed request after the other."""

import asyncio
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

import httptools

from reverb_py.bench.plan import Plan, place
from reverb_py.bench.tally import Tally
from reverb_py.conformance.link import Answer
from reverb_py.conformance.target import signed_query

PATIENCE = 10.0  # seconds for an answer
GRACE = 1.0  # seconds behind the end of the run in which a publish may still begin


class Unanswered(Exception):
    """A request got no answer; the text says why. The server may have obeyed it all the same."""


class Exchange(asyncio.Protocol):
    """One HTTP/1.1 connection; requests do not overlap."""

    def __init__(self) -> None:
        self.is_open = True
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""
        self._answer: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    async def ask(self, request: bytes) -> Answer:
        """The answer; raise Unanswered when the connection ends instead."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"the answer is not HTTP: {error}")
            self.close()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        answer = Answer(self._parser.get_status_code(), {}, self._body)
        self._body = b""
        if not self._parser.should_keep_alive():
            self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self._fail(f"the connection ended without an answer{f': {exc}' if exc else ''}")

    def _fail(self, text: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Unanswered(text))

    def close(self) -> None:
        self.is_open = False
        if self._transport is not None:
            self._transport.close()


class Publisher:
    """Signs and sends. When the server has closed the connection, the next request opens another one."""

    def __init__(self, plan: Plan, tls: ssl.SSLContext | None) -> None:
        self._plan, self._tls = plan, tls
        self._address = urlsplit(plan.http_url)
        self._exchange: Exchange | None = None

    async def get(self, path: str) -> Answer:
        """A signed GET of `/apps/<id><path>`; raise Unanswered."""
        return await self._ask("GET", path, b"")

    async def post(self, path: str, body: bytes) -> Answer:
        return await self._ask("POST", path, body)

    async def _ask(self, method: str, path: str, body: bytes) -> Answer:
        try:
            async with asyncio.timeout(PATIENCE):
                exchange = await self.dial()
                return await exchange.ask(self._request(method, path, body))
        except TimeoutError:
            self.close()  # a late answer must not be taken for that of the next request
            raise Unanswered(f"no answer within {PATIENCE:g} s") from None
        except OSError as error:
            raise Unanswered(f"no connection: {error}") from None

    async def dial(self) -> Exchange:
        """The connection, opened if there is none; raise OSError (a TimeoutError is one)."""
        if self._exchange is None or not self._exchange.is_open:
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(PATIENCE):
                _, self._exchange = await loop.create_connection(Exchange, *place(self._address), ssl=self._tls)
        return self._exchange

    def _request(self, method: str, path: str, body: bytes) -> bytes:
        full = f"/apps/{self._plan.app.id}{path}"
        query = signed_query(self._plan.app, method, full, body, {}, {})
        lines = [
            f"{method} {self._address.path}{full}?{query} HTTP/1.1",
            f"Host: {self._address.netloc}",
            *(("Content-Type: application/json", f"Content-Length: {len(body)}") if body else ()),
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def close(self) -> None:
        if self._exchange is not None:
            self._exchange.close()


async def publish(plan: Plan, tally: Tally, publisher: Publisher, index: int, clock: Callable[[], float]) -> None:
    """Publish what the schedule has for the publisher of this index, until GRACE seconds after the end."""
    assert tally.started is not None
    for channel_index, offset in plan.schedule(index):
        at = await _moment(tally.started + offset, clock)
        if clock() > tally.started + plan.duration + GRACE:
            return
        channel = tally.channels[channel_index]
        number = channel.begin()
        try:
            answer = await publisher.post("/events", plan.body(channel_index, number, at))
        except Unanswered as silence:
            tally.refused.add(str(silence))
            continue
        if 200 <= answer.status < 300:
            channel.unsure.remove(number)
            tally.published += 1
        else:
            tally.refused.add(f"HTTP {answer.status}: {answer.body.decode(errors='replace')}")


async def _moment(due: float, clock: Callable[[], float]) -> float:
    """Wait until a publish is due; the time from which its latency counts.

    When the answer to the one before came too late, that is when it was due: it has waited since then, and a slow
    server must not look fast because it is asked less often.
    """
    now = clock()
    if now >= due:
        return due
    await asyncio.sleep(due - now)
    return clock()
